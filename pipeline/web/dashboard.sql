-- name: figures
select
    (select count(*) from arrival where stored_at >= current_date) as files_in,
    (select count(*) from arrival where stored_at >= current_date and duplicate) as duplicates,
    (select count(*) from scan where status = 'received') as reading,
    (select count(*) from scan where status = 'quarantined' and finished_at >= current_date) as quarantined,
    (select count(*) from document where filed_at >= current_date and filed_by = 'machine') as filed_by_machine,
    (select count(*) from document where filed_at >= current_date and filed_by <> 'machine') as filed_by_people,
    open.*
from (
    select count(*) as waiting, count(*) filter (where claimed_until > now()) as held,
        count(*) filter (where escalated_by is not null) as handed_up, min(opened_at) as oldest
    from review_item where settled_at is null
) as open

-- name: figures_ages
with open as (  -- one pass over the queue
    select width_bucket(extract(epoch from now() - opened_at), array[0, 3600, 14400, 86400, 259200]::numeric[]) as place, count(*) as n
    from review_item where settled_at is null group by 1
)
select bucket.name, coalesce(open.n, 0)::bigint as n
from (values (1, 'under 1 hour'), (2, '1 to 4 hours'), (3, '4 to 24 hours'), (4, '1 to 3 days'), (5, 'over 3 days'))
    as bucket (place, name)
left join open using (place)
order by bucket.place

-- name: figures_people
select decided_by as person, count(*) filter (where act = 'file') as filed,
    count(*) filter (where act in ('reject', 'withdraw')) as rejected,
    count(*) filter (where act = 'regroup' and changed) as cut,
    count(*) filter (where act = 'undo') as undone,
    count(*) / greatest(extract(epoch from max(decided_at) - min(decided_at)) / 3600, 0.25) as an_hour
from deed
where decided_at >= current_date and decided_by <> 'machine'
group by decided_by
order by filed desc, person

-- name: figures_people_reasons
-- an item with two reasons counts under both
select decided_by as person, kind, count(*) as n
from deed, unnest(kinds) as kind
where decided_at >= current_date and decided_by <> 'machine' and act in ('file', 'reject')
group by decided_by, kind
order by person, kind

-- name: figures_agreement
select count(*) as documents,
    count(*) filter (where same_type) as same_type,
    count(*) filter (where had_candidate) as with_candidate,
    count(*) filter (where same_patient) as same_patient
from judgement
where decided_at > now() - interval '30 days'

-- name: figures_calibration
-- how often people kept the machine's type and its first candidate, by how probable the machine thought them
with said as (
    select 'type' as what, said_type as said, same_type::integer as same from judgement where decided_at > now() - interval '90 days'
    union all
    select 'patient', said_patient, same_patient::integer from judgement where decided_at > now() - interval '90 days' and had_candidate
)
select what, least(floor(said * 10)::integer, 9) as tenth, count(*) as n, avg(said)::real as said, avg(same)::real as same
from said
where said is not null
group by what, tenth
order by what desc, tenth

-- name: figures_storage
select coalesce(sum(size), 0)::bigint as originals, pg_database_size(current_database()) as database from scan
