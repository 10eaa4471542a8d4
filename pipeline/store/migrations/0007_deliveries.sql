-- What other systems receive about filed documents: an outbox, written by the transaction that changes a document.

-- The identity of this installation: the root of every identifier that leaves it, unless the settings name one.
create table installation (
    single boolean primary key default true check (single),
    id uuid not null default gen_random_uuid()
);
insert into installation default values;

-- Where documents go. The settings say how to connect; this table says which documents a destination receives, so that filing
-- can decide. An empty filter accepts everything. `department_types`: the document types of the filter's departments.
create table destination (
    name text primary key,
    kind text not null check (kind in ('fhir', 'mhd', 'mdm', 'folder')),
    supports_update boolean not null,  -- false: metadata cannot be updated there, only the whole document replaced
    types text[] not null default '{}',
    departments text[] not null default '{}',
    department_types text[] not null default '{}',
    classes text[] not null default '{}',
    registered_at timestamptz not null default now(),
    removed_at timestamptz,  -- nothing new is enqueued for it
    failing_since timestamptz,
    failure text
);

-- A row for each change that a destination is to receive, in the order of `id` for each document. `content` is the document's state
-- afterwards (for a cancellation: its state before). An edition is a document as a receiver knows it: a new edition with each filing
-- into a chart and each new PDF, the same for a corrected type or date. It is the document's revision, so all destinations agree.
create table delivery (
    id bigint generated always as identity primary key,
    destination text not null references destination,
    document_id bigint not null references document,
    change text not null check (change in ('new', 'replace', 'edit', 'cancel')),
    edition integer not null,
    replaces integer check ((replaces is not null) = (change = 'replace')),
    content jsonb not null,
    state text not null default 'pending' check (state in ('pending', 'delivered', 'failed', 'discarded')),
    attempts integer not null default 0,
    rejections integer not null default 0,
    due_at timestamptz not null default now(),
    queued_at timestamptz not null default now(),
    last_attempt_at timestamptz,
    closed_at timestamptz,
    problem text,            -- a code of pipeline.delivery.delivery_result.DeliveryProblem
    detail text,
    receipt text,            -- the receiver's identifier
    closed_by text,
    note text,
    check ((state = 'pending') = (closed_at is null))
);
create index delivery_document on delivery (document_id, destination, id);
create index delivery_pending on delivery (destination, id) where state = 'pending';
create index delivery_open on delivery (destination, document_id, id) where state in ('pending', 'failed');
create index delivery_failed on delivery (id) where state = 'failed';

-- The state of a document that receivers are to have now; null if it is not filed.
create function delivery_content(doc bigint) returns jsonb language sql stable as $$
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

-- Whether a destination's filters accept this content.
create function destination_accepts(target destination, content jsonb) returns boolean language sql stable as $$
    select target.removed_at is null
        and (cardinality(target.types) = 0 or content ->> 'type' = any (target.types))
        and (cardinality(target.departments) = 0
            or coalesce(content ->> 'department' = any (target.departments), content ->> 'type' = any (target.department_types)))
        and (cardinality(target.classes) = 0
            or exists (select from encounter where id = (content ->> 'encounter_id')::bigint and class = any (target.classes)))
$$;

-- Compare what a destination last received about a document with the document's state, and enqueue the difference. Calling it again
-- enqueues nothing new. A document moved to another chart is cancelled in the first and new in the second: no receiver moves one.
create function enqueue_delivery(doc bigint, target destination) returns void language plpgsql security definer set search_path = public as $$
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

-- At the end of each transaction, and in it: attach every changed document to its encounter and enqueue its deliveries.
create function on_document_committed() returns trigger language plpgsql security definer set search_path = public as $$
begin
    perform attach_encounter(new.id);
    perform enqueue_delivery(new.id, target) from destination target where target.removed_at is null order by target.name;
    return null;
end
$$;
create constraint trigger on_document_committed after insert or update on document
deferrable initially deferred for each row execute function on_document_committed();

alter table delivery set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);
