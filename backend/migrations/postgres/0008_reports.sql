-- Requests that their person denied as somebody else's: few, and looked for whenever their client asks that person again.
create index prompts_reported on prompts (iss, sub, client_id, settled_at) where reason = 'not_me';
