-- name: record_outcomes
-- The outcome of every row of a migration, for the statements below; dropped at the end of the transaction.
create temporary table outcome on commit drop as
select r.id, r.key, r.document, r.batch_id, r.state, r.duplicate, r.scan_id, r.problems, r.recorded_at, r.check_result, r.check_detail,
    (select count(*) from migration_file f where f.row_id = r.id) as files,
    (select f.path from migration_file f where f.row_id = r.id order by f.position limit 1) as path,
    coalesce(s.pages_in, s.page_count, 0) as pages_in, s.name as scan_name, s.quarantine_code, s.quarantine_reason,
    case when s.id is null then null
        when s.dismissed_at is not null then 'dismissed'
        when s.status = 'quarantined' then 'quarantined'
        when s.status = 'received' then 'waiting'
        when exists (select from document d where d.scan_id = s.id and d.status = 'review')
          or exists (select from review_item i where i.scan_id = s.id and i.document_id is null and i.closed_at is null) then 'review'
        when exists (select from document d where d.scan_id = s.id and d.status = 'filed') then 'filed'
        when exists (select from document d where d.scan_id = s.id) then 'withdrawn'
        else 'blank'
    end as scan_outcome,
    exists (select from review_item i where i.scan_id = s.id and i.closed_at is null) as awaits_review
from migration_row r
left join scan s on s.id = r.scan_id
where r.migration_job_id = %(archive)s

-- name: report_rows
select case when state <> 'ingested' then state when duplicate then 'duplicate' else scan_outcome end as outcome,
    count(*) as rows, sum(files)::bigint as files
from outcome
group by 1

-- name: report_pages
-- Pages that came in, by outcome. The pages of a file that could not be opened are unknown and count as 0.
select
    (select coalesce(sum(pages_in), 0) from outcome where state = 'ingested')::bigint as "in",
    (select coalesce(sum(pages_in), 0) from outcome where duplicate)::bigint as duplicate,
    (select coalesce(sum(pages_in), 0) from outcome where not duplicate and scan_outcome in ('quarantined', 'dismissed'))::bigint as quarantined,
    (select coalesce(sum(pages_in), 0) from outcome where not duplicate and scan_outcome = 'waiting')::bigint as waiting,
    count(*) filter (where p.kind = 'blank') as blank,
    count(*) filter (where p.kind = 'separator') as separator,
    count(*) filter (where p.kind in ('content', 'unreadable') and d.status = 'filed') as filed,
    count(*) filter (where p.kind in ('content', 'unreadable') and d.status = 'review') as review,
    count(*) filter (where p.kind in ('content', 'unreadable') and d.status = 'withdrawn') as withdrawn
from outcome o
join page p on p.scan_id = o.scan_id
left join document_page dp on dp.scan_id = p.scan_id and dp.number = p.number
left join document d on d.id = dp.document_id
where not o.duplicate

-- name: report_batches
select b.id, b.name, b.signed_at, b.signed_by, count(o.id) as rows, coalesce(sum(o.files), 0)::bigint as files,
    coalesce(sum(o.pages_in) filter (where not o.duplicate), 0)::bigint as pages,
    count(*) filter (where o.check_result = 'verified') as verified,
    count(*) filter (where o.check_result = 'exempt') as exempt,
    count(*) filter (where o.check_result = 'failed') as failed,
    count(*) filter (where o.check_result is null) as unchecked,
    count(*) filter (where o.scan_outcome = 'waiting') as waiting
from migration_batch b
join outcome o on o.batch_id = b.id
group by b.id
order by b.name, b.id

-- name: report_exceptions
-- Everything that is not simply filed, with the row it is about.
with exception as (
    select o.id, problem ->> 'code' as code, problem ->> 'detail' as detail
    from outcome o, jsonb_array_elements(o.problems) as problem
    union all
    select o.id, 'duplicate', 'the same bytes as ' || o.scan_name from outcome o where o.duplicate
    union all
    select o.id, o.scan_outcome, concat_ws(': ', o.quarantine_code, o.quarantine_reason)
    from outcome o where not o.duplicate and o.scan_outcome in ('quarantined', 'dismissed', 'waiting')
    union all
    select o.id, reason ->> 'code', concat_ws(': ', 'in review', 'document ' || i.document_id, reason ->> 'detail')
    from outcome o
    join review_item i on i.scan_id = o.scan_id and i.closed_at is null
    cross join jsonb_array_elements(i.reasons) as reason
    where not o.duplicate and o.scan_outcome = 'review'
    union all
    select o.id, 'withdrawn', format('document %%s', d.id)
    from outcome o join document d on d.scan_id = o.scan_id and d.status = 'withdrawn' where not o.duplicate
    union all
    select o.id, p.kind || '_page', 'page ' || string_agg(p.number::text, ', ' order by p.number)
    from outcome o join page p on p.scan_id = o.scan_id and p.kind in ('blank', 'unreadable') where not o.duplicate
    group by o.id, p.kind
    union all
    select o.id, 'verification_failed', o.check_detail from outcome o where o.check_result = 'failed'
)
select b.name as batch, o.key as row, o.document, o.path, e.code, coalesce(e.detail, '') as detail
from exception e
join outcome o on o.id = e.id
join migration_batch b on b.id = o.batch_id
order by b.name, o.id, e.code, e.detail

-- name: report_destroyable
-- Sources of verified rows whose pages are filed or blank and not waiting for review, in batches that are verified and were signed
-- off in that state.
select b.name as batch, o.key as row, f.path, coalesce(f.sha256, s.sha256) as sha256, s.id as scan, b.signed_by, b.signed_at
from outcome o
join migration_batch b on b.id = o.batch_id
join migration_file f on f.row_id = o.id
join scan s on s.id = o.scan_id
where b.signed_at is not null and o.recorded_at <= b.signed_at
  and o.check_result = 'verified' and o.scan_outcome in ('filed', 'blank') and not o.awaits_review
  and not exists (select from outcome x where x.batch_id = b.id and (x.check_result is null or x.check_result = 'failed'))
order by b.name, o.id, f.position

-- name: batch_named
select id, name, signed_at, signed_by from migration_batch where migration_job_id = %(archive)s and name = %(name)s

-- name: signer
select role from account where name = %s and disabled_at is null

-- name: sign_batch
update migration_batch set signed_at = now(), signed_by = %(by)s, signed_for = %(totals)s where id = %(batch)s
