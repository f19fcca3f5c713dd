use countersign_protocol::{Arrived, Handle, Pending, PendingList, PromptState, RequestStatus, Settled, StreamEvent};

use super::{Consent, ConsentError};
use crate::domain::{Device, Prompt};

/// Requests of one person that are listed at once.
const MAX_PENDING: u32 = 100;
/// Changes that are told one by one; after more of them the whole is told instead.
const MAX_CHANGES: u32 = 500;

/// One event, and the change number of its person that a device resumes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The change number.
    pub seq: i64,
    /// The event.
    pub event: StreamEvent,
}

/// What a device missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Everything, in order.
    Events(Vec<Change>),
    /// Too much, or it cannot be told from where: see [`Consent::sync`].
    TooMany,
}

impl Consent {
    /// What waits for the person of this device, oldest first, signed for it.
    ///
    /// # Errors
    /// When the store does not answer or signing fails.
    pub async fn pending(&self, device: &Device) -> Result<PendingList, ConsentError> {
        let now = self.parts.clock.now();
        let storage = &self.parts.storage;
        let prompts = storage.pending_prompts(&device.account, now, MAX_PENDING).await?;
        let requests = prompts.iter().map(|prompt| self.pending_one(prompt, device));
        Ok(PendingList {
            server_time: now,
            requests: requests.collect::<Result<_, _>>()?,
        })
    }

    /// Where one request of the person of this device stands.
    ///
    /// # Errors
    /// When the person has no such request, the store does not answer or signing fails.
    pub async fn status(&self, device: &Device, handle: &Handle) -> Result<RequestStatus, ConsentError> {
        let prompt = self.parts.storage.find_prompt(handle).await?;
        let prompt = prompt
            .filter(|prompt| prompt.account == device.account)
            .ok_or(ConsentError::NotFound)?;
        let now = self.parts.clock.now();
        let settled = prompt.view_at(now);
        let request = match settled.state {
            PromptState::Pending => Some(self.request_object(&prompt, device)?),
            _ => None,
        };
        Ok(RequestStatus {
            server_time: now,
            handle: prompt.handle,
            settled,
            request,
        })
    }

    /// Everything that waits, as an event that replaces what the device knew.
    ///
    /// # Errors
    /// As [`Consent::pending`].
    pub async fn sync(&self, device: &Device) -> Result<Change, ConsentError> {
        // The number is read first: a change between both reads is told again, never lost.
        let seq = self.parts.storage.last_seq(&device.account).await?;
        let list = self.pending(device).await?;
        Ok(Change {
            seq,
            event: StreamEvent::Sync(list),
        })
    }

    /// What changed for the person of this device after change number `seq`.
    ///
    /// # Errors
    /// When the store does not answer or signing fails.
    pub async fn changes(&self, device: &Device, seq: i64) -> Result<Changes, ConsentError> {
        let storage = &self.parts.storage;
        let prompts = storage.prompts_since(&device.account, seq, MAX_CHANGES + 1).await?;
        if prompts.len() > MAX_CHANGES as usize {
            return Ok(Changes::TooMany);
        }
        if prompts.is_empty() && storage.last_seq(&device.account).await? < seq {
            // A number from the future is of another store, such as one from before a backup was restored.
            return Ok(Changes::TooMany);
        }
        let changes = prompts.into_iter().map(|prompt| self.change(prompt, device));
        Ok(Changes::Events(changes.collect::<Result<_, _>>()?))
    }

    fn change(&self, prompt: Prompt, device: &Device) -> Result<Change, ConsentError> {
        let server_time = self.parts.clock.now();
        let settled = prompt.view_at(server_time);
        let seq = prompt.seq;
        let event = if settled.state == PromptState::Pending {
            StreamEvent::Request(Arrived {
                server_time,
                pending: self.pending_one(&prompt, device)?,
            })
        } else {
            StreamEvent::Settled(Settled {
                server_time,
                handle: prompt.handle,
                settled,
            })
        };
        Ok(Change { seq, event })
    }

    fn pending_one(&self, prompt: &Prompt, device: &Device) -> Result<Pending, ConsentError> {
        Ok(Pending {
            handle: prompt.handle.clone(),
            request: self.request_object(prompt, device)?,
        })
    }
}
