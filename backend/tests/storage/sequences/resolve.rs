//! From small numbers to whole values. What is there is asked from the model, so the same steps always make the same calls.

use countersign::{
    domain::{
        AccountKey, Client, DeviceKeys, Invitation, KeyPurpose, KeyState, NewAccount, NewDevice, StoredKey, TokenHash,
        UserCodeLimit,
    },
    storage::{Clients as _, Devices as _, Replacement, RotateKeys, SelfRegistration},
};
use countersign_clock::Millis;
use countersign_jose::Algorithm;
use countersign_protocol::{ClientId, DeviceId, PublicJwk, PushTarget, Secret, Subject};
use serde_json::json;

use super::{
    call::Call,
    names::{INVITATIONS, PEOPLE, STRANGER, client_id, device_id, stranger},
    operation::{Name, Operation, Register},
    world::{TICK, World},
};
use crate::{registrations, sample};

fn invited(invitation: u8, uses: u8, now: Millis) -> Invitation {
    Invitation {
        created_at: now,
        ..registrations::invitation(INVITATIONS[usize::from(invitation)], u32::from(uses))
    }
}

impl World<'_> {
    pub(super) async fn call(&mut self, operation: &Operation, now: Millis) -> Call {
        match *operation {
            Operation::AddAccount { person, email_of } => {
                let mut account = sample::account(PEOPLE[usize::from(person)]);
                account.attributes = sample::account(PEOPLE[usize::from(email_of)]).attributes;
                Call::AddAccount(NewAccount { account })
            }
            Operation::Disable { person, disabled } => {
                let username = sample::account(PEOPLE[usize::from(person)]).username;
                Call::Disable(username, disabled)
            }
            Operation::AddClient { client } => Call::AddClient(Box::new(sample::client(client_id(client).as_str()))),
            Operation::RemoveClient { client } => Call::RemoveClient(client_id(client), now),
            Operation::ReplaceClient { client, disabled, slip } => {
                self.replacement(client_id(client), disabled, slip, now).await
            }
            Operation::RegisterClient {
                client,
                invitation,
                most,
            } => registration(&client_id(client), invitation, most, now),
            Operation::Invite {
                invitation,
                uses,
                lasts,
            } => Call::Invite(Invitation {
                expires_at: now + Millis::from(lasts) * TICK,
                ..invited(invitation, uses, now)
            }),
            Operation::TakeBack { invitation } => Call::TakeBack(INVITATIONS[usize::from(invitation)].to_owned()),
            Operation::Register(ref register) => self.registration(register).await,
            Operation::Rename { device, slip } => {
                let name = format!("renamed at {}", now - sample::NOW);
                Call::Rename(self.owner_of(device, slip).await, device_id(device), name)
            }
            Operation::Revoke { device, slip } => {
                Call::Revoke(self.owner_of(device, slip).await, device_id(device), now)
            }
            Operation::SetPush { device, push } => Call::SetPush(device_id(device), push_target(push)),
            Operation::RotateKeys { device, keys, slip } => {
                let present = self.keys_of(&device_id(device)).await.filter(|_| !slip);
                Call::RotateKeys(Box::new(RotateKeys {
                    device_id: device_id(device),
                    old_thumbprint: present.map_or_else(old_key, |keys| keys.pop_thumbprint),
                    keys: device_keys(keys, TokenHash([0; 32])),
                }))
            }
            Operation::Touch { device } => {
                let known = self.model.find_device(&device_id(device)).await.unwrap();
                Call::Touch(known.map_or(device_id(0), |device| device.id), now)
            }
            Operation::AddKey { purpose, kid } => Call::AddKey(self.signing_key(purpose, kid, now)),
            Operation::PromoteKey { purpose, older } => Call::PromoteKey(key_purpose(purpose), before(now, older), now),
            Operation::DropRetiredKeys { older } => Call::DropRetiredKeys(before(now, older)),
            Operation::Remember { kind, owner, id, lasts } => {
                let seen = [format!("kind {kind}"), format!("owner {owner}"), format!("jti {id}")];
                Call::Remember(seen, now + Millis::from(lasts) * TICK)
            }
            Operation::SweepReplay { limit } => Call::SweepReplay(now, limit),
            Operation::Open(ref open) => self.question(open, now),
            Operation::Decide(ref decide) => Call::Decide(Box::new(self.decision(decide, now).await)),
            Operation::Mismatch(ref mismatch) => Call::Mismatch(self.wrong_number(mismatch, now).await),
            Operation::Expire { .. } => unreachable!("the model follows the store"),
            Operation::SweepPrompts { older, limit } => Call::SweepPrompts(before(now, older), now, limit),
            Operation::Redeem(ref redeem) => Call::Redeem(Box::new(self.redemption(redeem, now).await)),
            Operation::AddCode {
                client,
                person,
                code,
                family,
            } => {
                let family = self.family(client, person, family);
                Call::AddCode(Box::new(self.code(code, family, now)))
            }
            Operation::RedeemCode {
                code,
                token,
                refresh,
                slip,
            } => Call::RedeemCode(Box::new(self.code_redemption(code, token, refresh, slip, now).await)),
            Operation::RotateRefresh { token, next, slip } => {
                Call::RotateRefresh(Box::new(self.rotation(token, next, slip, now).await))
            }
            Operation::RevokeToken { token, refresh, slip } => self.revocation(token, refresh, slip, now).await,
            Operation::SweepGrants { limit } => Call::SweepGrants(now, limit),
            Operation::ClaimDebts { lasts } => Call::ClaimDebts(self.claim(lasts, now)),
            Operation::Seal(ref seal) => self.sealing(seal, now).await,
            Operation::SettleDebt { debt, ends, slip } => self.settlement(debt, ends, slip, now).await,
            Operation::ResendDebt { debt } => Call::ResendDebt(self.dead_debt(debt).await, now),
            Operation::SweepDebts { older, limit } => Call::SweepDebts(before(now, older), now, limit),
            Operation::SetUserCode { person, code } => {
                Call::SetUserCode(subject(person), code.map(|code| format!("hash {code}")))
            }
            Operation::TryUserCode { person, tries } => Call::TryUserCode(subject(person), limit(tries), now),
            Operation::UserCodeWasRight { person } => Call::UserCodeWasRight(subject(person)),
        }
    }

    /// With a slip, by somebody who saw it otherwise.
    async fn replacement(&self, id: ClientId, disabled: bool, slip: bool, now: Millis) -> Call {
        let known = self.model.find_client(&id).await.unwrap();
        let mut before = known.unwrap_or_else(|| sample::client(id.as_str()));
        let after = Client {
            disabled,
            name: format!("renamed at {}", now - sample::NOW),
            ..before.clone()
        };
        before.disabled ^= slip;
        Call::ReplaceClient(Box::new(Replacement { before, after, now }))
    }

    /// It comes by the newest clock: what a late one leaves as the time when a device was last heard of is not promised.
    async fn registration(&mut self, register: &Register) -> Call {
        let session = TokenHash(sample::hash(&self.names.new_session(register.session)));
        let mut account = someone(register.person);
        let mut keys = register.keys.map(|numbers| device_keys(numbers, session));
        let known = self.model.find_device(&device_id(register.device)).await.unwrap();
        if let Some(device) = known.filter(|_| register.again) {
            account = device.account;
            keys = device.keys.map(|present| DeviceKeys { session, ..present });
        }
        Call::Register(Box::new(NewDevice {
            id: device_id(register.device),
            account,
            name: format!("device at {}", self.clock - sample::NOW),
            keys,
            push: push_target(register.push),
            now: self.clock,
        }))
    }

    async fn owner_of(&self, device: u8, slip: bool) -> AccountKey {
        let device = self.model.find_device(&device_id(device)).await.unwrap();
        let owner = device.map_or_else(|| someone(0), |device| device.account);
        let ada = owner == someone(0);
        if slip { someone(u8::from(ada)) } else { owner }
    }

    pub(super) async fn keys_of(&self, id: &DeviceId) -> Option<DeviceKeys> {
        self.model.find_device(id).await.unwrap()?.keys
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

fn registration(id: &ClientId, invitation: Option<u8>, most: u8, now: Millis) -> Call {
    Call::RegisterClient(Box::new(SelfRegistration {
        client: sample::client(id.as_str()),
        invitation: invitation.map(|number| TokenHash(sample::hash(INVITATIONS[usize::from(number)]))),
        most: u32::from(most),
        now,
    }))
}

/// People of the embedded provider, and the one of another.
pub fn someone(person: u8) -> AccountKey {
    match person {
        STRANGER => stranger(),
        _ => sample::person(PEOPLE[usize::from(person)]),
    }
}

pub fn old_key() -> String {
    "a key of before".to_owned()
}

fn before(now: Millis, older: u8) -> Millis {
    now - Millis::from(older) * TICK
}

/// Somebody of the embedded provider, there or not.
fn subject(person: u8) -> Subject {
    Subject::from(PEOPLE[usize::from(person)])
}

/// So many wrong codes in a row, then a tick to wait.
fn limit(tries: u8) -> UserCodeLimit {
    UserCodeLimit {
        tries: u32::from(tries),
        first_wait: TICK,
    }
}

fn device_keys([pop, uv]: [u8; 2], session: TokenHash) -> DeviceKeys {
    let key = |number: u8| PublicJwk(json!({"kty": "EC", "x": format!("key {number}")}));
    DeviceKeys {
        pop: key(pop),
        pop_thumbprint: format!("key {pop}"),
        uv: key(uv),
        uv_thumbprint: format!("key {uv}"),
        session,
        ..sample::keys("any")
    }
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
        0 => KeyPurpose::IdToken(Algorithm::Es256),
        1 => KeyPurpose::RequestObject,
        _ => KeyPurpose::IdToken(Algorithm::Rs256),
    }
}
