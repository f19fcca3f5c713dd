-- Everything the backend keeps. Times are milliseconds since the Unix epoch, secrets are SHA-256 hashes, JSON is text.
-- Small rows that are found by one key are `without rowid`: one tree to write instead of two.

-- People of the embedded provider.
create table accounts (
    sub text primary key,
    username text not null unique,
    name text not null,
    password_hash text not null,
    disabled integer not null,
    created_at integer not null
) strict;

-- By which values a client may name a person, beside `id` and `username`. A value names one person or nobody.
create table account_attributes (
    attribute text not null,
    value text not null,
    sub text not null references accounts (sub),
    primary key (attribute, value)
) strict, without rowid;
create index account_attributes_by_person on account_attributes (sub);

-- How many changes a person's prompts have seen. Apart from `accounts`, because other providers' people have prompts too.
create table account_seq (
    iss text not null,
    sub text not null,
    seq integer not null,
    primary key (iss, sub)
) strict, without rowid;

create table clients (
    id text primary key,
    client text not null
) strict;

-- Requests of the embedded provider. A request outlives its prompt or the other way round, so neither references the other.
create table auth_requests (
    id_hash blob primary key,
    handle text not null unique,
    client_id text not null,
    sub text not null,
    scope text not null,
    created_at integer not null,
    expires_at integer not null,
    readable_until integer not null,
    interval integer not null,
    state text not null,
    approval text,
    redeemed_at integer
) strict, without rowid;
create index auth_requests_by_readable_until on auth_requests (readable_until);
create index auth_requests_by_client on auth_requests (client_id);

create table prompts (
    handle text primary key,
    connector text not null,
    external_ref text,
    iss text not null,
    sub text not null,
    client_id text not null,
    client text not null,
    scopes text not null,
    authorization_details text,
    match_mode text not null,
    match_value text,
    acr_values text,
    context text,
    policy text not null,
    created_at integer not null,
    expires_at integer not null,
    seq integer not null,
    state text not null,
    settled_at integer,
    reason text,
    decided_device text,
    decided_name text,
    decision_jti text,
    tries integer not null,
    redeemed_at integer,
    receipt_request text,
    receipt_decision text,
    receipt_device_key text,
    receipt_request_key text,
    receipt_at integer
) strict;
create index prompts_pending_by_person on prompts (iss, sub, created_at) where state = 'pending';
create index prompts_pending_by_deadline on prompts (expires_at) where state = 'pending';
create index prompts_by_change on prompts (iss, sub, seq);
create index prompts_settled_by_person on prompts (iss, sub, settled_at) where state <> 'pending';
create index prompts_settled_by_time on prompts (settled_at) where state <> 'pending';

-- Wrong numbers, so that the same decision sent twice counts once and gets the same answer.
create table match_attempts (
    handle text not null references prompts (handle) on delete cascade,
    device_id text not null,
    jti text not null,
    device_left integer not null,
    tries_left integer not null,
    primary key (handle, device_id, jti)
) strict, without rowid;

create table devices (
    id text primary key,
    iss text not null,
    sub text not null,
    name text not null,
    pop_key text,
    pop_thumbprint text unique,
    uv_key text,
    uv_thumbprint text unique,
    key_level text,
    uv_method text,
    platform text,
    app_version text,
    session blob unique,
    push_type text not null,
    push_token text,
    created_at integer not null,
    last_seen_at integer not null,
    revoked_at integer,
    mismatches integer not null
) strict;
create index devices_by_person on devices (iss, sub, created_at);

-- Everything that came of one sign-in or one approval.
create table grant_families (
    id text primary key,
    client_id text not null,
    sub text not null,
    scope text not null,
    auth_time integer not null,
    amr text not null,
    acr text not null,
    created_at integer not null,
    device_id text,
    revoked_at integer
) strict, without rowid;
create index grant_families_by_client on grant_families (client_id);
create index grant_families_by_device on grant_families (device_id) where device_id is not null;

create table codes (
    hash blob primary key,
    family_id text not null references grant_families (id),
    redirect_uri text not null,
    code_challenge text not null,
    nonce text,
    expires_at integer not null,
    used_at integer
) strict, without rowid;
create index codes_by_deadline on codes (expires_at);
create index codes_by_family on codes (family_id);

create table access_tokens (
    hash blob primary key,
    family_id text not null references grant_families (id),
    issued_at integer not null,
    expires_at integer not null
) strict, without rowid;
create index access_tokens_by_deadline on access_tokens (expires_at);
create index access_tokens_by_family on access_tokens (family_id);

create table refresh_tokens (
    hash blob primary key,
    family_id text not null references grant_families (id),
    issued_at integer not null,
    expires_at integer not null,
    used_at integer
) strict, without rowid;
create index refresh_tokens_by_deadline on refresh_tokens (expires_at);
create index refresh_tokens_by_family on refresh_tokens (family_id);

create table signing_keys (
    kid text primary key,
    purpose text not null,
    state text not null,
    sealed blob not null,
    public_jwk text not null,
    created_at integer not null,
    state_since integer not null,
    announcement text
) strict;
-- Two keys that sign, or two that are about to, would be a bug; the store refuses to hold it.
create unique index signing_keys_one_next on signing_keys (purpose) where state = 'next';
create unique index signing_keys_one_active on signing_keys (purpose) where state = 'active';

create table seen (
    kind text not null,
    owner text not null,
    id text not null,
    expires_at integer not null,
    primary key (kind, owner, id)
) strict, without rowid;
create index seen_by_deadline on seen (expires_at);
