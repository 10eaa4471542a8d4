-- The clerk's page says of each scan why it waits for a person.
create index review_item_scan on review_item (scan_id) where settled_at is null;
