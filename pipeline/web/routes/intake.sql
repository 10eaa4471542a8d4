-- name: intake
select s.id, s.name, s.status, s.source, s.department, s.page_count, s.received_at, s.finished_at, s.quarantine_code,
    s.quarantine_reason, s.notes,
    (select count(*) from pending_page a where a.scan_id = s.id) as pages_read, s.pages_in,
    (select count(*) from document d where d.scan_id = s.id and d.status = 'filed') as filed,
    (select count(*) from document d where d.scan_id = s.id and d.status = 'review') as in_review,
    (select count(*) from ingest_event a where a.scan_id = s.id and a.duplicate) as duplicates,
    array(select distinct kind from review_item i, unnest(i.kinds) as kind where i.scan_id = s.id and i.closed_at is null) as review_kinds
from scan s
where (%(name)s::text is null or s.name ilike '%%' || %(name)s || '%%')
order by s.id desc
limit %(limit)s

-- name: intake_counts
select (select count(*) from scan where received_at >= current_date) as today,
    (select count(*) from scan where status = 'received') as reading,
    (select count(*) from scan where status = 'quarantined' and dismissed_at is null) as quarantined,
    (select count(*) from intake_file where gone_at is null and waiting_reason is not null) as waiting
