-- Of a common name there are more bearers than can be looked at: what else is printed says which of them to look at first.
drop index patient_search_names;
alter table patient_search
    add column middle text collate "C",  -- its first letter
    add column sex text,
    add column zip text collate "C";     -- its first five digits
create index patient_search_names on patient_search (family_key, given_key)
include (patient_id, family, given, middle, sex, zip);

create or replace function index_patients(ids bigint[]) returns void language sql as $$
    delete from patient_search where patient_id = any(ids);
    delete from patient_key where patient_id = any(ids);
    insert into patient_search (patient_id, family_key, given_key, dob, family, given, middle, sex, zip)
    select distinct known.id, name_key(f), name_key(g), known.dob, plain_text(f), plain_text(g),
        left(plain_text(known.middle), 1), known.sex, left(regexp_replace(known.zip, '\D', '', 'g'), 5)
    from (
        select id, dob, family, given, middle, sex, zip from patient where id = any(ids)
        union all
        select id, dob, previous_family, given, middle, sex, zip from patient where id = any(ids) and previous_family is not null
        union all
        select p.id, p.dob, coalesce(n.family, p.family), coalesce(n.given, p.given), coalesce(n.middle, p.middle), p.sex, p.zip
        from patient_name n join patient p on p.id = n.patient_id where n.patient_id = any(ids)
    ) known, unnest(name_parts(known.family)) f, unnest(name_parts(known.given)) g;
    insert into patient_key (key, patient_id)
    select key, id from (
        select 'n' || number_key(mrn), id from patient where id = any(ids)
        union select 's' || number_key(ssn), id from patient where id = any(ids)
        union select 'p' || phone_key(phone), id from patient where id = any(ids)
        union select case kind when 'ssn' then 's' else 'n' end || number_key(value), patient_id
        from patient_identifier where patient_id = any(ids)
        union select 'p' || phone_key(phone), patient_id from patient_phone where patient_id = any(ids)
    ) keys (key, id) where key is not null
$$;

-- the patients who are here already, so many at a time that the lists fit into memory
select count(index_patients(ids)::text)
from (select array_agg(id) as ids from (select id, row_number() over (order by id) / 20000 as part from patient) p group by part) parts;
