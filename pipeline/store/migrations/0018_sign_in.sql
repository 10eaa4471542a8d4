-- Signing in: one counter for every check of a password or code, temporary passwords, second factors, notices to the person and to the
-- privacy officers, and API tokens that expire and are limited.

-- How often a password or a code was tried. `key`: SHA-256 of what is counted (a user name, a browser that the user has used before, a
-- network), so that a password that was typed as a user name is not stored. `failures` fades with time; it counts an attempt before the
-- password is verified, and a right password takes it back.
create table sign_in_attempt (
    key sha256 primary key,
    failures double precision not null,
    at timestamptz not null default clock_timestamp(),
    blocked_until timestamptz not null default clock_timestamp()
);
create index sign_in_attempt_at on sign_in_attempt (at);

-- A browser in which a person has signed in before: wrong passwords typed elsewhere do not delay it. Only the browser has the token.
create table known_device (
    token sha256 not null,
    account_id bigint not null references account,
    used_at timestamptz not null default now(),
    primary key (token, account_id)
);
create index known_device_used_at on known_device (used_at);

alter table account
    add column password_expires_at timestamptz,  -- null: the person chose the password; else it is temporary and must be changed
    add column emergency boolean not null default false,  -- may sign in with a password if the identity provider is the usual way
    add column has_password boolean not null generated always as (password is not null) stored;

-- The codes of an authenticator app (TOTP, RFC 6238). `last_counter`: the time step of the last code that was accepted, so that no code is
-- accepted twice.
create table second_factor (
    account_id bigint primary key references account,
    secret bytea not null,
    created_at timestamptz not null default now(),
    confirmed_at timestamptz,  -- null: the person has not yet entered a code
    last_counter bigint not null default 0
);
create table recovery_code (
    account_id bigint not null references account,
    code sha256 not null,
    used_at timestamptz,
    primary key (account_id, code)
);

-- What others changed in an account. Each recipient (the person and the privacy officers) sees it when signing in.
create table account_notice (
    id bigint generated always as identity primary key,
    recipient_id bigint not null references account,
    account_id bigint not null references account,  -- the account that was changed
    kind text not null,
    actor text not null,
    at timestamptz not null default now(),
    seen_at timestamptz
);
create index account_notice_recipient on account_notice (recipient_id, id);

alter table web_session
    add column method text not null default 'password' check (method in ('password', 'sso')),
    add column factor_pending boolean not null default false,  -- the password was right, the code has not been entered
    add column authenticated_at timestamptz;  -- when the person last proved who they are in this session; null: unknown

alter table api_token
    add column id bigint generated always as identity unique,
    add column expires_at timestamptz not null default now() + interval '90 days',
    add column scopes text[] not null default '{review.read,review.decide,patients,documents,search}',
    add column source text,
    add column department text,
    add column created_by text not null default '',
    add column used_from text;
alter table api_token alter column expires_at drop default, alter column scopes drop default;
create index api_token_account on api_token (account_id);

alter table account drop column failures, drop column locked_until;
drop table sign_in_failure;

-- The administrator sees no password's hash, and changes accounts, second factors and tokens without reading their secrets.
revoke select, insert, update on account from chartloom_administrator;
revoke select, delete on web_session from chartloom_administrator;
grant select (id, name, full_name, role, subject, disabled_at, created_at, password_expires_at, emergency, has_password)
    on account to chartloom_administrator;
grant insert (name, role, password, password_expires_at, full_name) on account to chartloom_administrator;
grant update (role, password, password_expires_at, disabled_at) on account to chartloom_administrator;
grant select (account_id, opened_at, seen_at), delete on web_session to chartloom_administrator;
grant select (account_id, created_at, confirmed_at), delete on second_factor to chartloom_administrator;
grant select (account_id), delete on recovery_code to chartloom_administrator;
grant select (id, account_id, name, created_at, used_at, used_from, revoked_at, expires_at, scopes, source, department, created_by)
    on api_token to chartloom_administrator;
grant update (revoked_at) on api_token to chartloom_administrator;
grant select (key), delete on sign_in_attempt to chartloom_administrator;
grant insert on account_notice to chartloom_administrator;
