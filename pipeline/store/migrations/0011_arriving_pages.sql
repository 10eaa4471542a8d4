-- Pages of a large scan that have been read while others have not: they can be found before the scan is filed, which removes them.
create table arriving_page (
    scan_id bigint not null references scan on delete cascade,
    number integer not null,
    text text not null,
    search tsvector generated always as (to_tsvector('english', left(text, 200000))) stored,
    primary key (scan_id, number)
);
create index arriving_page_search on arriving_page using gin (search);
