-- name: filed_documents
-- Documents in charts that came with an archive, or with a batch of it.
select d.id
from archive_row r
join document d on d.scan_id = r.scan_id and d.status = 'filed'
where r.archive_id = %(archive)s and not r.duplicate and (%(batch)s::bigint is null or r.batch_id = %(batch)s)
order by d.id

-- name: draw_sample
insert into archive_sample (archive_id, batch_id, seed, confidence, error_limit, population, drawn_by)
values (%(archive)s, %(batch)s, %(seed)s, %(confidence)s, %(limit)s, %(population)s, %(by)s)
returning id

-- name: open_sample_items
-- A document that is on somebody's list already is looked at there.
insert into review_item (scan_id, document_id, reasons, candidates, priority)
select d.scan_id, d.id, %(reasons)s, coalesce(d.machine -> 'candidates', '[]'), s.priority
from document d
join scan s on s.id = d.scan_id
where d.id = any(%(documents)s)
on conflict (document_id) where settled_at is null do nothing

-- name: note_sampled
insert into archive_sampled (sample_id, document_id, review_item_id)
select %(sample)s, i.document_id, i.id from review_item i where i.document_id = any(%(documents)s) and i.settled_at is null

-- name: samples
-- Each sample with what its reviewers found. An item that is settled without a change of the document found nothing wrong.
with verdict as (
    select s.sample_id, s.document_id, i.settled_at is not null as checked, i.settled_by, d.before, d.after, d.act
    from archive_sampled s
    join review_item i on i.id = s.review_item_id
    left join lateral (
        select n.before, n.after, n.act
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
        case when before -> 'pages' is distinct from after -> 'pages' or act = 'regroup' then 'pages' end,
        case when before ->> 'date_of_service' <> coalesce(after ->> 'date_of_service', '') then 'date' end,
        case when after ->> 'status' = 'withdrawn' then 'withdrawn' end
    ], null) as wrong
    from verdict
)
select a.id, b.name as batch, a.batch_id, a.seed, a.confidence, a.error_limit, a.population, a.drawn_at, a.drawn_by,
    count(j.document_id) as size, count(*) filter (where j.checked) as checked,
    count(*) filter (where j.checked and cardinality(j.wrong) > 0) as errors,
    coalesce(jsonb_agg(jsonb_build_object('document', j.document_id, 'wrong', j.wrong, 'by', j.settled_by) order by j.document_id)
             filter (where j.checked and cardinality(j.wrong) > 0), '[]') as found
from archive_sample a
left join archive_batch b on b.id = a.batch_id
left join judged j on j.sample_id = a.id
where a.archive_id = %s
group by a.id, b.name
order by a.id
