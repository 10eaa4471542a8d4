-- Scans, how they arrived, their pages, and what was recognized on them. Blobs are named by the SHA-256 of their bytes.
create extension if not exists pg_trgm;
create extension if not exists fuzzystrmatch;
create extension if not exists unaccent;

create domain sha256 as text check (value ~ '^[0-9a-f]{64}$');

create table scan (
    id bigint generated always as identity primary key,
    sha256 sha256 not null unique,
    name text not null,
    media_type text not null,
    size bigint not null check (size >= 0),
    source text not null default 'intake',
    department text,
    default_type text,
    priority smallint not null default 10,
    status text not null default 'received' check (status in ('received', 'done', 'quarantined')),
    quarantine_code text,
    quarantine_reason text,
    page_count integer check (page_count >= 0),
    received_at timestamptz not null default now(),
    finished_at timestamptz,
    pages_in integer check (pages_in >= 0),      -- counted at registration, before any page was read
    notes jsonb not null default '[]',           -- reasons: the file is signed, has attachments or scripts
    dismissed_at timestamptz,
    dismissed_by text,
    legacy_metadata jsonb,                       -- pipeline.records.LegacyMetadata: what a legacy index states; null: nothing
    check ((status = 'quarantined') = (quarantine_code is not null)),
    check ((status = 'received') = (finished_at is null)),
    check (dismissed_at is null or (status = 'quarantined' and dismissed_by is not null))
);
create index scan_waiting on scan (priority desc, id) where status = 'received';
create index scan_received on scan (received_at);
create index scan_quarantined on scan (finished_at) where status = 'quarantined';

-- Files that belong together (a folder, a ZIP, a stack under a cover sheet). A batch that does not balance stays open until it
-- does or a person closes it. `review_item_id` gets its foreign key with the review queue.
create table batch (
    id bigint generated always as identity primary key,
    name text not null,
    opened_at timestamptz not null default now(),
    closed_at timestamptz,
    balanced boolean,
    review_item_id bigint,
    check ((closed_at is null) = (balanced is null))
);
-- A folder of the same name next week is another batch.
create unique index batch_open on batch (name) where closed_at is null;

-- The cover sheets of a batch and the counts that they state.
create table batch_sheet (
    scan_id bigint not null references scan,
    text text not null,  -- the content of its code: the same sheet scanned twice counts once
    batch_id bigint not null references batch,
    files integer check (files >= 0),
    documents integer check (documents >= 0),
    pages integer check (pages >= 0),
    primary key (scan_id, text)
);
create index batch_sheet_batch on batch_sheet (batch_id);

-- Each file that arrived, duplicates included: reconciliation counts these rows.
-- `path` and `modified_ns` identify the file in the intake folder; both are null for a file that was submitted directly.
create table ingest_event (
    id bigint generated always as identity primary key,
    scan_id bigint not null references scan,
    name text not null,
    duplicate boolean not null,
    seen_at timestamptz not null,
    stored_at timestamptz not null default now(),
    removed_at timestamptz,   -- when the file was removed from the intake folder
    path text,
    modified_ns bigint,
    stable_at timestamptz,
    batch_id bigint references batch,
    waiting_reason text       -- why the file stays in the folder although it is stored, and what a person can do
);
create index ingest_event_scan on ingest_event (scan_id);
create index ingest_event_path on ingest_event (path) where path is not null;
create index ingest_event_batch on ingest_event (batch_id) where batch_id is not null;
create index ingest_event_stored on ingest_event (stored_at);
create index ingest_event_waiting on ingest_event (id) where waiting_reason is not null and removed_at is null;

-- Files in the intake folder that are not stored yet, and those that disappeared before they were.
create table intake_file (
    path text primary key,
    size bigint not null check (size >= 0),
    seen_at timestamptz not null default now(),
    gone_at timestamptz,
    waiting_reason text       -- why it is not ingested, and what a person can do
);

-- What was done with a quarantined scan. Append-only.
create table quarantine_action (
    id bigint generated always as identity primary key,
    scan_id bigint not null references scan,
    action text not null check (action in ('retried', 'retry_failed', 'dismissed')),
    code text not null,
    done_by text not null,
    done_at timestamptz not null default now(),
    note text
);
create index quarantine_action_scan on quarantine_action (scan_id, id);

create table page (
    scan_id bigint not null references scan,
    number integer not null check (number >= 1),
    kind text not null check (kind in ('content', 'blank', 'separator', 'unreadable')),
    image sha256,
    pdf sha256,
    preview sha256,
    width integer not null,
    height integer not null,
    rotation smallint not null check (rotation in (0, 90, 180, 270)),
    skew real not null,
    confidence real not null check (confidence between 0 and 1),
    problem text,
    notes jsonb not null default '[]',   -- reasons: the image was downscaled, say
    words jsonb not null default '[]',
    codes jsonb not null default '[]',   -- barcodes, separator and cover sheets' included: [{"format", "text", "box"}]
    primary key (scan_id, number)
);
-- Cover sheets are found without visiting other pages.
create index page_cover_sheet on page (scan_id) where codes @? '$[*].text ? (@ starts with "CHARTLOOM/BATCH/1;")';

-- The OCR result of a page, by everything that it depends on: the page (image, resolution, embedded text) and the engines with
-- their models and settings. A retry does not repeat the work.
create table ocr_cache (
    key sha256 not null,
    engine text not null,
    page jsonb not null,
    created_at timestamptz not null default now(),
    primary key (key, engine)
);
create index ocr_cache_created on ocr_cache (created_at);  -- for the throughput that `chartloom status` shows

-- Pages of a large scan that have been read before the whole scan is filed: search finds them, filing removes them.
create table pending_page (
    scan_id bigint not null references scan on delete cascade,
    number integer not null,
    text text not null,
    search tsvector generated always as (to_tsvector('english', left(text, 200000))) stored,
    mrn text,                 -- of the patient cover sheet on the page: the chart shows that more is coming
    primary key (scan_id, number)
);
create index pending_page_search on pending_page using gin (search);
create index pending_page_mrn on pending_page (mrn) where mrn is not null;

-- Tables that many rows pass through are vacuumed by recent changes, not by their total size.
alter table page set (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.01);
alter table ocr_cache set (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_scale_factor = 0.02);
