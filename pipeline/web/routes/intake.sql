-- name: intake
select s.id, s.name, s.status, s.source, s.department, s.page_count, s.received_at, s.finished_at, s.quarantine_code,
    s.quarantine_reason,
    (select count(*) from arriving_page a where a.scan_id = s.id) as pages_read, s.pages_in,
    (select count(*) from document d where d.scan_id = s.id and d.status = 'filed') as filed,
    (select count(*) from document d where d.scan_id = s.id and d.status = 'review') as waiting,
    (select count(*) from arrival a where a.scan_id = s.id and a.duplicate) as again,
    array(select distinct kind from review_item i, unnest(i.kinds) as kind where i.scan_id = s.id and i.settled_at is null) as doubts
from scan s
where (%(words)s::text is null or s.name ilike '%%' || %(words)s || '%%')
order by s.id desc
limit %(limit)s

-- name: intake_counts
select (select count(*) from scan where received_at >= current_date) as today,
    (select count(*) from scan where status = 'received') as reading,
    (select count(*) from scan where status = 'quarantined' and rejected_at is null) as quarantined
