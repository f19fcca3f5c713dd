use async_trait::async_trait;
use countersign_protocol::{Handle, PromptState, SettledView};

use super::{
    Engine, Statements, StorageError, Store, connectors, outbox, prompts,
    settle::{Ending, settle},
    to_json, values,
};
use crate::{
    domain::{Evidence, Payment},
    storage::{Asking, Heard, Upstream, UpstreamAnswer, sql},
};

#[async_trait]
impl<E: Engine> Upstream for Store<E> {
    async fn keep_asking(&self, asking: Asking) -> Result<bool, StorageError> {
        self.engine
            .write_locking(asking, |connection, asking| Box::pin(keep_asking(connection, asking)))
            .await
    }

    async fn settle_upstream(&self, answer: UpstreamAnswer) -> Result<Heard, StorageError> {
        self.engine
            .write_locking(answer, |connection, answer| {
                Box::pin(settle_upstream(connection, answer))
            })
            .await
    }

    async fn find_evidence(&self, handle: &Handle) -> Result<Option<Evidence>, StorageError> {
        let found = self.engine.read(handle, |connection, handle| {
            Box::pin(async move {
                connection
                    .one(sql::prompts::FIND_EVIDENCE, values![handle], |row| {
                        row.json("evidence", "evidence")
                    })
                    .await
            })
        });
        Ok(found.await?.flatten())
    }
}

async fn keep_asking(connection: &mut impl Statements, asking: &Asking) -> Result<bool, StorageError> {
    let (reference, kind, lease) = (&asking.id.reference, asking.id.kind.word(), &asking.lease.0);
    let kept = connection
        .run(
            sql::outbox::GO_ON,
            values![reference, kind, lease, asking.due_at, asking.payload, asking.now],
        )
        .await?;
    if kept == 1 {
        connectors::mark(connection, &asking.connector, asking.now, None).await?;
    }
    Ok(kept == 1)
}

async fn settle_upstream<S: Statements>(connection: &mut S, answer: &UpstreamAnswer) -> Result<Heard, StorageError> {
    let handle = Handle::new(&answer.id.reference);
    // First the prompt, then the debt, as when a decision is recorded.
    let found = prompts::find_to_tell(connection, &handle).await?;
    if !outbox::settle(connection, &answer.id, &answer.lease, &Payment::Done, answer.now).await? {
        return Ok(Heard::Lost);
    }
    connectors::mark(connection, &answer.connector, answer.now, None).await?;
    let Some(prompt) = found.map(|found| found.prompt) else {
        return Ok(Heard::Late);
    };
    let enabled = connection
        .any(sql::accounts::IS_ENABLED.text(S::DIALECT), values![prompt.account.sub])
        .await?;
    if !enabled {
        return Ok(Heard::Late);
    }
    let approved = answer.approved.as_ref();
    let ending = Ending {
        view: SettledView {
            state: if approved.is_some() {
                PromptState::Approved
            } else {
                PromptState::Denied
            },
            settled_at: Some(answer.now),
            reason: None,
            decided_by: Some(answer.by.clone()),
            delivery: None,
        },
        deadline_after: answer.now,
        approval: approved.map(|(approval, _)| approval),
        jti: None,
        receipt: None,
    };
    if !settle(connection, &prompt, &ending).await? {
        return Ok(Heard::Late);
    }
    if let Some((_, evidence)) = approved {
        let json = to_json(evidence)?;
        connection
            .run(sql::prompts::SET_EVIDENCE, values![handle, json])
            .await?;
    }
    Ok(Heard::Recorded(prompt.account))
}
