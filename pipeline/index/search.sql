-- name: pages_matching
-- The newest pages with all the words on them, and how well each fits.
select document, number, ts_rank_cd(search, websearch_to_tsquery('english', %(words)s), 1)::float8 as rank
from (
    select document_page.document_id as document, number, search
    from document_page
    join document on document.id = document_page.document_id
    where search @@ websearch_to_tsquery('english', %(words)s)
      and document.status <> 'withdrawn'
      and (%(patients)s::bigint[] is null or document.patient_id = any(%(patients)s))
      and (%(type)s::text is null or document.type = %(type)s)
      and (%(from)s::date is null or document.date_of_service between %(from)s and %(to)s)
    order by document_page.scan_id desc, number desc
    limit %(scope)s
) as newest

-- name: search_terms
-- The words that mean something, each once.
select distinct word as term
from regexp_split_to_table(%(words)s, '\s+') as word
where numnode(plainto_tsquery('english', word)) > 0

-- name: documents_with_all
-- Of these pages' documents those that have every one of the terms on some page.
select near.document, min(near.number) as number, 0.01::float8 as rank
from unnest(%(document)s::bigint[], %(number)s::integer[]) as near (document, number)
join document on document.id = near.document
where not exists (
    select from unnest(%(terms)s::text[]) as term
    where not exists (
        select from document_page
        where document_page.document_id = document.id and document_page.scan_id = document.scan_id
            and search @@ plainto_tsquery('english', term)
    )
)
group by near.document

-- name: search
-- Documents by words on their pages (found before), by their patient's number or name (also misspelled), by ID, by date of service.
with named as (
    select id, case when mrn = %(words)s or exists (select from patient_key as known
                                                    where known.patient_id = found.id and known.key = 'n' || number_key(%(words)s))
                    then 'mrn' else 'name' end as why,
           word_similarity(normalized_text(%(words)s), normalized_text(concat_ws(' ', given, family, given))) as likeness
    from find_patients(%(words)s, 50) as found
    where %(words)s <> ''
),
hits as (
    select document_id, 'text' as why, rank, number
    from unnest(%(document)s::bigint[], %(number)s::integer[], %(rank)s::float8[]) as page (document_id, number, rank)
    union all
    select document.id, why, case why when 'mrn' then 10 else likeness end, null
    from named join document on document.patient_id = named.id
    where why = 'mrn' or likeness >= %(likeness)s
    union all
    select id, 'id', 20, null from document where id = %(id)s
    union all
    select id, 'date', 0.5, null from document where date_of_service between %(from)s and %(to)s and %(words)s = ''
),
documents as (
    select document_id,
           (array_agg(why order by rank desc))[1] as why,
           sum(rank) as rank,
           (array_agg(number order by rank desc) filter (where why = 'text'))[1] as number
    from hits
    group by document_id
),
best as (
    select document.*, documents.why, documents.rank, documents.number
    from documents
    join document on document.id = documents.document_id
    where document.status <> 'withdrawn'
      and (%(patients)s::bigint[] is null or document.patient_id = any(%(patients)s))
      and (%(type)s::text is null or document.type = %(type)s)
      and (%(from)s::date is null or document.date_of_service between %(from)s and %(to)s)
    order by documents.rank desc, document.date_of_service desc nulls last, document.id
    limit %(limit)s
)
select best.id as document, best.scan_id as scan, best.status, best.type, best.pages, best.date_of_service, best.patient_id,
       patient.mrn, nullif(concat_ws(', ', patient.family, nullif(concat_ws(' ', patient.given, patient.middle), '')), '') as name,
       best.number as page, best.rank, best.why,
       coalesce((select ts_headline('english', left(text, 200000), websearch_to_tsquery('english', %(words)s), %(headline)s)
                 from document_page
                 where document_page.scan_id = best.scan_id and document_page.number = best.number), '') as snippet
from best
left join patient on patient.id = best.patient_id
order by best.rank desc, best.date_of_service desc nulls last, best.id

-- name: patients_of_number
select coalesce(merged_into, id) as id from patient where mrn = %(mrn)s
union
select patient_id from patient_key where key = 'n' || number_key(%(mrn)s)

-- name: search_pending_pages
select scan_id as scan, number as page, ts_rank_cd(search, whole, 1)::float8 as rank,
       ts_headline('english', left(text, 200000), whole, %(headline)s) as snippet
from pending_page, websearch_to_tsquery('english', %(words)s) as whole
where search @@ whole
order by rank desc, scan_id, number
limit %(limit)s
