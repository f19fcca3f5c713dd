use async_trait::async_trait;
use countersign::{
    domain::{Account, NewAccount},
    storage::{Accounts, AddAccount, HintMatch, StorageError},
};
use countersign_protocol::Subject;

use super::{Kept, Model};

#[async_trait]
impl Accounts for Model {
    async fn find_by_hint(&self, attributes: &[String], value: &str) -> Result<HintMatch, StorageError> {
        let named = |account: &&Account| attributes.iter().any(|attribute| is_named(account, attribute, value));
        Ok(self.read(|kept| {
            let mut people: Vec<Account> = kept.accounts.iter().filter(named).cloned().collect();
            match people.len() {
                0 => HintMatch::Nobody,
                1 => HintMatch::One(Box::new(people.remove(0))),
                _ => HintMatch::Several,
            }
        }))
    }

    async fn find_account(&self, sub: &Subject) -> Result<Option<Account>, StorageError> {
        Ok(self.read(|kept| kept.account(sub).cloned()))
    }

    async fn find_account_by_username(&self, username: &str) -> Result<Option<Account>, StorageError> {
        Ok(self.read(|kept| {
            kept.accounts
                .iter()
                .find(|account| account.username == username)
                .cloned()
        }))
    }

    async fn add_account(&self, new: NewAccount) -> Result<AddAccount, StorageError> {
        let new = new.account;
        self.write(|kept| {
            let mut unique = vec![("id", new.sub.as_str()), ("username", new.username.as_str())];
            unique.extend(
                new.attributes
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str())),
            );
            for (attribute, value) in unique {
                if kept.accounts.iter().any(|account| is_named(account, attribute, value)) {
                    let attribute = attribute.to_owned();
                    return Ok(AddAccount::Taken { attribute });
                }
            }
            kept.accounts.push(new);
            Ok(AddAccount::Added)
        })
    }

    async fn set_account_disabled(&self, username: &str, disabled: bool) -> Result<bool, StorageError> {
        self.write(|kept| {
            let account = kept.accounts.iter_mut().find(|account| account.username == username);
            Ok(account.map(|account| account.disabled = disabled).is_some())
        })
    }

    async fn list_accounts(&self) -> Result<Vec<Account>, StorageError> {
        let mut accounts = self.read(|kept| kept.accounts.clone());
        accounts.sort_by(|a, b| a.username.cmp(&b.username));
        Ok(accounts)
    }
}

impl Kept {
    pub(super) fn account(&self, sub: &Subject) -> Option<&Account> {
        self.accounts.iter().find(|account| account.sub == *sub)
    }

    pub(super) fn is_enabled(&self, sub: &Subject) -> bool {
        self.account(sub).is_some_and(|account| !account.disabled)
    }
}

fn is_named(account: &Account, attribute: &str, value: &str) -> bool {
    match attribute {
        "id" => account.sub.as_str() == value,
        "username" => account.username == value,
        _ => account.attributes.get(attribute).is_some_and(|has| has == value),
    }
}
