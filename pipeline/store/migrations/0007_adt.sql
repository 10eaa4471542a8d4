-- Patients kept current by messages. What arrives besides the current values is searched by as well, and merges move documents.
create function patients_known_otherwise() returns trigger language plpgsql as $$
begin
    perform index_patients(array(select distinct patient_id from came));
    return null;
end
$$;
create trigger patient_names_came after insert on patient_name
referencing new table as came for each statement execute function patients_known_otherwise();
create trigger patient_identifiers_came after insert on patient_identifier
referencing new table as came for each statement execute function patients_known_otherwise();
create trigger patient_phones_came after insert on patient_phone
referencing new table as came for each statement execute function patients_known_otherwise();

-- Every message that was received. The same message again (sender, control id and bytes) is acknowledged and not applied twice;
-- `body` is kept only of what was refused, until somebody has seen to it.
create table adt_message (
    id bigint generated always as identity primary key,
    sender text not null,
    control_id text not null,
    sha256 sha256 not null,
    event text not null,
    status text not null check (status in ('applied', 'ignored', 'refused')),
    problem text,
    body bytea,
    received_at timestamptz not null default now(),
    unique (sender, control_id, sha256),
    check ((status = 'refused') = (problem is not null))
);
create index adt_message_refused on adt_message (received_at) where status = 'refused';
