-- A token request may want a token for some of the resources of its grant (RFC 8707): those, as JSON; null where the token is for all of them.
alter table access_tokens add column resources text;
