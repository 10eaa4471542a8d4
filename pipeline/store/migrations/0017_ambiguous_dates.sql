-- Dates that may be another one with day and month exchanged.
insert into reason_code (kind, code) values ('field', 'ambiguous_dob'), ('field', 'ambiguous_date_of_service');
