-- name: patient_to_export
select coalesce(merged_into, id) as id from patient where mrn = %(mrn)s
union all select coalesce(p.merged_into, p.id) from patient_identifier i join patient p on p.id = i.patient_id
where i.kind = 'mrn' and i.value = %(mrn)s
limit 1

-- name: documents_to_export
-- Each filed document as a delivery of it would be, patient by patient.
select 0 as id, 'new' as change, d.id as document_id, d.revision as edition, null as replaces, delivery_content(d.id) as content,
       d.filed_at as queued_at, 0 as attempts, 0 as rejections, null as last_attempt_at, null as was, to_jsonb(p) as patient, to_jsonb(e) as encounter
from document d
join patient p on p.id = d.patient_id
left join encounter e on e.id = d.encounter_id
where d.status = 'filed' and (%(patient)s::bigint is null or d.patient_id = %(patient)s)
    and (%(since)s::timestamptz is null or d.filed_at >= %(since)s)
order by d.patient_id, d.date_of_service nulls last, d.id
