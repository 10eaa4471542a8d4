-- Who may come in, and what everybody looked at and did.
create table account (
    id bigint generated always as identity primary key,
    name text not null unique check (name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
    full_name text not null default '',
    role text not null
        check (role in ('clerk', 'reviewer', 'clinician', 'supervisor', 'privacy_officer', 'administrator')),
    password text,               -- argon2id; null: signs in through the identity provider alone
    subject text unique,         -- the identity provider's name of this person
    failures smallint not null default 0,
    locked_until timestamptz,
    disabled_at timestamptz,
    made_at timestamptz not null default now()
);

-- A person's visit in a browser. The cookie is kept by nobody but the browser; here lies its SHA-256.
create table web_session (
    token sha256 primary key,
    account_id bigint not null references account,
    opened_at timestamptz not null default now(),
    seen_at timestamptz not null default now()
);
create index web_session_account on web_session (account_id);

-- A program that acts for an account, by a token that it alone knows.
create table api_token (
    token sha256 primary key,
    account_id bigint not null references account,
    name text not null,
    made_at timestamptz not null default now(),
    used_at timestamptz,
    revoked_at timestamptz
);

-- Failed attempts to sign in, to slow down whoever guesses from one address.
create table login_failure (
    address text not null,
    at timestamptz not null default now()
);
create index login_failure_address on login_failure (address, at);

-- Every view, search, print, download and decision. No foreign keys: what happened stays told, whatever becomes of the rest.
create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    account text not null,
    role text not null,
    action text not null,
    patient_id bigint,
    document_id bigint,
    scan_id bigint,
    detail jsonb not null default '{}',
    address text
);
create index audit_patient on audit (patient_id, id) where patient_id is not null;
create index audit_document on audit (document_id, id) where document_id is not null;
create index audit_account on audit (account, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_is_append_only before update or delete on audit for each row execute function refuse_change();
create trigger audit_is_kept before truncate on audit for each statement execute function refuse_change();
create trigger decision_is_append_only before update or delete on decision for each row execute function refuse_change();
create trigger decision_is_kept before truncate on decision for each statement execute function refuse_change();
