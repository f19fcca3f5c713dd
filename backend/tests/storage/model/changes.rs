use async_trait::async_trait;
use countersign::{
    domain::{AccountKey, AuthRequestState},
    storage::{Changes, PersonMark, StorageError},
};
use countersign_protocol::Handle;

use super::Model;

#[async_trait]
impl Changes for Model {
    async fn person_marks(&self, people: &[AccountKey]) -> Result<Vec<(AccountKey, PersonMark)>, StorageError> {
        Ok(self.read(|kept| {
            let mark = |person: &AccountKey| {
                let mut devices = kept.devices.values();
                let mut accounts = kept.accounts.iter();
                let revoked = devices.by_ref().filter(|device| device.account == *person);
                PersonMark {
                    seq: kept.changes.get(person).copied().unwrap_or(0),
                    revoked: i64::try_from(revoked.filter(|device| device.revoked_at.is_some()).count()).unwrap(),
                    disabled: accounts.any(|account| account.sub == person.sub && account.disabled),
                }
            };
            people.iter().map(|person| (person.clone(), mark(person))).collect()
        }))
    }

    async fn settled_among(&self, handles: &[Handle]) -> Result<Vec<Handle>, StorageError> {
        Ok(self.read(|kept| {
            let settled = |handle: &&Handle| {
                let mut requests = kept.requests.values();
                requests.any(|request| request.handle == **handle && request.state != AuthRequestState::Pending)
            };
            handles.iter().filter(settled).cloned().collect()
        }))
    }
}
