-- name: lock_accounts
lock table account in share row exclusive mode

-- name: any_account
select 1 from account limit 1

-- name: add_account
insert into account (name, role, password, full_name)
values (%(name)s, %(role)s, %(password)s, %(full_name)s)
returning id

-- name: list_accounts
select id, name, full_name, role, disabled_at, locked_until > now() as locked, password is not null as has_password, created_at,
    (select max(seen_at) from web_session where account_id = account.id) as seen_at
from account
order by disabled_at is not null, name

-- name: set_password
update account set password = %(password)s, failures = 0, locked_until = null where id = %(id)s

-- name: password_of
select password from account where id = %(id)s

-- name: change_account
update account set role = %(role)s, disabled_at = case when %(enabled)s then null else coalesce(disabled_at, now()) end
where id = %(id)s

-- name: account_to_sign_in
select id, name, full_name, role, password, coalesce(locked_until > now(), false) as locked
from account
where name = lower(%(name)s) and disabled_at is null

-- name: failures_from
select count(*) as n from sign_in_failure where address = %(address)s and at > now() - make_interval(mins => %(minutes)s)

-- name: add_failure
insert into sign_in_failure (address) values (%(address)s)

-- name: count_failure
update account
set failures = case when failures + 1 >= %(after)s then 0 else failures + 1 end,
    locked_until = case when failures + 1 >= %(after)s then now() + make_interval(mins => %(minutes)s) else locked_until end
where id = %(id)s

-- name: clear_failures
update account set failures = 0, locked_until = null where id = %(id)s

-- name: open_session
insert into web_session (token, account_id) values (%(token)s, %(account)s)

-- name: resume_session
with session as (
    select s.token, s.seen_at, a.id, a.name, a.full_name, a.role
    from web_session s
    join account a on a.id = s.account_id
    where s.token = %(token)s and a.disabled_at is null
        and s.seen_at > now() - make_interval(mins => %(idle)s)
        and s.opened_at > now() - make_interval(hours => %(hours)s)
), touched as (  -- not at every request: a page loads its images in parallel, and their requests would wait for one another
    update web_session s set seen_at = now()
    from session
    where s.token = session.token and session.seen_at < now() - interval '20 seconds'
)
select id, name, full_name, role from session

-- name: add_token
insert into api_token (token, account_id, name) values (%(token)s, %(account)s, %(name)s)

-- name: revoke_tokens
update api_token set revoked_at = now() where name = %(name)s and revoked_at is null

-- name: account_of_token
with token as (
    select t.token, t.used_at, a.id, a.name, a.full_name, a.role
    from api_token t
    join account a on a.id = t.account_id
    where t.token = %(token)s and t.revoked_at is null and a.disabled_at is null
), touched as (
    update api_token t set used_at = now()
    from token
    where t.token = token.token and (token.used_at is null or token.used_at < now() - interval '1 minute')
)
select id, name, full_name, role from token

-- name: session_is_active
select 1
from web_session s
join account a on a.id = s.account_id
where s.token = %(token)s and a.disabled_at is null
    and s.seen_at > now() - make_interval(mins => %(idle)s)
    and s.opened_at > now() - make_interval(hours => %(hours)s)

-- name: end_session
delete from web_session where token = %(token)s

-- name: end_sessions_of
delete from web_session where account_id = %(account)s

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

-- name: account_named
select id from account where name = lower(%(name)s)

-- name: account_of_subject
select id, name, full_name, role from account where subject = %(subject)s and disabled_at is null

-- name: link_account
update account set subject = %(subject)s where name = lower(%(name)s)
