use async_trait::async_trait;
use countersign::{
    domain::{AuthRequestState, Client},
    storage::{AddClient, Clients, ReplaceClient, Replacement, SelfRegistered, SelfRegistration, StorageError},
};
use countersign_clock::Millis;
use countersign_protocol::{ClientId, Handle, PromptState};

use super::{Kept, Model, decisions::Ending};

#[async_trait]
impl Clients for Model {
    async fn find_client(&self, id: &ClientId) -> Result<Option<Client>, StorageError> {
        Ok(self.read(|kept| kept.clients.get(id).cloned()))
    }

    async fn add_client(&self, client: Client) -> Result<AddClient, StorageError> {
        self.write(|kept| {
            if kept.clients.contains_key(&client.id) {
                return Ok(AddClient::Taken);
            }
            kept.clients.insert(client.id.clone(), client);
            Ok(AddClient::Added)
        })
    }

    async fn register_client(&self, registration: SelfRegistration) -> Result<SelfRegistered, StorageError> {
        self.write(|kept| {
            let SelfRegistration { client, invitation, .. } = registration;
            if invitation.is_some_and(|hash| !kept.is_invited(hash, registration.now)) {
                return Ok(SelfRegistered::NotInvited);
            }
            if kept.registered.len() >= usize::try_from(registration.most).unwrap() {
                return Ok(SelfRegistered::Full);
            }
            if kept.clients.contains_key(&client.id) {
                return Ok(SelfRegistered::Taken);
            }
            if let Some(hash) = invitation {
                kept.count_use(hash);
            }
            kept.registered.insert(client.id.clone());
            kept.clients.insert(client.id.clone(), client);
            Ok(SelfRegistered::Added)
        })
    }

    async fn replace_client(&self, replacement: Replacement) -> Result<ReplaceClient, StorageError> {
        self.write(|kept| {
            let Replacement { before, after, now } = replacement;
            let Some(found) = kept.clients.get_mut(&before.id) else {
                return Ok(ReplaceClient::Unknown);
            };
            if *found != before {
                return Ok(ReplaceClient::Changed);
            }
            let switched_off = after.disabled && !before.disabled;
            *found = after;
            if switched_off {
                kept.cancel_requests_of(&before.id, now)?;
                kept.debts.retain(|_, debt| !debt.is_to_client(&before.id));
            }
            Ok(ReplaceClient::Replaced)
        })
    }

    async fn remove_client(&self, id: &ClientId, now: Millis) -> Result<bool, StorageError> {
        self.write(|kept| {
            if kept.clients.remove(id).is_none() {
                return Ok(false);
            }
            kept.registered.remove(id);
            kept.revoke_families(|family| family.facts.client_id == *id);
            kept.end_requests_of(id, now)?;
            kept.debts.retain(|_, debt| !debt.is_to_client(id));
            Ok(true)
        })
    }

    async fn list_clients(&self) -> Result<Vec<Client>, StorageError> {
        Ok(self.read(|kept| kept.clients.values().cloned().collect()))
    }
}

impl Kept {
    /// What waits is cancelled, oldest first; what is over without an answer is expired, as it was before.
    fn cancel_requests_of(&mut self, client_id: &ClientId, now: Millis) -> Result<(), StorageError> {
        let mut pending: Vec<(Millis, i64, Handle)> = self
            .requests
            .values()
            .filter(|request| request.client_id == *client_id && request.state == AuthRequestState::Pending)
            .filter_map(|request| self.prompts.get(&request.handle))
            .map(|asked| (asked.prompt.created_at, asked.prompt.seq, asked.prompt.handle.clone()))
            .collect();
        pending.sort();
        for (_, _, handle) in pending {
            let deadline = self.prompts[&handle].prompt.expires_at;
            let ending = if deadline <= now {
                Ending::without_decision(PromptState::Expired, deadline)
            } else {
                Ending::without_decision(PromptState::Cancelled, now)
            };
            self.settle(&handle, ending)?;
        }
        Ok(())
    }

    /// As [`Kept::cancel_requests_of`], and what is approved is denied.
    fn end_requests_of(&mut self, client_id: &ClientId, now: Millis) -> Result<(), StorageError> {
        self.cancel_requests_of(client_id, now)?;
        for request in self.requests.values_mut() {
            if request.client_id == *client_id && matches!(request.state, AuthRequestState::Approved(_)) {
                request.state = AuthRequestState::Denied;
            }
        }
        Ok(())
    }

    pub(super) fn is_client_disabled(&self, id: &ClientId) -> bool {
        self.clients.get(id).is_some_and(|client| client.disabled)
    }
}
