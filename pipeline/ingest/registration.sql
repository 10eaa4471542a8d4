-- name: insert_scan
insert into scan (
    sha256, name, media_type, size, source, department, default_type, priority,
    status, quarantine_code, quarantine_reason, pages_in, page_count, notes, finished_at, legacy_metadata, has_content
)
values (
    %(sha256)s, %(name)s, %(media_type)s, %(size)s, %(source)s, %(department)s, %(default_type)s, %(priority)s,
    case when %(code)s::text is null then 'received' else 'quarantined' end, %(code)s, %(reason)s, %(pages)s, %(pages)s, %(notes)s,
    case when %(code)s::text is not null then now() end, %(legacy_metadata)s, %(has_content)s
)
on conflict (sha256) where has_content do nothing
returning id, name, status, quarantine_code, quarantine_reason, pages_in

-- name: scan_by_hash
-- The scan of which a file with these bytes is a duplicate. A file without content is a duplicate of none.
select id, name, status, quarantine_code, quarantine_reason, pages_in from scan where sha256 = %s and has_content

-- name: earlier_scan_of_path
-- The scan of an earlier file with the same path that had fewer pages.
select s.id, s.sha256, s.pages_in
from ingest_event as a
join scan as s on s.id = a.scan_id
where a.path = %(path)s and s.pages_in < %(pages)s and s.status <> 'quarantined' and a.stored_at > now() - interval '1 day'
order by a.id desc
limit 1

-- name: earlier_scans_of_name
-- The same for files that were uploaded with the same name; others with that name may be in between.
select s.id, s.sha256, s.pages_in
from ingest_event as a
join scan as s on s.id = a.scan_id
where a.stored_at > now() - interval '1 day' and a.path is null and a.name = %(name)s and s.source = %(source)s
    and s.pages_in < %(pages)s and s.status <> 'quarantined'
order by a.id desc
limit 3

-- name: note_waiting_scan
update scan set notes = notes || %(notes)s where id = %(id)s and status = 'received'

-- name: reopen_dismissed_scan
-- A dismissal is a decision about the files that had arrived by then. The file that has arrived now needs another one.
update scan set dismissed_at = null, dismissed_by = null where id = %s and dismissed_at is not null

-- name: insert_event
-- Times are the database's: watchers on several machines, or with a clock that jumps, only state how long ago things happened.
insert into ingest_event (scan_id, name, duplicate, path, modified_ns, seen_at, stable_at, batch_id)
values (
    %(scan)s, %(name)s, %(duplicate)s, %(path)s, %(modified_ns)s,
    now() - make_interval(secs => %(seen_ago)s), now() - make_interval(secs => %(stable_ago)s), %(batch)s
)
returning id

-- name: event_still_in_folder
-- The same file of the folder, stored but not yet moved out of it: a watcher died in between.
select a.id, a.duplicate, a.batch_id as batch, s.id as scan, s.name, s.status, s.quarantine_code, s.quarantine_reason, s.pages_in
from ingest_event as a
join scan as s on s.id = a.scan_id
where a.path = %(path)s and a.removed_at is null and a.modified_ns = %(modified_ns)s and s.sha256 = %(sha256)s

-- name: mark_removed
update ingest_event set removed_at = now(), waiting_reason = null where id = any(%s) and removed_at is null

-- name: set_event_waiting_reason
update ingest_event set waiting_reason = %(waiting_reason)s where id = any(%(arrivals)s)

-- name: record_file
insert into intake_file (path, size, seen_at) values (%(path)s, %(size)s, now() - make_interval(secs => %(seen_ago)s))
on conflict (path) do update set size = excluded.size, gone_at = null, waiting_reason = null

-- name: set_file_waiting_reason
update intake_file set waiting_reason = %(waiting_reason)s where path = %(path)s

-- name: remove_file
-- Has no effect if another watcher has stored the file in the meantime.
with stored as (
    delete from intake_file as s using ingest_event as a
    where s.path = %(path)s and a.path = s.path and (a.removed_at is null or a.removed_at >= s.seen_at)
    returning s.path
)
update intake_file set gone_at = now() where path = %(path)s and gone_at is null and not exists (select from stored)

-- name: delete_stored_file
delete from intake_file where path = %s

-- name: open_batch
insert into batch (name) values (%s)
on conflict (name) where closed_at is null do update set name = excluded.name
returning id

-- name: ingested_from_folder
-- Whether a file of this folder has ever been ingested.
select exists (select from ingest_event where path ^@ %s) as has_files
