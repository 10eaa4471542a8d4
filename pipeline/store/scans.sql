-- name: load_scan
select id, sha256, name, media_type, size, source, department, default_type, priority, given
from scan
where id = %s

-- name: waiting_scan
select id, sha256, name, media_type, size, source, department, default_type, priority, given
from scan
where id = %s and status = 'received'

-- name: page_count
select pages_in as page_count from scan where id = %s

-- name: quarantine_scan
update scan
set status = 'quarantined', quarantine_code = %(code)s, quarantine_reason = %(reason)s, finished_at = now()
where id = %(id)s and status = 'received'

-- name: cached_reading
select page from reading where key = %s and engine = %s

-- name: keep_reading
insert into reading (key, engine, page) values (%s, %s, %s) on conflict do nothing
