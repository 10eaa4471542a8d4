-- name: add_token
insert into api_token (token, account_id, name, expires_at, scopes, source, department, created_by)
values (%(token)s, %(account)s, %(name)s, now() + make_interval(days => %(days)s), %(scopes)s, %(source)s, %(department)s, %(created_by)s)

-- name: token_used
with token as (
    select t.token, t.name as token_name, t.used_at, t.used_from, t.scopes, t.source, t.department, a.id, a.name, a.full_name, a.role,
        case when t.revoked_at is not null then 'revoked' when a.disabled_at is not null then 'closed'
            when t.expires_at <= now() then 'expired' end as refusal
    from api_token t
    join account a on a.id = t.account_id
    where t.token = %(token)s
), touched as (  -- not at every request: parallel requests would wait for one another
    update api_token t set used_at = now(), used_from = %(address)s
    from token
    where t.token = token.token and token.refusal is null
        and (token.used_at is null or token.used_at < now() - interval '1 minute' or token.used_from is distinct from %(address)s)
)
select token_name, scopes, source, department, id, name, full_name, role, refusal from token

-- name: list_tokens
select t.id, t.name, a.name as account, t.created_at, t.created_by, t.expires_at, t.used_at, t.used_from, t.scopes, t.source,
    t.department, t.revoked_at, t.revoked_at is null and t.expires_at > now() and a.disabled_at is null as valid
from api_token t
join account a on a.id = t.account_id
order by valid desc, t.expires_at desc, t.id

-- name: revoke_token
update api_token set revoked_at = now() where id = %(id)s and revoked_at is null returning name

-- name: revoke_tokens_named
update api_token set revoked_at = now()
where name = %(name)s and revoked_at is null and (%(account)s::bigint is null or account_id = %(account)s)

-- name: revoke_tokens_of
update api_token set revoked_at = now() where account_id = %(account)s and revoked_at is null

-- name: item_in_scope
select 1 from review_item
where id = %(id)s and (%(source)s::text is null or source = %(source)s) and (%(department)s::text is null or department = %(department)s)

-- name: document_in_scope
select 1 from document d join scan s on s.id = d.scan_id
where d.id = %(id)s and (%(source)s::text is null or s.source = %(source)s) and (%(department)s::text is null or s.department = %(department)s)

-- name: decision_in_scope
select 1 from decision n join document d on d.id = n.document_id join scan s on s.id = d.scan_id
where n.id = %(id)s and (%(source)s::text is null or s.source = %(source)s) and (%(department)s::text is null or s.department = %(department)s)

-- name: scan_in_scope
select 1 from scan s
where s.id = %(id)s and (%(source)s::text is null or s.source = %(source)s) and (%(department)s::text is null or s.department = %(department)s)
