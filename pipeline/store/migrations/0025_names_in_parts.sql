-- A half of a hyphenated name is a name that people ask for, and misspell: it is counted like a whole one.
create function counted_names(family text, given text) returns table (part text, name text) language sql immutable
begin atomic
    select 'family', plain_text(f) from unnest(name_parts(family)) f where f <> ''
    union all select 'given', plain_text(g) from unnest(name_parts(given)) g where g <> '';
end;

create or replace function patients_came() returns trigger language plpgsql as $$
begin
    perform index_patients(array(select id from came));
    insert into name_count (part, name, n)
    select c.part, c.name, count(*) from came, counted_names(came.family, came.given) c group by 1, 2 order by 1, 2
    on conflict (part, name) do update set n = name_count.n + excluded.n;
    return null;
end
$$;

create or replace function patients_changed() returns trigger language plpgsql as $$
begin
    insert into patient_name (patient_id, kind, given, middle, family, suffix)
    select b.id, 'former', b.given, b.middle, b.family, b.suffix from before b join after a using (id)
    where (b.given, b.family) is distinct from (a.given, a.family) and b.family is not null
    on conflict do nothing;
    insert into patient_address (patient_id, address, city, state, zip)
    select b.id, b.address, b.city, b.state, b.zip from before b join after a using (id)
    where (b.address, b.zip) is distinct from (a.address, a.zip) and b.address is not null
    on conflict do nothing;
    insert into patient_phone (patient_id, phone)
    select b.id, b.phone from before b join after a using (id)
    where b.phone is distinct from a.phone and b.phone is not null
    on conflict do nothing;
    insert into name_count (part, name, n)
    select c.part, c.name, sum(c.n) from (
        select part, name, 1 as n from after, counted_names(after.family, after.given)
        union all select part, name, -1 from before, counted_names(before.family, before.given)
    ) c group by 1, 2 having sum(c.n) <> 0 order by 1, 2
    on conflict (part, name) do update set n = name_count.n + excluded.n;
    perform index_patients(array(select id from after));
    return null;
end
$$;

delete from name_count;
insert into name_count (part, name, n)
select c.part, c.name, count(*) from patient p, counted_names(p.family, p.given) c group by 1, 2;
