-- name: write_audit
insert into audit (account, role, action, patient_id, document_id, scan_id, detail, address)
values (%(account)s, %(role)s, %(action)s, %(patient)s, %(document)s, %(scan)s, %(detail)s, %(address)s)
