-- What ADT messages reported, and when: an older message never replaces a value of a newer one, in whatever order they arrive.
-- `field_times` has the time of the message (UTC) that last reported each column.
create table patient_report (
    patient_id bigint primary key references patient,
    authority text not null default '',  -- the assigning authority of the MRN (PID-3), '' if no message named one
    field_times jsonb not null default '{}'
);
alter table encounter add column field_times jsonb not null default '{}';

-- A message that was applied or ignored may have a problem as well: an impossible date, a test message.
alter table adt_message drop constraint adt_message_check;
alter table adt_message add constraint adt_message_check check (status <> 'rejected' or problem is not null);
