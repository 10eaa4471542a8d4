-- name: lock_scan_row
select 1 from scan where id = %s for update

-- name: has_ranges
select 1 from page_range where scan_id = %s limit 1

-- name: insert_range
insert into page_range (scan_id, first, last) values (%s, %s, %s)

-- name: finish_range
update page_range set pages = %s, done_at = now() where scan_id = %s and first = %s and done_at is null

-- name: has_open_ranges
select 1 from page_range where scan_id = %s and done_at is null limit 1

-- name: range_pages
select pages
from page_range
where scan_id = %(scan)s and not exists (select from page_range where scan_id = %(scan)s and done_at is null)
order by first

-- name: register_worker
insert into worker (id, host, pid) values (%(id)s, %(host)s, %(pid)s) on conflict do nothing

-- name: take_over
-- Jobs of workers that have gone or been silent too long go back into the queue, at once and exactly once each.
with lost as (
    select job.id
    from procrastinate_jobs as job
    left join procrastinate_workers as owner on owner.id = job.worker_id
    where job.status = 'doing'
      and (owner.id is null or owner.last_heartbeat < now() - make_interval(secs => %(seconds)s))
    for update of job skip locked
)
update procrastinate_jobs as job
set status = 'todo', scheduled_at = null, worker_id = null,
    args = jsonb_set(args, '{takeovers}', to_jsonb(coalesce((args ->> 'takeovers')::integer, 0) + 1))
from lost
where job.id = lost.id
returning job.id

-- name: hand_back
-- The jobs that a worker holds without knowing of them.
update procrastinate_jobs set status = 'todo', worker_id = null
where worker_id = %(worker)s and status = 'doing' and id is distinct from %(job)s::bigint

-- name: forget_silent_workers
delete from procrastinate_workers where last_heartbeat < now() - make_interval(secs => %(seconds)s)

-- name: live_workers
select count(*) from procrastinate_workers where last_heartbeat > now() - make_interval(secs => %(seconds)s)
