-- name: scan_of_bytes
select id, status, quarantine_code from scan where sha256 = %s order by id limit 1

-- name: pages_of_scan
-- The number of pages, and of those with content that are in no document.
select count(*) as pages, count(*) filter (where p.kind in ('content', 'unreadable') and dp.document_id is null) as loose
from page p
left join document_page dp on dp.scan_id = p.scan_id and dp.number = p.number
where p.scan_id = %s

-- name: pdfs_of_scan
-- The documents that are not withdrawn, with the number of pages that the PDF of each must have.
select d.id, d.pdf, count(p.number) filter (where p.pdf is not null) as pages
from document d
join document_page dp on dp.document_id = d.id and dp.scan_id = d.scan_id
join page p on p.scan_id = dp.scan_id and p.number = dp.number
where d.scan_id = %s and d.status <> 'withdrawn'
group by d.id
order by d.id

-- name: verified_keys
select key from migration_row where migration_job_id = %(archive)s and check_result = 'verified' and key = any(%(keys)s)

-- name: record_verification
update migration_row set checked_at = now(), check_result = %(result)s, check_detail = %(detail)s
where migration_job_id = %(archive)s and key = %(key)s

-- name: check_unlisted
update migration_row set checked_at = now(), check_result = 'exempt', check_detail = 'no row of the manifest names it'
where migration_job_id = %s and state = 'unlisted'
