use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{DecidedBy, Handle, PromptState, SettledView};
use rusqlite::{Connection, Row, params};

use super::{
    SqliteStorage, StorageError, auth_requests, decide,
    rows::{Columns as _, count, to_json},
    settle::{Ending, next_seq, settle},
    statement::Statements,
};
use crate::{
    domain::{AccountKey, ConnectorId, Matching, Prompt, Settlement, SignedReceipt},
    storage::{Decide, Decided, Mismatch, MismatchVerdict, Opened, Opening, Prompts, Swept, sql},
};

/// A row of `prompts`.
pub(super) struct Found {
    pub(super) prompt: Prompt,
    receipt: Option<SignedReceipt>,
    redeemed_at: Option<Millis>,
}

#[async_trait]
impl Prompts for SqliteStorage {
    async fn open(&self, opening: Opening) -> Result<Opened, StorageError> {
        self.write(move |connection| open(connection, &opening)).await
    }

    async fn find_prompt(&self, handle: &Handle) -> Result<Option<Prompt>, StorageError> {
        let found = self.read(|connection| find(connection, handle))?;
        Ok(found.map(|found| found.prompt))
    }

    async fn find_receipt(&self, handle: &Handle) -> Result<Option<SignedReceipt>, StorageError> {
        let found = self.read(|connection| find(connection, handle))?;
        Ok(found.and_then(|found| found.receipt))
    }

    async fn pending_prompts(
        &self,
        account: &AccountKey,
        now: Millis,
        limit: u32,
    ) -> Result<Vec<Prompt>, StorageError> {
        let params = params![account.iss, account.sub.as_str(), now, limit];
        self.read(|connection| connection.all(sql::prompts::PENDING, params, read_prompt))
    }

    async fn prompts_since(&self, account: &AccountKey, seq: i64, limit: u32) -> Result<Vec<Prompt>, StorageError> {
        let params = params![account.iss, account.sub.as_str(), seq, limit];
        self.read(|connection| connection.all(sql::prompts::SINCE, params, read_prompt))
    }

    async fn last_seq(&self, account: &AccountKey) -> Result<i64, StorageError> {
        let params = params![account.iss, account.sub.as_str()];
        let seq = self.read(|connection| connection.one(sql::prompts::LAST_SEQ, params, |row| row.value("seq")))?;
        Ok(seq.unwrap_or(0))
    }

    async fn history(
        &self,
        account: &AccountKey,
        before: Millis,
        limit: u32,
    ) -> Result<Vec<(Prompt, Option<SignedReceipt>, Option<Millis>)>, StorageError> {
        let params = params![account.iss, account.sub.as_str(), before, limit];
        let found = self.read(|connection| connection.all(sql::prompts::HISTORY, params, read))?;
        let entries = found
            .into_iter()
            .map(|found| (found.prompt, found.receipt, found.redeemed_at));
        Ok(entries.collect())
    }

    async fn decide(&self, decision: Decide) -> Result<Decided, StorageError> {
        self.write(move |connection| decide::decide(connection, &decision))
            .await
    }

    async fn mismatch(&self, mismatch: Mismatch) -> Result<MismatchVerdict, StorageError> {
        self.write(move |connection| decide::mismatch(connection, &mismatch))
            .await
    }

    async fn expire_prompts(&self, now: Millis, limit: u32) -> Result<Vec<Swept>, StorageError> {
        self.write(move |connection| expire(connection, now, limit)).await
    }

    async fn sweep_prompts(&self, before: Millis, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.write(move |connection| {
            let prompts = connection.run(sql::prompts::SWEEP, params![before, limit])?;
            let requests = connection.run(sql::auth_requests::SWEEP, params![now, limit])?;
            Ok(count(prompts + requests))
        })
        .await
    }
}

fn open(connection: &Connection, opening: &Opening) -> Result<Opened, StorageError> {
    let prompt = &opening.prompt;
    let superseded = if opening.supersede {
        supersede(connection, prompt)?
    } else {
        Vec::new()
    };
    let seq = next_seq(connection, &prompt.account)?;
    add(connection, prompt, seq)?;
    fail_point!(Open);
    if let Some(request) = &opening.auth_request {
        auth_requests::add(connection, request, &prompt.handle)?;
    }
    Ok(Opened { seq, superseded })
}

fn supersede(connection: &Connection, newer: &Prompt) -> Result<Vec<Handle>, StorageError> {
    let AccountKey { iss, sub } = &newer.account;
    let older = connection.all(
        sql::prompts::TO_SUPERSEDE,
        params![
            iss,
            sub.as_str(),
            newer.connector.0,
            newer.client.id.as_str(),
            newer.created_at
        ],
        read_prompt,
    )?;
    let ending = Ending::without_decision(PromptState::Superseded, newer.created_at);
    for prompt in &older {
        settle(connection, prompt, &ending)?;
    }
    Ok(older.into_iter().map(|prompt| prompt.handle).collect())
}

fn add(connection: &Connection, prompt: &Prompt, seq: i64) -> Result<(), StorageError> {
    let (match_mode, match_value) = match &prompt.matching {
        Matching::Show { message } => ("show", message.as_deref()),
        Matching::Type { code } => ("type", Some(code.as_str())),
    };
    connection.run(
        sql::prompts::ADD,
        params![
            prompt.handle.as_str(),
            prompt.connector.0,
            prompt.external_ref,
            prompt.account.iss,
            prompt.account.sub.as_str(),
            prompt.client.id.as_str(),
            to_json(&prompt.client)?,
            to_json(&prompt.scopes)?,
            prompt.authorization_details.as_ref().map(to_json).transpose()?,
            match_mode,
            match_value,
            prompt.acr_values,
            prompt.context.as_ref().map(to_json).transpose()?,
            to_json(&prompt.policy)?,
            prompt.created_at,
            prompt.expires_at,
            seq,
        ],
    )?;
    Ok(())
}

fn expire(connection: &Connection, now: Millis, limit: u32) -> Result<Vec<Swept>, StorageError> {
    let overdue = connection.all(sql::prompts::OVERDUE, params![now, limit], read_prompt)?;
    for prompt in &overdue {
        let ending = Ending::without_decision(PromptState::Expired, prompt.expires_at);
        settle(connection, prompt, &ending)?;
    }
    let swept = overdue
        .into_iter()
        .map(|Prompt { account, handle, .. }| Swept { account, handle });
    Ok(swept.collect())
}

/// Ends what a removed client still asks.
pub(super) fn cancel_of_client(connection: &Connection, client_id: &str, now: Millis) -> Result<(), StorageError> {
    for prompt in connection.all(sql::prompts::PENDING_OF_CLIENT, params![client_id], read_prompt)? {
        settle(
            connection,
            &prompt,
            &Ending::without_decision(PromptState::Cancelled, now),
        )?;
    }
    Ok(())
}

fn find(connection: &Connection, handle: &Handle) -> Result<Option<Found>, StorageError> {
    connection.one(sql::prompts::FIND, params![handle.as_str()], read)
}

pub(super) fn find_of_person(
    connection: &Connection,
    handle: &Handle,
    account: &AccountKey,
) -> Result<Option<Found>, StorageError> {
    let params = params![handle.as_str(), account.iss, account.sub.as_str()];
    connection.one(sql::prompts::FIND_OF_PERSON, params, read)
}

fn read(row: &Row<'_>) -> Result<Found, StorageError> {
    Ok(Found {
        prompt: read_prompt(row)?,
        receipt: read_receipt(row)?,
        redeemed_at: row.value("redeemed_at")?,
    })
}

fn read_prompt(row: &Row<'_>) -> Result<Prompt, StorageError> {
    let what = "prompt";
    Ok(Prompt {
        handle: row.handle()?,
        connector: ConnectorId(row.text("connector")?),
        external_ref: row.value("external_ref")?,
        account: row.account()?,
        client: row.some_json("client", what)?,
        scopes: row.some_json("scopes", what)?,
        authorization_details: row.json("authorization_details", what)?,
        matching: read_matching(row)?,
        acr_values: row.value("acr_values")?,
        context: row.json("context", what)?,
        policy: row.some_json("policy", what)?,
        created_at: row.value("created_at")?,
        expires_at: row.value("expires_at")?,
        seq: row.value("seq")?,
        settlement: read_settlement(row)?,
    })
}

fn read_matching(row: &Row<'_>) -> Result<Matching, StorageError> {
    let value: Option<String> = row.value("match_value")?;
    match (row.text("match_mode")?.as_str(), value) {
        ("show", message) => Ok(Matching::Show { message }),
        ("type", Some(code)) => Ok(Matching::Type { code }),
        _ => Err(StorageError::Corrupt { what: "prompt" }),
    }
}

fn read_settlement(row: &Row<'_>) -> Result<Option<Settlement>, StorageError> {
    let what = "settlement";
    let state: PromptState = row.some_word("state", what)?;
    if !state.is_final() {
        return Ok(None);
    }
    let device = row.device_id("decided_device")?;
    let name: Option<String> = row.value("decided_name")?;
    Ok(Some(Settlement {
        view: SettledView {
            state,
            settled_at: row.value("settled_at")?,
            reason: row.word("reason", what)?,
            decided_by: device.zip(name).map(|(device_id, name)| DecidedBy { device_id, name }),
        },
        decision_jti: row.value("decision_jti")?,
    }))
}

fn read_receipt(row: &Row<'_>) -> Result<Option<SignedReceipt>, StorageError> {
    let Some(at) = row.value("receipt_at")? else {
        return Ok(None);
    };
    Ok(Some(SignedReceipt {
        request: row.text("receipt_request")?,
        decision: row.text("receipt_decision")?,
        device_key: row.text("receipt_device_key")?,
        request_key: row.text("receipt_request_key")?,
        at,
    }))
}
