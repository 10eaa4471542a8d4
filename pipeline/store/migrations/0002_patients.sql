-- The master patient index: who the patients are, every name, number, address and phone they have used, their merges and their
-- encounters. `patient` holds the current values; a trigger keeps the former ones. `patient_key`, `patient_search` and
-- `name_count` are derived by triggers, so that no way of loading can leave the search behind.

-- Keys of names and numbers. Both undo what OCR confuses (0/O, 1/l/I, 5/S, 8/B, rn/m) before anything else.
-- The dictionary is named, so that the function does not depend on the session's search path; hence "immutable" is true.
create function normalized_text(value text) returns text language sql immutable strict parallel safe
return lower(unaccent('unaccent'::regdictionary, value));

create function name_key(name text) returns text language sql immutable strict parallel safe
return nullif(dmetaphone(replace(translate(normalized_text(name), '01358|''-. ', 'olesbl'), 'rn', 'm')), '');

create function number_key(number text) returns text language sql immutable strict parallel safe
return nullif(ltrim(translate(upper(regexp_replace(number, '[^A-Za-z0-9]', '', 'g')), 'OQDILSBZG', '000115826'), '0'), '');

create function phone_key(phone text) returns text language sql immutable strict parallel safe
return case when length(regexp_replace(phone, '\D', '', 'g')) >= 7 then right(regexp_replace(phone, '\D', '', 'g'), 7) end;

create table patient (
    id bigint generated always as identity primary key,
    mrn text unique check (mrn <> ''),  -- of the local facility; MRNs of other facilities are in patient_identifier
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
create index patient_name_trigrams on patient using gin ((normalized_text(coalesce(family, '') || ' ' || coalesce(given, ''))) gin_trgm_ops);

-- Further numbers: MRNs of other facilities, accounts, insurance, former MRNs.
create table patient_identifier (
    patient_id bigint not null references patient,
    kind text not null check (kind in ('mrn', 'account', 'insurance', 'medicaid', 'ssn', 'other')),
    facility text not null default '',
    value text not null check (value <> ''),
    recorded_at timestamptz not null default now(),
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
    recorded_at timestamptz not null default now(),
    unique nulls not distinct (patient_id, kind, given, middle, family, suffix)
);

create table patient_address (
    patient_id bigint not null references patient,
    address text,
    city text,
    state text,
    zip text,
    recorded_at timestamptz not null default now(),
    unique nulls not distinct (patient_id, address, city, state, zip)
);

create table patient_phone (
    patient_id bigint not null references patient,
    phone text not null,
    recorded_at timestamptz not null default now(),
    primary key (patient_id, phone)
);

-- A merge, and perhaps its undoing. `documents` are those it moved, `followers` the patients that had been merged earlier.
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

-- Derived: what candidates are found by. A letter before a number gives its kind: n number, s SSN, p phone.
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
    given text,
    middle text collate "C",  -- its first letter
    sex text,
    zip text collate "C"      -- its first five digits
);
create index patient_search_family on patient_search (dob, family_key) include (patient_id);
create index patient_search_given on patient_search (dob, given_key) include (patient_id);
-- A common name has more bearers than can be compared: what else is printed decides which of them come first.
create index patient_search_names on patient_search (family_key, given_key)
include (patient_id, family, given, middle, sex, zip);
create index patient_search_spelt on patient_search (family, given) include (patient_id, dob);
create index patient_search_patient on patient_search (patient_id);

create table name_count (
    part text not null check (part in ('given', 'family')),
    name text collate "C" not null,
    n bigint not null,
    key text collate "C" generated always as (name_key(name)) stored,
    primary key (part, name)
);
create index name_count_key on name_count (part, key) include (name, n);
create index name_count_trigrams on name_count using gin (name gin_trgm_ops);

-- The parts that a name is looked up by: the whole name and, if it has several parts, each of them.
create function name_parts(name text) returns text[] language sql immutable parallel safe
return case
    when name ~ '[- ]' then array(select name union select part from regexp_split_to_table(name, '[- ]+') part where length(part) > 2)
    else array[name]
end;

-- One part of a hyphenated name is asked for, and misspelled, like a whole name: it is counted like one.
create function counted_names(family text, given text) returns table (part text, name text) language sql immutable
begin atomic
    select 'family' as part, normalized_text(f) as name from unnest(name_parts(family)) f where f <> ''
    union all select 'given' as part, normalized_text(g) as name from unnest(name_parts(given)) g where g <> '';
end;

create function index_patients(ids bigint[]) returns void language sql as $$
    delete from patient_search where patient_id = any(ids);
    delete from patient_key where patient_id = any(ids);
    insert into patient_search (patient_id, family_key, given_key, dob, family, given, middle, sex, zip)
    select distinct names.id, name_key(f), name_key(g), names.dob, normalized_text(f), normalized_text(g),
        left(normalized_text(names.middle), 1), names.sex, left(regexp_replace(names.zip, '\D', '', 'g'), 5)
    from (
        select id, dob, family, given, middle, sex, zip from patient where id = any(ids)
        union all
        select id, dob, previous_family, given, middle, sex, zip from patient where id = any(ids) and previous_family is not null
        union all
        select p.id, p.dob, coalesce(n.family, p.family), coalesce(n.given, p.given), coalesce(n.middle, p.middle), p.sex, p.zip
        from patient_name n join patient p on p.id = n.patient_id where n.patient_id = any(ids)
    ) names, unnest(name_parts(names.family)) f, unnest(name_parts(names.given)) g;
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

create function on_patient_insert() returns trigger language plpgsql as $$
begin
    perform index_patients(array(select id from inserted));
    insert into name_count (part, name, n)
    select c.part, c.name, count(*) from inserted, counted_names(inserted.family, inserted.given) c group by 1, 2 order by 1, 2
    on conflict (part, name) do update set n = name_count.n + excluded.n;
    return null;
end
$$;

create function on_patient_update() returns trigger language plpgsql as $$
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
    select c.part, c.name, sum(c.n) from (
        select part, name, 1 as n from after, counted_names(after.family, after.given)
        union all select part, name, -1 from before, counted_names(before.family, before.given)
    ) c group by 1, 2 having sum(c.n) <> 0 order by 1, 2
    on conflict (part, name) do update set n = name_count.n + excluded.n;
    perform index_patients(array(select id from after));
    return null;
end
$$;

create trigger on_patient_insert after insert on patient
referencing new table as inserted for each statement execute function on_patient_insert();
create trigger on_patient_update after update on patient
referencing old table as before new table as after for each statement execute function on_patient_update();

create function sorted_letters(name text) returns text language sql immutable strict parallel safe
return (select string_agg(letter, '' order by letter) from regexp_split_to_table(name, '') letter);

-- Names similar to one of the words, with a score: 1 for the same name, less for one or two letters off, a common beginning, the
-- same sound, or similar letters. Edit distances are computed over the distinct names of the index, of which there are few.
create function similar_names(which text, terms text[])
returns table (word text, name text, key text, n bigint, score real) language sql stable as $$
    select distinct on (candidate.name) w, candidate.name, candidate.key, candidate.n, judged.score::real
    from unnest(terms) as w
    cross join lateral (
        select c.name, c.key, c.n from name_count c where c.part = which and c.key = name_key(w)
        union select c.name, c.key, c.n from name_count c
        where c.part = which and c.name >= left(w, 1) and c.name < left(w, 1) || U&'\FFFF'
            and (levenshtein_less_equal(c.name, left(w, 60), 2) <= 2 or length(w) >= 3 and c.name ^@ w)
        union select c.name, c.key, c.n from name_count c where c.part = which and c.name % w
    ) as candidate
    cross join lateral (  -- "offset 0": computed once, not at every reference
        select levenshtein_less_equal(candidate.name, left(w, 60), 2) as letters_off, similarity(candidate.name, w) as letters_alike offset 0
    ) as measured
    cross join lateral (
        select case
            when candidate.name = w then 1.0
            when length(w) > 2 and (
                letters_off <= case when length(w) > 7 then 2 else 1 end
                or letters_off = 2 and length(candidate.name) = length(w) and sorted_letters(candidate.name) = sorted_letters(w)
            ) then 0.85
            when length(w) >= 3 and candidate.name ^@ w then 0.8
            when candidate.key = name_key(w) then 0.3 + 0.5 * letters_alike
            when letters_alike >= 0.45 then 0.7 * letters_alike
        end as score offset 0
    ) as judged
    where candidate.n > 0 and length(candidate.name) <= 60 and judged.score is not null
    order by candidate.name, judged.score desc
$$;

-- Patients by number, by names as typed, misspelled or by sound, in any order, and by birth date (YYYY-MM-DD) with a name.
create function find_patients(words text, most integer default 20) returns setof patient language plpgsql stable as $$
declare
    parts text[] := array(select normalized_text(w) from regexp_split_to_table(words, '[\s,]+') w where w <> '' limit 8);
    terms text[] := array(select distinct w from unnest(parts) w where w !~ '\d');
    born text := (select w from unnest(parts) w where w ~ '^\d{4}-\d\d-\d\d$' limit 1);
    bearers constant integer := 1000;  -- so many are compared for a family name alone, those with the most similar names first
begin
    return query
    with by_number as (
        select id, 9.0::real as score from patient where mrn = words
        union select patient_id, 8.0::real from patient_key k where k.key = 'n' || number_key(words) and words ~ '\d'
    ), family_name as materialized (
        select f.*, sum(f.n) over (order by f.score desc, f.n, f.name) - f.n as before from similar_names('family', terms) f
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

-- Former names, other numbers and phones are searched by as well.
create function on_patient_alias() returns trigger language plpgsql as $$
begin
    perform index_patients(array(select distinct patient_id from inserted));
    return null;
end
$$;
create trigger on_patient_name_insert after insert on patient_name
referencing new table as inserted for each statement execute function on_patient_alias();
create trigger on_patient_identifier_insert after insert on patient_identifier
referencing new table as inserted for each statement execute function on_patient_alias();
create trigger on_patient_phone_insert after insert on patient_phone
referencing new table as inserted for each statement execute function on_patient_alias();

-- Every HL7 message that was received. The same message again (sender, control ID and bytes) is acknowledged and not applied
-- twice. `body` is kept only for rejected messages, until someone has dealt with them.
create table adt_message (
    id bigint generated always as identity primary key,
    sender text not null,
    control_id text not null,
    sha256 sha256 not null,
    event text not null,
    status text not null check (status in ('applied', 'ignored', 'rejected')),
    problem text,
    body bytea,
    received_at timestamptz not null default now(),
    unique (sender, control_id, sha256),
    check ((status = 'rejected') = (problem is not null))
);
create index adt_message_rejected on adt_message (received_at) where status = 'rejected';

-- Visits and stays, as the registration system reports them.
create table encounter (
    id bigint generated always as identity primary key,
    patient_id bigint not null references patient,  -- as in the messages; a merged patient is read as its survivor
    facility text not null default '',
    number text not null check (number <> ''),      -- visit number, PV1-19
    account text,                                   -- account number, PID-18
    class text,                                     -- PV1-2: I inpatient, O outpatient, E emergency, P preadmit, R recurring, B obstetrics
    location text,
    admitted_at timestamp,                          -- the hospital's local time, as in the messages
    discharged_at timestamp,
    cancelled_at timestamptz,
    reported_at timestamptz not null default now(),
    unique (facility, number)
);
create index encounter_patient on encounter (patient_id, admitted_at);

-- The IDs of everyone who is this patient now: the survivor and those merged into it.
create function merged_patient_ids(patient bigint) returns setof bigint language sql stable as $$
    with living as (select coalesce(p.merged_into, p.id) as id from patient p where p.id = merged_patient_ids.patient)
    select id from living union all select p.id from patient p join living on p.merged_into = living.id
$$;

-- The last date that an encounter covers. An inpatient without a discharge is still present; any other visit lasts one day.
create function encounter_end_date(class text, admitted timestamp, discharged timestamp) returns date language sql immutable
return coalesce(discharged::date, case when class in ('I', 'R', 'B') then 'infinity' else admitted::date end);
