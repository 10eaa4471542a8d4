-- Searching for patients compares whole names: "De La Cruz", "Garcia-Lopez" and "O'Brien" rank above a name that shares one word.
create function plain_name(name text) returns text language sql immutable strict parallel safe
return trim(regexp_replace(translate(normalized_text(name), '-,.''', '   '), '\s+', ' ', 'g'));

-- Patients by number, by names as typed, misspelled or by sound, in any order, and by birth date (YYYY-MM-DD) with a name.
create or replace function find_patients(words text, most integer default 20) returns setof patient language plpgsql stable as $$
declare
    parts text[] := array(select normalized_text(w) from regexp_split_to_table(words, '[\s,]+') w where w <> '' limit 8);
    -- Single words, and two or three in a row, which may be one name ("De La Cruz").
    terms text[] := array(
        select w from unnest(parts) w where w !~ '\d'
        union
        select phrase from generate_subscripts(parts, 1) i, generate_series(i + 1, least(i + 2, cardinality(parts))) j,
            array_to_string(parts[i:j], ' ') as phrase
        where phrase !~ '\d'
    );
    typed text := ' ' || plain_name(words) || ' ';
    born text := (select w from unnest(parts) w where w ~ '^\d{4}-\d\d-\d\d$' limit 1);
    bearers constant integer := 1000;  -- so many are compared for a family name alone, those with the most similar names first
begin
    return query
    with by_number as (
        select id, 9.0::real as score from patient where mrn = words
        union select patient_id, 8.0::real from patient_key k where k.key = 'n' || number_key(words) and words ~ '\d'
    ), family_name as materialized (
        select f.word, f.name, f.n, f.rated as score, sum(f.n) over (order by f.rated desc, f.n, f.name) - f.n as before
        from (  -- a name of several words that is the same counts more than one of its words
            select s.*, (
                case when s.score = 1 then 0.75 + 0.25 * cardinality(string_to_array(plain_name(s.name), ' ')) else s.score end
            )::real as rated
            from similar_names('family', terms) s
        ) f
    ), by_both as materialized (
        select s.patient_id as id, (f.score + g.score)::real as score
        from (select * from family_name order by score desc limit 40) f
        cross join (select * from similar_names('given', terms) where cardinality(terms) > 1 order by score desc limit 12) g
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
    ), by_likeness as (  -- both names differ much, or a given name alone
        select p.id, (0.6 * similarity(normalized_text(coalesce(p.family, '') || ' ' || coalesce(p.given, '')), normalized_text(words)))::real as score
        from patient p
        where (select coalesce(max(b.score), 0) from (select * from by_both union all select * from by_family) b) < least(cardinality(terms), 2) * 0.75
            and not exists (select from by_number) and cardinality(terms) > 0
            and normalized_text(coalesce(p.family, '') || ' ' || coalesce(p.given, '')) % normalized_text(words)
            and (born is null or p.dob = born)
        order by score desc, p.id
        limit most
    ), found as (
        select coalesce(p.merged_into, p.id) as id,
            max(f.score + 0.25 * (  -- the whole name was typed, not only a part of it
                coalesce(typed like '% ' || plain_name(p.family) || ' %', false)::int
                + coalesce(typed like '% ' || plain_name(p.given) || ' %', false)::int
            ))::real as score
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
