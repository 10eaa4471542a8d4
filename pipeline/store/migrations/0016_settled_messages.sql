-- Rejected HL7 messages are shown to those who settle them, with the record numbers that they name and without the message itself.
-- `patients`: [{"mrn", "priors": [MRN]}]. A settled message has been dealt with by a person: it is not applied if it is sent again.
alter table adt_message
    add column patients jsonb not null default '[]',
    add column settled_at timestamptz,
    add column settled_by text,
    add column settled_note text;
alter table adt_message drop constraint adt_message_status_check;
alter table adt_message add constraint adt_message_status_check
    check (status in ('applied', 'ignored', 'rejected', 'settled'));
alter table adt_message add constraint adt_message_settled_check
    check ((status = 'settled') = (settled_at is not null and settled_by is not null and coalesce(settled_note, '') <> ''));

grant select (id, sender, control_id, event, status, problem, received_at, patients, settled_at, settled_by, settled_note)
    on adt_message to chartloom_supervisor, chartloom_administrator;
