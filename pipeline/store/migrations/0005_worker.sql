-- What Chartloom adds to the job queue: page ranges of large scans, and where each worker runs.

-- The waiting jobs of one priority class, oldest first: fair scheduling takes a job from a class that waits behind a higher one.
create index procrastinate_jobs_waiting on procrastinate_jobs (queue_name, priority desc, id) where status = 'todo';
-- A job is updated twice and deleted: the queue is short, and its table must stay short.
alter table procrastinate_jobs set (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

-- A large scan is read in page ranges by many workers; the worker that finishes the last range enqueues the scan's own job.
-- `pages`: what each page was opened as, and its key in the OCR cache, so that nothing is opened twice.
create table page_range (
    scan_id bigint not null references scan on delete cascade,
    first integer not null check (first >= 1),
    last integer not null,
    pages jsonb,
    done_at timestamptz,
    primary key (scan_id, first),
    check (last >= first)
);

-- Where a worker of procrastinate_workers runs.
create table worker (
    id bigint primary key references procrastinate_workers on delete cascade,
    host text not null,
    pid integer not null,
    started_at timestamptz not null default now()
);
