-- name: search
-- Documents by words on their pages, by their patient's number or name (also misspelt), by their own id, by their day.
with text_query as (
    select websearch_to_tsquery('english', %(words)s) as whole,
           array(select term from (select plainto_tsquery('english', word) as term
                                   from regexp_split_to_table(%(words)s, '\s+') as word) as terms
                 where numnode(term) > 0) as terms
),
on_one_page as (
    select document_id, number, ts_rank_cd(search, whole, 1) as rank
    from document_page, text_query
    where search @@ whole
    order by rank desc
    limit %(scope)s
),
across_pages as (  -- each word on some page, where the words are no expression and few documents have them all on one page
    select document_id, min(number) as number, 0.01 as rank
    from text_query, unnest(terms) with ordinality as term (query, n), document_page
    where search @@ term.query and %(plain)s and cardinality(terms) > 1
      and (select count(distinct document_id) from on_one_page) < %(limit)s
    group by document_id, terms
    having count(distinct term.n) = cardinality(terms)
    limit %(scope)s
),
named as (
    select id, case when mrn = %(words)s or exists (select from patient_key as known
                                                    where known.patient_id = found.id and known.key = 'n' || number_key(%(words)s))
                    then 'mrn' else 'name' end as why,
           word_similarity(plain_text(%(words)s), plain_text(concat_ws(' ', given, family, given))) as likeness
    from find_patients(%(words)s, 50) as found
    where %(words)s <> ''
),
hits as (
    select document_id, 'text' as why, rank::float8, number from on_one_page
    union all
    select document_id, 'text', rank, number from across_pages
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
       coalesce((select ts_headline('english', left(text, 200000), whole, %(headline)s)
                 from document_page, text_query
                 where document_page.scan_id = best.scan_id and document_page.number = best.number), '') as snippet
from best
left join patient on patient.id = best.patient_id
order by best.rank desc, best.date_of_service desc nulls last, best.id

-- name: patients_of_number
select coalesce(merged_into, id) as id from patient where mrn = %(mrn)s
union
select patient_id from patient_key where key = 'n' || number_key(%(mrn)s)

-- name: arriving
select scan_id as scan, number as page, ts_rank_cd(search, whole, 1)::float8 as rank,
       ts_headline('english', left(text, 200000), whole, %(headline)s) as snippet
from arriving_page, websearch_to_tsquery('english', %(words)s) as whole
where search @@ whole
order by rank desc, scan_id, number
limit %(limit)s

-- name: note_search
insert into audit (account, role, action, detail)
values (%(account)s, 'command line', 'search', %(detail)s)
