use std::{cmp::Reverse, collections::HashMap};

use async_trait::async_trait;
use countersign::{
    domain::{AccountKey, Approval, AuthRequest, AuthRequestState, Evidence, NewAuthRequest, Prompt, SignedReceipt},
    storage::{Decide, Decided, Mismatch, MismatchVerdict, Opened, Opening, Prompts, StorageError, Swept},
};
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DeviceId, Handle, PromptState, SettledReason};

use super::{Kept, Model, add, decisions::Ending, limited, outbox::Debt, taken};

/// A prompt with what belongs to it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) prompt: Prompt,
    /// What a provider outside handed over.
    pub(super) intake_digest: Option<[u8; 32]>,
    pub(super) approval: Option<Approval>,
    pub(super) receipt: Option<SignedReceipt>,
    /// What another provider signed.
    pub(super) evidence: Option<Evidence>,
    pub(super) redeemed_at: Option<Millis>,
    /// Wrong numbers counted, on any device.
    pub(super) tries: u32,
    /// What each device that typed a wrong number has left here.
    pub(super) device_left: HashMap<DeviceId, u32>,
    /// Tries left after each wrong decision of a device.
    pub(super) attempts: HashMap<(DeviceId, String), u32>,
}

#[async_trait]
impl Prompts for Model {
    async fn open(&self, opening: Opening) -> Result<Opened, StorageError> {
        self.write(|kept| {
            let handle = opening.prompt.handle.clone();
            let opened = kept.add_question(opening.prompt, None, opening.supersede)?;
            if let Some(request) = opening.auth_request {
                kept.add_request(request, &handle)?;
            }
            if let Some(debt) = opening.ask {
                add(&mut kept.debts, debt.id.clone(), Debt::due(debt))?;
            }
            Ok(opened)
        })
    }

    async fn find_prompt(&self, handle: &Handle) -> Result<Option<Prompt>, StorageError> {
        Ok(self.read(|kept| kept.prompts.get(handle).map(|asked| asked.prompt.clone())))
    }

    async fn find_receipt(&self, handle: &Handle) -> Result<Option<SignedReceipt>, StorageError> {
        Ok(self.read(|kept| kept.prompts.get(handle).and_then(|asked| asked.receipt.clone())))
    }

    async fn pending_prompts(
        &self,
        account: &AccountKey,
        now: Millis,
        limit: u32,
    ) -> Result<Vec<Prompt>, StorageError> {
        let mut pending = self.prompts_where(|prompt| prompt.account == *account && is_pending(prompt, now));
        pending.sort_by_key(|prompt| (prompt.created_at, prompt.seq));
        Ok(limited(pending, limit))
    }

    async fn prompts_since(&self, account: &AccountKey, seq: i64, limit: u32) -> Result<Vec<Prompt>, StorageError> {
        let mut changed = self.prompts_where(|prompt| prompt.account == *account && prompt.seq > seq);
        changed.sort_by_key(|prompt| prompt.seq);
        Ok(limited(changed, limit))
    }

    async fn last_seq(&self, account: &AccountKey) -> Result<i64, StorageError> {
        Ok(self.read(|kept| kept.changes.get(account).copied().unwrap_or(0)))
    }

    async fn history(
        &self,
        account: &AccountKey,
        before: Millis,
        limit: u32,
    ) -> Result<Vec<(Prompt, Option<SignedReceipt>, Option<Millis>)>, StorageError> {
        let mut settled = self.read(|kept| {
            let settled = kept
                .prompts
                .values()
                .filter(|asked| asked.prompt.account == *account && is_settled_before(&asked.prompt, before));
            settled.cloned().collect::<Vec<_>>()
        });
        settled.sort_by_key(|asked| Reverse((settled_at(&asked.prompt), asked.prompt.seq)));
        let entries = settled
            .into_iter()
            .map(|asked| (asked.prompt, asked.receipt, asked.redeemed_at));
        Ok(limited(entries.collect(), limit))
    }

    async fn was_reported(
        &self,
        account: &AccountKey,
        client_id: &ClientId,
        since: Millis,
    ) -> Result<bool, StorageError> {
        let reports = self.prompts_where(|prompt| {
            let view = prompt.settlement.as_ref().map(|settlement| &settlement.view);
            let of = prompt.account == *account && prompt.client.id == *client_id;
            of && view.is_some_and(|view| view.reason == Some(SettledReason::NotMe) && view.settled_at > Some(since))
        });
        Ok(!reports.is_empty())
    }

    async fn decide(&self, decide: Decide) -> Result<Decided, StorageError> {
        self.write(|kept| kept.decide(decide))
    }

    async fn mismatch(&self, mismatch: Mismatch) -> Result<MismatchVerdict, StorageError> {
        self.write(|kept| kept.mismatch(&mismatch))
    }

    async fn expire_prompts(&self, now: Millis, limit: u32) -> Result<Vec<Swept>, StorageError> {
        self.write(|kept| {
            let swept = limited(kept.overdue(now), limit);
            for Swept { handle, .. } in &swept {
                kept.expire(handle)?;
            }
            Ok(swept)
        })
    }

    async fn sweep_prompts(&self, before: Millis, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.write(|kept| {
            let old: Vec<Handle> = kept
                .prompts
                .values()
                .filter(|asked| is_settled_before(&asked.prompt, before))
                .map(|asked| asked.prompt.handle.clone())
                .collect();
            let over: Vec<_> = kept
                .requests
                .values()
                .filter(|request| request.readable_until <= now)
                .map(|request| request.id)
                .collect();
            let (old, over) = (limited(old, limit), limited(over, limit));
            for handle in &old {
                kept.prompts.remove(handle);
            }
            for id in &over {
                kept.requests.remove(id);
            }
            Ok(u64::try_from(old.len() + over.len()).unwrap())
        })
    }
}

impl Model {
    /// Expires the prompts that another store chose, in its order. False, and nothing happens, when that is not what `expire_prompts` may do.
    pub fn expire_these(&self, now: Millis, limit: u32, chosen: &[Swept]) -> bool {
        let overdue = self.read(|kept| kept.overdue(now));
        let once = (1..chosen.len()).all(|n| !chosen[..n].contains(&chosen[n]));
        let allowed =
            once && chosen.iter().all(|swept| overdue.contains(swept)) && chosen.len() == limited(overdue, limit).len();
        let done = self.write(|kept| {
            let handles = chosen.iter().filter(|_| allowed).map(|swept| &swept.handle);
            handles.into_iter().try_for_each(|handle| kept.expire(handle))
        });
        allowed && done.is_ok()
    }

    fn prompts_where(&self, wanted: impl Fn(&Prompt) -> bool) -> Vec<Prompt> {
        self.read(|kept| {
            let prompts = kept.prompts.values().map(|asked| &asked.prompt);
            prompts.filter(|prompt| wanted(prompt)).cloned().collect()
        })
    }
}

impl Kept {
    /// Adds a prompt, after those that give way to it.
    pub(super) fn add_question(
        &mut self,
        prompt: Prompt,
        intake_digest: Option<[u8; 32]>,
        gives_way: bool,
    ) -> Result<Opened, StorageError> {
        let superseded = if gives_way {
            self.supersede(&prompt)?
        } else {
            Vec::new()
        };
        let seq = self.next_change(&prompt.account);
        let asked = Asked {
            prompt: Prompt { seq, ..prompt },
            intake_digest,
            approval: None,
            receipt: None,
            evidence: None,
            redeemed_at: None,
            tries: 0,
            device_left: HashMap::new(),
            attempts: HashMap::new(),
        };
        add(&mut self.prompts, asked.prompt.handle.clone(), asked)?;
        Ok(Opened { seq, superseded })
    }
}

impl Kept {
    pub(super) fn next_change(&mut self, account: &AccountKey) -> i64 {
        let last = self.changes.entry(account.clone()).or_insert(0);
        *last += 1;
        *last
    }

    pub(super) fn asked_of(&self, handle: &Handle, account: &AccountKey) -> Option<&Asked> {
        self.prompts
            .get(handle)
            .filter(|asked| asked.prompt.account == *account)
    }

    /// Undecided past the deadline, earliest deadline first.
    fn overdue(&self, now: Millis) -> Vec<Swept> {
        let prompts = self.prompts.values().map(|asked| &asked.prompt);
        let mut overdue: Vec<&Prompt> = prompts
            .filter(|prompt| prompt.settlement.is_none() && prompt.expires_at <= now)
            .collect();
        overdue.sort_by_key(|prompt| (prompt.expires_at, prompt.handle.clone()));
        let swept = overdue.into_iter().map(|prompt| Swept {
            account: prompt.account.clone(),
            handle: prompt.handle.clone(),
        });
        swept.collect()
    }

    fn expire(&mut self, handle: &Handle) -> Result<(), StorageError> {
        let deadline = self.prompts[handle].prompt.expires_at;
        self.settle(handle, Ending::without_decision(PromptState::Expired, deadline))
    }

    fn supersede(&mut self, newer: &Prompt) -> Result<Vec<Handle>, StorageError> {
        let mut older: Vec<_> = self
            .prompts
            .values()
            .map(|asked| &asked.prompt)
            .filter(|prompt| {
                prompt.account == newer.account
                    && prompt.connector == newer.connector
                    && prompt.client.id == newer.client.id
                    && is_pending(prompt, newer.created_at)
            })
            .map(|prompt| (prompt.created_at, prompt.seq, prompt.handle.clone()))
            .collect();
        older.sort();
        let older: Vec<Handle> = older.into_iter().map(|(_, _, handle)| handle).collect();
        for handle in &older {
            let ending = Ending::without_decision(PromptState::Superseded, newer.created_at);
            self.settle(handle, ending)?;
        }
        Ok(older)
    }

    fn add_request(&mut self, new: NewAuthRequest, handle: &Handle) -> Result<(), StorageError> {
        if self.requests.values().any(|request| request.handle == *handle) {
            return Err(taken());
        }
        let request = AuthRequest {
            id: new.id,
            client_id: new.client_id,
            sub: new.sub,
            scope: new.scope,
            handle: handle.clone(),
            created_at: new.created_at,
            expires_at: new.expires_at,
            readable_until: new.readable_until,
            interval: new.interval,
            extras: new.extras,
            state: AuthRequestState::Pending,
        };
        if let Some(debt) = new.owed {
            add(&mut self.debts, debt.id.clone(), Debt::waiting(debt))?;
        }
        add(&mut self.requests, new.id, request)
    }
}

fn is_pending(prompt: &Prompt, now: Millis) -> bool {
    prompt.settlement.is_none() && now < prompt.expires_at
}

fn is_settled_before(prompt: &Prompt, before: Millis) -> bool {
    settled_at(prompt).is_some_and(|at| at < before)
}

fn settled_at(prompt: &Prompt) -> Option<Millis> {
    prompt
        .settlement
        .as_ref()
        .and_then(|settlement| settlement.view.settled_at)
}
