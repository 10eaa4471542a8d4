-- name: files
-- Each file that was seen is in exactly one of these.
with state as (
    select s.id, case
        when s.rejected_at is not null then 'rejected'
        when s.status = 'quarantined' then 'quarantined'
        when s.status = 'received' then 'in_progress'
        when exists (select from document as d where d.scan_id = s.id and d.status = 'review')
          or exists (select from review_item as r where r.scan_id = s.id and r.settled_at is null) then 'review'
        when exists (select from document as d where d.scan_id = s.id and d.status = 'filed') then 'filed'
        when exists (select from document as d where d.scan_id = s.id) then 'withdrawn'
        else 'blank'
    end as state
    from scan as s
)
select
    (select count(*) from arrival) + (select count(*) from sighting) as seen,
    (select count(*) from sighting where gone_at is null) as in_folder,
    (select count(*) from sighting where gone_at is not null) as gone,
    (select count(*) from arrival where duplicate) as duplicate,
    count(*) filter (where state = 'filed') as filed,
    count(*) filter (where state = 'review') as review,
    count(*) filter (where state = 'quarantined') as quarantined,
    count(*) filter (where state = 'rejected') as rejected,
    count(*) filter (where state = 'in_progress') as in_progress,
    count(*) filter (where state = 'blank') as blank,
    count(*) filter (where state = 'withdrawn') as withdrawn
from state

-- name: pages
-- Each page that came in is in exactly one of these; a page that could not be read is in a document's review like any other.
select
    (select coalesce(sum(coalesce(pages_in, page_count)), 0) from scan)::bigint as "in",
    (select coalesce(sum(coalesce(pages_in, page_count)), 0) from scan where status = 'received')::bigint as in_progress,
    (select coalesce(sum(coalesce(pages_in, page_count)), 0) from scan where status = 'quarantined')::bigint as quarantined,
    count(*) filter (where p.kind = 'blank') as blank,
    count(*) filter (where p.kind = 'separator') as separator,
    count(*) filter (where p.kind in ('content', 'unreadable') and d.status = 'filed') as filed,
    count(*) filter (where p.kind in ('content', 'unreadable') and d.status = 'review') as review,
    count(*) filter (where p.kind in ('content', 'unreadable') and d.status = 'withdrawn') as withdrawn,
    count(*) filter (where p.kind = 'unreadable') as unreadable
from page as p
left join document_page as dp on dp.scan_id = p.scan_id and dp.number = p.number
left join document as d on d.id = dp.document_id

-- name: faults
-- What must never be. Each row is a scan that somebody has to look at.
select 'first_arrival' as code, s.id as scan, format('has %s first arrivals, not one', count(a.id)) as detail
from scan as s
left join arrival as a on a.scan_id = s.id and not a.duplicate
group by s.id
having count(a.id) <> 1
union all
select 'pages_missing', s.id, format('came with %s pages, %s are accounted for', coalesce(s.pages_in, s.page_count), count(p.number))
from scan as s
left join page as p on p.scan_id = s.id
where s.status = 'done'
group by s.id
having count(p.number) is distinct from coalesce(s.pages_in, s.page_count)
union all
select 'page_in_no_document', p.scan_id, format('pages %s are in no document', array_to_string(array_agg(p.number order by p.number), ', '))
from page as p
left join document_page as dp on dp.scan_id = p.scan_id and dp.number = p.number
where p.kind in ('content', 'unreadable') and dp.document_id is null
group by p.scan_id
union all
select 'review_lost', d.scan_id, format('document %s is in review and on nobody''s list', d.id)
from document as d
where d.status = 'review'
  and not exists (select from review_item as r where r.document_id = d.id and r.settled_at is null)
union all
select 'stuck', s.id, 'waits to be processed and has no job'
from scan as s
where s.status = 'received' and s.received_at < now() - interval '1 minute'
  and not exists (
      select from procrastinate_jobs as j
      where j.status in ('todo', 'doing') and j.args @> jsonb_build_object('scan', s.id)
  )
order by 2, 1

-- name: originals
select id, sha256, size from scan order by id

-- name: lives
-- The life of each file, last seen first.
select a.id as arrival, s.id as scan, a.name, a.path, s.sha256, s.size, coalesce(s.pages_in, s.page_count) as pages, a.duplicate,
    case when a.duplicate then 'duplicate' when s.rejected_at is not null then 'rejected'
         when s.status = 'received' then 'in_progress' else s.status end as status,
    b.name as batch, a.seen_at, a.stable_at, a.stored_at,
    case when s.status = 'done' and not a.duplicate then s.finished_at end as read_at,
    case when not a.duplicate then (select max(d.filed_at) from document as d where d.scan_id = s.id and d.status = 'filed') end as filed_at,
    a.left_at
from arrival as a
join scan as s on s.id = a.scan_id
left join batch as b on b.id = a.batch_id
where %(scan)s::bigint is null or s.id = %(scan)s
order by a.id desc
limit %(limit)s

-- name: cover_sheets
-- Batch cover sheets that came in and that no batch has taken note of.
select p.scan_id as scan, min(code ->> 'text') as text, min(a.batch_id) as batch
from page as p
cross join lateral jsonb_array_elements(p.codes) as code
join arrival as a on a.scan_id = p.scan_id and not a.duplicate
where p.kind = 'separator' and code ->> 'text' like 'CHARTLOOM/BATCH/1;%'
  and not exists (select from batch as b where b.sheet_scan_id = p.scan_id)
group by p.scan_id

-- name: note_sheet
update batch
set sheet_scan_id = %(scan)s, expected_files = coalesce(%(files)s, expected_files),
    expected_documents = coalesce(%(documents)s, expected_documents), expected_pages = coalesce(%(pages)s, expected_pages)
where id = %(batch)s and sheet_scan_id is null

-- name: join_batch
update arrival set batch_id = %(batch)s where scan_id = %(scan)s and not duplicate and batch_id is null

-- name: batches
select b.id, b.name, b.expected_files, b.expected_documents, b.expected_pages, b.sheet_scan_id, b.opened_at, b.settled_at, b.adds_up,
    t.files, t.duplicates, t.quarantined, t.in_progress, t.documents, t.pages, t.last_stored, t.first_scan
from batch as b
cross join lateral (
    select count(a.id) as files, count(a.id) filter (where a.duplicate) as duplicates,
        count(s.id) filter (where s.status = 'quarantined' and not a.duplicate) as quarantined,
        count(s.id) filter (where s.status = 'received') as in_progress,
        max(a.stored_at) as last_stored, min(a.scan_id) as first_scan,
        coalesce(sum((select count(*) from document as d where d.scan_id = a.scan_id and d.status <> 'withdrawn'))
                 filter (where not a.duplicate), 0)::bigint as documents,
        coalesce(sum((select count(*) from page as p where p.scan_id = a.scan_id and p.kind in ('content', 'unreadable')))
                 filter (where not a.duplicate), 0)::bigint as pages
    from arrival as a
    join scan as s on s.id = a.scan_id
    where a.batch_id = b.id
) as t
where %(all)s or b.settled_at is null
order by b.id

-- name: settle_batch
update batch set settled_at = now(), adds_up = %(adds_up)s where id = %(batch)s and settled_at is null

-- name: review_batch
insert into review_item (scan_id, reasons, priority)
select s.id, %(reasons)s, s.priority from scan as s where s.id = %(scan)s
