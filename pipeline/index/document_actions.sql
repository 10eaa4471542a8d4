-- name: lock_document
select d.revision,
    coalesce((select decided_by from decision where document_id = d.id order by id desc limit 1), 'the machine') as changed_by
from document d
where d.id = %(id)s
for update

-- name: snapshot
select jsonb_build_object(
    'version', 1, 'revision', d.revision, 'status', d.status, 'type', d.type, 'type_probability', d.type_probability,
    'patient_id', d.patient_id, 'match_probability', d.match_probability, 'date_of_service', d.date_of_service,
    'pages', to_jsonb(d.pages), 'pdf', d.pdf, 'filed_at', d.filed_at, 'filed_by', d.filed_by,
    'fields', coalesce((
        select jsonb_object_agg(f.name, f.value) from document_field f where f.document_id = d.id and f.source = 'person'
    ), '{}')
) as snapshot
from document d
where d.id = %(id)s

-- name: hold_item
select id from review_item
where id = %(id)s and document_id = %(document)s and closed_at is null and claimed_by = %(actor)s
    and claimed_until > now()
for update

-- name: file_by_person
-- the columns' probabilities are the machine's for what is filed: none for a patient or type that it did not propose
update document d
set status = 'filed', filed_at = now(), filed_by = %(actor)s, pdf = coalesce(%(pdf)s, d.pdf),
    type = %(type)s,
    type_probability = case when d.type = %(type)s then d.type_probability else coalesce((
        select (alternative ->> 'probability')::real
        from jsonb_array_elements(d.machine_result -> 'alternatives') as alternative
        where alternative ->> 'type' = %(type)s
    ), 0) end,
    patient_id = %(patient)s,
    match_probability = case when d.patient_id = %(patient)s then d.match_probability else (
        select (candidate ->> 'probability')::double precision
        from jsonb_array_elements(d.machine_result -> 'candidates') as candidate
        where (candidate #>> '{patient,id}')::bigint = %(patient)s
    ) end
where d.id = %(id)s

-- name: living_patient
-- a merged patient stands for the survivor
select coalesce(merged_into, id) as id from patient where id = %(id)s

-- name: move_document
-- the machine's probability is about the patient whom it proposed
update document d
set patient_id = %(patient)s, filed_at = now(), filed_by = %(actor)s, match_probability = (
    select (candidate ->> 'probability')::double precision
    from jsonb_array_elements(d.machine_result -> 'candidates') as candidate
    where (candidate #>> '{patient,id}')::bigint = %(patient)s
)
where d.id = %(id)s

-- name: withdraw_document
update document set status = 'withdrawn', filed_at = null, filed_by = null where id = %(id)s

-- name: reopen_document
update document set status = 'review', filed_at = null, filed_by = null where id = %(id)s

-- name: open_item
insert into review_item (scan_id, document_id, reasons, candidates, priority)
select d.scan_id, d.id, %(reasons)s, coalesce(d.machine_result -> 'candidates', '[]'), s.priority
from document d
join scan s on s.id = d.scan_id
where d.id = %(document)s
on conflict (document_id) where closed_at is null do nothing

-- name: restore_document
update document d
set status = %(snapshot)s::jsonb ->> 'status',
    type = %(snapshot)s::jsonb ->> 'type',
    type_probability = (%(snapshot)s::jsonb ->> 'type_probability')::real,
    patient_id = (%(snapshot)s::jsonb ->> 'patient_id')::bigint,
    match_probability = (%(snapshot)s::jsonb ->> 'match_probability')::double precision,
    date_of_service = (%(snapshot)s::jsonb ->> 'date_of_service')::date,
    pdf = %(snapshot)s::jsonb ->> 'pdf',
    filed_at = (%(snapshot)s::jsonb ->> 'filed_at')::timestamptz,
    filed_by = %(snapshot)s::jsonb ->> 'filed_by'
where d.id = %(id)s

-- name: delete_person_fields
delete from document_field where document_id = %(document)s and source = 'person'

-- name: insert_person_fields
insert into document_field (document_id, name, value, page, box, source)
select %(document)s, entered.key, entered.value, machine.page, machine.box, 'person'
from jsonb_each_text(%(fields)s) as entered
left join document_field machine
    on machine.document_id = %(document)s and machine.name = entered.key and machine.source = 'machine'
where entered.value is distinct from coalesce(machine.value, '')

-- name: copy_field_boxes
update document_field set page = %(page)s, box = %(box)s
where document_id = %(document)s and name = %(name)s and source = 'person'

-- name: restore_person_fields
insert into document_field (document_id, name, value, source)
select %(document)s, entered.key, entered.value, 'person'
from jsonb_each_text(%(snapshot)s::jsonb -> 'fields') as entered

-- name: set_date_of_service
update document set date_of_service = %(date_of_service)s where id = %(document)s

-- name: next_revision
update document set revision = revision + 1 where id = %(id)s

-- name: close_item
update review_item set closed_at = now(), closed_by = %(actor)s, claimed_by = null, claimed_until = null where id = %(id)s

-- name: reopen_item
update review_item
set closed_at = null, closed_by = null, claimed_by = %(actor)s, claimed_until = now() + interval '10 minutes'
where id = %(id)s

-- name: record_decision
insert into decision (document_id, review_item_id, decided_by, before, after, note, action, undoes)
values (%(document)s, %(item)s, %(actor)s, %(before)s, %(after)s, %(note)s, %(action)s, %(undoes)s)
returning id

-- name: decision
select d.id, d.action, d.batch, d.document_id, d.review_item_id, d.decided_by, d.before, d.after,
    exists (select from decision later where later.undoes = d.id) as undone
from decision d
where d.id = %(id)s

-- name: last_decision
select d.id, d.action, d.document_id, d.decided_at, d.review_item_id
from decision d
where d.decided_by = %(actor)s and d.before is not null and d.undoes is null
    and not exists (select from decision later where later.undoes = d.id)
    and d.decided_at > now() - interval '12 hours'
order by d.id desc
limit 1

-- name: close_scan_item
update review_item
set closed_at = now(), closed_by = %(actor)s, claimed_by = null, claimed_until = null, note = %(note)s
where id = %(id)s and document_id is null and closed_at is null and claimed_by = %(actor)s and claimed_until > now()
