-- name: dashboard_counts
select
    (select count(*) from ingest_event where stored_at >= current_date) as files_in,
    (select count(*) from ingest_event where stored_at >= current_date and duplicate) as duplicates,
    (select count(*) from scan where status = 'received') as reading,
    (select count(*) from scan where status = 'quarantined' and finished_at >= current_date) as quarantined,
    (select count(*) from document where filed_at >= current_date and filed_by = 'machine') as filed_by_machine,
    (select count(*) from document where filed_at >= current_date and filed_by <> 'machine') as filed_by_people,
    open.*
from (
    select count(*) as waiting, count(*) filter (where claimed_until > now()) as held,
        count(*) filter (where escalated_by is not null) as escalated, min(opened_at) as oldest
    from review_item where closed_at is null
) as open

-- name: review_ages
with open as (  -- one pass over the queue
    select width_bucket(extract(epoch from now() - opened_at), array[0, 3600, 14400, 86400, 259200]::numeric[]) as place, count(*) as n
    from review_item where closed_at is null group by 1
)
select bucket.name, coalesce(open.n, 0)::bigint as n
from (values (1, 'under 1 hour'), (2, '1 to 4 hours'), (3, '4 to 24 hours'), (4, '1 to 3 days'), (5, 'over 3 days'))
    as bucket (place, name)
left join open using (place)
order by bucket.place

-- name: decisions_by_person
select decided_by as person, count(*) filter (where action = 'file') as filed,
    count(*) filter (where action in ('reject', 'withdraw')) as rejected,
    count(*) filter (where action = 'regroup' and changed) as resplit,
    count(*) filter (where action = 'undo') as undone,
    count(*) / greatest(extract(epoch from max(decided_at) - min(decided_at)) / 3600, 0.25) as per_hour
from decision_stats
where decided_at >= current_date and decided_by <> 'machine'
group by decided_by
order by filed desc, person

-- name: decisions_by_reason
-- an item with two reasons counts under both
select decided_by as person, kind, count(*) as n
from decision_stats, unnest(kinds) as kind
where decided_at >= current_date and decided_by <> 'machine' and action in ('file', 'reject')
group by decided_by, kind
order by person, kind

-- name: model_agreement
select count(*) as documents,
    count(*) filter (where same_type) as same_type,
    count(*) filter (where had_candidate) as with_candidate,
    count(*) filter (where same_patient) as same_patient
from accuracy_stats
where decided_at > now() - interval '30 days'

-- name: model_calibration
-- how often reviewers kept the automatic type and the first candidate, by their predicted probability
with prediction as (
    select 'type' as kind, claimed_type_probability as predicted, same_type::integer as kept
    from accuracy_stats where decided_at > now() - interval '90 days'
    union all
    select 'patient', claimed_match_probability, same_patient::integer
    from accuracy_stats where decided_at > now() - interval '90 days' and had_candidate
)
select kind, least(floor(predicted * 10)::integer, 9) as tenth, count(*) as n, avg(predicted)::real as predicted, avg(kept)::real as kept
from prediction
where predicted is not null
group by kind, tenth
order by kind desc, tenth

-- name: storage_totals
select coalesce(sum(size), 0)::bigint as originals, pg_database_size(current_database()) as database from scan
