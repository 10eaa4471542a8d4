-- A file that arrives again under the same name with the same pages and more.
insert into reason_code (kind, code) values ('file', 'file_grew');
