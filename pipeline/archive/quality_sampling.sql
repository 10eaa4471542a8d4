-- name: filed_documents
-- Filed documents of a migration, or of one of its batches.
select d.id
from migration_row r
join document d on d.scan_id = r.scan_id and d.status = 'filed'
where r.migration_job_id = %(archive)s and not r.duplicate and (%(batch)s::bigint is null or r.batch_id = %(batch)s)
order by d.id

-- name: draw_sample
insert into migration_sample (migration_job_id, batch_id, seed, confidence, error_limit, population, drawn_by)
values (%(archive)s, %(batch)s, %(seed)s, %(confidence)s, %(limit)s, %(population)s, %(by)s)
returning id

-- name: open_sample_items
-- A document that already waits for review is checked there.
insert into review_item (scan_id, document_id, reasons, candidates, priority)
select d.scan_id, d.id, %(reasons)s, coalesce(d.machine_result -> 'candidates', '[]'), s.priority
from document d
join scan s on s.id = d.scan_id
where d.id = any(%(documents)s)
on conflict (document_id) where closed_at is null do nothing

-- name: record_sample_items
insert into migration_sample_item (sample_id, document_id, review_item_id)
select %(sample)s, i.document_id, i.id from review_item i where i.document_id = any(%(documents)s) and i.closed_at is null

-- name: samples
-- Each sample with its results. An item that was closed without a change of the document counts as correct.
with verdict as (
    select s.sample_id, s.document_id, i.closed_at is not null as checked, i.closed_by, d.before, d.after, d.action
    from migration_sample_item s
    join review_item i on i.id = s.review_item_id
    left join lateral (
        select n.before, n.after, n.action
        from decision n
        where n.review_item_id = i.id and n.before is not null and n.undoes is null
          and not exists (select from decision u where u.undoes = n.id)
        order by n.id desc
        limit 1
    ) as d on true
), judged as (
    select *, array_remove(array[
        case when before -> 'patient_id' is distinct from after -> 'patient_id' then 'patient' end,
        case when before -> 'type' is distinct from after -> 'type' then 'type' end,
        case when before -> 'pages' is distinct from after -> 'pages' or action = 'regroup' then 'pages' end,
        case when before ->> 'date_of_service' <> coalesce(after ->> 'date_of_service', '') then 'date' end,
        case when after ->> 'status' = 'withdrawn' then 'withdrawn' end
    ], null) as wrong
    from verdict
)
select a.id, b.name as batch, a.batch_id, a.seed, a.confidence, a.error_limit, a.population, a.drawn_at, a.drawn_by,
    count(j.document_id) as size, count(*) filter (where j.checked) as checked,
    count(*) filter (where j.checked and cardinality(j.wrong) > 0) as errors,
    coalesce(jsonb_agg(jsonb_build_object('document', j.document_id, 'wrong', j.wrong, 'by', j.closed_by) order by j.document_id)
             filter (where j.checked and cardinality(j.wrong) > 0), '[]') as found
from migration_sample a
left join migration_batch b on b.id = a.batch_id
left join judged j on j.sample_id = a.id
where a.migration_job_id = %s
group by a.id, b.name
order by a.id
