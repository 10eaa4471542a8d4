-- Finding a patient by a misspelt name: also family names that are one letter off (two in long ones, or two neighbours swapped).
-- Edit distance is counted against the distinct family names of the index, of which there are few; each then leads to its
-- bearers by the index on (family_key, given_key).
create function sorted_letters(name text) returns text language sql immutable strict parallel safe
return (select string_agg(letter, '' order by letter) from regexp_split_to_table(name, '') letter);

create function near_family_names(word text) returns setof text language sql stable strict parallel safe as $$
    select name from name_count
    where part = 'family' and n > 0 and length(word) between 3 and 60
        and length(name) between length(word) - 2 and length(word) + 2
        and levenshtein_less_equal(name, word, 2) <= 2
        and (
            levenshtein_less_equal(name, word, 2) <= case when length(word) > 7 then 2 else 1 end
            or sorted_letters(name) = sorted_letters(word)
        )
$$;

create or replace function find_patients(words text, most integer default 20) returns setof patient language sql stable as $$
    with word as (
        select plain_text(w) as word from regexp_split_to_table(words, '[\s,]+') w where w <> ''
    ), near as materialized (
        select distinct name, name_key(name) as key from word, near_family_names(word) as name
    ), found as (
        select id from patient where mrn = words
        union select patient_id from patient_key where key = 'n' || number_key(words) and words ~ '\d'
        union (
            select patient_id from patient_search s
            where s.family_key in (select name_key(word) from word)
            order by (select max(similarity(s.family, word)) from word) desc
            limit 500
        )
        union (
            select s.patient_id from near join patient_search s on s.family_key = near.key and s.family = near.name
            order by (s.given in (select word from word)) desc nulls last
            limit 500
        )
        union (select id from patient where plain_text(coalesce(family, '') || ' ' || coalesce(given, '')) % plain_text(words) limit 500)
    )
    select (p).* from (
        select distinct on (coalesce(m.id, p.id)) coalesce(m, p) as p
        from found join patient p using (id) left join patient m on m.id = p.merged_into
    ) living
    order by (p).mrn is not distinct from words desc,
        (plain_text((p).family) in (select word from word)) desc,
        word_similarity(plain_text(words), plain_text(coalesce((p).given, '') || ' ' || coalesce((p).family, '') || ' ' || coalesce((p).given, ''))) desc,
        (p).id
    limit most
$$;
