use countersign_clock::Millis;
use countersign_protocol::{PromptState, SettledView};

use super::{Statements, StorageError, to_json, to_word, values};
use crate::{
    domain::{AccountKey, Approval, Prompt, SignedReceipt},
    storage::sql,
};

/// How a prompt ends.
pub(super) struct Ending<'a> {
    pub(super) view: SettledView,
    /// Nothing happens to a prompt whose deadline is not after this.
    pub(super) deadline_after: Millis,
    pub(super) approval: Option<&'a Approval>,
    pub(super) jti: Option<&'a str>,
    pub(super) receipt: Option<&'a SignedReceipt>,
}

impl Ending<'_> {
    /// An end that no device brought about.
    pub(super) fn without_decision(state: PromptState, at: Millis) -> Self {
        Self {
            view: SettledView {
                state,
                settled_at: Some(at),
                reason: None,
                decided_by: None,
                delivery: None,
            },
            deadline_after: Millis::MIN,
            approval: None,
            jti: None,
            receipt: None,
        }
    }
}

/// Takes the person's next change number.
pub(super) async fn next_seq(connection: &mut impl Statements, account: &AccountKey) -> Result<i64, StorageError> {
    connection
        .one(sql::prompts::NEXT_SEQ, values![account.iss, account.sub], |row| {
            row.value("seq")
        })
        .await?
        .ok_or(StorageError::Corrupt { what: "change number" })
}

/// Ends a prompt, as it was read by this unit, and the embedded provider's request with it. False, and nothing changed, when it is not pending any more.
pub(super) async fn settle(
    connection: &mut impl Statements,
    prompt: &Prompt,
    ending: &Ending<'_>,
) -> Result<bool, StorageError> {
    if prompt.settlement.is_some() || prompt.expires_at <= ending.deadline_after {
        return Ok(false);
    }
    let (view, receipt) = (&ending.view, ending.receipt);
    let seq = next_seq(connection, &prompt.account).await?;
    // The embedded provider keeps it with its own request.
    let approval = ending.approval.filter(|_| !prompt.connector.is_embedded());
    let changed = connection
        .run(
            sql::prompts::SETTLE,
            values![
                prompt.handle,
                to_word(&view.state)?,
                view.settled_at,
                view.reason.as_ref().map(to_word).transpose()?,
                view.decided_by.as_ref().map(|by| &by.device_id),
                view.decided_by.as_ref().map(|by| &by.name),
                ending.jti,
                ending.deadline_after,
                seq,
                receipt.map(|receipt| &receipt.request),
                receipt.map(|receipt| &receipt.decision),
                receipt.map(|receipt| &receipt.device_key),
                receipt.map(|receipt| &receipt.request_key),
                receipt.map(|receipt| receipt.at),
                approval.map(to_json).transpose()?,
                view.delivery.as_ref().map(to_word).transpose()?,
            ],
        )
        .await?;
    // What this unit read still stands when it writes; if it did not, the change number would be lost, so all of it is undone.
    if changed != 1 {
        return Err(StorageError::Corrupt { what: "prompt" });
    }
    fail_point!(Complete);
    if prompt.connector.is_embedded() {
        settle_request(connection, prompt, ending).await?;
    } else {
        let since = values![prompt.handle, view.settled_at];
        connection.run(sql::outbox::OWE, since).await?;
    }
    Ok(true)
}

async fn settle_request(
    connection: &mut impl Statements,
    prompt: &Prompt,
    ending: &Ending<'_>,
) -> Result<(), StorageError> {
    let state = match ending.view.state {
        PromptState::Approved => "approved",
        PromptState::Expired => "expired",
        PromptState::Denied | PromptState::Cancelled | PromptState::Superseded | PromptState::Failed => "denied",
        PromptState::Pending => return Err(StorageError::Corrupt { what: "settlement" }),
    };
    let approval = ending.approval.map(to_json).transpose()?;
    let settled = connection
        .one(
            sql::auth_requests::SETTLE,
            values![prompt.handle, state, approval],
            |row| row.value::<bool>("owes"),
        )
        .await?;
    // An approval that reaches no request would tell the person something that is not so.
    if settled.is_none() && ending.approval.is_some() {
        return Err(StorageError::Corrupt {
            what: "authentication request",
        });
    }
    if settled == Some(true) {
        let since = values![prompt.handle, ending.view.settled_at];
        connection.run(sql::outbox::OWE, since).await?;
    }
    Ok(())
}
