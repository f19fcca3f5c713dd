-- Clients that are switched off, clients that registered themselves, and who was invited to do so.
-- Both flags stand beside the JSON, because tokens are looked for together with the first and the second is counted.
alter table clients add column disabled bigint not null default 0;
alter table clients add column registered bigint not null default 0;

-- Initial access tokens, by their hashes.
create table invitations (
    hash bytea primary key,
    name text collate "C" not null unique,
    created_at bigint not null,
    expires_at bigint not null,
    uses_left bigint not null
);
