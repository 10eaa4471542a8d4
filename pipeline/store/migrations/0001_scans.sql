-- Scans, their pages, and what was read from them. Blobs are named by the SHA-256 of their bytes.
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
    check ((status = 'quarantined') = (quarantine_code is not null)),
    check ((status = 'received') = (finished_at is null))
);
create index scan_waiting on scan (priority desc, id) where status = 'received';

-- Each file that was seen, duplicates too: what the ledger adds up.
create table arrival (
    id bigint generated always as identity primary key,
    scan_id bigint not null references scan,
    name text not null,
    duplicate boolean not null,
    seen_at timestamptz not null,
    stored_at timestamptz not null default now(),
    left_at timestamptz
);
create index arrival_scan on arrival (scan_id);

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
    words jsonb not null default '[]',
    primary key (scan_id, number)
);

-- A page's reading by what it depends on (picture, resolution, the page's own text) and by engine with its settings:
-- a retry finds it done.
create table reading (
    key sha256 not null,
    engine text not null,
    page jsonb not null,
    made_at timestamptz not null default now(),
    primary key (key, engine)
);
