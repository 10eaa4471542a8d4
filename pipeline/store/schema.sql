-- Made by `make schema` from the migrations. Read it, never edit it.

CREATE EXTENSION IF NOT EXISTS fuzzystrmatch WITH SCHEMA public;

COMMENT ON EXTENSION fuzzystrmatch IS 'determine similarities and distance between strings';

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

COMMENT ON EXTENSION unaccent IS 'text search dictionary that removes accents';

CREATE TYPE public.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);

CREATE TYPE public.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);

CREATE TYPE public.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);

CREATE DOMAIN public.sha256 AS text
	CONSTRAINT sha256_check CHECK ((VALUE ~ '^[0-9a-f]{64}$'::text));

CREATE FUNCTION public.attach_encounter(doc bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public'
    AS $$
declare
    d document;
    printed text;
    by_account bigint[];
    by_day bigint[];
    by_account_and_time bigint[];
    fits bigint;
    why text;
    days_before constant integer := 30;  -- a referral or consent is signed before the stay that carries its account number,
    days_after constant integer := 90;   -- a result or a coding query comes after it
begin
    select * into d from document where id = doc;
    if d.patient_id is null then
        update document set encounter_id = null, encounter_reason = null where id = doc and encounter_reason is not null;
        return;
    end if;
    select number_key(value) into printed from document_field where document_id = doc and name = 'account' order by source desc limit 1;
    with own as (
        select e.* from encounter e where e.patient_id in (select merged_patient_ids(d.patient_id)) and e.cancelled_at is null
    ), compared as (
        select id, printed in (number_key(number), number_key(account)) as of_account,
            d.date_of_service between admitted_at::date and encounter_end_date(class, admitted_at, discharged_at) as of_day,
            d.date_of_service between admitted_at::date - days_before and encounter_end_date(class, admitted_at, discharged_at) + days_after as of_time,
            printed is not null and account is not null and printed not in (number_key(number), number_key(account)) as of_other_account
        from own
    )
    select array_agg(id) filter (where of_account), array_agg(id) filter (where of_day and not of_other_account),
        array_agg(id) filter (where of_account and coalesce(of_time, true)),
        case when count(*) = 0 then 'no_encounter' when bool_or(of_account and of_day) then 'account_and_date' end
    into by_account, by_day, by_account_and_time, why
    from compared;
    if why = 'account_and_date' then
        by_account := array(select unnest(by_account) intersect select unnest(by_day));
        if cardinality(by_account) = 1 then fits := by_account[1]; else why := 'several'; end if;
    elsif why is null and by_account is not null then
        why := case when by_account_and_time is null then 'account_contradicts' when cardinality(by_account_and_time) > 1 then 'several' else 'account' end;
        if why = 'account' then fits := by_account_and_time[1]; end if;
    elsif why is null then
        why := case when by_day is null and d.date_of_service is null then 'no_date' when by_day is null and printed is not null then 'account_unknown'
            when by_day is null then 'outside' when cardinality(by_day) > 1 then 'several' else 'date' end;
        if why = 'date' then fits := by_day[1]; end if;
    end if;
    update document set encounter_id = fits, encounter_reason = why
    where id = doc and (encounter_id, encounter_reason) is distinct from (fits, why);
end
$$;

CREATE FUNCTION public.candidate_patients(candidates jsonb) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select coalesce(array_agg((candidate #>> '{patient,id}')::bigint), '{}') from jsonb_array_elements(candidates) as candidate
$$;

CREATE FUNCTION public.name_parts(name text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (name ~ '[- ]'::text) THEN ARRAY(SELECT name_parts.name AS name UNION SELECT part.part FROM regexp_split_to_table(name_parts.name, '[- ]+'::text) part(part) WHERE (length(part.part) > 2)) ELSE ARRAY[name] END;

CREATE FUNCTION public.normalized_text(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(public.unaccent('public.unaccent'::regdictionary, value));

CREATE FUNCTION public.counted_names(family text, given text) RETURNS TABLE(part text, name text)
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
 SELECT 'family'::text AS part,
     public.normalized_text(f.f) AS name
    FROM unnest(public.name_parts(counted_names.family)) f(f)
   WHERE (f.f <> ''::text)
 UNION ALL
  SELECT 'given'::text AS part,
     public.normalized_text(g.g) AS name
    FROM unnest(public.name_parts(counted_names.given)) g(g)
   WHERE (g.g <> ''::text);
END;

CREATE FUNCTION public.delivery_content(doc bigint) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'patient_id', d.patient_id, 'type', d.type, 'date_of_service', d.date_of_service, 'pages', cardinality(d.pages),
        'pdf', d.pdf, 'encounter_id', d.encounter_id, 'department', s.department, 'filed_at', d.filed_at, 'scanned_at', s.received_at,
        'author', (select nullif(value, '') from document_field where document_id = doc and name = 'author' order by source desc limit 1),
        'facility', (select nullif(value, '') from document_field where document_id = doc and name = 'facility' order by source desc limit 1)
    )
    from document d
    join scan s on s.id = d.scan_id
    where d.id = doc and d.status = 'filed'
$$;

CREATE TABLE public.destination (
    name text NOT NULL,
    kind text NOT NULL,
    supports_update boolean NOT NULL,
    types text[] DEFAULT '{}'::text[] NOT NULL,
    departments text[] DEFAULT '{}'::text[] NOT NULL,
    department_types text[] DEFAULT '{}'::text[] NOT NULL,
    classes text[] DEFAULT '{}'::text[] NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone,
    failing_since timestamp with time zone,
    failure text,
    CONSTRAINT destination_kind_check CHECK ((kind = ANY (ARRAY['fhir'::text, 'mhd'::text, 'mdm'::text, 'folder'::text])))
);

CREATE FUNCTION public.destination_accepts(target public.destination, content jsonb) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select target.removed_at is null
        and (cardinality(target.types) = 0 or content ->> 'type' = any (target.types))
        and (cardinality(target.departments) = 0
            or coalesce(content ->> 'department' = any (target.departments), content ->> 'type' = any (target.department_types)))
        and (cardinality(target.classes) = 0
            or exists (select from encounter where id = (content ->> 'encounter_id')::bigint and class = any (target.classes)))
$$;

CREATE FUNCTION public.encounter_end_date(class text, admitted timestamp without time zone, discharged timestamp without time zone) RETURNS date
    LANGUAGE sql IMMUTABLE
    RETURN COALESCE((discharged)::date, CASE WHEN (class = ANY (ARRAY['I'::text, 'R'::text, 'B'::text])) THEN 'infinity'::date ELSE (admitted)::date END);

CREATE FUNCTION public.enqueue_delivery(doc bigint, target public.destination) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public'
    AS $$
declare
    last_sent delivery;
    current_content jsonb;
    next_edition integer;
begin
    select * into last_sent from delivery
    where document_id = doc and destination = target.name and state <> 'discarded' order by id desc limit 1;
    current_content := delivery_content(doc);
    if current_content is not null and not destination_accepts(target, current_content) then
        current_content := null;
    end if;
    select greatest(revision, coalesce(last_sent.edition + 1, 1)) into next_edition from document where id = doc;
    if last_sent.id is null or last_sent.change = 'cancel' then
        if current_content is not null then
            insert into delivery (destination, document_id, change, edition, content) values (target.name, doc, 'new', next_edition, current_content);
        end if;
    elsif current_content is null or current_content -> 'patient_id' <> last_sent.content -> 'patient_id' then
        insert into delivery (destination, document_id, change, edition, content)
        values (target.name, doc, 'cancel', last_sent.edition, last_sent.content);
        if current_content is not null then
            insert into delivery (destination, document_id, change, edition, content) values (target.name, doc, 'new', next_edition, current_content);
        end if;
    elsif current_content - 'filed_at' = last_sent.content - 'filed_at' then
        return;
    elsif current_content -> 'pdf' <> last_sent.content -> 'pdf' or not target.supports_update then
        insert into delivery (destination, document_id, change, edition, replaces, content)
        values (target.name, doc, 'replace', next_edition, last_sent.edition, current_content);
    else
        insert into delivery (destination, document_id, change, edition, content)
        values (target.name, doc, 'edit', last_sent.edition, current_content);
    end if;
end
$$;

CREATE FUNCTION public.extend_page_text(max_pages bigint) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
    newest regclass;
    bounds text;
    filled float;
    scan_pages float;
    upper_bound bigint;
    new_partition text;
begin
    select oid, pg_get_expr(relpartbound, oid), reltuples into newest, bounds, filled
    from pg_class join pg_inherits on inhrelid = oid
    where inhparent = 'document_page'::regclass and pg_get_expr(relpartbound, oid) like '%TO (MAXVALUE)';
    if filled < max_pages / 10 then
        return null;
    end if;
    lock table document_page in access exclusive mode;
    select sum(greatest(reltuples, 0)), 'document_page_' || count(*) + 1 into scan_pages, new_partition
    from pg_class join pg_inherits on inhrelid = oid where inhparent = 'document_page'::regclass;
    select last_value + 1 + greatest(0, max_pages - filled) * last_value / scan_pages into upper_bound from scan_id_seq;
    execute format('alter table document_page detach partition %s', newest);
    execute format('alter table document_page attach partition %s %s', newest, replace(bounds, 'MAXVALUE', quote_literal(upper_bound)));
    execute format('create table %I partition of document_page for values from (%L) to (maxvalue)', new_partition, upper_bound);
    return new_partition;
end
$$;

CREATE TABLE public.patient (
    id bigint NOT NULL,
    mrn text,
    given text,
    middle text,
    family text,
    suffix text,
    dob text,
    sex text,
    deceased text,
    birth_order smallint,
    ssn text,
    address text,
    city text,
    state text,
    zip text,
    phone text,
    email text,
    mother_maiden text,
    previous_family text,
    merged_into bigint,
    source text DEFAULT 'csv'::text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT patient_birth_order_check CHECK (((birth_order >= 1) AND (birth_order <= 9))),
    CONSTRAINT patient_check CHECK ((merged_into <> id)),
    CONSTRAINT patient_deceased_check CHECK ((deceased ~ '^\d{4}(-\d\d(-\d\d)?)?$'::text)),
    CONSTRAINT patient_dob_check CHECK ((dob ~ '^\d{4}(-\d\d(-\d\d)?)?$'::text)),
    CONSTRAINT patient_mrn_check CHECK ((mrn <> ''::text)),
    CONSTRAINT patient_sex_check CHECK ((sex = ANY (ARRAY['F'::text, 'M'::text, 'X'::text, 'U'::text])))
);

CREATE FUNCTION public.find_patients(words text, most integer DEFAULT 20) RETURNS SETOF public.patient
    LANGUAGE plpgsql STABLE
    AS $_$
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
$_$;

CREATE FUNCTION public.index_patients(ids bigint[]) RETURNS void
    LANGUAGE sql
    AS $$
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

CREATE FUNCTION public.merged_patient_ids(patient bigint) RETURNS SETOF bigint
    LANGUAGE sql STABLE
    AS $$
    with living as (select coalesce(p.merged_into, p.id) as id from patient p where p.id = merged_patient_ids.patient)
    select id from living union all select p.id from patient p join living on p.merged_into = living.id
$$;

CREATE FUNCTION public.name_key(name text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN NULLIF(public.dmetaphone(replace(translate(public.normalized_text(name), '01358|''-. '::text, 'olesbl'::text), 'rn'::text, 'm'::text)), ''::text);

CREATE FUNCTION public.number_key(number text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN NULLIF(ltrim(translate(upper(regexp_replace(number, '[^A-Za-z0-9]'::text, ''::text, 'g'::text)), 'OQDILSBZG'::text, '000115826'::text), '0'::text), ''::text);

CREATE FUNCTION public.on_document_committed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public'
    AS $$
begin
    perform attach_encounter(new.id);
    perform enqueue_delivery(new.id, target) from destination target where target.removed_at is null order by target.name;
    return null;
end
$$;

CREATE FUNCTION public.on_encounter_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public'
    AS $$
begin
    perform attach_encounter(d.id) from document d
    where d.status <> 'withdrawn' and (d.encounter_id = new.id or d.patient_id in (select merged_patient_ids(new.patient_id)));
    return null;
end
$$;

CREATE FUNCTION public.on_patient_alias() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform index_patients(array(select distinct patient_id from inserted));
    return null;
end
$$;

CREATE FUNCTION public.on_patient_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform index_patients(array(select id from inserted));
    insert into name_count (part, name, n)
    select c.part, c.name, count(*) from inserted, counted_names(inserted.family, inserted.given) c group by 1, 2 order by 1, 2
    on conflict (part, name) do update set n = name_count.n + excluded.n;
    return null;
end
$$;

CREATE FUNCTION public.on_patient_merge() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public'
    AS $$
begin
    perform attach_encounter(d.id) from document d
    where d.status = 'filed' and d.patient_id in (
        select merged_patient_ids(new.id) union select merged_patient_ids(new.merged_into) union select merged_patient_ids(old.merged_into)
    );
    return null;
end
$$;

CREATE FUNCTION public.on_patient_update() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.phone_key(phone text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN (length(regexp_replace(phone, '\D'::text, ''::text, 'g'::text)) >= 7) THEN "right"(regexp_replace(phone, '\D'::text, ''::text, 'g'::text), 7) ELSE NULL::text END;

CREATE FUNCTION public.plain_name(name text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN TRIM(BOTH FROM regexp_replace(translate(public.normalized_text(name), '-,.'''::text, '   '::text), '\s+'::text, ' '::text, 'g'::text));

CREATE FUNCTION public.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;

CREATE FUNCTION public.procrastinate_defer_jobs_v1(jobs public.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;

CREATE FUNCTION public.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;

CREATE TABLE public.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.procrastinate_job_status DEFAULT 'todo'::public.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::public.procrastinate_job_status) AND (abort_requested = true))))
)
WITH (autovacuum_vacuum_scale_factor='0.0', autovacuum_vacuum_threshold='2000', autovacuum_vacuum_cost_delay='0');

CREATE FUNCTION public.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS public.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;

CREATE FUNCTION public.procrastinate_finish_job_v1(job_id bigint, end_status public.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;

CREATE FUNCTION public.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;

CREATE FUNCTION public.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;

CREATE FUNCTION public.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;

CREATE FUNCTION public.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;

CREATE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;

CREATE FUNCTION public.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;

CREATE FUNCTION public.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;

CREATE FUNCTION public.reason_kinds(reasons jsonb) RETURNS text[]
    LANGUAGE plpgsql STABLE
    AS $$
declare
    unknown text;
begin
    select reason ->> 'code' into unknown from jsonb_array_elements(reasons) as reason
    where not exists (select from reason_code where code = reason ->> 'code') limit 1;
    if found then
        raise exception 'the reason code % is not in the table reason_code', unknown using errcode = 'check_violation';
    end if;
    return array(
        select distinct kind from jsonb_array_elements(reasons) as reason join reason_code on code = reason ->> 'code' order by kind
    );
end
$$;

CREATE FUNCTION public.reject_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

CREATE FUNCTION public.review_item_filters() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.kinds := reason_kinds(new.reasons);
    select s.source, s.department into new.source, new.department from scan s where s.id = new.scan_id;
    select d.type into new.type from document d where d.id = new.document_id;
    return new;
end
$$;

CREATE FUNCTION public.similar_names(which text, terms text[]) RETURNS TABLE(word text, name text, key text, n bigint, score real)
    LANGUAGE sql STABLE
    AS $$
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

CREATE FUNCTION public.sorted_letters(name text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT string_agg(letter.letter, ''::text ORDER BY letter.letter) AS string_agg FROM regexp_split_to_table(sorted_letters.name, ''::text) letter(letter));

CREATE TABLE public.account (
    id bigint NOT NULL,
    name text NOT NULL,
    full_name text DEFAULT ''::text NOT NULL,
    role text NOT NULL,
    password text,
    subject text,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    password_expires_at timestamp with time zone,
    emergency boolean DEFAULT false NOT NULL,
    has_password boolean GENERATED ALWAYS AS ((password IS NOT NULL)) STORED NOT NULL,
    CONSTRAINT account_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'::text)),
    CONSTRAINT account_role_check CHECK ((role = ANY (ARRAY['clerk'::text, 'reviewer'::text, 'clinician'::text, 'supervisor'::text, 'privacy_officer'::text, 'administrator'::text])))
);

ALTER TABLE public.account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.account_notice (
    id bigint NOT NULL,
    recipient_id bigint NOT NULL,
    account_id bigint NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone
);

ALTER TABLE public.account_notice ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.account_notice_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.decision (
    id bigint NOT NULL,
    document_id bigint NOT NULL,
    review_item_id bigint,
    decided_by text NOT NULL,
    decided_at timestamp with time zone DEFAULT now() NOT NULL,
    before jsonb,
    after jsonb NOT NULL,
    note text,
    action text DEFAULT 'decide'::text NOT NULL,
    batch bigint,
    undoes bigint
);

CREATE TABLE public.document (
    id bigint NOT NULL,
    scan_id bigint NOT NULL,
    pages integer[] NOT NULL,
    status text NOT NULL,
    type text NOT NULL,
    type_probability real NOT NULL,
    patient_id bigint,
    match_probability double precision,
    date_of_service date,
    pdf public.sha256 NOT NULL,
    machine_result jsonb NOT NULL,
    revision integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    filed_at timestamp with time zone,
    filed_by text,
    page_rotations jsonb DEFAULT '{}'::jsonb NOT NULL,
    encounter_id bigint,
    encounter_reason text,
    CONSTRAINT document_check CHECK (((status <> 'filed'::text) OR ((filed_at IS NOT NULL) AND (filed_by IS NOT NULL)))),
    CONSTRAINT document_encounter_reason_check CHECK ((encounter_reason = ANY (ARRAY['account_and_date'::text, 'account'::text, 'date'::text, 'no_encounter'::text, 'no_date'::text, 'outside'::text, 'several'::text, 'account_unknown'::text, 'account_contradicts'::text]))),
    CONSTRAINT document_match_probability_check CHECK (((match_probability >= (0)::double precision) AND (match_probability <= (1)::double precision))),
    CONSTRAINT document_pages_check CHECK ((cardinality(pages) >= 1)),
    CONSTRAINT document_status_check CHECK ((status = ANY (ARRAY['filed'::text, 'review'::text, 'withdrawn'::text]))),
    CONSTRAINT document_type_probability_check CHECK (((type_probability >= (0)::double precision) AND (type_probability <= (1)::double precision)))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.01');

CREATE VIEW public.accuracy_stats AS
 SELECT n.decided_by,
    n.decided_at,
    ((d.machine_result ->> 'type'::text) = d.type) AS same_type,
    ((d.machine_result ->> 'type_probability'::text))::real AS claimed_type_probability,
    ((d.machine_result #>> '{candidates,0,patient,id}'::text[]) IS NOT NULL) AS had_candidate,
    (((d.machine_result #>> '{candidates,0,patient,id}'::text[]))::bigint = d.patient_id) AS same_patient,
    ((d.machine_result #>> '{candidates,0,probability}'::text[]))::double precision AS claimed_match_probability
   FROM (public.decision n
     JOIN public.document d ON ((d.id = n.document_id)))
  WHERE ((n.action = 'file'::text) AND (n.decided_by <> 'machine'::text) AND (d.status = 'filed'::text) AND (d.filed_by = n.decided_by));

CREATE TABLE public.adt_message (
    id bigint NOT NULL,
    sender text NOT NULL,
    control_id text NOT NULL,
    sha256 public.sha256 NOT NULL,
    event text NOT NULL,
    status text NOT NULL,
    problem text,
    body bytea,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    patients jsonb DEFAULT '[]'::jsonb NOT NULL,
    settled_at timestamp with time zone,
    settled_by text,
    settled_note text,
    CONSTRAINT adt_message_check CHECK (((status <> 'rejected'::text) OR (problem IS NOT NULL))),
    CONSTRAINT adt_message_settled_check CHECK (((status = 'settled'::text) = ((settled_at IS NOT NULL) AND (settled_by IS NOT NULL) AND (COALESCE(settled_note, ''::text) <> ''::text)))),
    CONSTRAINT adt_message_status_check CHECK ((status = ANY (ARRAY['applied'::text, 'ignored'::text, 'rejected'::text, 'settled'::text])))
);

ALTER TABLE public.adt_message ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.adt_message_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.api_token (
    token public.sha256 NOT NULL,
    account_id bigint NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    id bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    scopes text[] NOT NULL,
    source text,
    department text,
    created_by text DEFAULT ''::text NOT NULL,
    used_from text
);

ALTER TABLE public.api_token ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.api_token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    account text NOT NULL,
    role text NOT NULL,
    action text NOT NULL,
    patient_id bigint,
    document_id bigint,
    scan_id bigint,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    address text
);

ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.batch (
    id bigint NOT NULL,
    name text NOT NULL,
    opened_at timestamp with time zone DEFAULT now() NOT NULL,
    closed_at timestamp with time zone,
    balanced boolean,
    review_item_id bigint,
    CONSTRAINT batch_check CHECK (((closed_at IS NULL) = (balanced IS NULL)))
);

ALTER TABLE public.batch ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.batch_sheet (
    scan_id bigint NOT NULL,
    text text NOT NULL,
    batch_id bigint NOT NULL,
    files integer,
    documents integer,
    pages integer,
    CONSTRAINT batch_sheet_documents_check CHECK ((documents >= 0)),
    CONSTRAINT batch_sheet_files_check CHECK ((files >= 0)),
    CONSTRAINT batch_sheet_pages_check CHECK ((pages >= 0))
);

ALTER TABLE public.decision ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.decision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.review_item (
    id bigint NOT NULL,
    scan_id bigint NOT NULL,
    document_id bigint,
    reasons jsonb NOT NULL,
    candidates jsonb DEFAULT '[]'::jsonb NOT NULL,
    priority smallint NOT NULL,
    opened_at timestamp with time zone DEFAULT now() NOT NULL,
    claimed_by text,
    claimed_until timestamp with time zone,
    closed_at timestamp with time zone,
    closed_by text,
    escalated_by text,
    escalated_at timestamp with time zone,
    note text,
    kinds text[] DEFAULT '{}'::text[] NOT NULL,
    type text,
    source text,
    department text,
    excluded_users text[] DEFAULT '{}'::text[] NOT NULL,
    skipped_by text[] DEFAULT '{}'::text[] NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.01');

CREATE VIEW public.decision_stats AS
 SELECT n.id,
    n.document_id,
    n.decided_by,
    n.decided_at,
    n.action,
    (n.before IS NOT NULL) AS changed,
    i.kinds
   FROM (public.decision n
     LEFT JOIN public.review_item i ON ((i.id = n.review_item_id)));

CREATE TABLE public.delivery (
    id bigint NOT NULL,
    destination text NOT NULL,
    document_id bigint NOT NULL,
    change text NOT NULL,
    edition integer NOT NULL,
    replaces integer,
    content jsonb NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    rejections integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    queued_at timestamp with time zone DEFAULT now() NOT NULL,
    last_attempt_at timestamp with time zone,
    closed_at timestamp with time zone,
    problem text,
    detail text,
    receipt text,
    closed_by text,
    note text,
    CONSTRAINT delivery_change_check CHECK ((change = ANY (ARRAY['new'::text, 'replace'::text, 'edit'::text, 'cancel'::text]))),
    CONSTRAINT delivery_check CHECK (((replaces IS NOT NULL) = (change = 'replace'::text))),
    CONSTRAINT delivery_check1 CHECK (((state = 'pending'::text) = (closed_at IS NULL))),
    CONSTRAINT delivery_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'discarded'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.01');

ALTER TABLE public.delivery ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.delivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.document_field (
    document_id bigint NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    page integer,
    box integer[],
    confidence real,
    source text DEFAULT 'machine'::text NOT NULL,
    CONSTRAINT document_field_box_check CHECK ((cardinality(box) = 4)),
    CONSTRAINT document_field_confidence_check CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT document_field_source_check CHECK ((source = ANY (ARRAY['machine'::text, 'person'::text])))
);

ALTER TABLE public.document ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.document_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.document_page (
    document_id bigint NOT NULL,
    scan_id bigint NOT NULL,
    number integer NOT NULL,
    "position" integer NOT NULL,
    text text NOT NULL,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, "left"(text, 200000))) STORED,
    CONSTRAINT document_page_position_check CHECK (("position" >= 1))
)
PARTITION BY RANGE (scan_id);

CREATE TABLE public.document_page_1 (
    document_id bigint CONSTRAINT document_page_document_id_not_null NOT NULL,
    scan_id bigint CONSTRAINT document_page_scan_id_not_null NOT NULL,
    number integer CONSTRAINT document_page_number_not_null NOT NULL,
    "position" integer CONSTRAINT document_page_position_not_null NOT NULL,
    text text CONSTRAINT document_page_text_not_null NOT NULL,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, "left"(text, 200000))) STORED,
    CONSTRAINT document_page_position_check CHECK (("position" >= 1))
);

CREATE TABLE public.double_entry (
    review_item_id bigint NOT NULL,
    entered_by text NOT NULL,
    entered_at timestamp with time zone DEFAULT now() NOT NULL,
    entered jsonb NOT NULL
);

CREATE TABLE public.encounter (
    id bigint NOT NULL,
    patient_id bigint NOT NULL,
    facility text DEFAULT ''::text NOT NULL,
    number text NOT NULL,
    account text,
    class text,
    location text,
    admitted_at timestamp without time zone,
    discharged_at timestamp without time zone,
    cancelled_at timestamp with time zone,
    reported_at timestamp with time zone DEFAULT now() NOT NULL,
    field_times jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT encounter_number_check CHECK ((number <> ''::text))
);

ALTER TABLE public.encounter ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.encounter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ingest_event (
    id bigint NOT NULL,
    scan_id bigint NOT NULL,
    name text NOT NULL,
    duplicate boolean NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    stored_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone,
    path text,
    modified_ns bigint,
    stable_at timestamp with time zone,
    batch_id bigint,
    waiting_reason text
);

ALTER TABLE public.ingest_event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ingest_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.installation (
    single boolean DEFAULT true NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    CONSTRAINT installation_single_check CHECK (single)
);

CREATE TABLE public.intake_file (
    path text NOT NULL,
    size bigint NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    gone_at timestamp with time zone,
    waiting_reason text,
    CONSTRAINT intake_file_size_check CHECK ((size >= 0))
);

CREATE TABLE public.known_device (
    token public.sha256 NOT NULL,
    account_id bigint NOT NULL,
    used_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.migration_batch (
    id bigint NOT NULL,
    migration_job_id bigint NOT NULL,
    name text NOT NULL,
    signed_at timestamp with time zone,
    signed_by text,
    signed_for jsonb,
    CONSTRAINT migration_batch_check CHECK (((signed_at IS NULL) = (signed_by IS NULL)))
);

ALTER TABLE public.migration_batch ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.migration_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.migration_file (
    row_id bigint NOT NULL,
    "position" integer NOT NULL,
    migration_job_id bigint NOT NULL,
    path text NOT NULL,
    sha256 public.sha256,
    CONSTRAINT migration_file_position_check CHECK (("position" >= 1))
);

CREATE TABLE public.migration_job (
    id bigint NOT NULL,
    name text NOT NULL,
    manifest text NOT NULL,
    manifest_sha256 public.sha256,
    root text NOT NULL,
    mapping jsonb NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    listed bigint,
    import_finished_at timestamp with time zone,
    CONSTRAINT migration_job_listed_check CHECK ((listed >= 0))
);

ALTER TABLE public.migration_job ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.migration_job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.migration_row (
    id bigint NOT NULL,
    migration_job_id bigint NOT NULL,
    batch_id bigint NOT NULL,
    key text NOT NULL,
    document text,
    state text NOT NULL,
    scan_id bigint,
    duplicate boolean DEFAULT false NOT NULL,
    problems jsonb DEFAULT '[]'::jsonb NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    checked_at timestamp with time zone,
    check_result text,
    check_detail text,
    CONSTRAINT migration_row_check CHECK (((state = 'ingested'::text) = (scan_id IS NOT NULL))),
    CONSTRAINT migration_row_check1 CHECK (((checked_at IS NULL) = (check_result IS NULL))),
    CONSTRAINT migration_row_check_result_check CHECK ((check_result = ANY (ARRAY['verified'::text, 'exempt'::text, 'failed'::text]))),
    CONSTRAINT migration_row_state_check CHECK ((state = ANY (ARRAY['ingested'::text, 'missing'::text, 'rejected'::text, 'unlisted'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.01');

ALTER TABLE public.migration_row ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.migration_row_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.migration_sample (
    id bigint NOT NULL,
    migration_job_id bigint NOT NULL,
    batch_id bigint,
    seed bigint NOT NULL,
    confidence double precision NOT NULL,
    error_limit double precision NOT NULL,
    population bigint NOT NULL,
    drawn_at timestamp with time zone DEFAULT now() NOT NULL,
    drawn_by text NOT NULL,
    CONSTRAINT migration_sample_confidence_check CHECK (((confidence > (0)::double precision) AND (confidence < (1)::double precision))),
    CONSTRAINT migration_sample_error_limit_check CHECK (((error_limit > (0)::double precision) AND (error_limit < (1)::double precision)))
);

ALTER TABLE public.migration_sample ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.migration_sample_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.migration_sample_item (
    sample_id bigint NOT NULL,
    document_id bigint NOT NULL,
    review_item_id bigint NOT NULL
);

CREATE TABLE public.name_count (
    part text NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    n bigint NOT NULL,
    key text GENERATED ALWAYS AS (public.name_key(name)) STORED COLLATE pg_catalog."C",
    CONSTRAINT name_count_part_check CHECK ((part = ANY (ARRAY['given'::text, 'family'::text])))
);

CREATE TABLE public.ocr_cache (
    key public.sha256 NOT NULL,
    engine text NOT NULL,
    page jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.01', autovacuum_vacuum_scale_factor='0.02');

CREATE TABLE public.page (
    scan_id bigint NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    image public.sha256,
    pdf public.sha256,
    preview public.sha256,
    width integer NOT NULL,
    height integer NOT NULL,
    rotation smallint NOT NULL,
    skew real NOT NULL,
    confidence real NOT NULL,
    problem text,
    notes jsonb DEFAULT '[]'::jsonb NOT NULL,
    words jsonb DEFAULT '[]'::jsonb NOT NULL,
    codes jsonb DEFAULT '[]'::jsonb NOT NULL,
    unread jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT page_confidence_check CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT page_kind_check CHECK ((kind = ANY (ARRAY['content'::text, 'blank'::text, 'separator'::text, 'unreadable'::text]))),
    CONSTRAINT page_number_check CHECK ((number >= 1)),
    CONSTRAINT page_rotation_check CHECK ((rotation = ANY (ARRAY[0, 90, 180, 270])))
)
WITH (autovacuum_vacuum_insert_scale_factor='0.01', autovacuum_analyze_scale_factor='0.01');

CREATE TABLE public.page_range (
    scan_id bigint NOT NULL,
    first integer NOT NULL,
    last integer NOT NULL,
    pages jsonb,
    done_at timestamp with time zone,
    CONSTRAINT page_range_check CHECK ((last >= first)),
    CONSTRAINT page_range_first_check CHECK ((first >= 1))
);

CREATE TABLE public.patient_address (
    patient_id bigint NOT NULL,
    address text,
    city text,
    state text,
    zip text,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.patient ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.patient_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.patient_identifier (
    patient_id bigint NOT NULL,
    kind text NOT NULL,
    facility text DEFAULT ''::text NOT NULL,
    value text NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT patient_identifier_kind_check CHECK ((kind = ANY (ARRAY['mrn'::text, 'account'::text, 'insurance'::text, 'medicaid'::text, 'ssn'::text, 'other'::text]))),
    CONSTRAINT patient_identifier_value_check CHECK ((value <> ''::text))
);

CREATE TABLE public.patient_key (
    key text NOT NULL COLLATE pg_catalog."C",
    patient_id bigint NOT NULL
);

CREATE TABLE public.patient_merge (
    id bigint NOT NULL,
    loser bigint NOT NULL,
    survivor bigint NOT NULL,
    documents bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    followers bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    merged_at timestamp with time zone DEFAULT now() NOT NULL,
    merged_by text NOT NULL,
    undone_at timestamp with time zone,
    undone_by text,
    CONSTRAINT patient_merge_check CHECK ((survivor <> loser)),
    CONSTRAINT patient_merge_check1 CHECK (((undone_at IS NULL) = (undone_by IS NULL)))
);

ALTER TABLE public.patient_merge ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.patient_merge_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.patient_name (
    patient_id bigint NOT NULL,
    kind text NOT NULL,
    given text,
    middle text,
    family text,
    suffix text,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT patient_name_kind_check CHECK ((kind = ANY (ARRAY['former'::text, 'maiden'::text, 'alias'::text, 'nickname'::text])))
);

CREATE TABLE public.patient_phone (
    patient_id bigint NOT NULL,
    phone text NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.patient_report (
    patient_id bigint NOT NULL,
    authority text DEFAULT ''::text NOT NULL,
    field_times jsonb DEFAULT '{}'::jsonb NOT NULL
);

CREATE TABLE public.patient_search (
    patient_id bigint NOT NULL,
    family_key text COLLATE pg_catalog."C",
    given_key text COLLATE pg_catalog."C",
    dob text COLLATE pg_catalog."C",
    family text,
    given text,
    middle text COLLATE pg_catalog."C",
    sex text,
    zip text COLLATE pg_catalog."C"
);

CREATE TABLE public.pending_page (
    scan_id bigint NOT NULL,
    number integer NOT NULL,
    text text NOT NULL,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, "left"(text, 200000))) STORED,
    mrn text
);

CREATE TABLE public.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type public.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);

CREATE SEQUENCE public.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.procrastinate_events_id_seq OWNED BY public.procrastinate_events.id;

CREATE SEQUENCE public.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.procrastinate_jobs_id_seq OWNED BY public.procrastinate_jobs.id;

CREATE TABLE public.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);

CREATE SEQUENCE public.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.procrastinate_periodic_defers_id_seq OWNED BY public.procrastinate_periodic_defers.id;

CREATE TABLE public.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.quarantine_action (
    id bigint NOT NULL,
    scan_id bigint NOT NULL,
    action text NOT NULL,
    code text NOT NULL,
    done_by text NOT NULL,
    done_at timestamp with time zone DEFAULT now() NOT NULL,
    note text,
    CONSTRAINT quarantine_action_action_check CHECK ((action = ANY (ARRAY['retried'::text, 'retry_failed'::text, 'dismissed'::text])))
);

ALTER TABLE public.quarantine_action ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.quarantine_action_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.reason_code (
    code text NOT NULL,
    kind text NOT NULL,
    CONSTRAINT reason_code_kind_check CHECK ((kind = ANY (ARRAY['patient'::text, 'type'::text, 'split'::text, 'field'::text, 'page'::text, 'mixed_patients'::text, 'batch'::text, 'no_document'::text, 'manual'::text, 'quality'::text, 'legacy_index'::text, 'file'::text])))
);

CREATE TABLE public.recovery_code (
    account_id bigint NOT NULL,
    code public.sha256 NOT NULL,
    used_at timestamp with time zone
);

ALTER TABLE public.review_item ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.review_item_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.scan (
    id bigint NOT NULL,
    sha256 public.sha256 NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    source text DEFAULT 'intake'::text NOT NULL,
    department text,
    default_type text,
    priority smallint DEFAULT 10 NOT NULL,
    status text DEFAULT 'received'::text NOT NULL,
    quarantine_code text,
    quarantine_reason text,
    page_count integer,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    pages_in integer,
    notes jsonb DEFAULT '[]'::jsonb NOT NULL,
    dismissed_at timestamp with time zone,
    dismissed_by text,
    legacy_metadata jsonb,
    has_content boolean DEFAULT true NOT NULL,
    CONSTRAINT scan_check CHECK (((status = 'quarantined'::text) = (quarantine_code IS NOT NULL))),
    CONSTRAINT scan_check1 CHECK (((status = 'received'::text) = (finished_at IS NULL))),
    CONSTRAINT scan_check2 CHECK (((dismissed_at IS NULL) OR ((status = 'quarantined'::text) AND (dismissed_by IS NOT NULL)))),
    CONSTRAINT scan_page_count_check CHECK ((page_count >= 0)),
    CONSTRAINT scan_pages_in_check CHECK ((pages_in >= 0)),
    CONSTRAINT scan_size_check CHECK ((size >= 0)),
    CONSTRAINT scan_status_check CHECK ((status = ANY (ARRAY['received'::text, 'done'::text, 'quarantined'::text])))
);

ALTER TABLE public.scan ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.scan_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.schema_migration (
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.second_factor (
    account_id bigint NOT NULL,
    secret bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    confirmed_at timestamp with time zone,
    last_counter bigint DEFAULT 0 NOT NULL
);

CREATE TABLE public.sign_in_attempt (
    key public.sha256 NOT NULL,
    failures double precision NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    blocked_until timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.web_session (
    token public.sha256 NOT NULL,
    account_id bigint NOT NULL,
    opened_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    method text DEFAULT 'password'::text NOT NULL,
    factor_pending boolean DEFAULT false NOT NULL,
    authenticated_at timestamp with time zone,
    CONSTRAINT web_session_method_check CHECK ((method = ANY (ARRAY['password'::text, 'sso'::text])))
);

CREATE TABLE public.worker (
    id bigint NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.document_page ATTACH PARTITION public.document_page_1 FOR VALUES FROM (MINVALUE) TO (MAXVALUE);

ALTER TABLE ONLY public.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_events_id_seq'::regclass);

ALTER TABLE ONLY public.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_jobs_id_seq'::regclass);

ALTER TABLE ONLY public.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_periodic_defers_id_seq'::regclass);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_name_key UNIQUE (name);

ALTER TABLE ONLY public.account_notice
    ADD CONSTRAINT account_notice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_subject_key UNIQUE (subject);

ALTER TABLE ONLY public.adt_message
    ADD CONSTRAINT adt_message_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.adt_message
    ADD CONSTRAINT adt_message_sender_control_id_sha256_key UNIQUE (sender, control_id, sha256);

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_id_key UNIQUE (id);

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (token);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.batch
    ADD CONSTRAINT batch_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.batch_sheet
    ADD CONSTRAINT batch_sheet_pkey PRIMARY KEY (scan_id, text);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.destination
    ADD CONSTRAINT destination_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.document_field
    ADD CONSTRAINT document_field_pkey PRIMARY KEY (document_id, name, source);

ALTER TABLE ONLY public.document_page
    ADD CONSTRAINT document_page_pkey PRIMARY KEY (scan_id, number);

ALTER TABLE ONLY public.document_page_1
    ADD CONSTRAINT document_page_1_pkey PRIMARY KEY (scan_id, number);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.double_entry
    ADD CONSTRAINT double_entry_pkey PRIMARY KEY (review_item_id, entered_by);

ALTER TABLE ONLY public.encounter
    ADD CONSTRAINT encounter_facility_number_key UNIQUE (facility, number);

ALTER TABLE ONLY public.encounter
    ADD CONSTRAINT encounter_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ingest_event
    ADD CONSTRAINT ingest_event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.intake_file
    ADD CONSTRAINT intake_file_pkey PRIMARY KEY (path);

ALTER TABLE ONLY public.known_device
    ADD CONSTRAINT known_device_pkey PRIMARY KEY (token, account_id);

ALTER TABLE ONLY public.migration_batch
    ADD CONSTRAINT migration_batch_migration_job_id_name_key UNIQUE (migration_job_id, name);

ALTER TABLE ONLY public.migration_batch
    ADD CONSTRAINT migration_batch_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.migration_file
    ADD CONSTRAINT migration_file_pkey PRIMARY KEY (row_id, "position");

ALTER TABLE ONLY public.migration_job
    ADD CONSTRAINT migration_job_name_key UNIQUE (name);

ALTER TABLE ONLY public.migration_job
    ADD CONSTRAINT migration_job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.migration_row
    ADD CONSTRAINT migration_row_migration_job_id_key_key UNIQUE (migration_job_id, key);

ALTER TABLE ONLY public.migration_row
    ADD CONSTRAINT migration_row_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.migration_sample_item
    ADD CONSTRAINT migration_sample_item_pkey PRIMARY KEY (sample_id, document_id);

ALTER TABLE ONLY public.migration_sample
    ADD CONSTRAINT migration_sample_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.name_count
    ADD CONSTRAINT name_count_pkey PRIMARY KEY (part, name);

ALTER TABLE ONLY public.ocr_cache
    ADD CONSTRAINT ocr_cache_pkey PRIMARY KEY (key, engine);

ALTER TABLE ONLY public.page
    ADD CONSTRAINT page_pkey PRIMARY KEY (scan_id, number);

ALTER TABLE ONLY public.page_range
    ADD CONSTRAINT page_range_pkey PRIMARY KEY (scan_id, first);

ALTER TABLE ONLY public.patient_address
    ADD CONSTRAINT patient_address_patient_id_address_city_state_zip_key UNIQUE NULLS NOT DISTINCT (patient_id, address, city, state, zip);

ALTER TABLE ONLY public.patient_identifier
    ADD CONSTRAINT patient_identifier_pkey PRIMARY KEY (patient_id, kind, facility, value);

ALTER TABLE ONLY public.patient_key
    ADD CONSTRAINT patient_key_pkey PRIMARY KEY (key, patient_id);

ALTER TABLE ONLY public.patient_merge
    ADD CONSTRAINT patient_merge_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.patient
    ADD CONSTRAINT patient_mrn_key UNIQUE (mrn);

ALTER TABLE ONLY public.patient_name
    ADD CONSTRAINT patient_name_patient_id_kind_given_middle_family_suffix_key UNIQUE NULLS NOT DISTINCT (patient_id, kind, given, middle, family, suffix);

ALTER TABLE ONLY public.patient_phone
    ADD CONSTRAINT patient_phone_pkey PRIMARY KEY (patient_id, phone);

ALTER TABLE ONLY public.patient
    ADD CONSTRAINT patient_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.patient_report
    ADD CONSTRAINT patient_report_pkey PRIMARY KEY (patient_id);

ALTER TABLE ONLY public.pending_page
    ADD CONSTRAINT pending_page_pkey PRIMARY KEY (scan_id, number);

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);

ALTER TABLE ONLY public.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.quarantine_action
    ADD CONSTRAINT quarantine_action_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.reason_code
    ADD CONSTRAINT reason_code_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT recovery_code_pkey PRIMARY KEY (account_id, code);

ALTER TABLE ONLY public.review_item
    ADD CONSTRAINT review_item_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.scan
    ADD CONSTRAINT scan_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.second_factor
    ADD CONSTRAINT second_factor_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.sign_in_attempt
    ADD CONSTRAINT sign_in_attempt_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.web_session
    ADD CONSTRAINT web_session_pkey PRIMARY KEY (token);

ALTER TABLE ONLY public.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);

CREATE INDEX account_notice_recipient ON public.account_notice USING btree (recipient_id, id);

CREATE INDEX adt_message_rejected ON public.adt_message USING btree (received_at) WHERE (status = 'rejected'::text);

CREATE INDEX api_token_account ON public.api_token USING btree (account_id);

CREATE INDEX audit_account ON public.audit USING btree (account, id);

CREATE INDEX audit_document ON public.audit USING btree (document_id, id) WHERE (document_id IS NOT NULL);

CREATE INDEX audit_patient ON public.audit USING btree (patient_id, id) WHERE (patient_id IS NOT NULL);

CREATE UNIQUE INDEX batch_open ON public.batch USING btree (name) WHERE (closed_at IS NULL);

CREATE INDEX batch_sheet_batch ON public.batch_sheet USING btree (batch_id);

CREATE INDEX decision_document ON public.decision USING btree (document_id, id);

CREATE INDEX decision_of_people ON public.decision USING btree (decided_at) WHERE (decided_by <> 'machine'::text);

CREATE INDEX decision_person ON public.decision USING btree (decided_by, id);

CREATE INDEX delivery_document ON public.delivery USING btree (document_id, destination, id);

CREATE INDEX delivery_failed ON public.delivery USING btree (id) WHERE (state = 'failed'::text);

CREATE INDEX delivery_open ON public.delivery USING btree (destination, document_id, id) WHERE (state = ANY (ARRAY['pending'::text, 'failed'::text]));

CREATE INDEX delivery_pending ON public.delivery USING btree (destination, id) WHERE (state = 'pending'::text);

CREATE INDEX document_encounter ON public.document USING btree (encounter_id) WHERE (encounter_id IS NOT NULL);

CREATE INDEX document_field_value ON public.document_field USING btree (name, value);

CREATE INDEX document_filed ON public.document USING btree (filed_at, filed_by) WHERE (filed_at IS NOT NULL);

CREATE INDEX document_page_document ON ONLY public.document_page USING btree (document_id, "position");

CREATE INDEX document_page_1_document_id_position_idx ON public.document_page_1 USING btree (document_id, "position");

CREATE INDEX document_page_search ON ONLY public.document_page USING gin (search);

CREATE INDEX document_page_1_search_idx ON public.document_page_1 USING gin (search);

CREATE INDEX document_patient ON public.document USING btree (patient_id, date_of_service DESC NULLS LAST);

CREATE INDEX document_scan ON public.document USING btree (scan_id);

CREATE INDEX encounter_patient ON public.encounter USING btree (patient_id, admitted_at);

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON public.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::public.procrastinate_job_status));

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON public.procrastinate_workers USING btree (last_heartbeat);

CREATE INDEX ingest_event_batch ON public.ingest_event USING btree (batch_id) WHERE (batch_id IS NOT NULL);

CREATE INDEX ingest_event_path ON public.ingest_event USING btree (path) WHERE (path IS NOT NULL);

CREATE INDEX ingest_event_scan ON public.ingest_event USING btree (scan_id);

CREATE INDEX ingest_event_stored ON public.ingest_event USING btree (stored_at);

CREATE INDEX ingest_event_waiting ON public.ingest_event USING btree (id) WHERE ((waiting_reason IS NOT NULL) AND (removed_at IS NULL));

CREATE INDEX known_device_used_at ON public.known_device USING btree (used_at);

CREATE INDEX migration_file_path ON public.migration_file USING btree (migration_job_id, path);

CREATE INDEX migration_row_batch ON public.migration_row USING btree (batch_id);

CREATE INDEX migration_row_document ON public.migration_row USING btree (migration_job_id, document) WHERE (document IS NOT NULL);

CREATE UNIQUE INDEX migration_row_first ON public.migration_row USING btree (scan_id) WHERE ((scan_id IS NOT NULL) AND (NOT duplicate));

CREATE INDEX migration_row_scan ON public.migration_row USING btree (scan_id);

CREATE INDEX name_count_key ON public.name_count USING btree (part, key) INCLUDE (name, n);

CREATE INDEX name_count_trigrams ON public.name_count USING gin (name public.gin_trgm_ops);

CREATE INDEX ocr_cache_created ON public.ocr_cache USING btree (created_at);

CREATE INDEX page_cover_sheet ON public.page USING btree (scan_id) WHERE (codes @? '$[*]."text"?(@ starts with "CHARTLOOM/BATCH/1;")'::jsonpath);

CREATE UNIQUE INDEX patient_identifier_mrn ON public.patient_identifier USING btree (facility, value) WHERE (kind = 'mrn'::text);

CREATE INDEX patient_key_patient ON public.patient_key USING btree (patient_id);

CREATE UNIQUE INDEX patient_merge_standing ON public.patient_merge USING btree (loser) WHERE (undone_at IS NULL);

CREATE INDEX patient_merged_into ON public.patient USING btree (merged_into) WHERE (merged_into IS NOT NULL);

CREATE INDEX patient_name_trigrams ON public.patient USING gin (public.normalized_text(((COALESCE(family, ''::text) || ' '::text) || COALESCE(given, ''::text))) public.gin_trgm_ops);

CREATE INDEX patient_search_family ON public.patient_search USING btree (dob, family_key) INCLUDE (patient_id);

CREATE INDEX patient_search_given ON public.patient_search USING btree (dob, given_key) INCLUDE (patient_id);

CREATE INDEX patient_search_names ON public.patient_search USING btree (family_key, given_key) INCLUDE (patient_id, family, given, middle, sex, zip);

CREATE INDEX patient_search_patient ON public.patient_search USING btree (patient_id);

CREATE INDEX patient_search_spelt ON public.patient_search USING btree (family, given) INCLUDE (patient_id, dob);

CREATE INDEX pending_page_mrn ON public.pending_page USING btree (mrn) WHERE (mrn IS NOT NULL);

CREATE INDEX pending_page_search ON public.pending_page USING gin (search);

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON public.procrastinate_events USING btree (job_id);

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON public.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON public.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::public.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON public.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON public.procrastinate_jobs USING btree (queue_name);

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON public.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::public.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_waiting ON public.procrastinate_jobs USING btree (queue_name, priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON public.procrastinate_periodic_defers USING btree (job_id);

CREATE INDEX quarantine_action_scan ON public.quarantine_action USING btree (scan_id, id);

CREATE INDEX review_item_candidates ON public.review_item USING gin (public.candidate_patients(candidates)) WHERE (closed_at IS NULL);

CREATE UNIQUE INDEX review_item_document ON public.review_item USING btree (document_id) WHERE (closed_at IS NULL);

CREATE INDEX review_item_filtered ON public.review_item USING btree (type, source, department) INCLUDE (kinds, escalated_by) WHERE (closed_at IS NULL);

CREATE INDEX review_item_holder ON public.review_item USING btree (claimed_by) WHERE ((closed_at IS NULL) AND (claimed_by IS NOT NULL));

CREATE INDEX review_item_kinds ON public.review_item USING gin (kinds) WHERE (closed_at IS NULL);

CREATE INDEX review_item_open ON public.review_item USING btree (priority DESC, opened_at) WHERE (closed_at IS NULL);

CREATE INDEX review_item_scan ON public.review_item USING btree (scan_id) WHERE (closed_at IS NULL);

CREATE INDEX scan_quarantined ON public.scan USING btree (finished_at) WHERE (status = 'quarantined'::text);

CREATE INDEX scan_received ON public.scan USING btree (received_at);

CREATE UNIQUE INDEX scan_sha256 ON public.scan USING btree (sha256) WHERE has_content;

CREATE INDEX scan_waiting ON public.scan USING btree (priority DESC, id) WHERE (status = 'received'::text);

CREATE INDEX scan_without_content ON public.scan USING btree (sha256) WHERE (NOT has_content);

CREATE INDEX sign_in_attempt_at ON public.sign_in_attempt USING btree (at);

CREATE INDEX web_session_account ON public.web_session USING btree (account_id);

ALTER INDEX public.document_page_document ATTACH PARTITION public.document_page_1_document_id_position_idx;

ALTER INDEX public.document_page_pkey ATTACH PARTITION public.document_page_1_pkey;

ALTER INDEX public.document_page_search ATTACH PARTITION public.document_page_1_search_idx;

CREATE TRIGGER audit_is_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION public.reject_change();

CREATE TRIGGER audit_is_kept BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.reject_change();

CREATE TRIGGER decision_is_append_only BEFORE DELETE OR UPDATE ON public.decision FOR EACH ROW EXECUTE FUNCTION public.reject_change();

CREATE TRIGGER decision_is_kept BEFORE TRUNCATE ON public.decision FOR EACH STATEMENT EXECUTE FUNCTION public.reject_change();

CREATE TRIGGER double_entry_is_append_only BEFORE DELETE OR UPDATE ON public.double_entry FOR EACH ROW EXECUTE FUNCTION public.reject_change();

CREATE CONSTRAINT TRIGGER on_document_committed AFTER INSERT OR UPDATE ON public.document DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.on_document_committed();

CREATE TRIGGER on_encounter_change AFTER INSERT OR UPDATE OF patient_id, facility, number, account, class, admitted_at, discharged_at, cancelled_at ON public.encounter FOR EACH ROW EXECUTE FUNCTION public.on_encounter_change();

CREATE TRIGGER on_patient_identifier_insert AFTER INSERT ON public.patient_identifier REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION public.on_patient_alias();

CREATE TRIGGER on_patient_insert AFTER INSERT ON public.patient REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION public.on_patient_insert();

CREATE TRIGGER on_patient_merge AFTER UPDATE OF merged_into ON public.patient FOR EACH ROW WHEN ((old.merged_into IS DISTINCT FROM new.merged_into)) EXECUTE FUNCTION public.on_patient_merge();

CREATE TRIGGER on_patient_name_insert AFTER INSERT ON public.patient_name REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION public.on_patient_alias();

CREATE TRIGGER on_patient_phone_insert AFTER INSERT ON public.patient_phone REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION public.on_patient_alias();

CREATE TRIGGER on_patient_update AFTER UPDATE ON public.patient REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION public.on_patient_update();

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_notify_queue_abort_job_v1();

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_notify_queue_job_inserted_v1();

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1();

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_unlink_periodic_defers_v1();

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON public.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1();

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1();

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_update_v1();

CREATE TRIGGER review_item_filters BEFORE INSERT OR UPDATE OF reasons ON public.review_item FOR EACH ROW EXECUTE FUNCTION public.review_item_filters();

ALTER TABLE ONLY public.account_notice
    ADD CONSTRAINT account_notice_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.account_notice
    ADD CONSTRAINT account_notice_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.batch
    ADD CONSTRAINT batch_review_item_id_fkey FOREIGN KEY (review_item_id) REFERENCES public.review_item(id);

ALTER TABLE ONLY public.batch_sheet
    ADD CONSTRAINT batch_sheet_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.batch(id);

ALTER TABLE ONLY public.batch_sheet
    ADD CONSTRAINT batch_sheet_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public.scan(id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.document(id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_review_item_id_fkey FOREIGN KEY (review_item_id) REFERENCES public.review_item(id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_undoes_fkey FOREIGN KEY (undoes) REFERENCES public.decision(id);

ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_destination_fkey FOREIGN KEY (destination) REFERENCES public.destination(name);

ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.document(id);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_encounter_id_fkey FOREIGN KEY (encounter_id) REFERENCES public.encounter(id);

ALTER TABLE ONLY public.document_field
    ADD CONSTRAINT document_field_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.document(id);

ALTER TABLE public.document_page
    ADD CONSTRAINT document_page_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.document(id);

ALTER TABLE public.document_page
    ADD CONSTRAINT document_page_scan_id_number_fkey FOREIGN KEY (scan_id, number) REFERENCES public.page(scan_id, number);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patient(id);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public.scan(id);

ALTER TABLE ONLY public.double_entry
    ADD CONSTRAINT double_entry_review_item_id_fkey FOREIGN KEY (review_item_id) REFERENCES public.review_item(id);

ALTER TABLE ONLY public.encounter
    ADD CONSTRAINT encounter_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patient(id);

ALTER TABLE ONLY public.ingest_event
    ADD CONSTRAINT ingest_event_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.batch(id);

ALTER TABLE ONLY public.ingest_event
    ADD CONSTRAINT ingest_event_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public.scan(id);

ALTER TABLE ONLY public.known_device
    ADD CONSTRAINT known_device_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.migration_batch
    ADD CONSTRAINT migration_batch_migration_job_id_fkey FOREIGN KEY (migration_job_id) REFERENCES public.migration_job(id);

ALTER TABLE ONLY public.migration_file
    ADD CONSTRAINT migration_file_row_id_fkey FOREIGN KEY (row_id) REFERENCES public.migration_row(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.migration_row
    ADD CONSTRAINT migration_row_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.migration_batch(id);

ALTER TABLE ONLY public.migration_row
    ADD CONSTRAINT migration_row_migration_job_id_fkey FOREIGN KEY (migration_job_id) REFERENCES public.migration_job(id);

ALTER TABLE ONLY public.migration_row
    ADD CONSTRAINT migration_row_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public.scan(id);

ALTER TABLE ONLY public.migration_sample
    ADD CONSTRAINT migration_sample_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.migration_batch(id);

ALTER TABLE ONLY public.migration_sample_item
    ADD CONSTRAINT migration_sample_item_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.document(id);

ALTER TABLE ONLY public.migration_sample_item
    ADD CONSTRAINT migration_sample_item_review_item_id_fkey FOREIGN KEY (review_item_id) REFERENCES public.review_item(id);

ALTER TABLE ONLY public.migration_sample_item
    ADD CONSTRAINT migration_sample_item_sample_id_fkey FOREIGN KEY (sample_id) REFERENCES public.migration_sample(id);

ALTER TABLE ONLY public.migration_sample
    ADD CONSTRAINT migration_sample_migration_job_id_fkey FOREIGN KEY (migration_job_id) REFERENCES public.migration_job(id);

ALTER TABLE ONLY public.page_range
    ADD CONSTRAINT page_range_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public.scan(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.page
    ADD CONSTRAINT page_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public.scan(id);

ALTER TABLE ONLY public.patient_address
    ADD CONSTRAINT patient_address_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patient(id);

ALTER TABLE ONLY public.patient_identifier
    ADD CONSTRAINT patient_identifier_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patient(id);

ALTER TABLE ONLY public.patient_key
    ADD CONSTRAINT patient_key_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patient(id);

ALTER TABLE ONLY public.patient_merge
    ADD CONSTRAINT patient_merge_loser_fkey FOREIGN KEY (loser) REFERENCES public.patient(id);

ALTER TABLE ONLY public.patient_merge
    ADD CONSTRAINT patient_merge_survivor_fkey FOREIGN KEY (survivor) REFERENCES public.patient(id);

ALTER TABLE ONLY public.patient
    ADD CONSTRAINT patient_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES public.patient(id);

ALTER TABLE ONLY public.patient_name
    ADD CONSTRAINT patient_name_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patient(id);

ALTER TABLE ONLY public.patient_phone
    ADD CONSTRAINT patient_phone_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patient(id);

ALTER TABLE ONLY public.patient_report
    ADD CONSTRAINT patient_report_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patient(id);

ALTER TABLE ONLY public.patient_search
    ADD CONSTRAINT patient_search_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patient(id);

ALTER TABLE ONLY public.pending_page
    ADD CONSTRAINT pending_page_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public.scan(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id);

ALTER TABLE ONLY public.quarantine_action
    ADD CONSTRAINT quarantine_action_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public.scan(id);

ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT recovery_code_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.review_item
    ADD CONSTRAINT review_item_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.document(id);

ALTER TABLE ONLY public.review_item
    ADD CONSTRAINT review_item_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public.scan(id);

ALTER TABLE ONLY public.second_factor
    ADD CONSTRAINT second_factor_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.web_session
    ADD CONSTRAINT web_session_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.worker
    ADD CONSTRAINT worker_id_fkey FOREIGN KEY (id) REFERENCES public.procrastinate_workers(id) ON DELETE CASCADE;
