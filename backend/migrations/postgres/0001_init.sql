-- Everything the backend keeps: the same tables as in SQLite. Times are milliseconds since the Unix epoch, flags are 0 or 1, secrets are SHA-256
-- hashes, JSON is text. Text compares byte by byte (`collate "C"`), whatever the database was made with: what is exact and what is sorted is the
-- same in both databases, and such an index is faster.
-- Rows that change after they are written leave room on their page (`fillfactor`), so that a change seldom touches an index.

-- People of the embedded provider.
create table accounts (
    sub text collate "C" primary key,
    username text collate "C" not null unique,
    name text collate "C" not null,
    password_hash text collate "C" not null,
    disabled bigint not null,
    created_at bigint not null
);

-- By which values a client may name a person, beside `id` and `username`. A value names one person or nobody.
create table account_attributes (
    attribute text collate "C" not null,
    value text collate "C" not null,
    sub text collate "C" not null references accounts (sub),
    primary key (attribute, value)
);
create index account_attributes_by_person on account_attributes (sub);

-- How many changes a person's prompts have seen. Apart from `accounts`, because other providers' people have prompts too.
create table account_seq (
    iss text collate "C" not null,
    sub text collate "C" not null,
    seq bigint not null,
    primary key (iss, sub)
) with (fillfactor = 50);

create table clients (
    id text collate "C" primary key,
    client text collate "C" not null
);

-- Requests of the embedded provider. A request outlives its prompt or the other way round, so neither references the other.
create table auth_requests (
    id_hash bytea primary key,
    handle text collate "C" not null unique,
    client_id text collate "C" not null,
    sub text collate "C" not null,
    scope text collate "C" not null,
    created_at bigint not null,
    expires_at bigint not null,
    readable_until bigint not null,
    interval bigint not null,
    state text collate "C" not null,
    approval text collate "C",
    redeemed_at bigint
) with (fillfactor = 70);
create index auth_requests_by_readable_until on auth_requests (readable_until);
create index auth_requests_by_client on auth_requests (client_id);

create table prompts (
    handle text collate "C" primary key,
    connector text collate "C" not null,
    external_ref text collate "C",
    iss text collate "C" not null,
    sub text collate "C" not null,
    client_id text collate "C" not null,
    client text collate "C" not null,
    scopes text collate "C" not null,
    authorization_details text collate "C",
    match_mode text collate "C" not null,
    match_value text collate "C",
    acr_values text collate "C",
    context text collate "C",
    policy text collate "C" not null,
    created_at bigint not null,
    expires_at bigint not null,
    seq bigint not null,
    state text collate "C" not null,
    settled_at bigint,
    reason text collate "C",
    decided_device text collate "C",
    decided_name text collate "C",
    decision_jti text collate "C",
    tries bigint not null,
    redeemed_at bigint,
    receipt_request text collate "C",
    receipt_decision text collate "C",
    receipt_device_key text collate "C",
    receipt_request_key text collate "C",
    receipt_at bigint
) with (fillfactor = 70);
create index prompts_pending_by_person on prompts (iss, sub, created_at) where state = 'pending';
create index prompts_pending_by_deadline on prompts (expires_at) where state = 'pending';
create index prompts_by_change on prompts (iss, sub, seq);
create index prompts_settled_by_person on prompts (iss, sub, settled_at) where state <> 'pending';
create index prompts_settled_by_time on prompts (settled_at) where state <> 'pending';

-- Wrong numbers, so that the same decision sent twice counts once and gets the same answer.
create table match_attempts (
    handle text collate "C" not null references prompts (handle) on delete cascade,
    device_id text collate "C" not null,
    jti text collate "C" not null,
    device_left bigint not null,
    tries_left bigint not null,
    primary key (handle, device_id, jti)
);

create table devices (
    id text collate "C" primary key,
    iss text collate "C" not null,
    sub text collate "C" not null,
    name text collate "C" not null,
    pop_key text collate "C",
    pop_thumbprint text collate "C" unique,
    uv_key text collate "C",
    uv_thumbprint text collate "C" unique,
    key_level text collate "C",
    uv_method text collate "C",
    platform text collate "C",
    app_version text collate "C",
    session bytea unique,
    push_type text collate "C" not null,
    push_token text collate "C",
    created_at bigint not null,
    last_seen_at bigint not null,
    revoked_at bigint,
    mismatches bigint not null
) with (fillfactor = 70);
create index devices_by_person on devices (iss, sub, created_at);

-- Everything that came of one sign-in or one approval.
create table grant_families (
    id text collate "C" primary key,
    client_id text collate "C" not null,
    sub text collate "C" not null,
    scope text collate "C" not null,
    auth_time bigint not null,
    amr text collate "C" not null,
    acr text collate "C" not null,
    created_at bigint not null,
    device_id text collate "C",
    revoked_at bigint
);
create index grant_families_by_client on grant_families (client_id);
create index grant_families_by_device on grant_families (device_id) where device_id is not null;

create table codes (
    hash bytea primary key,
    family_id text collate "C" not null references grant_families (id),
    redirect_uri text collate "C" not null,
    code_challenge text collate "C" not null,
    nonce text collate "C",
    expires_at bigint not null,
    used_at bigint
);
create index codes_by_deadline on codes (expires_at);
create index codes_by_family on codes (family_id);

create table access_tokens (
    hash bytea primary key,
    family_id text collate "C" not null references grant_families (id),
    issued_at bigint not null,
    expires_at bigint not null
);
create index access_tokens_by_deadline on access_tokens (expires_at);
create index access_tokens_by_family on access_tokens (family_id);

create table refresh_tokens (
    hash bytea primary key,
    family_id text collate "C" not null references grant_families (id),
    issued_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);
create index refresh_tokens_by_deadline on refresh_tokens (expires_at);
create index refresh_tokens_by_family on refresh_tokens (family_id);

create table signing_keys (
    kid text collate "C" primary key,
    purpose text collate "C" not null,
    state text collate "C" not null,
    sealed bytea not null,
    public_jwk text collate "C" not null,
    created_at bigint not null,
    state_since bigint not null,
    announcement text collate "C"
);
-- Two keys that sign, or two that are about to, would be a bug; the store refuses to hold it.
create unique index signing_keys_one_next on signing_keys (purpose) where state = 'next';
create unique index signing_keys_one_active on signing_keys (purpose) where state = 'active';

create table seen (
    kind text collate "C" not null,
    owner text collate "C" not null,
    id text collate "C" not null,
    expires_at bigint not null,
    primary key (kind, owner, id)
);
create index seen_by_deadline on seen (expires_at);
