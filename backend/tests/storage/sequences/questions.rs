//! What is asked and how it is answered.

use countersign::{
    domain::{AccountKey, Approval, ConnectorId, Decision, Matching, NewAuthRequest, Prompt, SignedReceipt},
    storage::{Decide, Devices as _, Mismatch, Opening, Prompts as _},
};
use countersign_clock::Millis;
use countersign_protocol::{DenyReason, DeviceId, Handle, PromptState};

use super::{
    debts::debt,
    names::{STRANGER, client_id, device_id},
    operation::{self, Open, Pick, Provider, Slip},
    resolve::{old_key, someone},
    world::{TICK, World},
};
use crate::sample;

impl World<'_> {
    pub(super) fn opening(&mut self, open: &Open, now: Millis) -> Opening {
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
        if open.provider == Provider::Other {
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
            extras: sample::extras(),
            owed: open.called.then(|| debt(&handle, open, now)),
        };
        Opening {
            prompt,
            auth_request: (open.provider == Provider::Embedded).then_some(request),
            ask: None,
            supersede: open.supersede,
        }
    }

    pub(super) async fn decision(&self, decide: &operation::Decide, now: Millis) -> Decide {
        let (handle, account, device_id) = self.who_answers(decide.prompt, decide.device, decide.slip, now).await;
        let keys = self.keys_of(&device_id).await;
        let keys = keys.filter(|_| !matches!(decide.slip, Slip::Proof(_)));
        let key_thumbprint = keys.map_or_else(old_key, |keys| match decide.deny {
            None => keys.uv_thumbprint,
            Some(_) => keys.pop_thumbprint,
        });
        let approval = Approval {
            auth_time: now / 1000,
            device_id: Some(device_id.clone()),
            ..sample::approval()
        };
        let jti = format!("j{}", decide.jti);
        Decide {
            handle,
            account,
            device_id,
            key_thumbprint,
            decision: match decide.deny {
                None => Decision::Approve(approval),
                Some(0) => Decision::Deny(DenyReason::NotMe),
                Some(1) => Decision::Deny(DenyReason::ChangedMind),
                Some(_) => Decision::Deny(DenyReason::TooMany),
            },
            receipt: SignedReceipt {
                at: now,
                ..sample::receipt(&jti)
            },
            jti,
            now,
        }
    }

    pub(super) async fn wrong_number(&self, mismatch: &operation::Mismatch, now: Millis) -> Mismatch {
        let (handle, account, device_id) = self
            .who_answers(mismatch.prompt, mismatch.device, mismatch.slip, now)
            .await;
        Mismatch {
            handle,
            account,
            device_id,
            decision: format!("wrong {}", mismatch.decision),
            max_tries: u32::from(mismatch.max_tries),
            now,
        }
    }

    /// The prompt, who answers it and with which device: its own person on one of their devices, unless there is a slip.
    async fn who_answers(&self, pick: Pick, device: u8, slip: Slip, now: Millis) -> (Handle, AccountKey, DeviceId) {
        let handle = self.handle(pick, async |handle| self.waits(handle, now).await).await;
        let handle = Handle::new(handle);
        let asked = self.model.find_prompt(&handle).await.unwrap();
        let owner = asked.map_or_else(|| someone(0), |prompt| prompt.account);
        let account = match slip {
            Slip::Somebody if owner == someone(0) => someone(1),
            Slip::Somebody => someone(0),
            _ => owner,
        };
        let mut devices = self.model.list_devices(&account).await.unwrap();
        devices.retain(|device| device.keys.is_some());
        let device = match slip {
            Slip::Device(number) => device_id(number),
            _ if devices.is_empty() => device_id(0),
            _ => devices[usize::from(device) % devices.len()].id.clone(),
        };
        (handle, account, device)
    }

    async fn waits(&self, handle: &str, now: Millis) -> bool {
        let prompt = self.model.find_prompt(&Handle::from(handle)).await.unwrap();
        prompt.is_some_and(|prompt| prompt.view_at(now).state == PromptState::Pending)
    }

    pub(super) async fn handle(&self, pick: Pick, is_apt: impl AsyncFn(&str) -> bool) -> String {
        let all: Vec<&str> = self.names.handles().collect();
        picked(pick, &all, async |handle| is_apt(handle).await)
            .await
            .map_or_else(|| "none".to_owned(), |handle| (*handle).to_owned())
    }
}

/// The picked one, or none where there is none at all.
pub async fn picked<'a, T>(pick: Pick, all: &'a [T], is_apt: impl AsyncFn(&T) -> bool) -> Option<&'a T> {
    let mut among: Vec<&T> = Vec::new();
    if matches!(pick, Pick::Apt(_)) {
        for one in all {
            if is_apt(one).await {
                among.push(one);
            }
        }
    }
    if among.is_empty() {
        among = all.iter().collect();
    }
    let (Pick::Apt(back) | Pick::Any(back)) = pick;
    among.into_iter().rev().cycle().nth(usize::from(back))
}
