use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DecidedBy, Handle, PromptState, SettledView};

use super::{
    Engine, Row, Statements, StorageError, Store, auth_requests, decide, outbox,
    settle::{Ending, next_seq, settle},
    to_json, values,
};
use crate::{
    domain::{AccountKey, Approval, ConnectorId, Matching, Prompt, Settlement, SignedReceipt},
    storage::{Decide, Decided, Mismatch, MismatchVerdict, Opened, Opening, Prompts, Swept, sql},
};

/// A row of `prompts`.
pub(super) struct Found {
    pub(super) prompt: Prompt,
    pub(super) receipt: Option<SignedReceipt>,
    pub(super) approval: Option<Approval>,
    pub(super) intake_digest: Option<[u8; 32]>,
    redeemed_at: Option<Millis>,
}

#[async_trait]
impl<E: Engine> Prompts for Store<E> {
    async fn open(&self, opening: Opening) -> Result<Opened, StorageError> {
        self.engine
            .write_locking(opening, |connection, opening| Box::pin(open(connection, opening)))
            .await
    }

    async fn find_prompt(&self, handle: &Handle) -> Result<Option<Prompt>, StorageError> {
        let found = self
            .engine
            .read(handle, |connection, handle| Box::pin(find(connection, handle)));
        Ok(found.await?.map(|found| found.prompt))
    }

    async fn find_receipt(&self, handle: &Handle) -> Result<Option<SignedReceipt>, StorageError> {
        let found = self
            .engine
            .read(handle, |connection, handle| Box::pin(find(connection, handle)));
        Ok(found.await?.and_then(|found| found.receipt))
    }

    async fn pending_prompts(
        &self,
        account: &AccountKey,
        now: Millis,
        limit: u32,
    ) -> Result<Vec<Prompt>, StorageError> {
        self.engine
            .read((account, now, limit), |connection, (account, now, limit)| {
                Box::pin(async move {
                    let by = values![account.iss, account.sub, now, limit];
                    connection.all(sql::prompts::PENDING, by, read_prompt).await
                })
            })
            .await
    }

    async fn prompts_since(&self, account: &AccountKey, seq: i64, limit: u32) -> Result<Vec<Prompt>, StorageError> {
        self.engine
            .read((account, seq, limit), |connection, (account, seq, limit)| {
                Box::pin(async move {
                    let by = values![account.iss, account.sub, seq, limit];
                    connection.all(sql::prompts::SINCE, by, read_prompt).await
                })
            })
            .await
    }

    async fn last_seq(&self, account: &AccountKey) -> Result<i64, StorageError> {
        let seq = self.engine.read(account, |connection, account| {
            Box::pin(async move {
                let of = values![account.iss, account.sub];
                connection.one(sql::prompts::LAST_SEQ, of, |row| row.value("seq")).await
            })
        });
        Ok(seq.await?.unwrap_or(0))
    }

    async fn history(
        &self,
        account: &AccountKey,
        before: Millis,
        limit: u32,
    ) -> Result<Vec<(Prompt, Option<SignedReceipt>, Option<Millis>)>, StorageError> {
        let found = self
            .engine
            .read((account, before, limit), |connection, (account, before, limit)| {
                Box::pin(async move {
                    let by = values![account.iss, account.sub, before, limit];
                    connection.all(sql::prompts::HISTORY, by, read).await
                })
            });
        let found = found.await?.into_iter();
        let entries = found.map(|found| (found.prompt, found.receipt, found.redeemed_at));
        Ok(entries.collect())
    }

    async fn was_reported(
        &self,
        account: &AccountKey,
        client_id: &ClientId,
        since: Millis,
    ) -> Result<bool, StorageError> {
        self.engine
            .read(
                (account, client_id, since),
                |connection, (account, client_id, since)| {
                    Box::pin(async move {
                        let by = values![account.iss, account.sub, client_id, since];
                        connection.any(sql::prompts::REPORTED, by).await
                    })
                },
            )
            .await
    }

    async fn decide(&self, decision: Decide) -> Result<Decided, StorageError> {
        self.engine
            .write_locking(decision, |connection, decision| {
                Box::pin(decide::decide(connection, decision))
            })
            .await
    }

    async fn mismatch(&self, mismatch: Mismatch) -> Result<MismatchVerdict, StorageError> {
        self.engine
            .write_locking(mismatch, |connection, mismatch| {
                Box::pin(decide::mismatch(connection, mismatch))
            })
            .await
    }

    async fn expire_prompts(&self, now: Millis, limit: u32) -> Result<Vec<Swept>, StorageError> {
        self.engine
            .write_locking((now, limit), |connection, (now, limit)| {
                Box::pin(expire(connection, *now, *limit))
            })
            .await
    }

    async fn sweep_prompts(&self, before: Millis, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.engine
            .write_locking((before, now, limit), |connection, (before, now, limit)| {
                Box::pin(async move {
                    let prompts = connection.run(sql::prompts::SWEEP, values![before, limit]).await?;
                    let requests = connection.run(sql::auth_requests::SWEEP, values![now, limit]).await?;
                    Ok(prompts + requests)
                })
            })
            .await
    }
}

async fn open(connection: &mut impl Statements, opening: &Opening) -> Result<Opened, StorageError> {
    let prompt = &opening.prompt;
    let opened = add_question(connection, prompt, None, opening.supersede).await?;
    if let Some(request) = &opening.auth_request {
        auth_requests::add(connection, request, &prompt.handle).await?;
    }
    if let Some(debt) = &opening.ask {
        outbox::add_due(connection, debt).await?;
    }
    Ok(opened)
}

/// Stores a prompt, after those that give way to it.
pub(super) async fn add_question(
    connection: &mut impl Statements,
    prompt: &Prompt,
    intake_digest: Option<&[u8; 32]>,
    gives_way: bool,
) -> Result<Opened, StorageError> {
    let superseded = if gives_way {
        supersede(connection, prompt).await?
    } else {
        Vec::new()
    };
    let seq = next_seq(connection, &prompt.account).await?;
    add(connection, prompt, intake_digest, seq).await?;
    fail_point!(Open);
    Ok(Opened { seq, superseded })
}

async fn supersede<S: Statements>(connection: &mut S, newer: &Prompt) -> Result<Vec<Handle>, StorageError> {
    let AccountKey { iss, sub } = &newer.account;
    // Two newer ones at the same time would not see each other.
    let asked = format!("{iss} {sub} {} {}", newer.connector.0, newer.client.id.as_str());
    connection.lock(&asked).await?;
    let older = connection
        .all(
            sql::prompts::TO_SUPERSEDE.text(S::DIALECT),
            values![iss, sub, newer.connector, newer.client.id, newer.created_at],
            read_prompt,
        )
        .await?;
    let ending = Ending::without_decision(PromptState::Superseded, newer.created_at);
    for prompt in &older {
        settle(connection, prompt, &ending).await?;
    }
    Ok(older.into_iter().map(|prompt| prompt.handle).collect())
}

async fn add(
    connection: &mut impl Statements,
    prompt: &Prompt,
    intake_digest: Option<&[u8; 32]>,
    seq: i64,
) -> Result<(), StorageError> {
    let (match_mode, match_value) = match &prompt.matching {
        Matching::Show { message } => ("show", message.as_deref()),
        Matching::Type { code } => ("type", Some(code.as_str())),
    };
    connection
        .run(
            sql::prompts::ADD,
            values![
                prompt.handle,
                prompt.connector,
                prompt.external_ref,
                prompt.account.iss,
                prompt.account.sub,
                prompt.client.id,
                to_json(&prompt.client)?,
                to_json(&prompt.scopes)?,
                prompt.details.as_ref().map(to_json).transpose()?,
                match_mode,
                match_value,
                prompt.acr_values,
                prompt.context.as_ref().map(to_json).transpose()?,
                to_json(&prompt.policy)?,
                prompt.created_at,
                prompt.expires_at,
                seq,
                intake_digest,
            ],
        )
        .await?;
    Ok(())
}

async fn expire<S: Statements>(connection: &mut S, now: Millis, limit: u32) -> Result<Vec<Swept>, StorageError> {
    let overdue = connection
        .all(sql::prompts::OVERDUE.text(S::DIALECT), values![now, limit], read_prompt)
        .await?;
    for prompt in by_person(&overdue) {
        let ending = Ending::without_decision(PromptState::Expired, prompt.expires_at);
        settle(connection, prompt, &ending).await?;
    }
    let swept = overdue
        .into_iter()
        .map(|Prompt { account, handle, .. }| Swept { account, handle });
    Ok(swept.collect())
}

/// In the order in which change numbers are taken where several people's are, so that nobody waits in a circle.
fn by_person(prompts: &[Prompt]) -> Vec<&Prompt> {
    let mut ordered: Vec<_> = prompts.iter().collect();
    ordered.sort_by(|one, other| {
        (&one.account.iss, one.account.sub.as_str()).cmp(&(&other.account.iss, other.account.sub.as_str()))
    });
    ordered
}

/// Ends what a removed client still asks. What was over before stays expired.
pub(super) async fn cancel_of_client<S: Statements>(
    connection: &mut S,
    client_id: &str,
    now: Millis,
) -> Result<(), StorageError> {
    let waiting = connection
        .all(
            sql::prompts::PENDING_OF_CLIENT.text(S::DIALECT),
            values![client_id],
            read_prompt,
        )
        .await?;
    for prompt in by_person(&waiting) {
        let ending = if prompt.expires_at <= now {
            Ending::without_decision(PromptState::Expired, prompt.expires_at)
        } else {
            Ending::without_decision(PromptState::Cancelled, now)
        };
        settle(connection, prompt, &ending).await?;
    }
    Ok(())
}

pub(super) async fn find(connection: &mut impl Statements, handle: &Handle) -> Result<Option<Found>, StorageError> {
    connection.one(sql::prompts::FIND, values![handle], read).await
}

/// The prompt stays as it is as long as the unit runs.
pub(super) async fn find_to_settle<S: Statements>(
    connection: &mut S,
    handle: &Handle,
    account: &AccountKey,
) -> Result<Option<Found>, StorageError> {
    let by = values![handle, account.iss, account.sub];
    connection
        .one(sql::prompts::FIND_TO_SETTLE.text(S::DIALECT), by, read)
        .await
}

/// As [`find_to_settle`], whoever's it is.
pub(super) async fn find_to_tell<S: Statements>(
    connection: &mut S,
    handle: &Handle,
) -> Result<Option<Found>, StorageError> {
    let by_handle = sql::prompts::FIND_TO_TELL.text(S::DIALECT);
    connection.one(by_handle, values![handle], read).await
}

fn read(row: &Row<'_>) -> Result<Found, StorageError> {
    Ok(Found {
        prompt: read_prompt(row)?,
        approval: row.json("approval", "approval")?,
        intake_digest: row.value("intake_digest")?,
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
        details: row.json("authorization_details", what)?,
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
    let mode = row.text("match_mode")?;
    match (mode.as_str(), row.value("match_value")?) {
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
            delivery: row.word("delivery", what)?,
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
