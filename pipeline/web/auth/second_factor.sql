-- name: confirmed_factor
select secret from second_factor where account_id = %(account)s and confirmed_at is not null

-- name: unconfirmed_factor
select secret from second_factor where account_id = %(account)s and confirmed_at is null for update

-- name: begin_enrollment
-- The secret stays the same until it is confirmed, so that a page that is loaded again shows what the app already has.
insert into second_factor as f (account_id, secret) values (%(account)s, %(secret)s)
on conflict (account_id) do update set secret = f.secret where f.confirmed_at is null
returning secret

-- name: confirm_factor
update second_factor set confirmed_at = now(), last_counter = %(counter)s where account_id = %(account)s

-- name: use_counter
update second_factor set last_counter = %(counter)s where account_id = %(account)s and last_counter < %(counter)s

-- name: use_recovery_code
update recovery_code set used_at = now() where account_id = %(account)s and code = %(code)s and used_at is null

-- name: add_recovery_code
insert into recovery_code (account_id, code) values (%(account)s, %(code)s)

-- name: count_recovery_codes
select count(*) as n from recovery_code where account_id = %(account)s and used_at is null

-- name: delete_recovery_codes
delete from recovery_code where account_id = %(account)s

-- name: delete_factor
delete from second_factor where account_id = %(account)s
