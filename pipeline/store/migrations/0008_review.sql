-- What the review queue is filtered by, handing an item up, and which decisions were made together.
create function reason_kinds(reasons jsonb) returns text[] language sql immutable parallel safe as $$
    select coalesce(array_agg(distinct case
        when code ~ '^type' then 'type'
        when code ~ '^(cut|split)' then 'split'
        when code ~ '^page' then 'page'
        when code ~ '^mixed' then 'mixed'
        when code ~ '^(field|required|missing)' then 'field'
        when code ~ '^batch' then 'batch'
        when code ~ '^no_documents' then 'empty'
        when code ~ '^person' then 'person'
        else 'patient'  -- the many ways in which a document's patient can be in doubt
    end), '{}')
    from jsonb_array_elements(reasons) as reason, lateral (select reason ->> 'code' as code) as named
$$;

alter table review_item
    add column kinds text[] generated always as (reason_kinds(reasons)) stored,
    add column escalated_by text,
    add column escalated_at timestamptz,
    add column note text;
create index review_item_kinds on review_item using gin (kinds) where settled_at is null;
create index review_item_holder on review_item (claimed_by) where settled_at is null and claimed_by is not null;

alter table decision
    add column act text not null default 'decide',
    add column batch bigint,     -- the first decision of those made in one go: they are undone in one go
    add column undoes bigint references decision;
create index decision_person on decision (decided_by, id);
