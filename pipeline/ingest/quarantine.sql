-- name: quarantined
select id, sha256, name, media_type, size, source, department, received_at, quarantine_code as code, quarantine_reason as reason,
    dismissed_at, dismissed_by
from scan
where status = 'quarantined' and (%(all)s or dismissed_at is null)
order by received_at, id

-- name: quarantined_scan
select id, sha256, name, media_type, size, source, department, received_at, quarantine_code as code, quarantine_reason as reason,
    dismissed_at, dismissed_by, notes,
    coalesce((select jsonb_agg(jsonb_build_object('name', a.name, 'seen_at', a.seen_at, 'duplicate', a.duplicate) order by a.id)
              from ingest_event as a where a.scan_id = scan.id), '[]') as arrivals,
    coalesce((select jsonb_agg(jsonb_build_object('action', q.action, 'code', q.code, 'by', q.done_by, 'at', q.done_at, 'note', q.note)
                               order by q.id)
              from quarantine_action as q where q.scan_id = scan.id), '[]') as actions
from scan
where id = %s and status = 'quarantined'

-- name: release_scan
-- Releases a scan into the queue. Pages that an earlier attempt opened are opened again.
with ranges as (delete from page_range where scan_id = %(id)s)
update scan
set status = 'received', quarantine_code = null, quarantine_reason = null, finished_at = null, dismissed_at = null,
    dismissed_by = null, media_type = %(media_type)s, pages_in = %(pages)s, page_count = %(pages)s, notes = %(notes)s
where id = %(id)s and status = 'quarantined'
returning priority

-- name: record_retry_failure
update scan set quarantine_code = %(code)s, quarantine_reason = %(reason)s where id = %(id)s and status = 'quarantined'

-- name: dismiss_scan
update scan set dismissed_at = now(), dismissed_by = %(by)s where id = %(id)s and status = 'quarantined' and dismissed_at is null

-- name: record_action
insert into quarantine_action (scan_id, action, code, done_by, note) values (%(id)s, %(action)s, %(code)s, %(by)s, %(note)s)
