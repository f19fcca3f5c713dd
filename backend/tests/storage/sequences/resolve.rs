//! From small numbers to whole values. What is there is asked from the model, so the same steps always make the same calls.

use countersign::{
    domain::{
        AccessToken, AccountKey, Approval, AuthorizationCode, ConnectorId, Decision, DeviceKeys, GrantFamily,
        KeyPurpose, KeyState, Matching, NewAccount, NewAuthRequest, NewDevice, Prompt, RefreshToken, SignedReceipt,
        StoredKey, TokenHash,
    },
    storage::{
        CodeRedemption, Decide, Devices as _, Mismatch, Opening, Prompts as _, Redemption, RotateKeys, Rotation,
    },
};
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DenyReason, DeviceId, Handle, PublicJwk, PushTarget, Secret, Subject};
use serde_json::json;

use super::{
    call::Call,
    names::{PEOPLE, STRANGER, client_id, device_id, stranger},
    operation::{Name, Open, Operation, Slip},
    world::{TICK, World},
};
use crate::sample;

impl World<'_> {
    pub(super) async fn call(&mut self, operation: &Operation, now: Millis) -> Call {
        let clock = self.clock;
        match *operation {
            Operation::AddAccount { person, email_of } => {
                let mut account = sample::account(PEOPLE[usize::from(person)]);
                account.attributes = sample::account(PEOPLE[usize::from(email_of)]).attributes;
                Call::AddAccount(NewAccount { account })
            }
            Operation::Disable { person, disabled } => {
                Call::Disable(format!("{}-login", someone(person).sub), disabled)
            }
            Operation::AddClient { client } => Call::AddClient(Box::new(sample::client(client_id(client).as_str()))),
            Operation::RemoveClient { client } => Call::RemoveClient(client_id(client), now),
            Operation::Register {
                device,
                person,
                keys,
                push,
                session,
            } => {
                let keys = keys.map(|numbers| device_keys(numbers, &self.names.new_session(session)));
                Call::Register(Box::new(NewDevice {
                    id: device_id(device),
                    account: someone(person),
                    name: format!("device at {}", clock - sample::NOW),
                    keys,
                    push: push_target(push),
                    now: clock,
                }))
            }
            Operation::Rename { device, person } => Call::Rename(
                someone(person),
                device_id(device),
                format!("renamed at {}", now - sample::NOW),
            ),
            Operation::Revoke { device, person } => Call::Revoke(someone(person), device_id(device), now),
            Operation::SetPush { device, push } => Call::SetPush(device_id(device), push_target(push)),
            Operation::RotateKeys { device, keys, slip } => {
                let present = self.keys_of(&device_id(device)).await.filter(|_| !slip);
                Call::RotateKeys(Box::new(RotateKeys {
                    device_id: device_id(device),
                    old_thumbprint: present.map_or_else(old_key, |keys| keys.pop_thumbprint),
                    keys: device_keys(keys, "unused"),
                }))
            }
            Operation::Touch { device } => {
                let known = self.model.find_device(&device_id(device)).await.unwrap();
                Call::Touch(known.map_or(device_id(0), |device| device.id), clock)
            }
            Operation::Open(ref open) => Call::Open(Box::new(self.opening(open, now))),
            Operation::Decide {
                prompt,
                device,
                jti,
                answer,
                slip,
            } => Call::Decide(Box::new(self.decision(prompt, device, jti, answer, slip, now).await)),
            Operation::Mismatch {
                prompt,
                device,
                decision,
                max_tries,
                slip,
            } => {
                let (handle, account, device_id) = self.who_answers(prompt, device, slip).await;
                Call::Mismatch(Mismatch {
                    handle,
                    account,
                    device_id,
                    decision: format!("wrong {decision}"),
                    max_tries,
                    now,
                })
            }
            Operation::Expire { .. } => unreachable!("the model follows the store"),
            Operation::SweepPrompts { older, limit } => Call::SweepPrompts(before(now, older), now, limit),
            _ => self.call_about_grants(operation, now).await,
        }
    }

    async fn call_about_grants(&mut self, operation: &Operation, now: Millis) -> Call {
        match *operation {
            Operation::Redeem {
                prompt,
                family,
                token,
                refresh,
                slip,
            } => {
                let handle = self.names.handle(prompt);
                let asker = self
                    .request_of(&handle)
                    .await
                    .map_or(client_id(0), |request| request.client_id);
                let client = brought_by(asker, slip);
                let family_id = self.names.new_family(family);
                let (access, next) = self.tokens(token, &client, now);
                Call::Redeem(Box::new(Redemption {
                    id: sample::request_id(&handle),
                    client_id: client,
                    family_id,
                    access,
                    refresh: refresh.then_some(next),
                    now,
                }))
            }
            Operation::AddCode {
                client,
                person,
                code,
                family,
            } => {
                let client = client_id(client);
                let family = GrantFamily {
                    client_id: client.clone(),
                    sub: Subject::from(PEOPLE[usize::from(person)]),
                    ..sample::family(&self.names.new_family(family))
                };
                let name = self.names.new_code(code, &client);
                Call::AddCode(Box::new(AuthorizationCode {
                    hash: code_hash(&name),
                    family,
                    redirect_uri: "https://shop.example/cb".to_owned(),
                    code_challenge: "challenge".to_owned(),
                    nonce: None,
                    expires_at: now + 3 * TICK,
                }))
            }
            Operation::RedeemCode {
                code,
                token,
                refresh,
                slip,
            } => {
                let (name, owner) = self.names.code(code);
                let client = brought_by(owner, slip == Slip::Somebody);
                let (access, next) = self.tokens(token, &client, now);
                let slipped = |proof: &str, slips: bool| format!("{proof}{}", if slips { "?" } else { "" });
                Call::RedeemCode(Box::new(CodeRedemption {
                    code: code_hash(&name),
                    client_id: client,
                    redirect_uri: slipped("https://shop.example/cb", slip == Slip::Proof(true)),
                    code_challenge: slipped("challenge", slip == Slip::Proof(false)),
                    access,
                    refresh: refresh.then_some(next),
                    now,
                }))
            }
            Operation::RotateRefresh { token, next, slip } => {
                let (name, owner) = self.names.token(token);
                let client = brought_by(owner, slip);
                let (access, next) = self.tokens(next, &client, now);
                Call::RotateRefresh(Box::new(Rotation {
                    token: sample::refresh(&name).hash,
                    client_id: client,
                    access,
                    next,
                    now,
                }))
            }
            Operation::RevokeToken { token, refresh, slip } => {
                let (name, owner) = self.names.token(token);
                let hash = if refresh {
                    sample::refresh(&name).hash
                } else {
                    sample::access(&name).hash
                };
                Call::RevokeToken(hash, brought_by(owner, slip), now)
            }
            Operation::SweepGrants { limit } => Call::SweepGrants(now, limit),
            Operation::AddKey { purpose, kid } => Call::AddKey(self.signing_key(purpose, kid, now)),
            Operation::PromoteKey { purpose } => Call::PromoteKey(key_purpose(purpose), now),
            Operation::DropRetiredKeys { older } => Call::DropRetiredKeys(before(now, older)),
            Operation::Remember { kind, owner, id, lasts } => {
                let seen = [format!("kind {kind}"), format!("owner {owner}"), format!("jti {id}")];
                Call::Remember(seen, now + Millis::from(lasts) * TICK)
            }
            Operation::SweepReplay { limit } => Call::SweepReplay(now, limit),
            _ => unreachable!("{operation:?} is not about grants"),
        }
    }

    fn opening(&mut self, open: &Open, now: Millis) -> Opening {
        let handle = self.names.new_handle(open.handle);
        let (client, account) = (client_id(open.client), someone(open.person));
        let expires_at = now + Millis::from(open.lasts) * TICK;
        let mut prompt = Prompt {
            account: account.clone(),
            created_at: now,
            expires_at,
            ..sample::prompt(&handle, account.sub.as_str())
        };
        prompt.client.id = client.clone();
        if open.shown {
            prompt.matching = Matching::Show { message: None };
        }
        if open.foreign {
            prompt.connector = ConnectorId("keycloak".to_owned());
            if open.person == 0 {
                prompt.account = someone(STRANGER);
            }
        }
        let request = NewAuthRequest {
            id: sample::request_id(&handle),
            client_id: client,
            sub: account.sub,
            scope: "openid".to_owned(),
            created_at: now,
            expires_at,
            readable_until: expires_at + Millis::from(open.grace) * TICK,
            interval: 5,
        };
        Opening {
            prompt,
            auth_request: (!open.foreign && !open.bare).then_some(request),
            supersede: open.supersede,
        }
    }

    /// The prompt, who answers it and with which device: its own person on one of their devices, unless there is a slip.
    async fn who_answers(&self, prompt: u8, device: u8, slip: Slip) -> (Handle, AccountKey, DeviceId) {
        let handle = Handle::new(self.names.handle(prompt));
        let asked = self.model.find_prompt(&handle).await.unwrap();
        let owner = asked.map_or_else(|| someone(0), |prompt| prompt.account);
        let account = match slip {
            Slip::Somebody if owner == someone(0) => someone(1),
            Slip::Somebody => someone(0),
            _ => owner,
        };
        let devices = self.model.list_devices(&account).await.unwrap();
        let device = match slip {
            Slip::Device(number) => device_id(number),
            _ if devices.is_empty() => device_id(0),
            _ => devices[usize::from(device) % devices.len()].id.clone(),
        };
        (handle, account, device)
    }

    async fn decision(&self, prompt: u8, device: u8, jti: u8, answer: u8, slip: Slip, now: Millis) -> Decide {
        let (handle, account, device_id) = self.who_answers(prompt, device, slip).await;
        let keys = self.keys_of(&device_id).await.filter(|_| slip != Slip::Proof(true));
        let key_thumbprint = keys.map_or_else(old_key, |keys| match answer {
            0..=3 => keys.uv_thumbprint,
            _ => keys.pop_thumbprint,
        });
        let approval = Approval {
            auth_time: now / 1000,
            device_id: device_id.clone(),
            ..sample::approval()
        };
        let jti = format!("j{jti}");
        Decide {
            handle,
            account,
            device_id,
            key_thumbprint,
            decision: match answer {
                0..=3 => Decision::Approve(approval),
                4 => Decision::Deny(DenyReason::NotMe),
                5 => Decision::Deny(DenyReason::ChangedMind),
                _ => Decision::Deny(DenyReason::TooMany),
            },
            receipt: SignedReceipt {
                at: now,
                ..sample::receipt(&jti)
            },
            jti,
            now,
        }
    }

    async fn keys_of(&self, id: &DeviceId) -> Option<DeviceKeys> {
        self.model.find_device(id).await.unwrap()?.keys
    }

    fn tokens(&mut self, name: Name, client: &ClientId, now: Millis) -> (AccessToken, RefreshToken) {
        let name = self.names.new_token(name, client);
        let access = AccessToken {
            expires_at: now + 3 * TICK,
            ..sample::access(&name)
        };
        let refresh = RefreshToken {
            expires_at: now + 9 * TICK,
            ..sample::refresh(&name)
        };
        (access, refresh)
    }

    fn signing_key(&mut self, purpose: u8, kid: Name, now: Millis) -> StoredKey {
        let purpose = key_purpose(purpose);
        StoredKey {
            kid: self.names.new_kid(kid),
            purpose,
            state: KeyState::Next,
            sealed: vec![0, 255, 7],
            public_jwk: "{}".to_owned(),
            created_at: now,
            state_since: now,
            announcement: (purpose == KeyPurpose::RequestObject).then(|| "a.b.c".to_owned()),
        }
    }
}

/// People of the embedded provider, and the one of another.
fn someone(person: u8) -> AccountKey {
    match person {
        STRANGER => stranger(),
        _ => sample::person(PEOPLE[usize::from(person)]),
    }
}

fn before(now: Millis, older: u8) -> Millis {
    now - Millis::from(older) * TICK
}

fn brought_by(owner: ClientId, slip: bool) -> ClientId {
    match slip {
        false => owner,
        true if owner == client_id(0) => client_id(1),
        true => client_id(0),
    }
}

fn device_keys([pop, uv]: [u8; 2], session: &str) -> DeviceKeys {
    let key = |number: u8| PublicJwk(json!({"kty": "EC", "x": format!("key {number}")}));
    DeviceKeys {
        pop: key(pop),
        pop_thumbprint: format!("key {pop}"),
        uv: key(uv),
        uv_thumbprint: format!("key {uv}"),
        session: TokenHash(sample::hash(session)),
        ..sample::keys("any")
    }
}

fn old_key() -> String {
    "a key of before".to_owned()
}

fn push_target(number: u8) -> PushTarget {
    let token = Secret::new("token");
    match number {
        0 => PushTarget::Stream,
        1 => PushTarget::Fcm(token),
        2 => PushTarget::Apns(token),
        _ => PushTarget::WebPush(token),
    }
}

fn key_purpose(number: u8) -> KeyPurpose {
    match number {
        0 => KeyPurpose::IdTokenEs256,
        1 => KeyPurpose::IdTokenRs256,
        _ => KeyPurpose::RequestObject,
    }
}

fn code_hash(name: &str) -> TokenHash {
    TokenHash(sample::hash(&format!("code {name}")))
}
