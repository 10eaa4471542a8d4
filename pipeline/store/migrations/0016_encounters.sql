-- Visits and stays, as the registration system tells of them, and which of them a document belongs to, or why to none.

create table encounter (
    id bigint generated always as identity primary key,
    patient_id bigint not null references patient,  -- as the messages say; a merged patient stands for its survivor
    facility text not null default '',
    number text not null check (number <> ''),      -- the visit number, PV1-19
    account text,                                   -- the account number, PID-18
    class text,                                     -- PV1-2: I inpatient, O outpatient, E emergency, P preadmit, R recurring, B obstetrics
    location text,
    admitted_at timestamp,                          -- the hospital's own clock, as messages give it
    discharged_at timestamp,
    cancelled_at timestamptz,
    told_at timestamptz not null default now(),
    unique (facility, number)
);
create index encounter_patient on encounter (patient_id, admitted_at);

alter table document
    add column encounter_id bigint references encounter,
    add column encounter_reason text check (encounter_reason in (
        'account_and_date', 'account', 'date',                                        -- attached, and what fits
        'no_encounter', 'no_date', 'outside', 'several', 'account_unknown', 'account_contradicts'  -- not attached, and why
    ));
create index document_encounter on document (encounter_id) where encounter_id is not null;

-- Everyone who is this patient now: the survivor, and those that were merged into it.
create function same_patient(patient bigint) returns setof bigint language sql stable as $$
    with living as (select coalesce(p.merged_into, p.id) as id from patient p where p.id = same_patient.patient)
    select id from living union all select p.id from patient p join living on p.merged_into = living.id
$$;

-- An encounter fits a day from its admission to its discharge; an inpatient not discharged is still there, any other visit is one day.
create function last_day(class text, admitted timestamp, discharged timestamp) returns date language sql immutable
return coalesce(discharged::date, case when class in ('I', 'R', 'B') then 'infinity' else admitted::date end);

-- Attach a document to the encounter whose account number and dates fit, or write why to none. What a page says counts only where
-- nothing speaks against it: an account number that belongs to no encounter is a doubt, two encounters on one day are a doubt.
create function attach_encounter(doc bigint) returns void language plpgsql security definer set search_path = public as $$
declare
    d document;
    said text;
    by_account bigint[];
    by_day bigint[];
    near bigint[];
    fits bigint;
    why text;
    days_before constant integer := 30;  -- a referral or consent is signed before the stay that carries its account number,
    days_after constant integer := 90;   -- a result or a coding query comes after it
begin
    select * into d from document where id = doc;
    if d.patient_id is null then
        update document set encounter_id = null, encounter_reason = null where id = doc and encounter_reason is not null;
        return;
    end if;
    select number_key(value) into said from document_field where document_id = doc and name = 'account' order by source desc limit 1;
    with known as (
        select e.* from encounter e where e.patient_id in (select same_patient(d.patient_id)) and e.cancelled_at is null
    ), judged as (
        select id, said in (number_key(number), number_key(account)) as of_account,
            d.date_of_service between admitted_at::date and last_day(class, admitted_at, discharged_at) as of_day,
            d.date_of_service between admitted_at::date - days_before and last_day(class, admitted_at, discharged_at) + days_after as of_time,
            said is not null and account is not null and said not in (number_key(number), number_key(account)) as of_another
        from known
    )
    select array_agg(id) filter (where of_account), array_agg(id) filter (where of_day and not of_another),
        array_agg(id) filter (where of_account and coalesce(of_time, true)),
        case when count(*) = 0 then 'no_encounter' when bool_or(of_account and of_day) then 'account_and_date' end
    into by_account, by_day, near, why
    from judged;
    if why = 'account_and_date' then
        by_account := array(select unnest(by_account) intersect select unnest(by_day));
        if cardinality(by_account) = 1 then fits := by_account[1]; else why := 'several'; end if;
    elsif why is null and by_account is not null then
        why := case when near is null then 'account_contradicts' when cardinality(near) > 1 then 'several' else 'account' end;
        if why = 'account' then fits := near[1]; end if;
    elsif why is null then
        why := case when by_day is null and d.date_of_service is null then 'no_date' when by_day is null and said is not null then 'account_unknown'
            when by_day is null then 'outside' when cardinality(by_day) > 1 then 'several' else 'date' end;
        if why = 'date' then fits := by_day[1]; end if;
    end if;
    update document set encounter_id = fits, encounter_reason = why
    where id = doc and (encounter_id, encounter_reason) is distinct from (fits, why);
end
$$;

-- What a message says of an encounter may attach or detach documents that were filed before it came.
create function encounter_came() returns trigger language plpgsql security definer set search_path = public as $$
begin
    perform attach_encounter(d.id) from document d
    where d.status <> 'withdrawn' and (d.encounter_id = new.id or d.patient_id in (select same_patient(new.patient_id)));
    return null;
end
$$;
create trigger encounter_came after insert or update of patient_id, facility, number, account, class, admitted_at, discharged_at, cancelled_at
on encounter for each row execute function encounter_came();
