-- name: entries
select entered_by, entered_at, entered from double_entry where review_item_id = %(item)s order by entered_at, entered_by

-- name: hold_item_to_enter
select id from review_item
where id = %(item)s and document_id is not null and closed_at is null and claimed_by = %(actor)s and claimed_until > now()
for update

-- name: insert_entry
insert into double_entry (review_item_id, entered_by, entered) values (%(item)s, %(actor)s, %(entered)s)

-- name: exclude_users
update review_item set claimed_by = null, claimed_until = null, excluded_users = %(excluded_users)s where id = %(item)s

-- name: include_users
update review_item set excluded_users = '{}' where id = %(item)s

-- name: escalate_entries
update review_item
set claimed_by = null, claimed_until = null, excluded_users = %(excluded_users)s, escalated_by = 'double entry', escalated_at = now(), note = %(note)s
where id = %(item)s
