-- Values that two people type, neither seeing the other's nor the machine's. A page that a person turned in a document.
create table blind_entry (
    review_item_id bigint not null references review_item,
    entered_by text not null,
    entered_at timestamptz not null default now(),
    entered jsonb not null,  -- {"mrn": "...", "dob": "..."} as on the page; empty where it has none
    primary key (review_item_id, entered_by)
);
create trigger blind_entry_is_append_only before update or delete on blind_entry for each row execute function refuse_change();

-- Who may not take the item: after one entry who made it, after two that differ both.
alter table review_item add column barred text[] not null default '{}';

-- {"3": 90}: the scan's page 3 is turned by a quarter clockwise in this document. A turn makes another document, as any change does.
alter table document add column turns jsonb not null default '{}';

-- Two more kinds of reasons: a filed document drawn for a quality check, and what differs from an archive's manifest.
create or replace function reason_kinds(reasons jsonb) returns text[] language sql immutable parallel safe as $$
    select coalesce(array_agg(distinct case
        when code ~ '^type' then 'type'
        when code ~ '^(cut|split)' then 'split'
        when code ~ '^page' then 'page'
        when code ~ '^mixed' then 'mixed'
        when code ~ '^(field|required|missing)' then 'field'
        when code ~ '^batch' then 'batch'
        when code ~ '^no_documents' then 'empty'
        when code ~ '^person' then 'person'
        when code ~ '^quality' then 'quality'
        when code ~ '^manifest' then 'given'
        else 'patient'  -- the many ways in which a document's patient can be in doubt
    end), '{}')
    from jsonb_array_elements(reasons) as reason, lateral (select reason ->> 'code' as code) as named
$$;
