-- What another provider signed when it was asked on behalf of the one in here: it stands where a device's receipt would.
alter table prompts add column evidence text;
