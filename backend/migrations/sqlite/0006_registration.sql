-- Clients that are switched off, clients that registered themselves, and who was invited to do so.
-- Both flags stand beside the JSON, because tokens are looked for together with the first and the second is counted.
alter table clients add column disabled integer not null default 0;
alter table clients add column registered integer not null default 0;

-- Initial access tokens, by their hashes.
create table invitations (
    hash blob primary key,
    name text not null unique,
    created_at integer not null,
    expires_at integer not null,
    uses_left integer not null
) strict, without rowid;
