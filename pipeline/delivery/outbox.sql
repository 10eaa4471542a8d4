-- name: installation
select id from installation

-- name: register_destination
insert into destination (name, kind, supports_update, types, departments, department_types, classes)
values (%(name)s, %(kind)s, %(supports_update)s, %(types)s, %(departments)s, %(department_types)s, %(classes)s)
on conflict (name) do update
set kind = excluded.kind, supports_update = excluded.supports_update, types = excluded.types, departments = excluded.departments,
    department_types = excluded.department_types, classes = excluded.classes, removed_at = null

-- name: close_destination
update destination set removed_at = now() where name = %(name)s and removed_at is null

-- name: record_failure
update destination set failing_since = coalesce(failing_since, now()), failure = %(failure)s where name = %(name)s

-- name: record_success
update destination set failing_since = null, failure = null where name = %(name)s and failing_since is not null

-- name: acquire_lock
select pg_try_advisory_lock(hashtext('chartloom deliveries'), hashtext(%(name)s)) as ours

-- name: release_lock
select pg_advisory_unlock(hashtext('chartloom deliveries'), hashtext(%(name)s))

-- name: ready
-- The next delivery of each document, oldest first: deliveries of a document stay in order, and a failed one holds up the rest.
select d.id, d.document_id, d.change, d.edition, d.replaces, d.content, d.queued_at, d.attempts, d.rejections, d.last_attempt_at,
       to_jsonb(p) as patient, to_jsonb(e) as encounter,
       (select was.content from delivery was
        where was.destination = d.destination and was.document_id = d.document_id and was.edition = d.replaces and was.id < d.id
        order by was.id desc limit 1) as was
from delivery d
join patient p on p.id = (d.content ->> 'patient_id')::bigint
left join encounter e on e.id = (d.content ->> 'encounter_id')::bigint
where d.destination = %(destination)s and d.state = 'pending' and d.due_at <= now() and d.document_id <> all(%(busy)s)
    and not exists (
        select from delivery before
        where before.destination = d.destination and before.document_id = d.document_id and before.id < d.id
            and before.state in ('pending', 'failed')
    )
order by d.id
limit %(limit)s

-- name: delivered
update delivery
set state = 'delivered', closed_at = now(), last_attempt_at = coalesce(last_attempt_at, now()), attempts = attempts + 1, receipt = %(receipt)s,
    problem = null, detail = null
where id = %(id)s

-- name: failed
update delivery
set attempts = attempts + 1, rejections = rejections + %(refused)s, last_attempt_at = coalesce(last_attempt_at, now()),
    problem = %(problem)s, detail = %(detail)s, due_at = now() + make_interval(secs => %(pause)s),
    state = case when %(failed)s then 'failed' else 'pending' end, closed_at = case when %(failed)s then now() end
where id = %(id)s

-- name: retry_deliveries
-- What is dead or dropped is sent as it was written; what was delivered is sent again, under the names by which a receiver knows it,
-- and with everything that was delivered after it of the same document: an old state must not be the last word.
with chosen as (
    select destination, document_id, min(id) as id
    from delivery
    where state = any(%(states)s) and (%(ids)s::bigint[] is null or id = any(%(ids)s))
        and (%(destination)s::text is null or destination = %(destination)s)
        and (%(document)s::bigint is null or document_id = %(document)s)
        and (%(since)s::timestamptz is null or queued_at >= %(since)s)
    group by destination, document_id
)
update delivery d
set state = 'pending', closed_at = null, due_at = now(), rejections = 0, last_attempt_at = null, problem = null, detail = null,
    closed_by = %(by)s, note = 'replayed'
from chosen c
where d.destination = c.destination and d.document_id = c.document_id
    and (d.id = any(%(ids)s) or (%(ids)s::bigint[] is null and d.state = any(%(states)s)) or d.state = 'delivered')
    and d.id >= c.id and d.state <> 'pending'

-- name: discard_deliveries
update delivery set state = 'discarded', closed_at = now(), closed_by = %(by)s, note = %(note)s
where id = %(id)s and state in ('failed', 'pending')

-- name: backfill
-- `select ... for update` keeps a decision about the document from being announced at the same time
select count(enqueue_delivery(d.id, target)) as documents
from (select id from document where status = 'filed' and id > %(after)s order by id limit %(limit)s for update) d
cross join destination target
where target.name = %(destination)s

-- name: last_of_page
select max(id) as id from (select id from document where status = 'filed' and id > %(after)s order by id limit %(limit)s) d

-- name: destinations
-- Pending and failed deliveries are few and indexed; delivered ones are counted up to a limit, or the page would take seconds.
select target.name, target.kind, target.types, target.departments, target.classes, target.removed_at, target.failing_since, target.failure,
       pending.count as pending, pending.oldest, failed.count as failed, delivered.count as delivered
from destination target
cross join lateral (
    select count(*), min(queued_at) as oldest from delivery where destination = target.name and state = 'pending'
) pending
cross join lateral (select count(*) from delivery where destination = target.name and state = 'failed') failed
cross join lateral (
    select count(*) from (select from delivery where destination = target.name and state = 'delivered' limit %(max_counted)s) counted
) delivered
order by target.name

-- name: deliveries
select d.id, d.destination, d.document_id, d.change, d.edition, d.replaces, d.state, d.problem, d.detail, d.attempts, d.rejections,
       d.queued_at, d.due_at, d.closed_at, d.closed_by, d.receipt, d.note, d.content ->> 'type' as type,
       (d.content ->> 'patient_id')::bigint as patient_id
from delivery d
where (%(state)s::text is null or d.state = %(state)s) and (%(destination)s::text is null or d.destination = %(destination)s)
    and (%(document)s::bigint is null or d.document_id = %(document)s)
order by d.id desc
limit %(limit)s

-- name: delivery
select d.id, d.destination, d.document_id, d.change, d.edition, d.replaces, d.state, d.problem, d.detail, d.attempts, d.rejections,
    d.queued_at, d.due_at, d.closed_at, d.closed_by, d.receipt, d.note, d.content ->> 'type' as type, d.content, d.last_attempt_at,
    (d.content ->> 'patient_id')::bigint as patient_id,
    (select array_agg(later.id order by later.id) from delivery later
     where later.destination = d.destination and later.document_id = d.document_id and later.id > d.id and later.state = 'pending') as held_up
from delivery d
where d.id = %(id)s

-- name: pending_counts
-- What waits, and whether none of it can move before a person acts.
select count(*) as pending,
       bool_and(exists (
           select from delivery before
           where before.destination = d.destination and before.document_id = d.document_id and before.id < d.id and before.state = 'failed'
       )) as stuck
from delivery d
where d.destination = %(destination)s and d.state = 'pending'
