-- name: load_scan
select id, sha256, name, media_type, size, source, department, default_type, priority, legacy_metadata, notes
from scan
where id = %s

-- name: waiting_scan
select id, sha256, name, media_type, size, source, department, default_type, priority, legacy_metadata, notes
from scan
where id = %s and status = 'received'

-- name: page_count
select pages_in as page_count from scan where id = %s

-- name: quarantine_scan
update scan
set status = 'quarantined', quarantine_code = %(code)s, quarantine_reason = %(reason)s, finished_at = now()
where id = %(id)s and status = 'received'

-- name: get_cached_page
select page from ocr_cache where key = %s and engine = %s

-- name: put_cached_page
insert into ocr_cache (key, engine, page) values (%s, %s, %s)
-- a page that was stored in another version of the shape is replaced
on conflict (key, engine) do update set page = excluded.page, created_at = now()
where ocr_cache.page -> 'version' is distinct from excluded.page -> 'version'
