-- What a request or a grant is about beyond its scope, JSON, null where there is nothing; and who may present a token.
alter table auth_requests add column extras text;
alter table grant_families add column extras text;
alter table codes add column dpop_jkt text;
alter table access_tokens add column confirmation text;
alter table refresh_tokens add column confirmation text;
