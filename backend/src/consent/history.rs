use countersign_clock::Millis;
use countersign_protocol::{HistoryEntry, HistoryPage, PublicJwk, Receipt};

use super::{Consent, ConsentError};
use crate::domain::{Device, Matching, Prompt, SignedReceipt};

type Row = (Prompt, Option<SignedReceipt>, Option<Millis>);

impl Consent {
    /// Settled requests of the person of this device from before `before`, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn history(&self, device: &Device, before: Millis, limit: u32) -> Result<HistoryPage, ConsentError> {
        let now = self.parts.clock.now();
        let storage = &self.parts.storage;
        let mut rows = storage
            .history(&device.account, before, limit.saturating_add(1))
            .await?;
        let next = next_page(&mut rows, limit as usize);
        Ok(HistoryPage {
            server_time: now,
            entries: rows.into_iter().map(|row| entry(row, now)).collect(),
            next,
        })
    }
}

/// Cuts `rows` to a page and says where the next one begins. Requests that were settled in the same millisecond stay together, since pages are
/// told apart by time.
fn next_page(rows: &mut Vec<Row>, limit: usize) -> Option<Millis> {
    let beyond = rows.get(limit).map(settled_at)?;
    rows.truncate(limit);
    let whole = rows.iter().take_while(|row| settled_at(row) > beyond).count();
    if whole > 0 {
        rows.truncate(whole);
    }
    rows.last().map(settled_at)
}

fn settled_at(row: &Row) -> Millis {
    let (prompt, _, _) = row;
    let view = prompt.settlement.as_ref().and_then(|settled| settled.view.settled_at);
    view.unwrap_or(prompt.expires_at)
}

fn entry((prompt, receipt, received_at): Row, now: Millis) -> HistoryEntry {
    let view = prompt.view_at(now);
    let message = match prompt.matching {
        Matching::Show { message } => message,
        Matching::Type { .. } => None,
    };
    HistoryEntry {
        handle: prompt.handle,
        state: view.state,
        settled_at: view.settled_at.unwrap_or(prompt.expires_at),
        reason: view.reason,
        decided_by: view.decided_by,
        delivery: view.delivery,
        client: prompt.client,
        scopes: prompt.scopes,
        message,
        created_at: prompt.created_at,
        expires_at: prompt.expires_at,
        received_at,
        receipt: receipt.and_then(told),
    }
}

fn told(receipt: SignedReceipt) -> Option<Receipt> {
    Some(Receipt {
        device_key: PublicJwk(serde_json::from_str(&receipt.device_key).ok()?),
        request_key: PublicJwk(serde_json::from_str(&receipt.request_key).ok()?),
        request: receipt.request,
        decision: receipt.decision,
    })
}
