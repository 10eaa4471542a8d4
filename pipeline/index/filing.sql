-- name: lock_scan
select status from scan where id = %s for update

-- name: insert_page
insert into page (scan_id, number, kind, image, pdf, preview, width, height, rotation, skew, confidence, problem, notes, words, codes,
                  unread)
values (%(scan)s, %(number)s, %(kind)s, %(image)s, %(pdf)s, %(preview)s, %(width)s, %(height)s, %(rotation)s, %(skew)s,
        %(confidence)s, %(problem)s, %(notes)s, %(words)s, %(codes)s, %(unread)s)

-- name: insert_document
insert into document (scan_id, pages, status, type, type_probability, patient_id, match_probability, date_of_service, pdf,
                      machine_result, filed_at, filed_by)
values (%(scan)s, %(pages)s, %(status)s, %(type)s, %(type_probability)s, %(patient)s, %(match_probability)s,
        %(date_of_service)s, %(pdf)s, %(machine_result)s, case when %(filed_by)s::text is not null then now() end, %(filed_by)s)
returning id

-- name: insert_document_page
insert into document_page (document_id, scan_id, number, position, text)
values (%(document)s, %(scan)s, %(number)s, %(position)s, %(text)s)

-- name: insert_field
insert into document_field (document_id, name, value, page, box, confidence)
values (%(document)s, %(name)s, %(value)s, %(page)s, %(box)s, %(confidence)s)

-- name: open_review
insert into review_item (scan_id, document_id, reasons, candidates, priority)
values (%(scan)s, %(document)s, %(reasons)s, %(candidates)s, %(priority)s)
returning id

-- name: insert_decision
insert into decision (document_id, review_item_id, decided_by, after)
values (%(document)s, %(review)s, 'machine', %(after)s)

-- name: finish_scan
update scan set status = 'done', page_count = %(pages)s, finished_at = now() where id = %(id)s

-- name: insert_pending_page
insert into pending_page (scan_id, number, text, mrn) values (%(scan)s, %(number)s, %(text)s, %(mrn)s) on conflict do nothing

-- name: delete_pending_pages
delete from pending_page where scan_id = %s
