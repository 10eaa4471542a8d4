-- What the database lets each role of the web application do. The web takes one of these roles for each request (set local role),
-- so that a route that reads what its role must not see fails in SQL too. pipeline/store/database_roles.py creates the roles,
-- which belong to the whole server; workers and commands act as the owner. A table with no grant here is internal.

-- Counts of decisions without the content of documents: a view reads with its owner's rights.
create view decision_stats as
select n.id, n.document_id, n.decided_by, n.decided_at, n.action, n.before is not null as changed, i.kinds
from decision n
left join review_item i on i.id = n.review_item_id;

-- People's filings that are current, compared with the first result of the software.
create view accuracy_stats as
select n.decided_by, n.decided_at, d.machine_result ->> 'type' = d.type as same_type, (d.machine_result ->> 'type_probability')::real as claimed_type_probability,
    d.machine_result #>> '{candidates,0,patient,id}' is not null as had_candidate,
    (d.machine_result #>> '{candidates,0,patient,id}')::bigint = d.patient_id as same_patient,
    (d.machine_result #>> '{candidates,0,probability}')::double precision as claimed_match_probability
from decision n
join document d on d.id = n.document_id
where n.action = 'file' and n.decided_by <> 'machine' and d.status = 'filed' and d.filed_by = n.decided_by;

do $$
declare
    everyone constant text := 'chartloom_clerk, chartloom_reviewer, chartloom_clinician, chartloom_supervisor, '
        || 'chartloom_privacy_officer, chartloom_administrator';
    intake constant text := 'chartloom_clerk, chartloom_supervisor, chartloom_administrator';
    reviewing constant text := 'chartloom_reviewer, chartloom_supervisor';
    reading constant text := 'chartloom_reviewer, chartloom_clinician, chartloom_supervisor, chartloom_privacy_officer';
    managing constant text := 'chartloom_supervisor, chartloom_administrator';
begin
    execute 'grant usage on schema public to ' || everyone;
    -- everyone writes the audit, the privacy officer reads it, no one changes it
    execute 'grant insert on audit to ' || everyone;
    grant select on audit to chartloom_privacy_officer;

    -- intake: the status of files, and nothing of their content
    execute 'grant select on scan, ingest_event, batch, batch_sheet, intake_file, quarantine_action to ' || intake;
    grant select on ingest_event, quarantine_action to chartloom_reviewer;
    execute 'grant select (scan_id, number) on pending_page to ' || intake;
    execute 'grant select (scan_id, number, kind, width, height, rotation, skew, confidence, problem, notes) on page to ' || intake;
    execute 'grant select (id, scan_id, pages, status, type, date_of_service, created_at, filed_at, filed_by) on document to ' || intake;
    execute 'grant select (id, scan_id, document_id, kinds, priority, opened_at, claimed_by, claimed_until, closed_at, closed_by,
        escalated_by, type, source, department) on review_item to ' || intake;

    -- charts: read everything that is filed or in review
    execute 'grant select on scan, page, document, document_page, document_field, pending_page, review_item, decision, double_entry,
        patient, patient_identifier, patient_name, patient_address, patient_phone, patient_merge, patient_key, patient_search,
        name_count, encounter to ' || reading;

    -- decisions: a document's state, a person's values, the item; never the software's result, the words or the patient index
    execute 'grant insert on document, document_page, document_field, review_item, decision, double_entry to ' || reviewing;
    execute 'grant update (status, type, type_probability, patient_id, match_probability, date_of_service, pdf, filed_at, filed_by,
        revision, page_rotations) on document to ' || reviewing;
    execute 'grant update, delete on document_field to ' || reviewing;
    execute 'grant delete on document_page to ' || reviewing;
    execute 'grant update (claimed_by, claimed_until, closed_at, closed_by, escalated_by, escalated_at, note, excluded_users, skipped_by)
        on review_item to ' || reviewing;
    execute 'grant update (kind) on page to ' || reviewing;
    execute 'grant update (priority) on scan to ' || reviewing;  -- to lock its row while its pages are split again
    execute 'grant usage on sequence decision_id_seq to ' || reviewing;
    execute 'grant select on reason_code to ' || reviewing;

    execute 'grant select on decision_stats, accuracy_stats, delivery, destination to ' || managing;
    grant select, insert, update on account to chartloom_administrator;
    grant select, delete on web_session to chartloom_administrator;
end
$$;
