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
-- Jobs of workers that have gone or been silent too long go back into the queue, each exactly once. It says nothing of the job.
with lost as (
    select job.id
    from procrastinate_jobs as job
    left join procrastinate_workers as owner on owner.id = job.worker_id
    where job.status = 'doing'
      and (owner.id is null or owner.last_heartbeat < now() - make_interval(secs => %(seconds)s))
    for update of job skip locked
)
update procrastinate_jobs as job set status = 'todo', scheduled_at = null, worker_id = null
from lost
where job.id = lost.id
returning job.id

-- name: requeue_dead_worker_jobs
-- A worker's process has died while its machine and the database lived on: its job goes back, and the death is held against it.
with dead as (
    delete from procrastinate_workers where id in (select id from worker where host = %(host)s and pid = %(pid)s) returning id
)
update procrastinate_jobs as job
set status = 'todo', scheduled_at = null, worker_id = null,
    args = jsonb_set(args, '{deaths}', to_jsonb(coalesce((args ->> 'deaths')::integer, 0) + 1))
from dead
where job.worker_id = dead.id and job.status = 'doing'
returning job.id

-- name: return_orphaned_jobs
-- The jobs that a worker holds without knowing of them.
update procrastinate_jobs set status = 'todo', worker_id = null
where worker_id = %(worker)s and status = 'doing' and id is distinct from %(job)s::bigint

-- name: live_workers
select count(*) from procrastinate_workers where last_heartbeat > now() - make_interval(secs => %(seconds)s)

-- name: scans_by_state
select count(*) filter (where status = 'received') as waiting,
       count(*) filter (where status = 'done') as done,
       count(*) filter (where status = 'quarantined') as quarantined,
       count(*) filter (where status = 'quarantined' and quarantine_code = 'fault') as faults,
       min(received_at) filter (where status = 'received') as oldest_waiting,
       coalesce(sum(coalesce(pages_in, 1)) filter (where status = 'received'), 0)::bigint as pages_waiting,
       coalesce(sum(page_count) filter (where status = 'done'), 0)::bigint as pages_done
from scan

-- name: documents_by_state
select count(*) filter (where status = 'filed') as filed, count(*) filter (where status = 'review') as in_review from document

-- name: reviews_waiting
select count(*) as waiting, min(opened_at) as oldest from review_item where closed_at is null

-- name: jobs_by_queue
select queue_name as queue, count(*) filter (where status = 'todo') as waiting, count(*) filter (where status = 'doing') as running,
       count(*) filter (where status = 'todo' and attempts > 0) as retrying
from procrastinate_jobs
where status in ('todo', 'doing')
group by queue_name

-- name: pages_of_ranges_done
select coalesce(sum(last - first + 1), 0)::bigint as pages
from page_range join scan on scan.id = page_range.scan_id
where scan.status = 'received' and page_range.done_at is not null

-- name: workers
select known.host, known.pid, known.started_at, extract(epoch from now() - beat.last_heartbeat)::float8 as silent_seconds,
       job.task_name as task, (job.args ->> 'scan')::bigint as scan
from procrastinate_workers as beat
join worker as known using (id)
left join procrastinate_jobs as job on job.worker_id = beat.id and job.status = 'doing'
where beat.last_heartbeat > now() - make_interval(secs => %(seconds)s)
order by known.host, known.pid

-- name: pages_read_lately
-- Pages read in the window, and the seconds from the first of them to now.
select count(*) as pages, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as seconds
from ocr_cache
where created_at > now() - make_interval(secs => %(window)s)

-- name: purge_ocr_cache
-- A few at a time: every worker does this with its heartbeat, which keeps up with what all of them read.
delete from ocr_cache where ctid in (
    select ctid from ocr_cache where created_at < now() - make_interval(days => %(days)s)
    order by created_at limit 500 for update skip locked
)

-- name: latest_failures
select id as scan, quarantine_code as code, quarantine_reason as reason, finished_at as at
from scan where status = 'quarantined'
order by finished_at desc
limit %(limit)s

-- name: lock_patients
select id from patient where id = any(%s) order by id for no key update

-- name: documents_of_same_date
select document.id, array_agg(document_page.text order by document_page.position) as texts,
  array_agg(page.preview::text order by document_page.position) as previews
from document
join document_page on document_page.document_id = document.id
join page on page.scan_id = document_page.scan_id and page.number = document_page.number
where document.patient_id = %(patient)s and document.status = 'filed' and cardinality(document.pages) = %(pages)s
  and document.date_of_service is not distinct from %(date)s
group by document.id
order by document.id desc
limit 100
