-- name: chart
select d.id, d.scan_id, d.type, d.status, d.date_of_service, d.pages, d.filed_at, d.filed_by, s.received_at,
    coalesce((d.page_rotations ->> d.pages[1]::text)::integer, 0) as rotation, p.preview is not null as has_preview,
    d.encounter_id, e.number as encounter_number, e.class, e.location, e.facility, e.admitted_at, e.discharged_at
from document d
join scan s on s.id = d.scan_id
left join encounter e on e.id = d.encounter_id
left join page p on p.scan_id = d.scan_id and p.number = d.pages[1]
where d.patient_id = %(patient)s and d.status = 'filed' and (%(type)s::text is null or d.type = %(type)s)
order by d.date_of_service desc nulls last, d.filed_at desc, d.id desc
limit %(limit)s offset %(offset)s

-- name: pending_for_patient
-- scans that are still being read and contain this patient's cover sheet
select s.id, s.name, s.received_at, s.pages_in, (select count(*) from pending_page a where a.scan_id = s.id) as pages_read
from scan s
where s.status = 'received'
    and s.id in (select a.scan_id from pending_page a where a.mrn = (select mrn from patient where id = %(patient)s))
order by s.received_at

-- name: chart_set
select id, scan_id, type, date_of_service, pages, pdf
from document
where patient_id = %(patient)s and status = 'filed' and id = any(%(documents)s)
order by date_of_service desc nulls last, filed_at desc, id desc

-- name: chart_types
select type, count(*) as n from document where patient_id = %(patient)s and status = 'filed' group by type order by n desc, type

-- name: in_review_for_patient
-- documents in review that may be about this patient: the chart shows that it may be incomplete
select d.id, d.scan_id, d.type, d.pages, i.opened_at
from review_item i
join document d on d.id = i.document_id
where i.closed_at is null
    and candidate_patients(i.candidates) @> array[%(patient)s::bigint]
order by i.opened_at desc
limit 50
