-- name: scan_of_bytes
select id, status, quarantine_code from scan where sha256 = %s

-- name: pages_of_scan
-- Pages there are, and those with content that no document has.
select count(*) as pages, count(*) filter (where p.kind in ('content', 'unreadable') and dp.document_id is null) as loose
from page p
left join document_page dp on dp.scan_id = p.scan_id and dp.number = p.number
where p.scan_id = %s

-- name: pdfs_of_scan
-- The documents that have not been taken out of circulation, each with the pages that its PDF must have.
select d.id, d.pdf, count(p.number) filter (where p.pdf is not null) as pages
from document d
join document_page dp on dp.document_id = d.id and dp.scan_id = d.scan_id
join page p on p.scan_id = dp.scan_id and p.number = dp.number
where d.scan_id = %s and d.status <> 'withdrawn'
group by d.id
order by d.id

-- name: proved_keys
select key from archive_row where archive_id = %(archive)s and check_result = 'proved' and key = any(%(keys)s)

-- name: note_check
update archive_row set checked_at = now(), check_result = %(result)s, check_detail = %(detail)s
where archive_id = %(archive)s and key = %(key)s

-- name: check_unlisted
update archive_row set checked_at = now(), check_result = 'excepted', check_detail = 'no row of the manifest names it'
where archive_id = %s and state = 'unlisted'
