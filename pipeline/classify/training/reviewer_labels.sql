-- name: corrected_types
-- Documents that a reviewer has filed, with their current type and the text as it was read.
select d.id, d.type, string_agg(p.text, E'\n' order by p.position) as text
from document d
join document_page p on p.document_id = d.id and p.scan_id = d.scan_id
where d.status = 'filed'
    and exists (select from decision n where n.document_id = d.id and n.decided_by <> 'machine' and n.action = 'file')
group by d.id
order by d.id


-- name: settled_documents
-- The filed documents of scans on which a reviewer has decided and of which no document is open.
select d.scan_id, d.pages, d.patient_id
from document d
where d.status = 'filed'
    and exists (
        select from decision n
        join document o on o.id = n.document_id
        where o.scan_id = d.scan_id and n.decided_by <> 'machine'
    )
    and not exists (select from document o where o.scan_id = d.scan_id and o.status = 'review')
order by d.scan_id, d.pages[1]

-- name: settled_pages
-- The OCR results of the pages of these scans.
select scan_id, number, kind, width, height, confidence, words
from page
where scan_id = any(%(scans)s)
order by scan_id, number

-- name: confirmed_fields
-- The values of documents that a reviewer has filed: the reviewer's if there is one, else the automatic value, which was shown.
select d.id, d.scan_id, d.pages, (
    select jsonb_object_agg(final.name, final.value)
    from (
        select distinct on (f.name) f.name, f.value
        from document_field f
        where f.document_id = d.id
        order by f.name, f.source desc
    ) as final
) as fields
from document d
where d.status = 'filed'
    and exists (select from decision n where n.document_id = d.id and n.decided_by <> 'machine' and n.action = 'file')
    and exists (select from document_field f where f.document_id = d.id)
order by d.id

-- name: pages_of_document
-- The OCR results of these pages of a scan, in the order of the document.
select number, kind, width, height, confidence, words
from page
where scan_id = %(scan)s and number = any(%(numbers)s)
order by array_position(%(numbers)s, number)
