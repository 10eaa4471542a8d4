-- name: patients_of_mrns
-- the patient with each current or former MRN
select named.mrn, coalesce(p.id, i.patient_id) as id
from unnest(%(mrns)s::text[]) as named (mrn)
left join patient p on p.mrn = named.mrn
left join patient_identifier i on p.id is null and i.kind = 'mrn' and i.facility = 'former' and i.value = named.mrn
where coalesce(p.id, i.patient_id) is not null
