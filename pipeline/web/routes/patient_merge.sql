-- name: merged_into
select p.id, p.mrn, p.given, p.middle, p.family, p.suffix, p.dob, m.merged_at, m.merged_by, cardinality(m.documents) as documents
from patient_merge m join patient p on p.id = m.loser
where m.survivor = %(patient)s and m.undone_at is null
order by m.merged_at desc

-- name: patient_record
select p.id, p.mrn, p.given, p.middle, p.family, p.suffix, p.dob, p.sex, p.deceased, p.address, p.city, p.state, p.zip, p.phone,
    p.email, p.ssn, p.mother_maiden, p.previous_family, p.merged_into,
    (select count(*) from document d where d.patient_id = p.id and d.status = 'filed') as documents
from patient p where p.id = %(id)s
