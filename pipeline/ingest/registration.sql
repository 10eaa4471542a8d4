-- name: insert_scan
insert into scan (
    sha256, name, media_type, size, source, department, default_type, priority,
    status, quarantine_code, quarantine_reason, pages_in, page_count, notes, finished_at, given
)
values (
    %(sha256)s, %(name)s, %(media_type)s, %(size)s, %(source)s, %(department)s, %(default_type)s, %(priority)s,
    case when %(code)s::text is null then 'received' else 'quarantined' end, %(code)s, %(reason)s, %(pages)s, %(pages)s, %(notes)s,
    case when %(code)s::text is not null then now() end, %(given)s
)
on conflict (sha256) do nothing
returning id

-- name: scan_by_hash
select id, name, status, quarantine_code, quarantine_reason, pages_in from scan where sha256 = %s

-- name: insert_arrival
-- Its times are the database's: watchers on several machines, or one whose clock jumps, tell only how long ago things were.
insert into arrival (scan_id, name, duplicate, path, modified_ns, seen_at, stable_at, batch_id)
values (
    %(scan)s, %(name)s, %(duplicate)s, %(path)s, %(modified_ns)s,
    now() - make_interval(secs => %(seen_ago)s), now() - make_interval(secs => %(stable_ago)s), %(batch)s
)
returning id

-- name: arrival_still_in_folder
-- The same file of the folder, stored before and not yet gone from it: a watcher died in between.
select a.id, a.duplicate, a.batch_id as batch, s.id as scan, s.name, s.status, s.quarantine_code, s.quarantine_reason, s.pages_in
from arrival as a
join scan as s on s.id = a.scan_id
where a.path = %(path)s and a.left_at is null and a.modified_ns = %(modified_ns)s and s.sha256 = %(sha256)s

-- name: arrival_left
update arrival set left_at = now(), stays = null where id = any(%s) and left_at is null

-- name: arrival_stays
update arrival set stays = %(why)s where id = any(%(arrivals)s)

-- name: see_file
insert into sighting (path, size, seen_at) values (%(path)s, %(size)s, now() - make_interval(secs => %(seen_ago)s))
on conflict (path) do update set size = excluded.size, gone_at = null, why = null

-- name: sighting_waits
update sighting set why = %(why)s where path = %(path)s

-- name: file_gone
-- Unless another watcher has stored it in the meantime.
with stored as (
    delete from sighting as s using arrival as a
    where s.path = %(path)s and a.path = s.path and (a.left_at is null or a.left_at >= s.seen_at)
    returning s.path
)
update sighting set gone_at = now() where path = %(path)s and gone_at is null and not exists (select from stored)

-- name: sighting_stored
delete from sighting where path = %s

-- name: open_batch
insert into batch (name) values (%s)
on conflict (name) where settled_at is null do update set name = excluded.name
returning id

-- name: taken_from_folder
-- Has a file of this folder been taken, at any time?
select exists (select from arrival where path ^@ %s) as taken
