-- What the clerk's and the supervisor's pages count, found without visiting a million rows.
create index scan_received on scan (received_at);
create index scan_quarantined on scan (finished_at) where status = 'quarantined';
create index arrival_stored on arrival (stored_at);
create index document_filed on document (filed_at, filed_by) where filed_at is not null;
create index decision_of_people on decision (decided_at) where decided_by <> 'machine';
