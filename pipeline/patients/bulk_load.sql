-- name: create_staging
create temporary table if not exists incoming (
    line integer generated always as identity,
    given text, middle text, family text, suffix text, dob text, sex text, mrn text, ssn text, address text, city text, state text,
    zip text, phone text, email text, mother_maiden text, previous_family text, deceased text, birth_order smallint
) on commit delete rows

-- name: copy_staging
copy incoming (
    given, middle, family, suffix, dob, sex, mrn, ssn, address, city, state, zip, phone, email, mother_maiden, previous_family,
    deceased, birth_order
) from stdin

-- name: upsert_staged
-- New patients come in, known ones change where a value differs; what a file does not say is left as it was.
with newest as (
    select distinct on (mrn) * from incoming order by mrn, line desc
), taken as (
    insert into patient (
        given, middle, family, suffix, dob, sex, mrn, ssn, address, city, state, zip, phone, email, mother_maiden, previous_family,
        deceased, birth_order, source
    )
    select given, middle, family, suffix, dob, sex, mrn, ssn, address, city, state, zip, phone, email, mother_maiden,
        previous_family, deceased, birth_order, %(source)s
    from newest
    on conflict (mrn) do update set
        given = coalesce(excluded.given, patient.given), middle = coalesce(excluded.middle, patient.middle),
        family = coalesce(excluded.family, patient.family), suffix = coalesce(excluded.suffix, patient.suffix),
        dob = coalesce(excluded.dob, patient.dob), sex = coalesce(excluded.sex, patient.sex),
        ssn = coalesce(excluded.ssn, patient.ssn), address = coalesce(excluded.address, patient.address),
        city = coalesce(excluded.city, patient.city), state = coalesce(excluded.state, patient.state),
        zip = coalesce(excluded.zip, patient.zip), phone = coalesce(excluded.phone, patient.phone),
        email = coalesce(excluded.email, patient.email), mother_maiden = coalesce(excluded.mother_maiden, patient.mother_maiden),
        previous_family = coalesce(excluded.previous_family, patient.previous_family),
        deceased = coalesce(excluded.deceased, patient.deceased), birth_order = coalesce(excluded.birth_order, patient.birth_order),
        source = excluded.source, updated_at = now()
    where (patient.given, patient.middle, patient.family, patient.suffix, patient.dob, patient.sex, patient.ssn, patient.address,
        patient.city, patient.state, patient.zip, patient.phone, patient.email, patient.mother_maiden, patient.previous_family,
        patient.deceased, patient.birth_order)
        is distinct from (
        coalesce(excluded.given, patient.given), coalesce(excluded.middle, patient.middle),
        coalesce(excluded.family, patient.family), coalesce(excluded.suffix, patient.suffix), coalesce(excluded.dob, patient.dob),
        coalesce(excluded.sex, patient.sex), coalesce(excluded.ssn, patient.ssn), coalesce(excluded.address, patient.address),
        coalesce(excluded.city, patient.city), coalesce(excluded.state, patient.state), coalesce(excluded.zip, patient.zip),
        coalesce(excluded.phone, patient.phone), coalesce(excluded.email, patient.email),
        coalesce(excluded.mother_maiden, patient.mother_maiden), coalesce(excluded.previous_family, patient.previous_family),
        coalesce(excluded.deceased, patient.deceased), coalesce(excluded.birth_order, patient.birth_order))
    returning xmax = 0 as added
)
select count(*) filter (where added) as added, count(*) filter (where not added) as changed from taken

-- name: add_identifier
insert into patient_identifier (patient_id, kind, facility, value)
select distinct p.id, b, coalesce(c, ''), d from unnest(%(a)s::text[], %(b)s::text[], %(c)s::text[], %(d)s::text[]) as t (a, b, c, d)
join patient p on p.mrn = a
on conflict do nothing

-- name: add_name
insert into patient_name (patient_id, kind, given, middle, family, suffix)
select distinct p.id, b, c, d, e, f
from unnest(%(a)s::text[], %(b)s::text[], %(c)s::text[], %(d)s::text[], %(e)s::text[], %(f)s::text[]) as t (a, b, c, d, e, f)
join patient p on p.mrn = a
on conflict do nothing

-- name: add_address
insert into patient_address (patient_id, address, city, state, zip)
select distinct p.id, b, c, d, e
from unnest(%(a)s::text[], %(b)s::text[], %(c)s::text[], %(d)s::text[], %(e)s::text[]) as t (a, b, c, d, e)
join patient p on p.mrn = a
on conflict do nothing

-- name: add_phone
insert into patient_phone (patient_id, phone)
select distinct p.id, b from unnest(%(a)s::text[], %(b)s::text[]) as t (a, b)
join patient p on p.mrn = a
on conflict do nothing
