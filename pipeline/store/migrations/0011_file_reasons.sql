-- Files that a person must look at because of what is in them: attachments, forms that are built by scripts, several PDFs in one file.
alter table reason_code drop constraint reason_code_kind_check;
alter table reason_code add constraint reason_code_kind_check check (kind in (
    'patient', 'type', 'split', 'field', 'page', 'mixed_patients', 'batch', 'no_document', 'manual', 'quality', 'legacy_index', 'file'
));
insert into reason_code (kind, code) values ('file', 'attachments'), ('file', 'xfa_form'), ('file', 'concatenated_pdfs');
