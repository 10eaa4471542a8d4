-- Printed page numbers that contradict the pages of a document, and documents whose pages are in the chart already.
insert into reason_code (kind, code) values
    ('split', 'incomplete_pages'), ('split', 'page_order'), ('split', 'possible_duplicate');
