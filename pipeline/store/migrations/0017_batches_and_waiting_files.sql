-- Every cover sheet of a batch counts, and a batch that does not add up stays open until it does or a person settles it.
create table batch_sheet (
    scan_id bigint not null references scan,
    text text not null,  -- what its code says: the same sheet scanned twice counts once
    batch_id bigint not null references batch,
    files integer check (files >= 0),
    documents integer check (documents >= 0),
    pages integer check (pages >= 0),
    primary key (scan_id, text)
);
create index batch_sheet_batch on batch_sheet (batch_id);

insert into batch_sheet (scan_id, text, batch_id, files, documents, pages)
select b.sheet_scan_id, min(code ->> 'text'), b.id, b.expected_files, b.expected_documents, b.expected_pages
from batch as b
join page as p on p.scan_id = b.sheet_scan_id and p.kind = 'separator'
cross join lateral jsonb_array_elements(p.codes) as code
where code ->> 'text' like 'CHARTLOOM/BATCH/1;%'
group by b.id;

alter table batch
    drop column sheet_scan_id,
    drop column expected_files,
    drop column expected_documents,
    drop column expected_pages,
    add column review_item_id bigint references review_item;

-- The pages that are cover sheets are found without visiting the others.
create index page_cover_sheet on page (scan_id) where codes @? '$[*].text ? (@ starts with "CHARTLOOM/BATCH/1;")';

-- Why a file of the intake folder is not taken, or stays there though it is stored: what a person can do about it.
alter table sighting add column why text;
alter table arrival add column stays text;
create index arrival_staying on arrival (id) where stays is not null and left_at is null;
