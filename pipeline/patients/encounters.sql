-- name: lock_visit
select pg_advisory_xact_lock(hashtext('chartloom visit'), hashtext(%(facility)s || '|' || %(number)s))

-- name: reported_encounter
select * from encounter where facility = %(facility)s and number = %(number)s for update

-- name: insert_encounter
insert into encounter (
    patient_id, facility, number, account, class, location, admitted_at, discharged_at, cancelled_at, field_times
)
values (
    %(patient_id)s, %(facility)s, %(number)s, %(account)s, %(class)s, %(location)s, %(admitted_at)s, %(discharged_at)s,
    %(cancelled_at)s, %(times)s
)

-- name: update_encounter
update encounter
set patient_id = %(patient_id)s, account = %(account)s, class = %(class)s, location = %(location)s, admitted_at = %(admitted_at)s,
    discharged_at = %(discharged_at)s, cancelled_at = %(cancelled_at)s, field_times = field_times || %(times)s::jsonb,
    reported_at = now()
where id = %(id)s

-- name: change_account
update encounter set account = %(account)s, reported_at = now()
where account = %(former)s and patient_id in (select merged_patient_ids(%(patient)s))

-- name: renumber_encounter
update encounter set number = %(number)s, reported_at = now()
where facility = %(facility)s and number = %(formerly)s
    and not exists (select from encounter as known where known.facility = %(facility)s and known.number = %(number)s)

-- name: end_previous_encounter
update encounter set cancelled_at = now(), reported_at = now()
where facility = %(facility)s and number = %(formerly)s and cancelled_at is null
