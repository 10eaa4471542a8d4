-- Moving a legacy archive in: how far each migration job has come, and what became of every listed document and file.
-- See docs/how-to/migrate-an-archive.md.

create table migration_job (
    id bigint generated always as identity primary key,
    name text not null unique,
    manifest text not null,           -- the manifest file, or the folder whose tree is the manifest
    manifest_sha256 sha256,           -- null for a tree
    root text not null,               -- the folder its paths start from
    mapping jsonb not null,           -- what the columns mean and how far they are trusted, as of the first run
    started_at timestamptz not null default now(),
    listed bigint check (listed >= 0),  -- documents of the manifest
    import_finished_at timestamptz    -- when a run ended with nothing left to try
);

create table migration_batch (
    id bigint generated always as identity primary key,
    migration_job_id bigint not null references migration_job,
    name text not null,
    signed_at timestamptz,
    signed_by text,
    signed_for jsonb,                 -- the totals at the time of signing
    unique (migration_job_id, name),
    check ((signed_at is null) = (signed_by is null))
);

-- A document of the manifest, or a file that no row names. `key`: the line it begins on, or its path.
create table migration_row (
    id bigint generated always as identity primary key,
    migration_job_id bigint not null references migration_job,
    batch_id bigint not null references migration_batch,
    key text not null,
    document text,                    -- its number in the legacy system
    state text not null check (state in ('ingested', 'missing', 'rejected', 'unlisted')),
    scan_id bigint references scan,
    duplicate boolean not null default false,  -- its bytes had been ingested before
    problems jsonb not null default '[]',      -- [{"code", "detail"}]
    recorded_at timestamptz not null default now(),
    checked_at timestamptz,           -- result of `verify`, from the sources and the store alone
    check_result text check (check_result in ('verified', 'exempt', 'failed')),
    check_detail text,
    unique (migration_job_id, key),
    check ((state = 'ingested') = (scan_id is not null)),
    check ((checked_at is null) = (check_result is null))
);
create unique index migration_row_first on migration_row (scan_id) where scan_id is not null and not duplicate;
create index migration_row_scan on migration_row (scan_id);
create index migration_row_batch on migration_row (batch_id);
create index migration_row_document on migration_row (migration_job_id, document) where document is not null;

create table migration_file (
    row_id bigint not null references migration_row on delete cascade,
    position integer not null check (position >= 1),
    migration_job_id bigint not null,
    path text not null,
    sha256 sha256,                    -- of a file that was joined with others: its own bytes are stored too
    primary key (row_id, position)
);
create index migration_file_path on migration_file (migration_job_id, path);

-- Random samples of filed documents, to measure the error rate of filing.
create table migration_sample (
    id bigint generated always as identity primary key,
    migration_job_id bigint not null references migration_job,
    batch_id bigint references migration_batch,  -- null: of the whole archive
    seed bigint not null,
    confidence double precision not null check (confidence > 0 and confidence < 1),
    error_limit double precision not null check (error_limit > 0 and error_limit < 1),
    population bigint not null,
    drawn_at timestamptz not null default now(),
    drawn_by text not null
);
create table migration_sample_item (
    sample_id bigint not null references migration_sample,
    document_id bigint not null references document,
    review_item_id bigint not null references review_item,
    primary key (sample_id, document_id)
);

alter table migration_row set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);
