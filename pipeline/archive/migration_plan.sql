-- name: unknown_mrns
select given.mrn
from unnest(%(mrns)s::text[], %(plain)s::text[]) as given (mrn, plain)
where not exists (select from patient p where p.mrn in (given.mrn, given.plain))
  and not exists (select from patient_identifier i where i.kind = 'mrn' and i.value in (given.mrn, given.plain))

-- name: known_hashes
select id, sha256 from scan where sha256 = any(%(hashes)s)
