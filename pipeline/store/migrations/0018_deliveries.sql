-- What other systems are told about filed documents: an outbox, written by the transaction that changes a document, whoever does it.

-- Which installation this is: the root of every identifier that leaves it, unless the settings name one.
create table installation (
    single boolean primary key default true check (single),
    id uuid not null default gen_random_uuid()
);
insert into installation default values;

-- Where documents go. The settings say how to get there; here stands which documents it is to have, so that filing can tell.
-- An empty filter lets everything through. `department_types`: the types that belong to the filter's departments by catalogue.
create table destination (
    name text primary key,
    kind text not null check (kind in ('fhir', 'mhd', 'mdm', 'folder')),
    edits boolean not null,  -- false: what is known of a document cannot be changed there, only the document replaced
    types text[] not null default '{}',
    departments text[] not null default '{}',
    department_types text[] not null default '{}',
    classes text[] not null default '{}',
    registered_at timestamptz not null default now(),
    closed_at timestamptz,   -- nothing new is written for it
    failing_since timestamptz,
    failure text
);

-- A row for each thing that a destination is to be told, in the order of `id` for each document. `content` is what it is to hold
-- afterwards (of a cancelled document: what it held). An edition is a document as a receiver knows it: a new one with each new filing
-- into a chart and each new PDF, the same for a corrected type or date. It is the document's revision, so that all destinations agree.
create table delivery (
    id bigint generated always as identity primary key,
    destination text not null references destination,
    document_id bigint not null references document,
    change text not null check (change in ('new', 'replace', 'edit', 'cancel')),
    edition integer not null,
    replaces integer check ((replaces is not null) = (change = 'replace')),
    content jsonb not null,
    state text not null default 'waiting' check (state in ('waiting', 'delivered', 'dead', 'dropped')),
    attempts integer not null default 0,
    refusals integer not null default 0,
    due_at timestamptz not null default now(),
    written_at timestamptz not null default now(),
    tried_at timestamptz,
    settled_at timestamptz,
    problem text,            -- unreachable, no_answer, busy, unauthorized, wrong_answer, lost, refused, doubled, cannot_build
    detail text,
    receipt text,            -- what the receiver calls it
    settled_by text,
    note text,
    check ((state = 'waiting') = (settled_at is null))
);
create index delivery_document on delivery (document_id, destination, id);
create index delivery_waiting on delivery (destination, id) where state = 'waiting';
create index delivery_open on delivery (destination, document_id, id) where state in ('waiting', 'dead');
create index delivery_dead on delivery (id) where state = 'dead';

-- What a receiver is to hold of a document now; null where it is not filed.
create function content_to_deliver(doc bigint) returns jsonb language sql stable as $$
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

-- Is a destination to have this content?
create function wanted_there(place destination, content jsonb) returns boolean language sql stable as $$
    select place.closed_at is null
        and (cardinality(place.types) = 0 or content ->> 'type' = any (place.types))
        and (cardinality(place.departments) = 0
            or coalesce(content ->> 'department' = any (place.departments), content ->> 'type' = any (place.department_types)))
        and (cardinality(place.classes) = 0
            or exists (select from encounter where id = (content ->> 'encounter_id')::bigint and class = any (place.classes)))
$$;

-- Compare what a destination was last told of a document with what it is to hold, and write what it must be told. Says the same thing
-- never twice, so it can be called at any time. A document in another chart is cancelled there and new here: no receiver moves one.
create function announce(doc bigint, place destination) returns void language plpgsql security definer set search_path = public as $$
declare
    told delivery;
    now_holds jsonb;
    fresh integer;
begin
    select * into told from delivery
    where document_id = doc and destination = place.name and state <> 'dropped' order by id desc limit 1;
    now_holds := content_to_deliver(doc);
    if now_holds is not null and not wanted_there(place, now_holds) then
        now_holds := null;
    end if;
    select greatest(revision, coalesce(told.edition + 1, 1)) into fresh from document where id = doc;
    if told.id is null or told.change = 'cancel' then
        if now_holds is not null then
            insert into delivery (destination, document_id, change, edition, content) values (place.name, doc, 'new', fresh, now_holds);
        end if;
    elsif now_holds is null or now_holds -> 'patient_id' <> told.content -> 'patient_id' then
        insert into delivery (destination, document_id, change, edition, content)
        values (place.name, doc, 'cancel', told.edition, told.content);
        if now_holds is not null then
            insert into delivery (destination, document_id, change, edition, content) values (place.name, doc, 'new', fresh, now_holds);
        end if;
    elsif now_holds - 'filed_at' = told.content - 'filed_at' then
        return;
    elsif now_holds -> 'pdf' <> told.content -> 'pdf' or not place.edits then
        insert into delivery (destination, document_id, change, edition, replaces, content)
        values (place.name, doc, 'replace', fresh, told.edition, now_holds);
    else
        insert into delivery (destination, document_id, change, edition, content)
        values (place.name, doc, 'edit', told.edition, now_holds);
    end if;
end
$$;

-- At the end of each transaction, and in it: what has become of every document that it touched.
create function document_stands() returns trigger language plpgsql security definer set search_path = public as $$
begin
    perform attach_encounter(new.id);
    perform announce(new.id, place) from destination place where place.closed_at is null order by place.name;
    return null;
end
$$;
create constraint trigger document_stands after insert or update on document
deferrable initially deferred for each row execute function document_stands();
