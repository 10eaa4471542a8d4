-- name: fill_scans
insert into scan (sha256, name, media_type, size, status, finished_at, page_count, department, received_at)
select encode(sha256(n::text::bytea), 'hex'), 'scan ' || n || '.pdf', 'application/pdf', 100000, 'done', now(), 1,
    (array['medicine', 'surgery', 'radiology', null])[1 + n %% 4], now() - n * interval '20 seconds'
from generate_series(%(first)s::integer, %(last)s::integer) as n

-- name: fill_arrivals
insert into ingest_event (scan_id, name, duplicate, seen_at, stored_at)
select id, name, false, received_at, received_at from scan where id between %(first)s and %(last)s

-- name: fill_pages
insert into page (scan_id, number, kind, width, height, rotation, skew, confidence, preview)
select id, 1, 'content', 1700, 2200, 0, 0, 0.9, %(preview)s from scan where id between %(first)s and %(last)s

-- name: fill_documents
-- charts are as unequal as in a hospital: the first of 200,000 patients has 2,200 of a million documents, half of them one or two
insert into document (scan_id, pages, status, type, type_probability, patient_id, match_probability, date_of_service, pdf, machine_result,
                      filed_at, filed_by)
select id, '{1}', case when waits then 'review' else 'filed' end, type, 0.9, patient, 0.9999,
    date '2015-01-01' + (id * 7919 %% 4000)::integer, %(preview)s,
    jsonb_build_object('type', type, 'type_probability', 0.5 + id %% 50 / 100.0, 'alternatives', '[]'::jsonb, 'candidates',
        jsonb_build_array(jsonb_build_object('patient', jsonb_build_object('id', patient, 'mrn', 'x'), 'probability', 0.99))),
    case when not waits then received_at end, case when not waits then case when id %% 25 = 1 then 'ann' else 'machine' end end
from (
    select id, received_at, id %% %(every)s = 0 as waits, (%(types)s::text[])[1 + id %% cardinality(%(types)s::text[])] as type,
        case when id %% %(every)s <> 0 then 1 + floor(%(patients)s * power((id * 7919 %% 100003) / 100003.0, 2))::bigint end as patient
    from scan where id between %(first)s and %(last)s
) as s

-- name: fill_texts
insert into document_page (document_id, scan_id, number, position, text)
select d.id, d.scan_id, 1, 1, (
    select string_agg((%(words)s::text[])[1 + floor(cardinality(%(words)s::text[]) * power(random(), 3))::integer], ' ')
    from generate_series(1, 20 + d.id %% 2)  -- named, so that each document has words of its own
)
from document d where d.scan_id between %(first)s and %(last)s

-- name: fill_decisions
insert into decision (document_id, decided_by, decided_at, before, after, action)
select id, coalesce(filed_by, 'machine'), coalesce(filed_at, created_at), case when filed_by = 'ann' then '{}'::jsonb end,
    jsonb_build_object('revision', 1, 'status', status), case when filed_by = 'ann' then 'file' else 'decide' end
from document where scan_id between %(first)s and %(last)s

-- name: fill_queue
insert into review_item (scan_id, document_id, reasons, candidates, priority, opened_at)
select scan_id, id,
    jsonb_build_array(jsonb_build_object('code', (array['no_patient_named', 'type_uncertain', 'split_uncertain'])[1 + id %% 3],
                                         'detail', 'It is in doubt.', 'weight', null)),
    jsonb_build_array(jsonb_build_object('patient', jsonb_build_object('id', 1 + id %% %(patients)s, 'mrn', 'x'), 'probability', 0.9,
        'weight', 12, 'reasons', '[]'::jsonb, 'person', jsonb_build_object('given', 'Anna', 'family', 'Barton'))),
    10, now() - id * interval '1 second'
from document where status = 'review' and scan_id between %(first)s and %(last)s
