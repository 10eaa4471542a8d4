-- Moving an old archive in: what its index says of a scan, and how far the move has come. See docs/reference/migrate.md.

-- {"mrn", "type", "date", "pages", "whole", "believed", "doubts"}: what a manifest says of all the scan's pages; null: nothing is known.
alter table scan add column given jsonb;

create table archive (
    id bigint generated always as identity primary key,
    name text not null unique,
    manifest text not null,           -- the manifest file, or the folder whose tree is the manifest
    manifest_sha256 sha256,           -- null for a tree
    root text not null,               -- the folder its paths start from
    mapping jsonb not null,           -- what the columns meant and how far they were trusted, as it was when the move began
    begun_at timestamptz not null default now(),
    listed bigint check (listed >= 0),  -- documents of the manifest, counted by reading it alone
    fed_at timestamptz                -- when a run came to its end with nothing left to try
);

create table archive_batch (
    id bigint generated always as identity primary key,
    archive_id bigint not null references archive,
    name text not null,
    signed_at timestamptz,
    signed_by text,
    signed_for jsonb,                 -- the totals that were signed for
    unique (archive_id, name),
    check ((signed_at is null) = (signed_by is null))
);

-- A document of the manifest, or a file that no row names. `key` says which: the line it begins on, or its path.
create table archive_row (
    id bigint generated always as identity primary key,
    archive_id bigint not null references archive,
    batch_id bigint not null references archive_batch,
    key text not null,
    document text,                    -- its number in the old system
    state text not null check (state in ('taken', 'missing', 'refused', 'unlisted')),
    scan_id bigint references scan,
    duplicate boolean not null default false,  -- its bytes had come in before
    problems jsonb not null default '[]',      -- [{"code", "detail"}]
    noted_at timestamptz not null default now(),
    checked_at timestamptz,           -- what `verify` found, from the sources and the store alone
    check_result text check (check_result in ('proved', 'excepted', 'fault')),
    check_detail text,
    unique (archive_id, key),
    check ((state = 'taken') = (scan_id is not null)),
    check ((checked_at is null) = (check_result is null))
);
create unique index archive_row_first on archive_row (scan_id) where scan_id is not null and not duplicate;
create index archive_row_scan on archive_row (scan_id);
create index archive_row_batch on archive_row (batch_id);
create index archive_row_document on archive_row (archive_id, document) where document is not null;

create table archive_file (
    row_id bigint not null references archive_row on delete cascade,
    position integer not null check (position >= 1),
    archive_id bigint not null,
    path text not null,
    sha256 sha256,                    -- of a file that was joined with others: its own bytes lie in the store too
    primary key (row_id, position)
);
create index archive_file_path on archive_file (archive_id, path);

-- Documents drawn at random to measure how often filing goes wrong.
create table archive_sample (
    id bigint generated always as identity primary key,
    archive_id bigint not null references archive,
    batch_id bigint references archive_batch,  -- null: of the whole archive
    seed bigint not null,
    confidence double precision not null check (confidence > 0 and confidence < 1),
    error_limit double precision not null check (error_limit > 0 and error_limit < 1),
    population bigint not null,
    drawn_at timestamptz not null default now(),
    drawn_by text not null
);
create table archive_sampled (
    sample_id bigint not null references archive_sample,
    document_id bigint not null references document,
    review_item_id bigint not null references review_item,
    primary key (sample_id, document_id)
);
