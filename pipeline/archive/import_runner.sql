-- name: open_job
insert into migration_job (name, manifest, manifest_sha256, root, mapping)
values (%(name)s, %(manifest)s, %(sha256)s, %(root)s, %(mapping)s)
on conflict (name) do nothing

-- name: job_named
select id, name, manifest, manifest_sha256, root, mapping, started_at, listed, import_finished_at from migration_job where name = %s

-- name: job_names
select name from migration_job order by name

-- name: lock_job
select pg_try_advisory_lock(hashtextextended('archive ' || %(archive)s, 0)) as mine

-- name: lock_batch
select pg_try_advisory_lock_shared(hashtextextended('archive ' || %(archive)s, 0))
   and pg_try_advisory_lock(hashtextextended('archive ' || %(archive)s || ' batch ' || %(batch)s, 0)) as mine

-- name: count_listed
update migration_job set listed = %(listed)s, import_finished_at = null where id = %(archive)s

-- name: finish_import
update migration_job set import_finished_at = now() where id = %(archive)s

-- name: ingested_keys
select key from migration_row where migration_job_id = %(archive)s and state = 'ingested' and key = any(%(keys)s)

-- name: open_batch_of_job
insert into migration_batch (migration_job_id, name) values (%(archive)s, %(name)s)
on conflict (migration_job_id, name) do update set name = excluded.name
returning id

-- name: record_row
-- Returns nothing if the document has been ingested in the meantime. Earlier verification results are cleared.
insert into migration_row (migration_job_id, batch_id, key, document, state, scan_id, duplicate, problems)
values (%(archive)s, %(batch)s, %(key)s, %(document)s, %(state)s, %(scan)s, %(duplicate)s, %(problems)s)
on conflict (migration_job_id, key) do update
set state = excluded.state, scan_id = excluded.scan_id, duplicate = excluded.duplicate, problems = excluded.problems,
    recorded_at = now(), checked_at = null, check_result = null, check_detail = null
where migration_row.state <> 'ingested'
returning id

-- name: delete_files
delete from migration_file where row_id = %s

-- name: record_source_file
insert into migration_file (row_id, position, migration_job_id, path, sha256)
values (%(row)s, %(position)s, %(archive)s, %(path)s, %(sha256)s)

-- name: duplicate_listings
-- The files of this document that other rows also name, and other rows with its document number.
select f.path as what, r.key, 'listed_twice' as code
from migration_file f
join migration_row r on r.id = f.row_id
where f.migration_job_id = %(archive)s and f.path = any(%(paths)s) and r.key <> %(key)s
union all
select r.document, r.key, 'document_twice'
from migration_row r
where r.migration_job_id = %(archive)s and r.document = %(document)s and r.key <> %(key)s
order by 1, 2

-- name: legacy_metadata_of_scan
select legacy_metadata ->> 'mrn' as mrn from scan where id = %s

-- name: open_patient_review
-- The same pages came for two patients: a person decides, whatever happened to the first of them.
insert into review_item (scan_id, document_id, reasons, candidates, priority)
select s.id, d.id, %(reasons)s, '[]', s.priority
from scan s
left join document d on d.scan_id = s.id and d.status = 'filed'
where s.id = %(scan)s
on conflict (document_id) where closed_at is null do nothing

-- name: delete_unlisted
delete from migration_row where migration_job_id = %s and state = 'unlisted'

-- name: not_listed
select listed.path
from unnest(%(paths)s::text[]) as listed (path)
where not exists (select from migration_file f where f.migration_job_id = %(archive)s and f.path = listed.path)

-- name: count_unfinished
-- Scans of this source that are not read yet.
select count(*) from scan where status = 'received' and source = %s

-- name: jobs_in_queue
select count(*) from (
    select from procrastinate_jobs where queue_name = 'backfill' and status in ('todo', 'doing') limit %s
) as job
