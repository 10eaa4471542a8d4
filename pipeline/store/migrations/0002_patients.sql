-- The patient index: who the patients are, every name, number, address and phone they went by, and their merges.
-- `patient` holds what is current; a trigger keeps what it was before. `patient_key`, `patient_search` and `name_count`
-- are derived from these by triggers, so that no way of loading can leave the search behind.

-- How names and numbers are keyed. Both undo what OCR confuses (0/O, 1/l/I, 5/S, 8/B, rn/m) before anything else.
-- The dictionary is named, so that the function does not hang on the session's search path; hence "immutable" is true.
create function plain_text(value text) returns text language sql immutable strict parallel safe
return lower(unaccent('unaccent'::regdictionary, value));

create function name_key(name text) returns text language sql immutable strict parallel safe
return nullif(dmetaphone(replace(translate(plain_text(name), '01358|''-. ', 'olesbl'), 'rn', 'm')), '');

create function number_key(number text) returns text language sql immutable strict parallel safe
return nullif(ltrim(translate(upper(regexp_replace(number, '[^A-Za-z0-9]', '', 'g')), 'OQDILSBZG', '000115826'), '0'), '');

create function phone_key(phone text) returns text language sql immutable strict parallel safe
return case when length(regexp_replace(phone, '\D', '', 'g')) >= 7 then right(regexp_replace(phone, '\D', '', 'g'), 7) end;

create table patient (
    id bigint generated always as identity primary key,
    mrn text unique check (mrn <> ''),  -- the number of the facility at home; those of others are in patient_identifier
    given text,
    middle text,
    family text,
    suffix text,
    dob text check (dob ~ '^\d{4}(-\d\d(-\d\d)?)?$'),  -- ISO, as precise as it is known
    sex text check (sex in ('F', 'M', 'X', 'U')),
    deceased text check (deceased ~ '^\d{4}(-\d\d(-\d\d)?)?$'),
    birth_order smallint check (birth_order between 1 and 9),  -- of a multiple birth
    ssn text,
    address text,
    city text,
    state text,
    zip text,
    phone text,
    email text,
    mother_maiden text,
    previous_family text,
    merged_into bigint references patient check (merged_into <> id),
    source text not null default 'csv',
    updated_at timestamptz not null default now()
);
create index patient_merged_into on patient (merged_into) where merged_into is not null;
create index patient_name_trigrams on patient using gin ((plain_text(coalesce(family, '') || ' ' || coalesce(given, ''))) gin_trgm_ops);

-- Further numbers: MRNs of other facilities, accounts, insurance, former MRNs.
create table patient_identifier (
    patient_id bigint not null references patient,
    kind text not null check (kind in ('mrn', 'account', 'insurance', 'medicaid', 'ssn', 'other')),
    facility text not null default '',
    value text not null check (value <> ''),
    noted_at timestamptz not null default now(),
    primary key (patient_id, kind, facility, value)
);
create unique index patient_identifier_mrn on patient_identifier (facility, value) where kind = 'mrn';

create table patient_name (
    patient_id bigint not null references patient,
    kind text not null check (kind in ('former', 'maiden', 'alias', 'nickname')),
    given text,
    middle text,
    family text,
    suffix text,
    noted_at timestamptz not null default now(),
    unique nulls not distinct (patient_id, kind, given, middle, family, suffix)
);

create table patient_address (
    patient_id bigint not null references patient,
    address text,
    city text,
    state text,
    zip text,
    noted_at timestamptz not null default now(),
    unique nulls not distinct (patient_id, address, city, state, zip)
);

create table patient_phone (
    patient_id bigint not null references patient,
    phone text not null,
    noted_at timestamptz not null default now(),
    primary key (patient_id, phone)
);

-- A merge and, perhaps, its undoing. `documents` are those it moved, `followers` the patients that had been merged earlier.
create table patient_merge (
    id bigint generated always as identity primary key,
    loser bigint not null references patient,
    survivor bigint not null references patient check (survivor <> loser),
    documents bigint[] not null default '{}',
    followers bigint[] not null default '{}',
    merged_at timestamptz not null default now(),
    merged_by text not null,
    undone_at timestamptz,
    undone_by text,
    check ((undone_at is null) = (undone_by is null))
);
create unique index patient_merge_standing on patient_merge (loser) where undone_at is null;

-- Derived: where the search looks. Numbers carry a letter for their kind: n number, s SSN, p phone.
create table patient_key (
    key text collate "C" not null,
    patient_id bigint not null references patient,
    primary key (key, patient_id)
);
create index patient_key_patient on patient_key (patient_id);

create table patient_search (
    patient_id bigint not null references patient,
    family_key text collate "C",
    given_key text collate "C",
    dob text collate "C",
    family text,
    given text
);
create index patient_search_family on patient_search (dob, family_key) include (patient_id);
create index patient_search_given on patient_search (dob, given_key) include (patient_id);
create index patient_search_names on patient_search (family_key, given_key) include (patient_id, family, given);
create index patient_search_patient on patient_search (patient_id);

create table name_count (
    part text not null check (part in ('given', 'family')),
    name text collate "C" not null,
    n bigint not null,
    primary key (part, name)
);

-- The parts of a name that it is looked up by: the whole of it, and each of its parts where it has several.
create function name_parts(name text) returns text[] language sql immutable parallel safe
return case
    when name ~ '[- ]' then array(select name union select part from regexp_split_to_table(name, '[- ]+') part where length(part) > 2)
    else array[name]
end;

create function index_patients(ids bigint[]) returns void language sql as $$
    delete from patient_search where patient_id = any(ids);
    delete from patient_key where patient_id = any(ids);
    insert into patient_search (patient_id, family_key, given_key, dob, family, given)
    select distinct known.id, name_key(f), name_key(g), known.dob, plain_text(f), plain_text(g)
    from (
        select id, dob, family, given from patient where id = any(ids)
        union all select id, dob, previous_family, given from patient where id = any(ids) and previous_family is not null
        union all
        select p.id, p.dob, coalesce(n.family, p.family), coalesce(n.given, p.given)
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

create function patients_came() returns trigger language plpgsql as $$
begin
    perform index_patients(array(select id from came));
    insert into name_count (part, name, n)
    select part, name, count(*) from (
        select 'family', plain_text(family) from came union all select 'given', plain_text(given) from came
    ) names (part, name) where name <> '' group by part, name order by part, name
    on conflict (part, name) do update set n = name_count.n + excluded.n;
    return null;
end
$$;

create function patients_changed() returns trigger language plpgsql as $$
begin
    insert into patient_name (patient_id, kind, given, middle, family, suffix)
    select b.id, 'former', b.given, b.middle, b.family, b.suffix from before b join after a using (id)
    where (b.given, b.family) is distinct from (a.given, a.family) and b.family is not null
    on conflict do nothing;
    insert into patient_address (patient_id, address, city, state, zip)
    select b.id, b.address, b.city, b.state, b.zip from before b join after a using (id)
    where (b.address, b.zip) is distinct from (a.address, a.zip) and b.address is not null
    on conflict do nothing;
    insert into patient_phone (patient_id, phone)
    select b.id, b.phone from before b join after a using (id)
    where b.phone is distinct from a.phone and b.phone is not null
    on conflict do nothing;
    insert into name_count (part, name, n)
    select part, name, sum(n) from (
        select 'family', plain_text(family), 1 from after union all select 'given', plain_text(given), 1 from after
        union all select 'family', plain_text(family), -1 from before union all select 'given', plain_text(given), -1 from before
    ) names (part, name, n) where name <> '' group by part, name having sum(n) <> 0 order by part, name
    on conflict (part, name) do update set n = name_count.n + excluded.n;
    perform index_patients(array(select id from after));
    return null;
end
$$;

create trigger patients_came after insert on patient
referencing new table as came for each statement execute function patients_came();
create trigger patients_changed after update on patient
referencing old table as before new table as after for each statement execute function patients_changed();

-- Patients whose name is or sounds like these words, or whose MRN it is; the nearest first.
create function find_patients(words text, most integer default 20) returns setof patient language sql stable as $$
    with found as (
        select id from patient where mrn = words
        union select patient_id from patient_key where key = 'n' || number_key(words) and words ~ '\d'
        union (
            select patient_id from patient_search s
            where s.family_key in (select name_key(w) from regexp_split_to_table(words, '[\s,]+') w where w <> '')
            order by (select max(similarity(s.family, plain_text(w))) from regexp_split_to_table(words, '[\s,]+') w) desc
            limit 500
        )
        union (select id from patient where plain_text(coalesce(family, '') || ' ' || coalesce(given, '')) % plain_text(words) limit 500)
    )
    select (p).* from (
        select distinct on (coalesce(m.id, p.id)) coalesce(m, p) as p
        from found join patient p using (id) left join patient m on m.id = p.merged_into
    ) living
    order by (p).mrn is not distinct from words desc,
        word_similarity(plain_text(words), plain_text(coalesce((p).given, '') || ' ' || coalesce((p).family, '') || ' ' || coalesce((p).given, ''))) desc,
        (p).id
    limit most
$$;
