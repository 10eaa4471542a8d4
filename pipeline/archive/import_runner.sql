-- name: open_archive
insert into archive (name, manifest, manifest_sha256, root, mapping)
values (%(name)s, %(manifest)s, %(sha256)s, %(root)s, %(mapping)s)
on conflict (name) do nothing

-- name: archive_named
select id, name, manifest, manifest_sha256, root, mapping, begun_at, listed, fed_at from archive where name = %s

-- name: archives
select name from archive order by name

-- name: lock_archive
select pg_try_advisory_lock(hashtextextended('archive ' || %(archive)s, 0)) as mine

-- name: lock_batch
select pg_try_advisory_lock_shared(hashtextextended('archive ' || %(archive)s, 0))
   and pg_try_advisory_lock(hashtextextended('archive ' || %(archive)s || ' batch ' || %(batch)s, 0)) as mine

-- name: count_listed
update archive set listed = %(listed)s, fed_at = null where id = %(archive)s

-- name: archive_fed
update archive set fed_at = now() where id = %(archive)s

-- name: taken_keys
select key from archive_row where archive_id = %(archive)s and state = 'taken' and key = any(%(keys)s)

-- name: open_archive_batch
insert into archive_batch (archive_id, name) values (%(archive)s, %(name)s)
on conflict (archive_id, name) do update set name = excluded.name
returning id

-- name: note_row
-- Nothing where the document has been taken in the meantime. What was found out about it before is void.
insert into archive_row (archive_id, batch_id, key, document, state, scan_id, duplicate, problems)
values (%(archive)s, %(batch)s, %(key)s, %(document)s, %(state)s, %(scan)s, %(duplicate)s, %(problems)s)
on conflict (archive_id, key) do update
set state = excluded.state, scan_id = excluded.scan_id, duplicate = excluded.duplicate, problems = excluded.problems,
    noted_at = now(), checked_at = null, check_result = null, check_detail = null
where archive_row.state <> 'taken'
returning id

-- name: forget_files
delete from archive_file where row_id = %s

-- name: note_file
insert into archive_file (row_id, position, archive_id, path, sha256)
values (%(row)s, %(position)s, %(archive)s, %(path)s, %(sha256)s)

-- name: listed_before
-- The files of this document that another row names too, and rows that name its document number.
select f.path as what, r.key, 'listed_twice' as code
from archive_file f
join archive_row r on r.id = f.row_id
where f.archive_id = %(archive)s and f.path = any(%(paths)s) and r.key <> %(key)s
union all
select r.document, r.key, 'document_twice'
from archive_row r
where r.archive_id = %(archive)s and r.document = %(document)s and r.key <> %(key)s
order by 1, 2

-- name: given_of_scan
select given ->> 'mrn' as mrn from scan where id = %s

-- name: open_patient_review
-- The same pages came under two patients: a person decides, whatever the first of them led to.
insert into review_item (scan_id, document_id, reasons, candidates, priority)
select s.id, d.id, %(reasons)s, '[]', s.priority
from scan s
left join document d on d.scan_id = s.id and d.status = 'filed'
where s.id = %(scan)s
on conflict (document_id) where settled_at is null do nothing

-- name: forget_unlisted
delete from archive_row where archive_id = %s and state = 'unlisted'

-- name: not_listed
select given.path
from unnest(%(paths)s::text[]) as given (path)
where not exists (select from archive_file f where f.archive_id = %(archive)s and f.path = given.path)

-- name: still_waiting
-- Scans of this source that are not read yet.
select count(*) from scan where status = 'received' and source = %s

-- name: jobs_in_queue
select count(*) from (
    select from procrastinate_jobs where queue_name = 'backfill' and status in ('todo', 'doing') limit %s
) as job
