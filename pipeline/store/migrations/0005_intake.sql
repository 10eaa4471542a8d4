-- The landing ledger: each file's life from the moment it was seen, the batches they came in, and what people did in quarantine.

-- Files that belong together (a folder, a ZIP, a stack under a cover sheet) and what they should add up to.
create table batch (
    id bigint generated always as identity primary key,
    name text not null,
    expected_files integer check (expected_files >= 0),
    expected_documents integer check (expected_documents >= 0),
    expected_pages integer check (expected_pages >= 0),
    sheet_scan_id bigint unique references scan,  -- the scan that its cover sheet came with
    opened_at timestamptz not null default now(),
    settled_at timestamptz,
    adds_up boolean,
    check ((settled_at is null) = (adds_up is null))
);
-- A folder of the same name next week is another batch.
create unique index batch_open on batch (name) where settled_at is null;

-- `path` and `modified_ns` say which file of the intake folder it was; both are null where a file was handed in directly.
alter table arrival
    add column path text,
    add column modified_ns bigint,
    add column stable_at timestamptz,
    add column batch_id bigint references batch;
create index arrival_path on arrival (path) where path is not null;
create index arrival_batch on arrival (batch_id) where batch_id is not null;

-- Files in the intake folder that are not stored yet, and those that went away before they were.
create table sighting (
    path text primary key,
    size bigint not null check (size >= 0),
    seen_at timestamptz not null default now(),
    gone_at timestamptz
);

alter table scan
    add column pages_in integer check (pages_in >= 0),  -- counted when it came in, before any page was read
    add column notes jsonb not null default '[]',       -- signed, attachments, scripts
    add column rejected_at timestamptz,
    add column rejected_by text,
    add check (rejected_at is null or (status = 'quarantined' and rejected_by is not null));

-- Bar codes of a page, separator and cover sheets' among them: [{"format", "text", "box"}].
alter table page add column codes jsonb not null default '[]';

-- What was done with a scan in quarantine, appended and never changed.
create table quarantine_act (
    id bigint generated always as identity primary key,
    scan_id bigint not null references scan,
    act text not null check (act in ('retried', 'refused again', 'rejected')),
    code text not null,
    done_by text not null,
    done_at timestamptz not null default now(),
    note text
);
create index quarantine_act_scan on quarantine_act (scan_id, id);
