-- Text on a page that OCR did not read, for the page image in the review: [{"kind": "print" or "handwriting", "box", "letters"}].
alter table page add column unread jsonb not null default '[]';
