-- Requests of providers outside: what was taken in exactly, what an approval proved (the embedded provider keeps that with its own request), and
-- whether the provider knows how it ended.
alter table prompts add column intake_digest bytea;
alter table prompts add column approval text;
alter table prompts add column delivery text;
-- A call that must not be made twice is marked before its first byte leaves; and a provider is not told before it can know its own request.
alter table outbox add column telling bigint not null default 0;
alter table outbox add column not_before bigint not null default 0;

-- When each provider was told successfully at last, and when not and why.
create table connector_marks (
    name text primary key,
    told_at bigint,
    failed_at bigint,
    error text
);
