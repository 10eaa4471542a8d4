-- name: corrected_types
-- Documents that a person has filed, with the type that they have now and the text as it was read.
select d.id, d.type, string_agg(p.text, E'\n' order by p.position) as text
from document d
join document_page p on p.document_id = d.id
where d.status = 'filed'
    and exists (select from decision n where n.document_id = d.id and n.decided_by <> 'machine' and n.act = 'file')
group by d.id
order by d.id
