-- name: metrics_jobs
-- Every queue and state, with 0 if there is no job: an alert on a missing series would never fire.
select queue, state, count(job.id) as jobs
from unnest(array['stat', 'live', 'backfill']) as queue
cross join unnest(array['todo', 'doing']) as state
left join procrastinate_jobs as job on job.queue_name = queue and job.status::text = state
group by queue, state

-- name: metrics_scans
select status, count(*) as scans from scan group by status

-- name: metrics_oldest_scan
select coalesce(extract(epoch from now() - min(received_at)), 0) as oldest_received_scan_seconds
from scan where status = 'received'

-- name: metrics_quarantined
select quarantine_code as code, count(*) as quarantined_scans
from scan where status = 'quarantined' group by quarantine_code

-- name: metrics_pages
select kind, count(*) as pages from page group by kind

-- name: metrics_documents
select status, count(*) as documents from document group by status

-- name: metrics_reviews
select count(*) as open_review_items,
       coalesce(extract(epoch from now() - min(opened_at)), 0) as oldest_review_item_seconds
from review_item where closed_at is null

-- name: metrics_deliveries
select destination, state, count(*) as deliveries from delivery group by destination, state

-- name: metrics_oldest_delivery
select destination, extract(epoch from now() - min(queued_at)) as oldest_pending_delivery_seconds
from delivery where state = 'pending' group by destination
