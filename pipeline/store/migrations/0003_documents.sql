-- Documents cut from scans, their index fields and text, the doubts and the decisions about them.
create table document (
    id bigint generated always as identity primary key,
    scan_id bigint not null references scan,
    pages integer[] not null check (cardinality(pages) >= 1),
    status text not null check (status in ('filed', 'review', 'withdrawn')),
    type text not null,
    type_probability real not null check (type_probability between 0 and 1),
    patient_id bigint references patient,
    match_probability double precision check (match_probability between 0 and 1),
    date_of_service date,
    pdf sha256 not null,
    machine jsonb not null,  -- what the software answered, never changed afterwards
    revision integer not null default 1,
    created_at timestamptz not null default now(),
    filed_at timestamptz,
    filed_by text,
    check (status <> 'filed' or (filed_at is not null and filed_by is not null))
);
create index document_scan on document (scan_id);
create index document_patient on document (patient_id, date_of_service desc nulls last);

-- No page is in two living documents.
create table document_page (
    document_id bigint not null references document,
    scan_id bigint not null,
    number integer not null,
    position integer not null check (position >= 1),
    text text not null,
    search tsvector generated always as (to_tsvector('english', left(text, 200000))) stored,  -- a tsvector holds 1 MB at most
    primary key (scan_id, number),
    foreign key (scan_id, number) references page
);
create index document_page_document on document_page (document_id, position);
create index document_page_search on document_page using gin (search);

create table document_field (
    document_id bigint not null references document,
    name text not null,
    value text not null,
    page integer,
    box integer[] check (cardinality(box) = 4),
    confidence real check (confidence between 0 and 1),
    source text not null default 'machine' check (source in ('machine', 'person')),
    primary key (document_id, name, source)
);
create index document_field_value on document_field (name, value);

-- What a person must look at; a scan whose pages make no document (all blank, say) has its item on the scan itself.
create table review_item (
    id bigint generated always as identity primary key,
    scan_id bigint not null references scan,
    document_id bigint references document,
    reasons jsonb not null,
    candidates jsonb not null default '[]',
    priority smallint not null,
    opened_at timestamptz not null default now(),
    claimed_by text,
    claimed_until timestamptz,
    settled_at timestamptz,
    settled_by text
);
create unique index review_item_document on review_item (document_id) where settled_at is null;
create index review_item_open on review_item (priority desc, opened_at) where settled_at is null;

-- Every decision, the machine's and people's, appended and never changed.
create table decision (
    id bigint generated always as identity primary key,
    document_id bigint not null references document,
    review_item_id bigint references review_item,
    decided_by text not null,
    decided_at timestamptz not null default now(),
    before jsonb,
    after jsonb not null,
    note text
);
create index decision_document on decision (document_id, id);
