-- name: fill_patients
insert into patient (mrn, given, family, dob, sex)
select 'B' || lpad(n::text, 8, '0'),
    (array['Anna', 'Boris', 'Clara', 'David', 'Elena', 'Frank', 'Grace', 'Hugo', 'Ines', 'Jonas', 'Karin', 'Luis'])[1 + n %% 12],
    (array['Bar', 'Cas', 'Del', 'Fen', 'Gor', 'Hal', 'Jar', 'Kel', 'Lan', 'Mor'])[1 + n / 12 %% 10]
        || (array['ton', 'berg', 'ski', 'well', 'ford', 'mann', 'ez', 'ley', 'sen', 'ova'])[1 + n / 120 %% 10]
        || (array['', 'a', 'er', 'i', 'o', 'y', 'us', 'el'])[1 + n / 1200 %% 8],
    (date '1930-01-01' + n * 37 %% 33000)::text, (array['F', 'M'])[1 + n %% 2]
from generate_series(%(first)s::integer, %(last)s::integer) as n

-- name: fill_scans
insert into scan (sha256, name, media_type, size, status, finished_at, page_count, department, received_at)
select encode(sha256(n::text::bytea), 'hex'), 'scan ' || n || '.pdf', 'application/pdf', 100000, 'done', now(), 1,
    (array['medicine', 'surgery', 'radiology', null])[1 + n %% 4], now() - n * interval '20 seconds'
from generate_series(%(first)s::integer, %(last)s::integer) as n

-- name: fill_pages
insert into page (scan_id, number, kind, width, height, rotation, skew, confidence, preview)
select id, 1, 'content', 1700, 2200, 0, 0, 0.9, %(preview)s from scan where id between %(first)s and %(last)s

-- name: fill_documents
insert into document (scan_id, pages, status, type, type_probability, patient_id, match_probability, date_of_service, pdf, machine,
                      filed_at, filed_by)
select id, '{1}', case when waits then 'review' else 'filed' end,
    (array['discharge_summary', 'laboratory_report', 'radiology_report', 'consultation', 'letter'])[1 + id %% 5], 0.9,
    case when not waits then 1 + id * 7919 %% %(patients)s end, 0.9999, date '2015-01-01' + (id %% 4000)::integer, %(preview)s,
    '{"alternatives": [], "candidates": []}', case when not waits then now() end, case when not waits then 'machine' end
from (select id, id %% %(every)s = 0 as waits from scan where id between %(first)s and %(last)s) as s

-- name: fill_texts
insert into document_page (document_id, scan_id, number, position, text)
select id, scan_id, 1, 1, 'Patient seen for follow up. Finding number ' || id || ' without change.'
from document where scan_id between %(first)s and %(last)s

-- name: fill_queue
insert into review_item (scan_id, document_id, reasons, candidates, priority, opened_at)
select scan_id, id,
    jsonb_build_array(jsonb_build_object('code', (array['patient_unclear', 'type_uncertain', 'split_uncertain'])[1 + id %% 3],
                                         'detail', 'It is in doubt.', 'weight', null)),
    jsonb_build_array(jsonb_build_object('patient', jsonb_build_object('id', 1 + id %% %(patients)s, 'mrn', 'x'), 'probability', 0.9,
        'weight', 12, 'reasons', '[]'::jsonb, 'person', jsonb_build_object('given', 'Anna', 'family', 'Barton'))),
    10, now() - id * interval '1 second'
from document where status = 'review' and scan_id between %(first)s and %(last)s
