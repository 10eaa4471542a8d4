-- What the database lets each role of the web application do. The web takes one of these roles on for each request (set local role),
-- so that a route that reads what its role must not see fails in SQL too. pipeline/store/database_roles.py makes the roles, which belong to
-- the whole server; workers and commands act as the owner. A table that no role is granted here is the machinery's alone.

-- Whose cover sheet a page of a scan is that is still being read: the chart says that more is coming.
alter table arriving_page add column mrn text;
create index arriving_page_mrn on arriving_page (mrn) where mrn is not null;

-- Figures about decisions, without what the documents say: a view reads with the rights of its owner.
create view deed as
select n.id, n.document_id, n.decided_by, n.decided_at, n.act, n.before is not null as changed, i.kinds
from decision n
left join review_item i on i.id = n.review_item_id;

create view judgement as  -- people's filings that stand, against the machine's first answer
select n.decided_by, n.decided_at, d.machine ->> 'type' = d.type as same_type, (d.machine ->> 'type_probability')::real as said_type,
    d.machine #>> '{candidates,0,patient,id}' is not null as had_candidate,
    (d.machine #>> '{candidates,0,patient,id}')::bigint = d.patient_id as same_patient,
    (d.machine #>> '{candidates,0,probability}')::double precision as said_patient
from decision n
join document d on d.id = n.document_id
where n.act = 'file' and n.decided_by <> 'machine' and d.status = 'filed' and d.filed_by = n.decided_by;

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
    -- the audit is written by everybody, read by the privacy officer, changed by nobody
    execute 'grant insert on audit to ' || everyone;
    grant select on audit to chartloom_privacy_officer;

    -- intake: where files stand, and nothing that their pages say
    execute 'grant select on scan, arrival, batch, batch_sheet, sighting, quarantine_act to ' || intake;
    grant select on arrival, quarantine_act to chartloom_reviewer;
    execute 'grant select (scan_id, number) on arriving_page to ' || intake;
    execute 'grant select (scan_id, number, kind, width, height, rotation, skew, confidence, problem) on page to ' || intake;
    execute 'grant select (id, scan_id, pages, status, type, date_of_service, created_at, filed_at, filed_by) on document to ' || intake;
    execute 'grant select (id, scan_id, document_id, kinds, priority, opened_at, claimed_by, claimed_until, settled_at, settled_by,
        escalated_by, type, source, department) on review_item to ' || intake;

    -- charts: everything that was filed or waits, to read
    execute 'grant select on scan, page, document, document_page, document_field, arriving_page, review_item, decision, blind_entry,
        patient, patient_identifier, patient_name, patient_address, patient_phone, patient_merge, patient_key, patient_search,
        name_count, encounter to ' || reading;

    -- decisions: a document's state, a person's values, the item; never the machine's answer, the words or the patient index
    execute 'grant insert on document, document_page, document_field, review_item, decision, blind_entry to ' || reviewing;
    execute 'grant update (status, type, type_probability, patient_id, match_probability, date_of_service, pdf, filed_at, filed_by,
        revision, turns) on document to ' || reviewing;
    execute 'grant update, delete on document_field to ' || reviewing;
    execute 'grant delete on document_page to ' || reviewing;
    execute 'grant update (claimed_by, claimed_until, settled_at, settled_by, escalated_by, escalated_at, note, barred)
        on review_item to ' || reviewing;
    execute 'grant update (kind) on page to ' || reviewing;
    execute 'grant update (priority) on scan to ' || reviewing;  -- to lock its row while its pages are cut anew
    execute 'grant usage on sequence decision_id_seq to ' || reviewing;

    execute 'grant select on deed, judgement, delivery, destination to ' || managing;
    grant select, insert, update on account to chartloom_administrator;
    grant select, delete on web_session to chartloom_administrator;
end
$$;
