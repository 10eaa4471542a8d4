-- The text of pages and its search vectors lie in partitions by ranges of scans. What is filed goes into the newest one, whose
-- indexes are small and stay in memory; the older ones hardly change any more and are vacuumed, moved to another tablespace and
-- have their indexes rebuilt each by itself. No row is moved: the table that there was is the first partition.
alter table document_page rename to document_page_1;
alter table document_page_1 rename constraint document_page_pkey to document_page_1_pkey;
alter index document_page_document rename to document_page_1_document;
alter index document_page_search rename to document_page_1_search;

create table document_page (
    document_id bigint not null references document,
    scan_id bigint not null,
    number integer not null,
    position integer not null constraint document_page_position_check check (position >= 1),
    text text not null,
    search tsvector generated always as (to_tsvector('english'::regconfig, left(text, 200000))) stored,
    primary key (scan_id, number),
    foreign key (scan_id, number) references page
) partition by range (scan_id);
create index document_page_document on document_page (document_id, position);
create index document_page_search on document_page using gin (search);
alter table document_page attach partition document_page_1 for values from (minvalue) to (maxvalue);

do $$
begin
    execute 'grant select on document_page to chartloom_reviewer, chartloom_clinician, chartloom_supervisor, chartloom_privacy_officer';
    execute 'grant insert, delete on document_page to chartloom_reviewer, chartloom_supervisor';
end
$$;

-- The last partition has no upper end, so a page always finds its place. When it is a tenth full it is given an end some scans
-- ahead, and an empty one follows it. `most`: about how many pages a partition is to hold, counted in scans of as many pages as
-- scans have had so far. Answers the name of the partition that was made, if one was. Everybody who reads or files waits for the
-- moment in which the pages of the last one are looked through.
create function extend_page_text(most bigint) returns text
    language plpgsql
    as $$
declare
    newest regclass;
    bounds text;
    filled float;
    scan_pages float;
    place bigint;
    fresh text;
begin
    select oid, pg_get_expr(relpartbound, oid), reltuples into newest, bounds, filled
    from pg_class join pg_inherits on inhrelid = oid
    where inhparent = 'document_page'::regclass and pg_get_expr(relpartbound, oid) like '%TO (MAXVALUE)';
    if filled < most / 10 then
        return null;
    end if;
    lock table document_page in access exclusive mode;
    select sum(greatest(reltuples, 0)), 'document_page_' || count(*) + 1 into scan_pages, fresh
    from pg_class join pg_inherits on inhrelid = oid where inhparent = 'document_page'::regclass;
    select last_value + 1 + greatest(0, most - filled) * last_value / scan_pages into place from scan_id_seq;
    execute format('alter table document_page detach partition %s', newest);
    execute format('alter table document_page attach partition %s %s', newest, replace(bounds, 'MAXVALUE', quote_literal(place)));
    execute format('create table %I partition of document_page for values from (%L) to (maxvalue)', fresh, place);
    return fresh;
end
$$;

-- Tables that many rows go through, or that grow by many: vacuumed by what has changed lately, not by their size of years.
alter table page set (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.01);
alter table reading set (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_scale_factor = 0.02);
alter table document set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);
alter table review_item set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);
alter table delivery set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);
alter table archive_row set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);
-- a job is updated twice and deleted: the queue is short, and its table must stay so
alter table procrastinate_jobs set (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
