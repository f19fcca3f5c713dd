-- What is owed to others, so that a crash between a decision and telling somebody about it loses nothing.

-- Whether something becomes due when the request is settled: most requests owe nothing, and settling them should not have to look.
alter table auth_requests add column owes bigint not null default 0;

-- `waiting` until the request of the same reference is settled, then `owed`, at last `done` or `dead`. Who claims a debt moves `due_at` to the
-- end of the lease: nobody else sees it until then. The payload is sealed.
create table outbox (
    reference text not null,
    kind text not null,
    creditor text not null,
    state text not null,
    payload bytea,
    deadline bigint not null,
    owed_since bigint,
    due_at bigint,
    attempt bigint not null,
    lease text,
    last_error text,
    settled_at bigint,
    primary key (reference, kind)
);
create index outbox_due on outbox (due_at) where state = 'owed';
create index outbox_dead on outbox (settled_at) where state = 'dead';
create index outbox_over on outbox (deadline) where state <> 'dead';
create index outbox_sealed on outbox (deadline) where state = 'dead' and payload is not null;
create index outbox_by_creditor on outbox (creditor);
