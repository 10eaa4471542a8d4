-- name: shared_address
-- the address from which the most users signed in, their number, and the number of all users who signed in
select address, count(distinct account) as users,
    (select count(distinct account) from audit
     where action = 'login' and at > now() - make_interval(days => %(days)s)) as all_users
from audit
where action = 'login' and at > now() - make_interval(days => %(days)s)
group by address
order by users desc, address
limit 1
