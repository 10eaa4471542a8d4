-- name: lock_accounts
lock table account in share row exclusive mode

-- name: any_account
select 1 from account limit 1

-- name: add_account
insert into account (name, role, password, password_expires_at, full_name)
values (%(name)s, %(role)s, %(password)s, %(expires_at)s, %(full_name)s)
returning id

-- name: list_accounts
select id, name, full_name, role, disabled_at, has_password, password_expires_at, emergency, subject is not null as has_sso, created_at,
    exists (select account_id from second_factor where account_id = account.id and confirmed_at is not null) as has_factor,
    (select max(seen_at) from web_session where account_id = account.id) as seen_at
from account
order by disabled_at is not null, name

-- name: set_password
update account set password = %(password)s, password_expires_at = %(expires_at)s where id = %(id)s

-- name: keep_password
update account set password_expires_at = null where id = %(id)s

-- name: replace_hash
-- The same password with newer parameters; not if it was changed in the meantime.
update account set password = %(new)s where id = %(id)s and password = %(old)s

-- name: lock_indispensable
select id, role from account where role = any(%(roles)s) and disabled_at is null order by id for update

-- name: account_state
select role, disabled_at from account where id = %(id)s for update

-- name: change_account
update account set role = %(role)s, disabled_at = case when %(enabled)s then null else coalesce(disabled_at, now()) end
where id = %(id)s

-- name: set_emergency
update account set emergency = %(allowed)s where id = %(id)s

-- name: account_to_sign_in
select id, name, full_name, role, password, emergency,
    exists (select from second_factor where account_id = account.id and confirmed_at is not null) as has_factor
from account
where name = %(name)s and disabled_at is null and coalesce(password_expires_at > now(), true)

-- name: account_named
select id, name, full_name, role from account where name = lower(%(name)s)

-- name: account_with_id
select id, name, full_name, role from account where id = %(id)s

-- name: account_of_subject
select id, name, full_name, role from account where subject = %(subject)s and disabled_at is null

-- name: link_account
update account set subject = %(subject)s where id = %(id)s

-- name: read_audit
select id, at, account, role, action, patient_id, document_id, scan_id, detail, address
from audit
where (%(account)s::text is null or account = %(account)s)
    and (%(patient)s::bigint is null or patient_id = %(patient)s)
    and (%(document)s::bigint is null or document_id = %(document)s)
    and (%(action)s::text is null or action = %(action)s)
    and (%(before)s::bigint is null or id < %(before)s)
order by id desc
limit %(limit)s
