//! What waits for the person at one account, each request once, whichever way it came.

use countersign_clock::Millis;
use countersign_protocol::{
    ClientId, Delivery, DeviceId, Handle, PromptState, RequestClaims, SettledView, UserVerificationPolicy, Verdict,
};

use crate::{
    account::Account,
    verify::VerifiedRequest,
    view::{RequestContent, RequestState, RequestView},
};

/// Settled requests stay in view for a while, so that the window can say what became of them.
const KEEP_SETTLED: Millis = 10 * 60 * 1000;
const KEEP_SETTLED_COUNT: usize = 50;

/// One request as the device holds it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) handle: Handle,
    /// The request object, byte for byte as it was verified.
    pub(crate) object: String,
    /// What it says; absent when it could not be verified.
    verified: Option<VerifiedRequest>,
    pub(crate) first_time: bool,
    pub(crate) state: RequestState,
    /// Device's clock.
    arrived: Millis,
    settled: Option<Millis>,
}

impl Entry {
    /// What it says; absent when it could not be verified.
    pub(crate) fn claims(&self) -> Option<&RequestClaims> {
        self.verified.as_ref().map(|verified| &verified.claims)
    }

    fn waits(&self) -> bool {
        matches!(
            self.state,
            RequestState::Pending { .. } | RequestState::Sending | RequestState::CannotVerify
        )
    }

    /// How it was decided, once it was.
    fn decided(&self) -> Option<&SettledView> {
        match &self.state {
            RequestState::Decided { settled }
            | RequestState::HandledElsewhere { settled, .. }
            | RequestState::Failed { settled } => Some(settled),
            RequestState::Pending { .. }
            | RequestState::Sending
            | RequestState::Expired
            | RequestState::Superseded { .. }
            | RequestState::Cancelled
            | RequestState::CannotVerify => None,
        }
    }

    /// Whether it is decided and the provider is being told.
    fn is_owed(&self) -> bool {
        self.decided()
            .is_some_and(|settled| settled.delivery == Some(Delivery::Owed))
    }

    /// Whether `news` says of the same decision what became of telling the provider. News may overtake each other: what is known is never
    /// owed again.
    fn learns(&self, news: &SettledView) -> bool {
        let verdict = |state| match state {
            PromptState::Approved | PromptState::Failed => Some(Verdict::Approve),
            PromptState::Denied => Some(Verdict::Deny),
            PromptState::Pending | PromptState::Expired | PromptState::Cancelled | PromptState::Superseded => None,
        };
        let told = match news.delivery {
            None | Some(Delivery::Owed) => false,
            Some(Delivery::Done | Delivery::Failed | Delivery::Unclear) => true,
        };
        told && self.decided().is_some_and(|known| {
            known.delivery.is_some() && known.delivery != news.delivery && verdict(known.state) == verdict(news.state)
        })
    }

    fn client(&self) -> Option<&ClientId> {
        self.claims().map(|claims| &claims.client.id)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    entries: Vec<Entry>,
    loaded: bool,
}

impl Inbox {
    /// The inbox of a device that was removed: nothing, and that is certain.
    pub(crate) fn emptied() -> Self {
        Self {
            entries: Vec::new(),
            loaded: true,
        }
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded
    }

    pub(crate) fn set_loaded(&mut self) -> bool {
        !std::mem::replace(&mut self.loaded, true)
    }

    pub(crate) fn find(&self, handle: &Handle) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.handle == *handle)
    }

    /// Whether the request needs no look at this object: it was verified already, or it is settled. What a person may be
    /// reading is never exchanged underneath.
    pub(crate) fn knows(&self, handle: &Handle) -> bool {
        self.find(handle)
            .is_some_and(|entry| entry.claims().is_some() || !entry.waits())
    }

    /// Takes in a request that was looked at; `verified` when it was verified. Returns whether that is news.
    pub(crate) fn take_in(
        &mut self,
        handle: &Handle,
        object: &str,
        verified: Option<VerifiedRequest>,
        first_time: bool,
        now: Millis,
    ) -> bool {
        if self.knows(handle) || (verified.is_none() && self.find(handle).is_some()) {
            return false;
        }
        let state = match &verified {
            Some(_) => RequestState::Pending { tries_left: None },
            None => RequestState::CannotVerify,
        };
        let entry = Entry {
            handle: handle.clone(),
            object: object.to_owned(),
            verified,
            first_time,
            state,
            arrived: now,
            settled: None,
        };
        self.entries.retain(|known| known.handle != *handle);
        self.entries.push(entry);
        true
    }

    /// Handles of which the backend knows more than its list says: they wait here and are not listed, or their provider is being told.
    pub(crate) fn missing(&self, listed: &[&Handle]) -> Vec<Handle> {
        let lost =
            |entry: &Entry| entry.waits() && entry.state != RequestState::Sending && !listed.contains(&&entry.handle);
        self.entries
            .iter()
            .filter(|entry| lost(entry) || entry.is_owed())
            .map(|entry| entry.handle.clone())
            .collect()
    }

    /// Drops a request of which the backend knows nothing.
    pub(crate) fn drop_unknown(&mut self, handle: &Handle) {
        self.entries.retain(|entry| entry.handle != *handle);
    }

    /// Records the final state. The first one stays, as at the backend; only what became of telling the provider is added to it.
    /// Returns whether that is news.
    pub(crate) fn settle(&mut self, handle: &Handle, settled: &SettledView, own: &DeviceId, now: Millis) -> bool {
        let newer = self.newer_than(handle);
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.handle == *handle) else {
            return false;
        };
        if !entry.waits() && !entry.learns(settled) {
            return false;
        }
        entry.state = match settled.state {
            PromptState::Pending => return false,
            PromptState::Approved | PromptState::Denied => match &settled.decided_by {
                Some(by) if by.device_id != *own => RequestState::HandledElsewhere {
                    settled: settled.clone(),
                    by: by.clone(),
                },
                _ => RequestState::Decided {
                    settled: settled.clone(),
                },
            },
            PromptState::Expired => RequestState::Expired,
            PromptState::Cancelled => RequestState::Cancelled,
            PromptState::Superseded => RequestState::Superseded { by: newer },
            PromptState::Failed => RequestState::Failed {
                settled: settled.clone(),
            },
        };
        entry.settled = Some(now);
        true
    }

    /// Changes the state of a request that waits: sending, back to pending. Returns whether it did.
    pub(crate) fn set_waiting(&mut self, handle: &Handle, state: RequestState) -> bool {
        let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| entry.handle == *handle && entry.waits())
        else {
            return false;
        };
        entry.state = state;
        true
    }

    /// Ends what is over by the backend's clock, and forgets what was settled long ago. Returns whether anything changed.
    pub(crate) fn expire(&mut self, server_now: Millis, now: Millis) -> bool {
        let mut changed = false;
        for entry in &mut self.entries {
            let over = entry
                .claims()
                .is_some_and(|claims| claims.exp.saturating_mul(1000) <= server_now);
            if over && matches!(entry.state, RequestState::Pending { .. }) {
                entry.state = RequestState::Expired;
                entry.settled = Some(now);
                changed = true;
            }
        }
        let before = self.entries.len();
        self.entries
            .retain(|entry| entry.settled.is_none_or(|settled| (now - settled).abs() < KEEP_SETTLED));
        let settled = self.entries.iter().filter(|entry| entry.settled.is_some()).count();
        let mut over = settled.saturating_sub(KEEP_SETTLED_COUNT);
        self.entries.retain(|entry| {
            let forget = over > 0 && entry.settled.is_some();
            over -= usize::from(forget);
            !forget
        });
        changed || self.entries.len() != before
    }

    /// Whether anything here changes by the mere passing of time.
    pub(crate) fn is_ticking(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Everything here, each with its time of arrival at the backend.
    pub(crate) fn views(&self, account: &Account, now: Millis) -> Vec<(Millis, RequestView)> {
        self.entries
            .iter()
            .map(|entry| {
                let created = entry
                    .claims()
                    .map_or(entry.arrived, |claims| account.clock.to_local(claims.iat * 1000));
                (created, view(entry, account, now))
            })
            .collect()
    }

    /// The newest request of the same client that waits and is not this one.
    fn newer_than(&self, handle: &Handle) -> Option<Handle> {
        let client = self.find(handle)?.client()?;
        let newer = |entry: &&Entry| entry.handle != *handle && entry.waits() && entry.client() == Some(client);
        self.entries.iter().rfind(newer).map(|entry| entry.handle.clone())
    }
}

/// A request as the window sees it: verified bytes or none.
pub(crate) fn view(entry: &Entry, account: &Account, now: Millis) -> RequestView {
    let content = entry
        .verified
        .as_ref()
        .map(|VerifiedRequest { claims, details }| RequestContent {
            client: claims.client.clone(),
            first_time: entry.first_time,
            scopes: claims.scopes.clone(),
            details: details.clone(),
            matching: claims.matching.clone(),
            context: claims.context.clone(),
            needs_unlock: claims.policy.uv == UserVerificationPolicy::Required
                && account.gate.unlocked(now, uv_max_age(claims)).is_none(),
            created_at: account.clock.to_local(claims.iat.saturating_mul(1000)),
            expires_at: account.clock.to_local(claims.exp.saturating_mul(1000)),
        });
    RequestView {
        account_id: account.id.clone(),
        handle: entry.handle.clone(),
        state: entry.state.clone(),
        content,
    }
}

/// How long a verification of the person serves this request, milliseconds.
pub(crate) fn uv_max_age(claims: &RequestClaims) -> Millis {
    i64::try_from(claims.policy.uv_max_age)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000)
}
