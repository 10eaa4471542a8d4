-- Documents split from scans, their index fields and text, the review queue and the decisions about them.
create table document (
    id bigint generated always as identity primary key,
    scan_id bigint not null references scan,
    pages integer[] not null check (cardinality(pages) >= 1),
    status text not null check (status in ('filed', 'review', 'withdrawn')),
    type text not null,
    type_probability real not null check (type_probability between 0 and 1),
    patient_id bigint references patient,
    match_probability double precision check (match_probability between 0 and 1),
    date_of_service date,
    pdf sha256 not null,
    machine_result jsonb not null,  -- what the software decided; never changed afterwards
    revision integer not null default 1,
    created_at timestamptz not null default now(),
    filed_at timestamptz,
    filed_by text,
    page_rotations jsonb not null default '{}',  -- {"3": 90}: page 3 of the scan is rotated 90 degrees clockwise in this document
    encounter_id bigint references encounter,
    encounter_reason text check (encounter_reason in (
        'account_and_date', 'account', 'date',                                        -- attached, and what fits
        'no_encounter', 'no_date', 'outside', 'several', 'account_unknown', 'account_contradicts'  -- not attached, and why
    )),
    check (status <> 'filed' or (filed_at is not null and filed_by is not null))
);
create index document_scan on document (scan_id);
create index document_patient on document (patient_id, date_of_service desc nulls last);
create index document_filed on document (filed_at, filed_by) where filed_at is not null;
create index document_encounter on document (encounter_id) where encounter_id is not null;

-- The text of pages and its search vectors, in partitions by ranges of scans. New documents go into the newest partition, whose
-- indexes are small and stay in memory; older ones hardly change and can be vacuumed, moved to another tablespace and reindexed
-- separately. The primary key keeps a page from being in two documents at once.
create table document_page (
    document_id bigint not null references document,
    scan_id bigint not null,
    number integer not null,
    position integer not null constraint document_page_position_check check (position >= 1),
    text text not null,
    search tsvector generated always as (to_tsvector('english'::regconfig, left(text, 200000))) stored,  -- a tsvector holds 1 MB at most
    primary key (scan_id, number),
    foreign key (scan_id, number) references page
) partition by range (scan_id);
create index document_page_document on document_page (document_id, position);
create index document_page_search on document_page using gin (search);
create table document_page_1 partition of document_page for values from (minvalue) to (maxvalue);

-- Give the newest partition an upper bound when it is a tenth full, some scans ahead, and add an empty one after it; returns the
-- name of the new partition, if one was created. The newest partition has no upper bound, so every page has a place.
-- `max_pages`: about how many pages a partition is to hold, converted to scans by the average number of pages so far. Reading and
-- filing wait while the pages of the newest partition are checked.
create function extend_page_text(max_pages bigint) returns text
    language plpgsql
    as $$
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

create table document_field (
    document_id bigint not null references document,
    name text not null,
    value text not null,
    page integer,
    box integer[] check (cardinality(box) = 4),
    confidence real check (confidence between 0 and 1),
    source text not null default 'machine' check (source in ('machine', 'person')),
    primary key (document_id, name, source)
);
create index document_field_value on document_field (name, value);

-- Every code that a review item's reasons may have, and the one kind that the queue filters it by.
create table reason_code (
    code text primary key,
    kind text not null check (kind in (
        'patient', 'type', 'split', 'field', 'page', 'mixed_patients', 'batch', 'no_document', 'manual', 'quality', 'legacy_index'
    ))
);
insert into reason_code (kind, code) values
    ('patient', 'no_patient_named'), ('patient', 'no_patient_found'), ('patient', 'below_threshold'),
    ('patient', 'insufficient_identifiers'), ('patient', 'ambiguous_candidates'), ('patient', 'initial_only'),
    ('patient', 'multiple_near_matches'), ('patient', 'mrn_belongs_to_other_patient'), ('patient', 'service_after_death'),
    ('patient', 'family_contradicts'), ('patient', 'given_contradicts'), ('patient', 'middle_contradicts'),
    ('patient', 'suffix_contradicts'), ('patient', 'dob_contradicts'), ('patient', 'sex_contradicts'),
    ('patient', 'mrn_contradicts'), ('patient', 'ssn_contradicts'), ('patient', 'medicaid_contradicts'),
    ('patient', 'home_contradicts'), ('patient', 'phone_contradicts'), ('patient', 'email_contradicts'),
    ('patient', 'mother_maiden_contradicts'), ('patient', 'guardian_contradicts'), ('patient', 'birth_order_contradicts'),
    ('type', 'type_uncertain'),
    ('split', 'split_uncertain'),
    ('field', 'conflicting_patient_name'), ('field', 'conflicting_mrn'), ('field', 'conflicting_dob'),
    ('page', 'unreadable_page'), ('page', 'handwritten_page'), ('page', 'non_text_page'), ('page', 'low_ocr_confidence'),
    ('mixed_patients', 'mixed_patients'),
    ('batch', 'batch_count_mismatch'),
    ('no_document', 'no_documents'),
    ('manual', 'manually_rearranged'), ('manual', 'manually_reopened'),
    ('quality', 'quality_sample'),
    ('legacy_index', 'legacy_page_count'), ('legacy_index', 'legacy_patient_conflict'),
    ('legacy_index', 'legacy_files_missing'), ('legacy_index', 'legacy_unknown_mrn');

-- What a person must look at. A scan whose pages form no document (all blank, say) has its item on the scan itself. The columns
-- that the queue is filtered by are copied here, so that a queue of 50,000 is counted without visiting the scans.
create table review_item (
    id bigint generated always as identity primary key,
    scan_id bigint not null references scan,
    document_id bigint references document,
    reasons jsonb not null,
    candidates jsonb not null default '[]',
    priority smallint not null,
    opened_at timestamptz not null default now(),
    claimed_by text,
    claimed_until timestamptz,
    closed_at timestamptz,
    closed_by text,
    escalated_by text,
    escalated_at timestamptz,
    note text,
    kinds text[] not null default '{}',
    type text,
    source text,
    department text,
    excluded_users text[] not null default '{}',  -- who may not claim it: after one double entry its author, after two that differ both
    skipped_by text[] not null default '{}'       -- who skipped it: they get it again when nothing else is left
);
create unique index review_item_document on review_item (document_id) where closed_at is null;
create index review_item_open on review_item (priority desc, opened_at) where closed_at is null;
create index review_item_scan on review_item (scan_id) where closed_at is null;
create index review_item_kinds on review_item using gin (kinds) where closed_at is null;
create index review_item_holder on review_item (claimed_by) where closed_at is null and claimed_by is not null;
create index review_item_filtered on review_item (type, source, department) include (kinds, escalated_by) where closed_at is null;
alter table batch add foreign key (review_item_id) references review_item;

-- The IDs of the candidates of an item: a chart shows what waits in review and may belong to it.
create function candidate_patients(candidates jsonb) returns bigint[] language sql immutable parallel safe as $$
    select coalesce(array_agg((candidate #>> '{patient,id}')::bigint), '{}') from jsonb_array_elements(candidates) as candidate
$$;
create index review_item_candidates on review_item using gin (candidate_patients(candidates)) where closed_at is null;

-- The kinds of some reasons. A code that reason_code does not list is refused: it would be filtered under no kind.
create function reason_kinds(reasons jsonb) returns text[] language plpgsql stable as $$
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

create function review_item_filters() returns trigger language plpgsql as $$
begin
    new.kinds := reason_kinds(new.reasons);
    select s.source, s.department into new.source, new.department from scan s where s.id = new.scan_id;
    select d.type into new.type from document d where d.id = new.document_id;
    return new;
end
$$;
create trigger review_item_filters before insert or update of reasons on review_item
for each row execute function review_item_filters();

-- Values that two people type independently, neither seeing the other's nor the software's. Append-only.
create table double_entry (
    review_item_id bigint not null references review_item,
    entered_by text not null,
    entered_at timestamptz not null default now(),
    entered jsonb not null,  -- {"mrn": "...", "dob": "..."} as on the page; empty if the page has none
    primary key (review_item_id, entered_by)
);

-- Every decision, the software's and people's. Append-only.
create table decision (
    id bigint generated always as identity primary key,
    document_id bigint not null references document,
    review_item_id bigint references review_item,
    decided_by text not null,
    decided_at timestamptz not null default now(),
    before jsonb,
    after jsonb not null,
    note text,
    action text not null default 'decide',
    batch bigint,                       -- the first decision of those made together: they are undone together
    undoes bigint references decision
);
create index decision_document on decision (document_id, id);
create index decision_person on decision (decided_by, id);
create index decision_of_people on decision (decided_at) where decided_by <> 'machine';

create function reject_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create trigger decision_is_append_only before update or delete on decision for each row execute function reject_change();
create trigger decision_is_kept before truncate on decision for each statement execute function reject_change();
create trigger double_entry_is_append_only before update or delete on double_entry for each row execute function reject_change();

-- Attach a document to the encounter whose account number and dates fit, or record why it is attached to none. What is printed
-- counts only if nothing contradicts it: an account number of no encounter is uncertain, and so are two encounters on one day.
create function attach_encounter(doc bigint) returns void language plpgsql security definer set search_path = public as $$
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

-- A message about an encounter may attach or detach documents that were filed before it arrived.
create function on_encounter_change() returns trigger language plpgsql security definer set search_path = public as $$
begin
    perform attach_encounter(d.id) from document d
    where d.status <> 'withdrawn' and (d.encounter_id = new.id or d.patient_id in (select merged_patient_ids(new.patient_id)));
    return null;
end
$$;
create trigger on_encounter_change after insert or update of patient_id, facility, number, account, class, admitted_at, discharged_at, cancelled_at
on encounter for each row execute function on_encounter_change();

-- A merge or its undoing moves encounters: documents that stay may now belong to one, or no longer.
create function on_patient_merge() returns trigger language plpgsql security definer set search_path = public as $$
begin
    perform attach_encounter(d.id) from document d
    where d.status = 'filed' and d.patient_id in (
        select merged_patient_ids(new.id) union select merged_patient_ids(new.merged_into) union select merged_patient_ids(old.merged_into)
    );
    return null;
end
$$;
create trigger on_patient_merge after update of merged_into on patient
for each row when (old.merged_into is distinct from new.merged_into) execute function on_patient_merge();

alter table document set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);
alter table review_item set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);
