-- name: quarantined
select id, sha256, name, media_type, size, source, department, received_at, quarantine_code as code, quarantine_reason as reason,
    rejected_at, rejected_by
from scan
where status = 'quarantined' and (%(all)s or rejected_at is null)
order by received_at, id

-- name: quarantined_scan
select id, sha256, name, media_type, size, source, department, received_at, quarantine_code as code, quarantine_reason as reason,
    rejected_at, rejected_by, notes,
    coalesce((select jsonb_agg(jsonb_build_object('name', a.name, 'seen_at', a.seen_at, 'duplicate', a.duplicate) order by a.id)
              from arrival as a where a.scan_id = scan.id), '[]') as arrivals,
    coalesce((select jsonb_agg(jsonb_build_object('act', q.act, 'code', q.code, 'by', q.done_by, 'at', q.done_at, 'note', q.note)
                               order by q.id)
              from quarantine_act as q where q.scan_id = scan.id), '[]') as acts
from scan
where id = %s and status = 'quarantined'

-- name: release_scan
-- Out of quarantine and into the queue; what an earlier try opened is opened anew.
with ranges as (delete from page_range where scan_id = %(id)s)
update scan
set status = 'received', quarantine_code = null, quarantine_reason = null, finished_at = null, rejected_at = null,
    rejected_by = null, media_type = %(media_type)s, pages_in = %(pages)s, page_count = %(pages)s, notes = %(notes)s
where id = %(id)s and status = 'quarantined'
returning priority

-- name: refuse_again
update scan set quarantine_code = %(code)s, quarantine_reason = %(reason)s where id = %(id)s and status = 'quarantined'

-- name: reject_scan
update scan set rejected_at = now(), rejected_by = %(by)s where id = %(id)s and status = 'quarantined' and rejected_at is null

-- name: note_act
insert into quarantine_act (scan_id, act, code, done_by, note) values (%(id)s, %(act)s, %(code)s, %(by)s, %(note)s)
