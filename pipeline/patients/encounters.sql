-- name: upsert_encounter
insert into encounter (patient_id, facility, number, account, class, location, admitted_at, discharged_at, cancelled_at)
values (%(patient)s, %(facility)s, %(number)s, %(account)s, %(kind)s, %(location)s, %(admitted_at)s,
        case when not %(reopened)s then %(discharged_at)s::timestamp end, case when %(cancelled)s then now() end)
on conflict (facility, number) do update
set patient_id = excluded.patient_id,
    account = coalesce(excluded.account, encounter.account),
    class = coalesce(excluded.class, encounter.class),
    location = coalesce(excluded.location, encounter.location),
    admitted_at = coalesce(excluded.admitted_at, encounter.admitted_at),
    discharged_at = case when not %(reopened)s then coalesce(excluded.discharged_at, encounter.discharged_at) end,
    cancelled_at = case
        when %(cancelled)s then coalesce(encounter.cancelled_at, excluded.cancelled_at)
        when not %(begun)s then encounter.cancelled_at
    end,
    reported_at = now()

-- name: renumber_encounter
update encounter set number = %(number)s, reported_at = now()
where facility = %(facility)s and number = %(formerly)s
    and not exists (select from encounter as known where known.facility = %(facility)s and known.number = %(number)s)

-- name: end_previous_encounter
update encounter set cancelled_at = now(), reported_at = now()
where facility = %(facility)s and number = %(formerly)s and cancelled_at is null
