-- name: chart
select d.id, d.scan_id, d.type, d.status, d.date_of_service, d.pages, d.filed_at, d.filed_by, s.received_at,
    coalesce((d.turns ->> d.pages[1]::text)::integer, 0) as turn, p.preview is not null as has_preview,
    d.encounter_id, e.number as visit, e.class, e.location, e.facility, e.admitted_at, e.discharged_at
from document d
join scan s on s.id = d.scan_id
left join encounter e on e.id = d.encounter_id
left join page p on p.scan_id = d.scan_id and p.number = d.pages[1]
where d.patient_id = %(patient)s and d.status = 'filed' and (%(type)s::text is null or d.type = %(type)s)
order by d.date_of_service desc nulls last, d.filed_at desc, d.id desc
limit %(limit)s offset %(skip)s

-- name: coming_for_patient
-- scans that are still being read and have this patient's cover sheet in them
select s.id, s.name, s.received_at, s.pages_in, (select count(*) from arriving_page a where a.scan_id = s.id) as pages_read
from scan s
where s.status = 'received'
    and s.id in (select a.scan_id from arriving_page a where a.mrn = (select mrn from patient where id = %(patient)s))
order by s.received_at

-- name: chart_set
select id, scan_id, type, date_of_service, pages, pdf
from document
where patient_id = %(patient)s and status = 'filed' and id = any(%(documents)s)
order by date_of_service desc nulls last, filed_at desc, id desc

-- name: beside_in_chart
-- the documents before and after this one, as the chart shows them, and its place among them
select newer, older, place, documents
from (
    select id, lag(id) over shown as newer, lead(id) over shown as older, row_number() over shown as place,
        count(*) over () as documents
    from document
    where patient_id = %(patient)s and status = 'filed'
    window shown as (order by date_of_service desc nulls last, filed_at desc, id desc)
) as chart
where id = %(document)s

-- name: chart_types
select type, count(*) as n from document where patient_id = %(patient)s and status = 'filed' group by type order by n desc, type

-- name: waiting_for_patient
-- documents in review that may be about this patient, so that nobody believes the chart complete
select d.id, d.scan_id, d.type, d.pages, i.opened_at
from review_item i
join document d on d.id = i.document_id
where i.settled_at is null
    and candidate_patients(i.candidates) @> array[%(patient)s::bigint]
order by i.opened_at desc
limit 50

-- name: words_of_page
select words, width, height from page where scan_id = %(scan)s and number = %(number)s

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
