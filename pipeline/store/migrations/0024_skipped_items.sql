-- Who has skipped an item: it comes to them again when nothing else is left, not with their next key.
alter table review_item add column skipped text[] not null default '{}';
grant update (skipped) on review_item to chartloom_reviewer, chartloom_supervisor;
