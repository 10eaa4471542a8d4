-- name: document
select d.id, d.scan_id, d.pages, d.status, d.type, d.type_probability, d.patient_id, d.match_probability, d.date_of_service,
    d.pdf, d.machine_result, d.revision, d.created_at, d.filed_at, d.filed_by, s.name as scan_name, s.source, s.department,
    s.received_at, s.notes
from document d
join scan s on s.id = d.scan_id
where d.id = %(id)s

-- name: pages_of_document
select p.number, p.kind, p.width, p.height, p.preview, p.problem, p.notes, p.unread, p.confidence,
    coalesce((d.page_rotations ->> p.number::text)::integer, 0) as rotation
from document_page o
join document d on d.id = o.document_id and d.scan_id = o.scan_id
join page p on p.scan_id = o.scan_id and p.number = o.number
where o.document_id = %(id)s
order by o.position

-- name: pages_of_scan
select p.number, p.kind, p.width, p.height, p.preview, p.problem, p.notes, p.unread, p.confidence,
    coalesce((d.page_rotations ->> p.number::text)::integer, 0) as rotation
from page p
left join document_page o on o.scan_id = p.scan_id and o.number = p.number
left join document d on d.id = o.document_id
where p.scan_id = %(id)s
order by p.number

-- name: fields_of_document
select name, value, page, box, confidence, source from document_field where document_id = %(id)s order by name, source

-- name: documents_of_scan
select id, pages, status, type from document where scan_id = %(id)s order by pages[1], id

-- name: patient
select id, mrn, given, middle, family, suffix, dob, sex, deceased, address, city, state, zip, phone, merged_into
from patient where id = %(id)s

-- name: patient_to_compare
-- the columns of find_candidates; a merged patient stands for the survivor
select p.*,
    (select jsonb_agg(jsonb_build_array(n.given, n.family)) from patient_name n where n.patient_id = p.id) as names,
    (select jsonb_agg(i.value) from patient_identifier i where i.patient_id = p.id and i.kind in ('mrn', 'account', 'medicaid')) as numbers,
    (select jsonb_agg(jsonb_build_array(m.given, m.family, m.mrn)) from patient m where m.merged_into = p.id) as merged
from patient p
where p.id = (select coalesce(merged_into, id) from patient where id = %(id)s)

-- name: patients_of_scan
-- patients into whose charts other documents of the scan were filed, those with the most documents first
select p.id, p.mrn, p.given, p.middle, p.family, p.suffix, p.dob, p.sex, count(*) as documents
from document d
join patient p on p.id = d.patient_id
where d.scan_id = %(scan)s and d.status = 'filed'
group by p.id
order by count(*) desc, p.id
limit %(limit)s

-- name: find_patients
select id, mrn, given, middle, family, suffix, dob, sex, deceased, address, city, state, zip, phone,
    (select count(*) from document d where d.patient_id = p.id and d.status = 'filed') as documents
from find_patients(%(query)s, %(limit)s) p

-- name: patients_born
select id, mrn, given, middle, family, suffix, dob, sex, deceased, address, city, state, zip, phone,
    (select count(*) from document d where d.patient_id = p.id and d.status = 'filed') as documents
from patient p
where dob = %(query)s and merged_into is null
order by family, given, id
limit %(limit)s

-- name: open_item_of
select id from review_item where document_id = %(document)s and closed_at is null

-- name: recognized_pages
select p.number, p.kind, p.image, p.pdf, p.preview, p.width, p.height, p.rotation, p.skew, p.confidence, p.problem, p.words,
    o.text
from page p
left join document_page o on o.scan_id = p.scan_id and o.number = p.number
where p.scan_id = %(scan)s
order by p.number

-- name: page_thumbnails
select p.number, p.kind, p.preview is not null as has_preview, o.document_id, o.position, d.status, d.type, d.filed_by,
    coalesce((d.page_rotations ->> p.number::text)::integer, 0) as rotation
from page p
left join document_page o on o.scan_id = p.scan_id and o.number = p.number
left join document d on d.id = o.document_id
where p.scan_id = %(scan)s
order by p.number
