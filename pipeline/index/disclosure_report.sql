-- name: moved
select n.document_id, n.decided_by, n.decided_at as until, n.note, wrong.id as wrong, wrong.mrn as wrong_mrn, own.id as right,
    own.mrn as right_mrn, coalesce((n.before ->> 'filed_at')::timestamptz, d.created_at) as since
from decision n
join document d on d.id = n.document_id
join patient wrong on wrong.id = (n.before ->> 'patient_id')::bigint
join patient own on own.id = (n.after ->> 'patient_id')::bigint
where n.id = %(id)s and n.action = 'move'

-- name: last_move
select id from decision where document_id = %(document)s and action = 'move' order by id desc limit 1

-- name: seen_in_chart
-- accesses to the document itself, and to the chart while it was in it; decisions are in the history of the document
select account, role, action, count(*) as times, min(at) as first, max(at) as last
from audit
where patient_id = %(patient)s and at between %(since)s and %(until)s
    and (document_id = %(document)s and action <> 'decide' or document_id is null and action = 'view_chart')
group by account, role, action
order by first, account, action

-- name: sent_from_chart
select destination, change, state, queued_at, closed_at, receipt
from delivery
where document_id = %(document)s and (content ->> 'patient_id')::bigint = %(patient)s
order by id

-- name: neighbors_in_chart
select other.id
from document d
join document other on other.scan_id = d.scan_id and other.id <> d.id
where d.id = %(document)s and other.status = 'filed' and other.patient_id = %(patient)s
order by other.id
