-- What the queue is filtered by stands on its items, so that a queue of 50,000 is counted without visiting their scans.
alter table review_item
    add column type text,
    add column source text,
    add column department text;

create function review_item_filters() returns trigger language plpgsql as $$
begin
    select s.source, s.department into new.source, new.department from scan s where s.id = new.scan_id;
    select d.type into new.type from document d where d.id = new.document_id;
    return new;
end
$$;
create trigger review_item_filters before insert on review_item for each row execute function review_item_filters();

update review_item i
set source = s.source, department = s.department, type = (select d.type from document d where d.id = i.document_id)
from scan s
where s.id = i.scan_id;

create index review_item_filtered on review_item (type, source, department) include (kinds, escalated_by) where settled_at is null;
