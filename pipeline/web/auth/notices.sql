-- name: add_notices
insert into account_notice (recipient_id, account_id, kind, actor)
select a.id, %(account)s, %(kind)s, %(actor)s
from account a
where a.id = %(account)s or (a.role = 'privacy_officer' and a.disabled_at is null)

-- name: read_notices
select n.id, n.account_id, n.kind, n.actor, n.at, a.name, a.full_name
from account_notice n
join account a on a.id = n.account_id
where n.recipient_id = %(recipient)s and (not %(unseen)s or n.seen_at is null)
order by n.id desc
limit 100

-- name: mark_notices_seen
update account_notice set seen_at = now() where recipient_id = %(recipient)s and id <= %(last)s and seen_at is null
