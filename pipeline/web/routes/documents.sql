-- name: words_of_page
select words, width, height from page where scan_id = %(scan)s and number = %(number)s

-- name: neighbors_in_chart
-- the documents before and after this one in the order of the chart, and its position
select newer, older, position, documents
from (
    select id, lag(id) over shown as newer, lead(id) over shown as older, row_number() over shown as position,
        count(*) over () as documents
    from document
    where patient_id = %(patient)s and status = 'filed'
    window shown as (order by date_of_service desc nulls last, filed_at desc, id desc)
) as chart
where id = %(document)s

-- name: page
select p.preview, p.width, p.height, o.document_id, d.status as document_status, d.patient_id,
    coalesce((d.page_rotations ->> p.number::text)::integer, 0) as rotation
from page p
left join document_page o on o.scan_id = p.scan_id and o.number = p.number
left join document d on d.id = o.document_id
where p.scan_id = %(scan)s and p.number = %(number)s and p.preview is not null and p.width > 0

-- name: decisions_of_document
select id, decided_by, decided_at, action, before, after, note, undoes from decision where document_id = %(id)s order by id
