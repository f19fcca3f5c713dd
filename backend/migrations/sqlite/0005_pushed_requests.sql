-- Authorization requests that clients pushed, until the browser brings them or they are over; JSON.
create table pushed_requests (
    hash blob primary key,
    client_id text not null,
    params text not null,
    expires_at integer not null
) strict, without rowid;
create index pushed_requests_by_deadline on pushed_requests (expires_at);
