-- name: sample_scans
select s.name, s.status as scan, s.quarantine_reason,
       count(d.id) filter (where d.status = 'filed') as filed, count(d.id) filter (where d.status = 'review') as review,
       coalesce(string_agg(distinct d.type, ', '), '') as types,
       (select string_agg(distinct replace(reason ->> 'code', '_', ' '), ', ')
        from review_item r, jsonb_array_elements(r.reasons) reason where r.scan_id = s.id) as reasons
from scan s left join document d on d.scan_id = s.id and d.status <> 'withdrawn'
group by s.id order by s.name
