-- name: find_candidates
-- The patients that share a key with what is asked, those first that share the most; a merged patient stands for its survivor.
-- Points: a number as printed 8, one digit off 4; birth date as printed and a name 6, a misreading of it and a name 3; both names 3;
-- 1 more for each name that is spelt alike, 2 for the zip code; with both names 1 for the sex and the middle initial; a phone 3.
-- Of what else the pages mention: a number 6, a date that is the birth date together with a name 3, both names 5, spelt alike 2 more.
with names as (
    select array(select distinct name_key(n) from unnest(%(names)s::text[]) n) as keys
), mentioned_name as (
    select distinct n.family, n.given, name_key(n.family) as family_key, name_key(n.given) as given_key
    from unnest(%(mentioned_families)s::text[], %(mentioned_givens)s::text[]) n (family, given)
), hit as (
    select patient_id, 8 as points from patient_key where key = any(%(numbers)s::text[])
    union all
    select patient_id, 4 from patient_key where key = any(%(near_numbers)s::text[])
    union all
    select patient_id, 3 from patient_key where key = any(%(phones)s::text[])
    union all
    select patient_id, case when dob = %(dob)s then 6 else 3 end + (family = any(%(spelt)s::text[]))::int
        + 2 * coalesce(zip = %(zip)s::text, false)::int
    from patient_search where dob = any(%(dobs)s::text[]) and family_key = any((select keys from names)::text[])
    union all
    select patient_id, case when dob = %(dob)s then 6 else 3 end + (given = any(%(spelt)s::text[]))::int
        + 2 * coalesce(zip = %(zip)s::text, false)::int
    from patient_search where dob = any(%(dobs)s::text[]) and given_key = any((select keys from names)::text[])
    union all (
        select patient_id, 3 + (family = any(%(spelt)s::text[]))::int + (given = any(%(spelt)s::text[]))::int
            + coalesce(sex = %(sex)s::text, false)::int + coalesce(middle = %(middle)s::text, false)::int
            + 2 * coalesce(zip = %(zip)s::text, false)::int as points
        from patient_search
        where family_key = any((select keys from names)::text[]) and given_key = any((select keys from names)::text[])
        order by points desc limit %(most_named)s
    )
    union all
    select patient_id, 6 from patient_key where key = any(%(mentioned_numbers)s::text[])
    union all
    select patient_id, 3 from patient_search
    where dob = any(%(mentioned_dates)s::text[]) and family_key = any(array(select family_key from mentioned_name))
    union all
    select patient_id, 3 from patient_search
    where dob = any(%(mentioned_dates)s::text[]) and given_key = any(array(select given_key from mentioned_name))
    union all (
        select s.patient_id, 5 + (s.family = n.family)::int + (s.given = n.given)::int as points
        from mentioned_name n join patient_search s on s.family_key = n.family_key and s.given_key = n.given_key
        order by points desc limit %(most_named)s
    )
), best as (
    select coalesce(p.merged_into, p.id) as id, max(points) as points
    from (select patient_id, sum(points) as points from hit group by patient_id order by 2 desc limit 3 * %(most)s) h
    join patient p on p.id = h.patient_id
    group by 1 order by 2 desc limit %(most)s
)
select p.*,
    (select jsonb_agg(jsonb_build_array(n.given, n.family)) from patient_name n where n.patient_id = p.id) as names,
    (select jsonb_agg(i.value) from patient_identifier i where i.patient_id = p.id and i.kind in ('mrn', 'account', 'medicaid')) as numbers,
    (select jsonb_agg(jsonb_build_array(m.given, m.family, m.mrn)) from patient m where m.merged_into = p.id) as merged
from best join patient p using (id)
order by best.points desc, p.id

-- name: count_names
select part, name, n from name_count where (part, name) in (select * from unnest(%(parts)s::text[], %(names)s::text[]))

-- name: count_beginnings
select beginning as name, (
    select coalesce(sum(n), 0)::bigint from name_count
    where part = 'given' and name >= beginning collate "C" and name < (beginning || '~') collate "C"
) as n
from unnest(%(beginnings)s::text[]) beginning

-- name: index_size
select greatest(reltuples, 0)::bigint as patients from pg_class where oid = 'patient'::regclass

-- name: mrn_holders
-- whose record number it is, now or formerly: alike in letters and digits, whatever stands between them
with bare as (select upper(regexp_replace(%(mrn)s, '[^A-Za-z0-9]', '', 'g')) as mrn)
select distinct coalesce(p.merged_into, p.id) as id
from bare join patient_key k on k.key = 'n' || number_key(bare.mrn) join patient p on p.id = k.patient_id
where bare.mrn in (
    select upper(regexp_replace(number, '[^A-Za-z0-9]', '', 'g')) from (
        select p.mrn union all select i.value from patient_identifier i where i.patient_id = p.id and i.kind = 'mrn'
    ) numbers (number)
)

-- name: labeled_outcomes
-- filed documents, the newest first: what was read on them of the patient, whose they are, whom the machine put first
select p.*,
    (select jsonb_agg(jsonb_build_array(n.given, n.family)) from patient_name n where n.patient_id = p.id) as names,
    (select jsonb_agg(i.value) from patient_identifier i where i.patient_id = p.id and i.kind in ('mrn', 'account', 'medicaid')) as numbers,
    (select jsonb_agg(jsonb_build_array(m.given, m.family, m.mrn)) from patient m where m.merged_into = p.id) as merged,
    (select jsonb_object_agg(f.name, jsonb_build_array(f.value, f.confidence)) from document_field f
        where f.document_id = d.id and f.source = 'machine') as fields,
    (select coalesce(c.merged_into, c.id) from patient c where c.id = (d.machine_result #>> '{candidates,0,patient,id}')::bigint) as first,
    (d.machine_result #>> '{candidates,0,probability}')::double precision as probability
from document d
join patient q on q.id = d.patient_id
join patient p on p.id = coalesce(q.merged_into, q.id)
where d.status = 'filed' and exists (select from document_field f where f.document_id = d.id and f.source = 'machine')
order by d.id desc limit %(most)s

-- name: people
select id, mrn, given, middle, family, suffix, dob, sex, ssn, address, city, state, zip, phone, email, mother_maiden, previous_family,
    birth_order
from patient where merged_into is null order by id
