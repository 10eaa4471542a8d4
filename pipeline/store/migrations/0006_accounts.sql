-- Who may sign in, and what everyone looked at and did.
create table account (
    id bigint generated always as identity primary key,
    name text not null unique check (name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
    full_name text not null default '',
    role text not null
        check (role in ('clerk', 'reviewer', 'clinician', 'supervisor', 'privacy_officer', 'administrator')),
    password text,               -- argon2id; null: signs in through the identity provider alone
    subject text unique,         -- the subject that the identity provider uses for this person
    failures smallint not null default 0,
    locked_until timestamptz,
    disabled_at timestamptz,
    created_at timestamptz not null default now()
);

-- A browser session. Only the browser has the cookie; its SHA-256 is stored here.
create table web_session (
    token sha256 primary key,
    account_id bigint not null references account,
    opened_at timestamptz not null default now(),
    seen_at timestamptz not null default now()
);
create index web_session_account on web_session (account_id);

-- A program that acts for an account. Only the program has the token; its SHA-256 is stored here.
create table api_token (
    token sha256 primary key,
    account_id bigint not null references account,
    name text not null,
    created_at timestamptz not null default now(),
    used_at timestamptz,
    revoked_at timestamptz
);

-- Failed sign-ins, to slow down guessing from one address.
create table sign_in_failure (
    address text not null,
    at timestamptz not null default now()
);
create index sign_in_failure_address on sign_in_failure (address, at);

-- Every view, search, print, download and decision. No foreign keys: a line outlives what it names. Append-only.
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
create trigger audit_is_append_only before update or delete on audit for each row execute function reject_change();
create trigger audit_is_kept before truncate on audit for each statement execute function reject_change();
