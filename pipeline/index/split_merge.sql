-- name: unfiled_documents
select d.id, d.revision, d.status, d.type, d.page_rotations,
    array_agg(p.number order by p.position) as pages,
    (select i.claimed_by from review_item i
     where i.document_id = d.id and i.closed_at is null and i.claimed_until > now()) as holder
from document d
join document_page p on p.document_id = d.id and p.scan_id = d.scan_id
where d.scan_id = %(scan)s and d.status in ('review', 'withdrawn')
group by d.id
order by min(p.number)

-- name: pages_are_content
-- a page that was taken for blank or for a sheet and is brought back counts as content from now on
update page set kind = 'content' where scan_id = %(scan)s and number = any(%(pages)s) and kind in ('blank', 'separator')

-- name: take_page_texts
delete from document_page where document_id = any(%(documents)s) returning number, text

-- name: restore_pages
insert into document_page (document_id, scan_id, number, position, text)
select d.id, d.scan_id, page.number, page.position, coalesce(kept.text, '')
from document d
cross join unnest(d.pages) with ordinality as page (number, position)
left join jsonb_to_recordset(%(texts)s) as kept (number integer, text text) on kept.number = page.number
where d.id = %(document)s

-- name: close_items_of
update review_item set closed_at = now(), closed_by = %(actor)s, claimed_by = null, claimed_until = null
where document_id = %(document)s and closed_at is null
returning id

-- name: reopen_items_of
update review_item
set closed_at = null, closed_by = null, claimed_by = %(actor)s, claimed_until = now() + interval '10 minutes'
where id = (select review_item_id from decision where id = %(decision)s) and document_id = %(document)s

-- name: rotate_pages
update document set page_rotations = %(rotations)s where id = %(document)s

-- name: record_regrouping
insert into decision (id, document_id, review_item_id, decided_by, before, after, action, undoes, batch)
overriding system value
select fresh.id, %(document)s, %(item)s, %(actor)s, %(before)s, %(after)s, %(action)s, %(undoes)s, coalesce(%(batch)s, fresh.id)
from (select nextval(pg_get_serial_sequence('decision', 'id')) as id) as fresh
returning id, batch

-- name: batch
select n.id, n.document_id, n.before, n.after, d.revision, d.scan_id
from decision n
join document d on d.id = n.document_id
where n.batch = %(batch)s and n.action = 'regroup'
order by n.id
