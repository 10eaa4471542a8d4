-- Two files without content (empty, only zero bytes, only a header) have the same bytes and are still two files: each may stand for
-- a paper of its own. Only files with content are duplicates of each other.
alter table scan add column has_content boolean not null default true;
update scan set has_content = false where quarantine_code in ('empty', 'no_pages');
alter table scan drop constraint scan_sha256_key;
create unique index scan_sha256 on scan (sha256) where has_content;
create index scan_without_content on scan (sha256) where not has_content;
