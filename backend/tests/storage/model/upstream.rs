use async_trait::async_trait;
use countersign::{
    domain::{Evidence, Payment},
    storage::{Asking, Heard, StorageError, Upstream, UpstreamAnswer},
};
use countersign_protocol::{Handle, PromptState};

use super::{Kept, Model, decisions::Ending};

#[async_trait]
impl Upstream for Model {
    async fn keep_asking(&self, asking: Asking) -> Result<bool, StorageError> {
        self.write(|kept| {
            let debt = kept.debts.get_mut(&asking.id);
            let Some(debt) = debt.filter(|debt| debt.is_held_by(&asking.lease)) else {
                return Ok(false);
            };
            debt.go_on(asking.payload, asking.due_at, asking.now);
            kept.mark(&asking.connector, &Payment::Done, asking.now);
            Ok(true)
        })
    }

    async fn settle_upstream(&self, answer: UpstreamAnswer) -> Result<Heard, StorageError> {
        self.write(|kept| kept.settle_upstream(answer))
    }

    async fn find_evidence(&self, handle: &Handle) -> Result<Option<Evidence>, StorageError> {
        Ok(self.read(|kept| kept.prompts.get(handle).and_then(|asked| asked.evidence.clone())))
    }
}

impl Kept {
    fn settle_upstream(&mut self, answer: UpstreamAnswer) -> Result<Heard, StorageError> {
        if !self.settle_debt(&answer.id, &answer.lease, Payment::Done, answer.now) {
            return Ok(Heard::Lost);
        }
        self.mark(&answer.connector, &Payment::Done, answer.now);
        let handle = Handle::new(&answer.id.reference);
        let prompt = self.prompts.get(&handle).map(|asked| asked.prompt.clone());
        let waits = |prompt: &countersign::domain::Prompt| {
            prompt.view_at(answer.now).state == PromptState::Pending && self.is_enabled(&prompt.account.sub)
        };
        let Some(prompt) = prompt.filter(waits) else {
            return Ok(Heard::Late);
        };
        let (approval, evidence) = answer.approved.unzip();
        self.settle(&handle, Ending::elsewhere(approval, answer.by, answer.now))?;
        self.prompts.get_mut(&handle).unwrap().evidence = evidence;
        Ok(Heard::Recorded(prompt.account))
    }
}
