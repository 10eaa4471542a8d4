-- name: figures
select
    (select count(*) from arrival where stored_at >= current_date) as files_in,
    (select count(*) from arrival where stored_at >= current_date and duplicate) as duplicates,
    (select count(*) from scan where status = 'received') as reading,
    (select count(*) from scan where status = 'quarantined' and finished_at >= current_date) as quarantined,
    (select count(*) from document where filed_at >= current_date and filed_by = 'machine') as filed_by_machine,
    (select count(*) from document where filed_at >= current_date and filed_by <> 'machine') as filed_by_people,
    (select count(*) from review_item where settled_at is null) as waiting,
    (select count(*) from review_item where settled_at is null and claimed_until > now()) as held,
    (select count(*) from review_item where settled_at is null and escalated_by is not null) as handed_up,
    (select min(opened_at) from review_item where settled_at is null) as oldest,
    (select coalesce(sum(size), 0) from scan)::bigint as original_bytes,
    pg_database_size(current_database()) as database_bytes

-- name: figures_ages
select bucket.name, count(i.id) as n
from (values (1, 'under 1 hour', interval '0', interval '1 hour'), (2, '1 to 4 hours', '1 hour', '4 hours'),
             (3, '4 to 24 hours', '4 hours', '1 day'), (4, '1 to 3 days', '1 day', '3 days'),
             (5, 'over 3 days', '3 days', '100 years')) as bucket (place, name, low, high)
left join review_item i on i.settled_at is null and now() - i.opened_at >= bucket.low and now() - i.opened_at < bucket.high
group by bucket.place, bucket.name
order by bucket.place

-- name: figures_people
select decided_by as person, count(*) filter (where act = 'file') as filed,
    count(*) filter (where act in ('reject', 'withdraw')) as rejected,
    count(*) filter (where act = 'regroup' and before is not null) as cut,
    count(*) filter (where act = 'undo') as undone,
    count(*) / greatest(extract(epoch from max(decided_at) - min(decided_at)) / 3600, 0.25) as an_hour
from decision
where decided_at >= current_date and decided_by <> 'machine'
group by decided_by
order by filed desc, person

-- name: figures_agreement
-- people's filings of the last 30 days that stand, against the machine's first answer
with filed as (
    select d.machine, d.type, d.patient_id
    from decision n
    join document d on d.id = n.document_id
    where n.act = 'file' and n.decided_at > now() - interval '30 days' and d.status = 'filed' and d.filed_by = n.decided_by
)
select count(*) as documents,
    count(*) filter (where machine ->> 'type' = type) as same_type,
    count(*) filter (where machine #>> '{candidates,0,patient,id}' is not null) as with_candidate,
    count(*) filter (where (machine #>> '{candidates,0,patient,id}')::bigint = patient_id) as same_patient
from filed

-- name: figures_calibration
-- how often people kept the machine's type, by how probable the machine thought it
with filed as (
    select least(floor((d.machine ->> 'type_probability')::real * 10)::integer, 9) as tenth,
        (d.machine ->> 'type_probability')::real as said, (d.machine ->> 'type' = d.type)::integer as same
    from decision n
    join document d on d.id = n.document_id
    where n.act = 'file' and n.decided_at > now() - interval '90 days' and d.status = 'filed'
)
select tenth, count(*) as n, avg(said)::real as said, avg(same)::real as same
from filed
group by tenth
order by tenth
