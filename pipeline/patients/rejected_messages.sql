-- name: keep_rejected
insert into adt_message (sender, control_id, sha256, event, status, problem, body, patients)
values (%(sender)s, %(control_id)s, %(sha256)s, %(event)s, 'rejected', %(problem)s, %(body)s, %(patients)s)
on conflict (sender, control_id, sha256) do update
set problem = excluded.problem, patients = excluded.patients, received_at = now() where adt_message.status = 'rejected'

-- name: rejected_messages
-- with `status` rejected those that wait for a person, with settled those that a person has dealt with
select id, received_at, sender, control_id, event, problem, patients, settled_at, settled_by, settled_note
from adt_message
where status = %(status)s
order by id desc
limit %(limit)s

-- name: rejected_message
select patients from adt_message where id = %(id)s and status = 'rejected' for update

-- name: count_rejected_messages
select count(*) as messages from adt_message where status = 'rejected'

-- name: settle_message
update adt_message
set status = 'settled', settled_at = now(), settled_by = %(actor)s, settled_note = %(note)s, body = null
where id = %(id)s

-- name: unmerged_priors
-- the prior numbers that do not belong to the patient with the other number, or to a record merged into it
select named.prior
from jsonb_to_recordset(%(patients)s::jsonb) as message (mrn text, priors text[])
cross join unnest(message.priors) as named (prior)
where not exists (
    select from patient p join patient q on coalesce(p.merged_into, p.id) = coalesce(q.merged_into, q.id)
    where p.mrn = message.mrn and q.mrn = named.prior
)
