-- name: open_items
select i.id, i.scan_id, i.document_id, i.reasons, i.priority, i.opened_at, i.escalated_by, i.note, cardinality(i.excluded_users) as entries,
    case when i.claimed_until > now() then i.claimed_by end as held_by,
    s.name as scan_name, i.source, i.department, i.type, cardinality(d.pages) as pages,
    case when not i.reasons @> '[{"code": "no_patient_found"}]' then i.candidates -> 0 -> 'person' end as first_person
from review_item i
join scan s on s.id = i.scan_id
left join document d on d.id = i.document_id
where i.closed_at is null
    and (%(reason)s::text is null or i.kinds @> array[%(reason)s::text])
    and (%(type)s::text is null or i.type = %(type)s)
    and (%(department)s::text is null or i.department = %(department)s)
    and (%(source)s::text is null or i.source = %(source)s)
    and (%(escalated)s::boolean is null or (i.escalated_by is not null) = %(escalated)s)
order by i.priority desc, i.opened_at, i.id
limit %(limit)s

-- name: count_items
with open as materialized (  -- one pass over the queue; the rest adds up a few hundred rows
    select kinds, escalated_by is not null as escalated, type, department, source, count(*) as n
    from review_item
    where closed_at is null
    group by 1, 2, 3, 4, 5
)
select 'all' as dimension, '' as key, coalesce(sum(n), 0)::bigint as n from open
union all select 'escalated', '', coalesce(sum(n), 0)::bigint from open where escalated
union all select 'reason', kind, sum(n)::bigint from open, unnest(kinds) as kind group by kind
union all select 'type', type, sum(n)::bigint from open where type is not null group by type
union all select 'department', department, sum(n)::bigint from open where department is not null group by department
union all select 'source', source, sum(n)::bigint from open group by source
union all select 'reason', 'quarantine', count(*) from scan where status = 'quarantined' and dismissed_at is null having count(*) > 0
order by dimension, n desc, key

-- name: claim_next
update review_item
set claimed_by = %(user)s, claimed_until = now() + make_interval(mins => %(minutes)s)
where id = (
    select i.id
    from review_item i
    where i.closed_at is null
        and (i.claimed_until is null or i.claimed_until < now() or i.claimed_by = %(user)s)
        and not %(user)s = any(i.excluded_users)
        and (%(include_skipped)s or not %(user)s = any(i.skipped_by))
        and (%(exclude_item)s::bigint is null or i.id <> %(exclude_item)s)
        and (%(reason)s::text is null or i.kinds @> array[%(reason)s::text])
        and (%(type)s::text is null or i.type = %(type)s)
        and (%(department)s::text is null or i.department = %(department)s)
        and (%(source)s::text is null or i.source = %(source)s)
        and (i.escalated_by is not null) = coalesce(%(escalated)s::boolean, false)
    order by i.priority desc, i.opened_at, i.id
    limit 1
    for update of i skip locked
)
returning id

-- name: peek_next
select i.scan_id, d.pages[1] as number
from review_item i
join document d on d.id = i.document_id
where i.closed_at is null and i.id <> %(exclude_item)s
    and (i.claimed_until is null or i.claimed_until < now() or i.claimed_by = %(user)s)
    and not %(user)s = any(i.excluded_users) and not %(user)s = any(i.skipped_by)
    and (%(reason)s::text is null or i.kinds @> array[%(reason)s::text])
    and (%(type)s::text is null or i.type = %(type)s)
    and (%(department)s::text is null or i.department = %(department)s)
    and (%(source)s::text is null or i.source = %(source)s)
    and (i.escalated_by is not null) = coalesce(%(escalated)s::boolean, false)
order by i.priority desc, i.opened_at, i.id
limit 1

-- name: claim
update review_item
set claimed_by = %(user)s, claimed_until = now() + make_interval(mins => %(minutes)s)
where id = %(id)s and closed_at is null
    and (claimed_until is null or claimed_until < now() or claimed_by = %(user)s)
    and not %(user)s = any(excluded_users)
returning id

-- name: who_holds
select claimed_by, claimed_until, closed_at, closed_by, excluded_users from review_item where id = %(id)s

-- name: release
update review_item set claimed_by = null, claimed_until = null
where id = %(id)s and claimed_by = %(user)s and closed_at is null

-- name: skip
update review_item set claimed_by = null, claimed_until = null, skipped_by = array_append(array_remove(skipped_by, %(user)s), %(user)s)
where id = %(id)s and claimed_by = %(user)s and closed_at is null

-- name: escalate
update review_item
set claimed_by = null, claimed_until = null, escalated_by = %(user)s, escalated_at = now(), note = %(note)s
where id = %(id)s and closed_at is null and claimed_by = %(user)s and claimed_until > now()

-- name: item
select i.id, i.scan_id, i.document_id, i.reasons, i.kinds, i.candidates, i.priority, i.opened_at, i.claimed_by, i.claimed_until,
    coalesce(i.claimed_until > now(), false) as held, i.closed_at, i.closed_by, i.escalated_by, i.note, i.excluded_users,
    s.name as scan_name, s.source, s.department, s.received_at, s.page_count, s.sha256, s.notes
from review_item i
join scan s on s.id = i.scan_id
where i.id = %(id)s
