-- Tokens that are delivered by push stand in the sealed payload of a debt until the client has them. The grant that began with them ends when they
-- are given up on, so the debt says which grant that is.
alter table outbox add column family_id text;
