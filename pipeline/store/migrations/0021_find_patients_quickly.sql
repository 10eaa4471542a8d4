-- Finding a patient by what a person types, over the distinct names of the index, of which there are few: names that are near to a
-- word first, then their bearers. The patients' own rows are visited for those alone that are shown.
alter table name_count add column key text collate "C" generated always as (name_key(name)) stored;
create index name_count_key on name_count (part, key) include (name, n);
create index patient_search_spelt on patient_search (family, given) include (patient_id, dob);
create index name_count_trigrams on name_count using gin (name gin_trgm_ops);

-- Names near to one of the words: 1 the same, then a letter or two off, the beginning of it, the same sound, alike in letters.
create function near_names(which text, said text[])
returns table (word text, name text, key text, n bigint, score real) language sql stable as $$
    select distinct on (near.name) w, near.name, near.key, near.n, judged.score::real
    from unnest(said) as w
    cross join lateral (
        select c.name, c.key, c.n from name_count c where c.part = which and c.key = name_key(w)
        union select c.name, c.key, c.n from name_count c
        where c.part = which and c.name >= left(w, 1) and c.name < left(w, 1) || U&'\FFFF'
            and (levenshtein_less_equal(c.name, left(w, 60), 2) <= 2 or length(w) >= 3 and c.name ^@ w)
        union select c.name, c.key, c.n from name_count c where c.part = which and c.name % w
    ) as near
    cross join lateral (  -- "offset 0": worked out once, not wherever it is named
        select levenshtein_less_equal(near.name, left(w, 60), 2) as letters_off, similarity(near.name, w) as alike offset 0
    ) as measured
    cross join lateral (
        select case
            when near.name = w then 1.0
            when length(w) > 2 and (
                letters_off <= case when length(w) > 7 then 2 else 1 end
                or letters_off = 2 and length(near.name) = length(w) and sorted_letters(near.name) = sorted_letters(w)
            ) then 0.85
            when length(w) >= 3 and near.name ^@ w then 0.8
            when near.key = name_key(w) then 0.3 + 0.5 * alike
            when alike >= 0.45 then 0.7 * alike
        end as score offset 0
    ) as judged
    where near.n > 0 and length(near.name) <= 60 and judged.score is not null
    order by near.name, judged.score desc
$$;

-- Patients by number, by names as typed, misspelt or as they sound, in any order, and by birth date (YYYY-MM-DD) beside a name.
create or replace function find_patients(words text, most integer default 20) returns setof patient language plpgsql stable as $$
declare
    parts text[] := array(select plain_text(w) from regexp_split_to_table(words, '[\s,]+') w where w <> '' limit 8);
    said text[] := array(select distinct w from unnest(parts) w where w !~ '\d');
    born text := (select w from unnest(parts) w where w ~ '^\d{4}-\d\d-\d\d$' limit 1);
    bearers constant integer := 1000;  -- of a family name alone as many are looked at, those of the nearest names first
begin
    return query
    with by_number as (
        select id, 9.0::real as score from patient where mrn = words
        union select patient_id, 8.0::real from patient_key k where k.key = 'n' || number_key(words) and words ~ '\d'
    ), family_name as materialized (
        select f.*, sum(f.n) over (order by f.score desc, f.n, f.name) - f.n as before from near_names('family', said) f
    ), by_both as materialized (
        select s.patient_id as id, (f.score + g.score)::real as score
        from (select * from family_name order by score desc limit 40) f
        cross join (select * from near_names('given', said) where cardinality(said) > 1 order by score desc limit 12) g
        join patient_search s on s.family = f.name and s.given = g.name
        where f.word <> g.word and (born is null or s.dob = born)
        order by 2 desc, 1
        limit most * 4
    ), by_family as (
        select s.patient_id as id, f.score
        from family_name f
        join patient_search s on s.family = f.name
        where f.before < bearers and (born is null or s.dob = born) and (select count(*) from by_both) < most
        order by 2 desc, 1
        limit most * 4
    ), by_likeness as (  -- both names far off, or a given name alone
        select p.id, (0.6 * similarity(plain_text(coalesce(p.family, '') || ' ' || coalesce(p.given, '')), plain_text(words)))::real as score
        from patient p
        where (select coalesce(max(b.score), 0) from (select * from by_both union all select * from by_family) b) < least(cardinality(said), 2) * 0.75
            and not exists (select from by_number) and cardinality(said) > 0
            and plain_text(coalesce(p.family, '') || ' ' || coalesce(p.given, '')) % plain_text(words)
            and (born is null or p.dob = born)
        order by score desc, p.id
        limit most
    ), found as (
        select coalesce(p.merged_into, p.id) as id, max(f.score) as score
        from (
            select * from by_number union all select * from by_both union all select * from by_family
            union all select * from by_likeness
        ) f
        join patient p on p.id = f.id
        group by 1
        order by score desc, 1
        limit most
    )
    select p.* from found f join patient p on p.id = f.id order by f.score desc, p.id;
end
$$;
drop function near_family_names(text);
