-- name: record_message
insert into adt_message (sender, control_id, sha256, event, status)
values (%(sender)s, %(control_id)s, %(sha256)s, %(event)s, %(status)s)
on conflict (sender, control_id, sha256) do update
set status = excluded.status, problem = null, body = null, received_at = now() where adt_message.status = 'rejected'

-- name: keep_rejected_body
insert into adt_message (sender, control_id, sha256, event, status, problem, body)
values (%(sender)s, %(control_id)s, %(sha256)s, %(event)s, 'rejected', %(problem)s, %(body)s)
on conflict (sender, control_id, sha256) do update
set problem = excluded.problem, received_at = now() where adt_message.status = 'rejected'
