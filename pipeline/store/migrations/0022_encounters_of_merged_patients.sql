-- Patients made one or parted again bring their encounters along: the documents that stay where they are may belong to one now, or
-- no longer.
create function patients_joined() returns trigger language plpgsql security definer set search_path = public as $$
begin
    perform attach_encounter(d.id) from document d
    where d.status = 'filed' and d.patient_id in (
        select same_patient(new.id) union select same_patient(new.merged_into) union select same_patient(old.merged_into)
    );
    return null;
end
$$;
create trigger patients_joined after update of merged_into on patient
for each row when (old.merged_into is distinct from new.merged_into) execute function patients_joined();
