use countersign_clock::Millis;
use countersign_protocol::{Handle, PromptState, SettledView};
use rusqlite::{Connection, params};

use super::{
    StorageError,
    rows::{Columns as _, to_json, to_word},
    statement::Statements,
};
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
            },
            deadline_after: Millis::MIN,
            approval: None,
            jti: None,
            receipt: None,
        }
    }
}

/// Takes the person's next change number.
pub(super) fn next_seq(connection: &Connection, account: &AccountKey) -> Result<i64, StorageError> {
    connection
        .one(
            sql::prompts::NEXT_SEQ,
            params![account.iss, account.sub.as_str()],
            |row| Ok(row.get("seq")?),
        )?
        .ok_or(StorageError::Corrupt { what: "change number" })
}

/// Ends a prompt and the embedded provider's request with it. False, and nothing changed, when it is not pending any more.
pub(super) fn settle(connection: &Connection, prompt: &Prompt, ending: &Ending<'_>) -> Result<bool, StorageError> {
    let view = &ending.view;
    let changed = connection.run(
        sql::prompts::SETTLE,
        params![
            prompt.handle.as_str(),
            to_word(&view.state)?,
            view.settled_at,
            view.reason.as_ref().map(to_word).transpose()?,
            view.decided_by.as_ref().map(|by| by.device_id.as_str()),
            view.decided_by.as_ref().map(|by| by.name.as_str()),
            ending.jti,
            ending.deadline_after,
        ],
    )?;
    if changed != 1 {
        return Ok(false);
    }
    let seq = next_seq(connection, &prompt.account)?;
    connection.run(sql::prompts::SET_SEQ, params![prompt.handle.as_str(), seq])?;
    if let Some(receipt) = ending.receipt {
        keep_receipt(connection, &prompt.handle, receipt)?;
    }
    if prompt.connector.is_embedded() {
        settle_request(connection, prompt, ending)?;
    }
    Ok(true)
}

fn keep_receipt(connection: &Connection, handle: &Handle, receipt: &SignedReceipt) -> Result<(), StorageError> {
    let SignedReceipt {
        request,
        decision,
        device_key,
        request_key,
        at,
    } = receipt;
    connection.run(
        sql::prompts::SET_RECEIPT,
        params![handle.as_str(), request, decision, device_key, request_key, at],
    )?;
    Ok(())
}

fn settle_request(connection: &Connection, prompt: &Prompt, ending: &Ending<'_>) -> Result<(), StorageError> {
    let state = match ending.view.state {
        PromptState::Approved => "approved",
        PromptState::Expired => "expired",
        PromptState::Denied | PromptState::Cancelled | PromptState::Superseded | PromptState::Failed => "denied",
        PromptState::Pending => return Err(StorageError::Corrupt { what: "settlement" }),
    };
    let approval = ending.approval.map(to_json).transpose()?;
    let handle = prompt.handle.as_str();
    let settled = connection.one(sql::auth_requests::SETTLE, params![handle, state, approval], |row| {
        row.value::<i64>("owes")
    })?;
    // An approval that reaches no request would tell the person something that is not so.
    if settled.is_none() && ending.approval.is_some() {
        return Err(StorageError::Corrupt {
            what: "authentication request",
        });
    }
    if settled.is_some_and(|owes| owes != 0) {
        connection.run(sql::outbox::OWE, params![handle, ending.view.settled_at])?;
    }
    Ok(())
}
