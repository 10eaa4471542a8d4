-- name: files
-- Each file that was seen has exactly one of these outcomes.
with state as (
    select s.id, case
        when s.dismissed_at is not null then 'dismissed'
        when s.status = 'quarantined' then 'quarantined'
        when s.status = 'received' then 'in_progress'
        when exists (select from document as d where d.scan_id = s.id and d.status = 'review')
          or exists (select from review_item as r where r.scan_id = s.id and r.closed_at is null) then 'review'
        when exists (select from document as d where d.scan_id = s.id and d.status = 'filed') then 'filed'
        when exists (select from document as d where d.scan_id = s.id) then 'withdrawn'
        else 'blank'
    end as state
    from scan as s
)
select
    (select count(*) from ingest_event) + (select count(*) from intake_file) as seen,
    (select count(*) from intake_file where gone_at is null) as in_folder,
    (select count(*) from intake_file where gone_at is not null) as gone,
    (select count(*) from ingest_event where duplicate) as duplicate,
    count(*) filter (where state = 'filed') as filed,
    count(*) filter (where state = 'review') as review,
    count(*) filter (where state = 'quarantined') as quarantined,
    count(*) filter (where state = 'dismissed') as dismissed,
    count(*) filter (where state = 'in_progress') as in_progress,
    count(*) filter (where state = 'blank') as blank,
    count(*) filter (where state = 'withdrawn') as withdrawn
from state

-- name: pages
-- Each page that came in has exactly one of these outcomes. An unreadable page is in review with its document.
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

-- name: discrepancies
-- States that must not exist. Each row is a scan that a person has to check.
select 'arrival_mismatch' as code, s.id as scan, format('has %s first arrivals, not one', count(a.id)) as detail
from scan as s
left join ingest_event as a on a.scan_id = s.id and not a.duplicate
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
select 'orphaned_review', d.scan_id, format('document %s is in review and has no review item', d.id)
from document as d
where d.status = 'review'
  and not exists (select from review_item as r where r.document_id = d.id and r.closed_at is null)
union all
select 'stalled', s.id, 'it waits for processing and has no job'
from scan as s
where s.status = 'received' and s.received_at < now() - interval '1 minute'
  and not exists (
      select from procrastinate_jobs as j
      where j.status in ('todo', 'doing') and j.args @> jsonb_build_object('scan', s.id)
  )
order by 2, 1

-- name: originals
select id, sha256, size from scan order by id

-- name: file_history
-- The history of each file, last seen first.
select a.id as ingest_event, s.id as scan, a.name, a.path, s.sha256, s.size, coalesce(s.pages_in, s.page_count) as pages, a.duplicate,
    case when a.duplicate then 'duplicate' when s.dismissed_at is not null then 'dismissed'
         when s.status = 'received' then 'in_progress' else s.status end as status,
    b.name as batch, a.seen_at, a.stable_at, a.stored_at,
    case when s.status = 'done' and not a.duplicate then s.finished_at end as read_at,
    case when not a.duplicate then (select max(d.filed_at) from document as d where d.scan_id = s.id and d.status = 'filed') end as filed_at,
    a.removed_at, s.notes
from ingest_event as a
join scan as s on s.id = a.scan_id
left join batch as b on b.id = a.batch_id
where %(scan)s::bigint is null or s.id = %(scan)s
order by a.id desc
limit %(limit)s

-- name: note_counts
-- How many scans have each note: signed, attachments and so on.
select note ->> 'code' as code, count(*) as scans
from scan
cross join jsonb_array_elements(notes) as note
group by 1
order by 1

-- name: waiting
-- Files of the intake folder that wait until a person acts: not ingested yet, or stored and impossible to move.
select path, size, seen_at, waiting_reason, false as stored from intake_file where gone_at is null and waiting_reason is not null
union all
select a.path, s.size, a.seen_at, a.waiting_reason, true from ingest_event as a join scan as s on s.id = a.scan_id
where a.waiting_reason is not null and a.removed_at is null
order by seen_at
limit %s

-- name: paper_retention
-- Each file with the reason why its paper must be kept; null if it may be shredded.
select a.id as ingest_event, s.id as scan, a.name, a.path, b.name as batch, a.stored_at, case
    when s.status = 'received' then 'in_progress'
    -- A dismissal is a decision about the files that had arrived before it, not about the same bytes that arrived later.
    when s.status = 'quarantined' and not exists (
        select from quarantine_action as q where q.scan_id = s.id and q.action = 'dismissed' and q.done_at >= a.stored_at
    ) then 'quarantined'
    when exists (select from review_item as r where r.scan_id = s.id and r.closed_at is null) then 'review'
    when exists (select from document_page as dp join document as d on d.id = dp.document_id
                 where dp.scan_id = s.id and d.status <> 'filed') then 'rescan'
    when s.status = 'done' and s.page_count is distinct from coalesce(s.pages_in, s.page_count) then 'pages_missing'
    when b.id is not null and b.closed_at is null then 'batch'
    end as kept_for
from ingest_event as a
join scan as s on s.id = a.scan_id
left join batch as b on b.id = a.batch_id
order by a.id

-- name: cover_sheets
-- Batch cover sheets that have not been applied to a batch yet.
select distinct p.scan_id as scan, code ->> 'text' as text
from page as p
cross join lateral jsonb_array_elements(p.codes) as code
where p.kind = 'separator'
  and p.codes @? '$[*].text ? (@ starts with "CHARTLOOM/BATCH/1;")' and code ->> 'text' like 'CHARTLOOM/BATCH/1;%'
  and not exists (select from batch_sheet as b where b.scan_id = p.scan_id and b.text = code ->> 'text')
order by 1, 2

-- name: batch_of_scan
select batch_id as id from ingest_event where scan_id = %s and not duplicate and batch_id is not null limit 1

-- name: join_batch
update ingest_event set batch_id = %(batch)s where scan_id = %(scan)s and not duplicate and batch_id is null

-- name: record_cover_sheet
insert into batch_sheet (scan_id, text, batch_id, files, documents, pages)
values (%(scan)s, %(text)s, %(batch)s, %(files)s, %(documents)s, %(pages)s)

-- name: close_bare_batch
-- A scan of only cover sheets has no document, which is not a reason for a review.
update review_item as r set closed_at = now(), closed_by = 'machine', note = 'It is a batch cover sheet.'
where r.scan_id = %(scan)s and r.document_id is null and r.closed_at is null and r.kinds = '{no_document}'
  and not exists (select from page as p where p.scan_id = r.scan_id and p.kind <> 'separator')

-- name: batches
-- The pages of a file that came twice count once. A file of only separator sheets is not counted.
select b.id, b.name, b.opened_at, b.closed_at, b.balanced, b.review_item_id as item, r.closed_by as item_settled_by,
    e.files as expected_files, e.documents as expected_documents, e.pages as expected_pages,
    t.files, t.duplicates, t.quarantined, t.in_progress, t.documents, t.pages, t.quiet_seconds,
    coalesce(e.scan, t.scan) as scan
from batch as b
left join review_item as r on r.id = b.review_item_id
cross join lateral (
    select sum(files)::bigint as files, sum(documents)::bigint as documents, sum(pages)::bigint as pages, min(scan_id) as scan
    from (
        select distinct on (text) scan_id, files, documents, pages from batch_sheet where batch_id = b.id order by text, scan_id
    ) as sheet
) as e
cross join lateral (
    select coalesce(sum(one.arrivals) filter (where one.counts), 0)::bigint as files,
        coalesce(sum(one.duplicates) filter (where one.counts), 0)::bigint as duplicates,
        count(*) filter (where one.status = 'quarantined' and one.dismissed_at is null) as quarantined,
        count(*) filter (where one.status = 'received') as in_progress,
        extract(epoch from now() - max(one.last_stored))::float8 as quiet_seconds, min(one.id) as scan,
        coalesce(sum((select count(*) from document as d where d.scan_id = one.id and d.status <> 'withdrawn')), 0)::bigint
            as documents,
        coalesce(sum((select count(*) from page as p where p.scan_id = one.id and p.kind in ('content', 'unreadable'))), 0)::bigint
            as pages
    from (
        select s.id, s.status, s.dismissed_at, max(a.stored_at) as last_stored, count(*) as arrivals,
            count(*) filter (where a.duplicate) as duplicates,
            s.dismissed_at is null
                and (s.status <> 'done' or exists (select from page as p where p.scan_id = s.id and p.kind <> 'separator')) as counts
        from ingest_event as a
        join scan as s on s.id = a.scan_id
        where a.batch_id = b.id
        group by s.id
    ) as one
) as t
where %(all)s or b.closed_at is null
order by b.id

-- name: close_batch
update batch set closed_at = now(), balanced = %(balanced)s where id = %(batch)s and closed_at is null

-- name: close_batch_item
update review_item
set closed_at = now(), closed_by = 'machine', note = 'It adds up now.', claimed_by = null, claimed_until = null
where id = %(item)s and closed_at is null

-- name: review_batch
with item as (
    insert into review_item (scan_id, reasons, priority)
    select s.id, %(reasons)s, s.priority from scan as s where s.id = %(scan)s
    returning id
)
update batch set review_item_id = item.id from item where batch.id = %(batch)s

-- name: update_batch_item
update review_item set reasons = %(reasons)s where id = %(item)s and closed_at is null and reasons <> %(reasons)s
