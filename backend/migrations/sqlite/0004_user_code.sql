-- The code that a person gives to clients which have to bring it, Argon2id, null without one; and how often it was tried since it was last right.
alter table accounts add column user_code text;
alter table accounts add column user_code_tries integer not null default 0;
alter table accounts add column user_code_wait_until integer not null default 0;
