-- name: entries
select entered_by, entered_at, entered from blind_entry where review_item_id = %(item)s order by entered_at, entered_by

-- name: hold_item_to_enter
select id from review_item
where id = %(item)s and document_id is not null and settled_at is null and claimed_by = %(by)s and claimed_until > now()
for update

-- name: enter
insert into blind_entry (review_item_id, entered_by, entered) values (%(item)s, %(by)s, %(entered)s)

-- name: bar
update review_item set claimed_by = null, claimed_until = null, barred = %(barred)s where id = %(item)s

-- name: unbar
update review_item set barred = '{}' where id = %(item)s

-- name: hand_up_entries
update review_item
set claimed_by = null, claimed_until = null, barred = %(barred)s, escalated_by = 'double entry', escalated_at = now(), note = %(note)s
where id = %(item)s
