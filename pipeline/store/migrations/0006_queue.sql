-- The job queue is procrastinate's own schema, as its installed version brings it; the ranges of large scans are ours.
-- include: procrastinate/sql/schema.sql

-- The jobs of one class, oldest first: a worker's fair turn takes from a class that waits behind a higher one.
create index procrastinate_jobs_waiting on procrastinate_jobs (queue_name, priority desc, id) where status = 'todo';

-- A large scan is read in ranges of pages by many workers; who finishes the last range enqueues the scan's own job.
-- `pages`: what each page was opened as and the key of its reading, so that nothing is opened twice.
create table page_range (
    scan_id bigint not null references scan on delete cascade,
    first integer not null check (first >= 1),
    last integer not null,
    pages jsonb,
    done_at timestamptz,
    primary key (scan_id, first),
    check (last >= first)
);

-- A worker beside its heartbeat in procrastinate_workers: where it runs.
create table worker (
    id bigint primary key references procrastinate_workers on delete cascade,
    host text not null,
    pid integer not null,
    started_at timestamptz not null default now()
);

-- For the pace that `chartloom status` shows.
create index reading_made on reading (made_at);
