-- Queries of `archive plan` on its SQLite file; see inventory.py for the tables.

-- name: inventory_tables
pragma journal_mode = off;
pragma synchronous = off;
pragma temp_store = file;
pragma cache_size = -32000;
create table listed (n integer primary key, key text, batch text, document text, mrn text, pages integer);
create table named (n integer, path text);
create table found (path text, spelt text, size integer);
create table problem (key text, path text, code text, detail text);
create table opened (path text, media_type text, pages integer, code text, sha256 text);
create table unknown (mrn text primary key);

-- name: inventory_join
-- `there`: the files that are named and exist, each once; its rowids count from 1 without a gap.
create index found_path on found (path);
create index named_path on named (path);
create index named_n on named (n);
create table there as select path, spelt, size from found where path in (select path from named);
create table first_named as select path, min(n) as n, count(*) as times from named group by path;
create index first_named_path on first_named (path);

insert into problem
select l.key, p.path, 'missing_file', '' from named p join listed l using (n)
where not exists (select 1 from found f where f.path = p.path);

insert into problem
select '', f.spelt, 'unlisted', '' from found f where not exists (select 1 from named p where p.path = f.path);

insert into problem
select l.key, p.path, 'listed_twice', 'also in ' || first.key
from first_named t
join named p on p.path = t.path and p.n > t.n
join listed l on l.n = p.n
join listed first on first.n = t.n
where t.times > 1;

insert into problem
select l.key, '', 'document_twice', l.document || ' also in ' || first.key
from (select document, min(n) as n from listed where document is not null group by document having count(*) > 1) twice
join listed l on l.document = twice.document and l.n > twice.n
join listed first on first.n = twice.n;

-- name: inventory_unknown_patients
insert into problem
select key, '', 'unknown_patient', 'the patient index does not have ' || mrn from listed where mrn in (select mrn from unknown);

-- name: inventory_empty_files
insert into opened select path, null, null, 'empty', null from there where size = 0;

-- name: inventory_unreadable
insert into problem
select coalesce(l.key, ''), o.path, 'unreadable', o.code
from opened o
left join first_named using (path)
left join listed l using (n)
where o.code is not null;

-- name: inventory_page_counts
insert into problem
select l.key, '', 'page_count', l.pages || ' listed, ' || sum(o.pages) || ' in the files'
from listed l
join named p using (n)
join opened o using (path)
where l.pages is not null
group by l.n
having count(o.pages) = (select count(*) from named q where q.n = l.n) and sum(o.pages) <> l.pages;

-- name: inventory_duplicates
create index opened_sha256 on opened (sha256);
insert into problem
select coalesce(l.key, ''), o.path, 'duplicate', 'the same bytes as ' || first.path
from (select sha256, min(rowid) as one from opened where sha256 is not null group by sha256 having count(*) > 1) same
join opened o on o.sha256 = same.sha256 and o.rowid > same.one
join opened first on first.rowid = same.one
left join first_named t on t.path = o.path
left join listed l using (n);

-- name: inventory_totals
select (select count(*) from listed) as documents, (select count(*) from named) as files_named,
    (select count(*) from there) as files, (select coalesce(sum(size), 0) from there) as bytes,
    (select count(distinct batch) from listed) as batches, (select count(distinct mrn) from listed) as patients,
    (select count(*) from opened where code is null or code <> 'empty') as opened;

-- name: inventory_pages
select (select count(pages) from listed) as documents_stated, (select coalesce(sum(pages), 0) from listed) as pages_stated,
    (select count(pages) from opened) as files_counted, (select coalesce(sum(pages), 0) from opened) as pages_counted;

-- name: inventory_file_types
select media_type as kind, count(*) as n from opened where media_type is not null group by 1 order by 2 desc, 1;

-- name: inventory_extensions
select lower(substr(path, -4)) as kind, count(*) as n from there group by 1 order by 2 desc, 1 limit 20;
