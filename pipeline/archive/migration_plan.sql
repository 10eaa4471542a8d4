-- name: unknown_mrns
select listed.mrn
from unnest(%(mrns)s::text[], %(plain)s::text[]) as listed (mrn, plain)
where not exists (select from patient p where p.mrn in (listed.mrn, listed.plain))
  and not exists (select from patient_identifier i where i.kind = 'mrn' and i.value in (listed.mrn, listed.plain))

-- name: known_hashes
select id, sha256 from scan where sha256 = any(%(hashes)s) and has_content
