-- name: patient_by_mrn
select id from patient where mrn = %(mrn)s
union all select patient_id from patient_identifier where kind = 'mrn' and value = %(mrn)s
limit 1

-- name: patient_summary
select p.id, p.mrn, p.given, p.family, p.dob,
    (select count(*) from document d where d.patient_id = p.id and d.status = 'filed') as documents
from patient p where p.id = %(id)s

-- name: is_merged_into
select 1 from patient where id = %(patient)s and merged_into = %(other)s

-- name: lock_patients
select id, merged_into from patient where id = any(%(ids)s) order by id for update

-- name: move_followers
-- who had been merged into the loser follows it to the survivor
update patient set merged_into = %(survivor)s where merged_into = %(loser)s

-- name: move_documents
update document set patient_id = %(to)s, revision = revision + 1 where patient_id = %(from)s returning id

-- name: move_documents_back
update document set patient_id = %(to)s, revision = revision + 1
where id = any(%(documents)s) and patient_id = %(from)s
returning id

-- name: record_merge
insert into patient_merge (loser, survivor, documents, followers, merged_by)
select %(loser)s, %(survivor)s, %(documents)s::bigint[],
    array(select m.loser from patient_merge m where m.undone_at is null and m.survivor = %(loser)s), %(by)s
returning id

-- name: close_record
update patient set merged_into = %(survivor)s, updated_at = now() where id = %(loser)s

-- name: open_merge
select id, survivor, documents, followers from patient_merge where loser = %(loser)s and undone_at is null for update

-- name: reopen_record
update patient set merged_into = case when id = %(loser)s then null else %(loser)s end, updated_at = now()
where id = %(loser)s or id = any(%(followers)s)

-- name: undo_merge
update patient_merge set undone_at = now(), undone_by = %(by)s where id = %(id)s

-- name: record_moves
-- no `before`: this is undone by parting the patients, not document by document
insert into decision (document_id, decided_by, before, after, note, action)
select d.id, %(by)s, null, jsonb_build_object('patient_id', %(to)s::bigint, 'moved_from', %(from)s::bigint, 'revision', d.revision),
    %(note)s, %(action)s
from document d where d.id = any(%(documents)s)

-- name: mrn_in_use
select id from patient where mrn = %(mrn)s and id <> %(id)s

-- name: renumber
update patient set mrn = %(mrn)s, updated_at = now() where id = %(id)s

-- name: add_former_mrn
insert into patient_identifier (patient_id, kind, facility, value) values (%(id)s, 'mrn', 'former', %(mrn)s) on conflict do nothing
