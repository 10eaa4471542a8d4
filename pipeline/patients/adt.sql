-- name: record_message
insert into adt_message (sender, control_id, sha256, event, status, problem)
values (%(sender)s, %(control_id)s, %(sha256)s, %(event)s, %(status)s, %(problem)s)
on conflict (sender, control_id, sha256) do update
set status = excluded.status, problem = excluded.problem, body = null, patients = '[]', received_at = now()
where adt_message.status = 'rejected'

-- name: lock_mrn
-- Messages about the same number wait for each other, even if no patient has it yet.
select pg_advisory_xact_lock(hashtext('chartloom mrn'), hashtext(%(mrn)s))

-- name: reported_patient
-- The patient with this current or former MRN, what messages reported, and the names that identify them.
select p.*, coalesce(r.authority, '') as authority, coalesce(r.field_times, '{}') as field_times,
    (select jsonb_agg(jsonb_build_array(n.given, n.family)) from patient_name n where n.patient_id = p.id) as names,
    null::jsonb as numbers, null::jsonb as merged
from patient p left join patient_report r on r.patient_id = p.id
where p.id = coalesce(
    (select id from patient where mrn = %(mrn)s),
    (select patient_id from patient_identifier where kind = 'mrn' and facility = 'former' and value = %(mrn)s)
)
for update of p

-- name: insert_reported
insert into patient (
    given, middle, family, suffix, dob, sex, mrn, ssn, address, city, state, zip, phone, email, mother_maiden, previous_family,
    deceased, birth_order, source
)
values (
    %(given)s, %(middle)s, %(family)s, %(suffix)s, %(dob)s, %(sex)s, %(mrn)s, %(ssn)s, %(address)s, %(city)s, %(state)s, %(zip)s,
    %(phone)s, %(email)s, %(mother_maiden)s, %(previous_family)s, %(deceased)s, %(birth_order)s, 'hl7'
)
returning id

-- name: update_reported
update patient set
    given = %(given)s, middle = %(middle)s, family = %(family)s, suffix = %(suffix)s, dob = %(dob)s, sex = %(sex)s, ssn = %(ssn)s,
    address = %(address)s, city = %(city)s, state = %(state)s, zip = %(zip)s, phone = %(phone)s, email = %(email)s,
    mother_maiden = %(mother_maiden)s, previous_family = %(previous_family)s, deceased = %(deceased)s,
    birth_order = %(birth_order)s, source = 'hl7', updated_at = now()
where id = %(id)s

-- name: record_report
insert into patient_report (patient_id, authority, field_times) values (%(id)s, %(authority)s, %(times)s)
on conflict (patient_id) do update set
    authority = case when patient_report.authority = '' then excluded.authority else patient_report.authority end,
    field_times = patient_report.field_times || excluded.field_times

-- name: undone_merge
select undone_by from patient_merge where loser = %(loser)s and survivor = %(survivor)s and undone_at is not null limit 1

-- name: patients_of_mrns
-- the patients with these current or former MRNs
select id from patient where mrn = any(%(mrns)s)
union
select patient_id from patient_identifier where kind = 'mrn' and facility = 'former' and value = any(%(mrns)s)
order by id
