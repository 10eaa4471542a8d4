-- name: count_attempt
-- No row: it does not wait long enough after the one before. Attempts in parallel wait for the row's lock and then see the new count.
insert into sign_in_attempt as a (key, failures) values (%(key)s, 1)
on conflict (key) do update
set (failures, at, blocked_until) = (
    select n, moment, moment
        + make_interval(secs => case when n < %(free)s then 0 else least(%(max_delay)s, %(first_delay)s * 2 ^ least(n - %(free)s, 30)) end)
    from (select greatest(a.failures - extract(epoch from clock_timestamp() - a.at) / %(forget)s, 0) + 1 as n,
        clock_timestamp() as moment) as faded
)
where a.blocked_until <= clock_timestamp()
returning failures

-- name: forget_person
delete from sign_in_attempt where key = %(key)s

-- name: take_back_attempt
update sign_in_attempt set failures = greatest(failures - 1, 0), blocked_until = least(blocked_until, clock_timestamp()) where key = %(key)s

-- name: device_is_known
select 1 from known_device d join account a on a.id = d.account_id where d.token = %(device)s and a.name = %(name)s

-- name: remember_device
insert into known_device (token, account_id) values (%(device)s, %(account)s)
on conflict (token, account_id) do update set used_at = now()
