use async_trait::async_trait;
use countersign::{
    domain::{UserCodeLimit, UserCodeTries},
    storage::{StorageError, UserCodeTry, UserCodes},
};
use countersign_clock::Millis;
use countersign_protocol::Subject;

use super::Model;

/// The code of one person.
#[derive(Clone)]
pub(super) struct Code {
    hash: String,
    tries: UserCodeTries,
}

#[async_trait]
impl UserCodes for Model {
    async fn set_user_code(&self, sub: &Subject, hash: Option<String>) -> Result<bool, StorageError> {
        self.write(|kept| {
            if kept.account(sub).is_none() {
                return Ok(false);
            }
            kept.user_codes.remove(sub);
            if let Some(hash) = hash {
                let tries = UserCodeTries::default();
                kept.user_codes.insert(sub.clone(), Code { hash, tries });
            }
            Ok(true)
        })
    }

    async fn has_user_code(&self, sub: &Subject) -> Result<bool, StorageError> {
        Ok(self.read(|kept| kept.user_codes.contains_key(sub)))
    }

    async fn take_user_code_try(
        &self,
        sub: &Subject,
        limit: UserCodeLimit,
        now: Millis,
    ) -> Result<UserCodeTry, StorageError> {
        self.write(|kept| {
            let Some(code) = kept.user_codes.get_mut(sub) else {
                return Ok(UserCodeTry::NoCode);
            };
            let Some(tries) = code.tries.take(limit, now) else {
                return Ok(UserCodeTry::Wait);
            };
            code.tries = tries;
            Ok(UserCodeTry::Try(code.hash.clone()))
        })
    }

    async fn user_code_was_right(&self, sub: &Subject) -> Result<(), StorageError> {
        self.write(|kept| {
            if let Some(code) = kept.user_codes.get_mut(sub) {
                code.tries = UserCodeTries::default();
            }
            Ok(())
        })
    }
}
