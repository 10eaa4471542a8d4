-- name: open_session
insert into web_session (token, account_id, method, factor_pending, authenticated_at)
values (%(token)s, %(account)s, %(method)s, %(factor_pending)s, %(authenticated_at)s)

-- name: resume_session
with session as (
    select s.token, s.seen_at, s.method, s.factor_pending, s.authenticated_at, a.id, a.name, a.full_name, a.role,
        a.password_expires_at is not null as password_is_temporary,
        exists (select from second_factor f where f.account_id = a.id and f.confirmed_at is not null) as has_factor,
        exists (select from account_notice n where n.recipient_id = a.id and n.seen_at is null and n.at < s.opened_at) as has_notices
    from web_session s
    join account a on a.id = s.account_id
    where s.token = %(token)s and a.disabled_at is null
        and s.seen_at > now() - make_interval(mins => %(idle)s)
        and s.opened_at > now() - make_interval(hours => %(hours)s)
        and (not s.factor_pending or s.opened_at > now() - make_interval(mins => %(code_minutes)s))
), touched as (  -- not at every request: a page loads its images in parallel, and their requests would wait for one another
    update web_session s set seen_at = now()
    from session
    where s.token = session.token and session.seen_at < now() - interval '20 seconds'
)
select id, name, full_name, role, method, factor_pending, authenticated_at, password_is_temporary, has_factor, has_notices from session

-- name: session_is_active
select 1
from web_session s
join account a on a.id = s.account_id
where s.token = %(token)s and a.disabled_at is null and not s.factor_pending
    and s.seen_at > now() - make_interval(mins => %(idle)s)
    and s.opened_at > now() - make_interval(hours => %(hours)s)

-- name: mark_authenticated
update web_session set authenticated_at = now() where token = %(token)s

-- name: end_session
delete from web_session where token = %(token)s

-- name: end_sessions_of
delete from web_session where account_id = %(account)s

-- name: purge_sign_in_data
-- Sessions that have ended, faded failures, and browsers that were not used for long. A few at a time: every web process does this.
with sessions as (
    delete from web_session where token in (
        select token from web_session
        where opened_at < now() - make_interval(hours => %(hours)s) or seen_at < now() - make_interval(mins => %(idle)s)
        limit %(limit)s for update skip locked
    ) returning 1
), attempts as (
    delete from sign_in_attempt where key in (
        select key from sign_in_attempt where at < now() - make_interval(hours => %(attempt_hours)s)
        order by at limit %(limit)s for update skip locked
    ) returning 1
), devices as (
    delete from known_device where (token, account_id) in (
        select token, account_id from known_device where used_at < now() - make_interval(days => %(device_days)s)
        order by used_at limit %(limit)s for update skip locked
    ) returning 1
), notices as (
    delete from account_notice where id in (
        select id from account_notice where seen_at < now() - make_interval(days => %(notice_days)s)
        order by id limit %(limit)s for update skip locked
    ) returning 1
)
select (select count(*) from sessions) as sessions, (select count(*) from attempts) as attempts,
    (select count(*) from devices) as devices, (select count(*) from notices) as notices
