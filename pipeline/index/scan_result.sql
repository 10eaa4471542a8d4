-- name: outcome_of_scan
select status, quarantine_code, quarantine_reason, page_count from scan where id = %s

-- name: documents_of_scan
select document.id, document.status, document.pages, document.type, document.type_probability,
       case when document.patient_id is not null then jsonb_build_object('id', patient.id, 'mrn', patient.mrn) end as patient,
       document.match_probability,
       coalesce(document.machine_result -> 'reasons', '[]') as reasons,
       coalesce((select jsonb_object_agg(field.name, field.value order by field.source)
                 from document_field as field where field.document_id = document.id), '{}') as fields
from document
left join patient on patient.id = document.patient_id
where document.scan_id = %s and document.status <> 'withdrawn'
order by document.pages

-- name: open_reasons
select reasons from review_item where scan_id = %s and document_id is null and closed_at is null

-- name: closed_scans
select id from scan where id = any(%s) and status <> 'received'
