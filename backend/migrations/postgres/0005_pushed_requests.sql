-- Authorization requests that clients pushed, until the browser brings them or they are over; JSON.
create table pushed_requests (
    hash bytea primary key,
    client_id text collate "C" not null,
    params text not null,
    expires_at bigint not null
);
create index pushed_requests_by_deadline on pushed_requests (expires_at);
