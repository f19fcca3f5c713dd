//! `user_code` (CIBA Core sections 7.1, 7.1.2 and 13): a code that the person gives to the client, so that nobody without it makes their devices
//! ring. Asked of clients that registered for it, for people who have one.

use countersign_clock::Millis;
use countersign_jose::password;
use countersign_protocol::{OAuthErrorCode, Secret};

use super::Asked;
use crate::{
    domain::{Account, UserCode, UserCodeLimit},
    op::{OpError, Provider, Refusal},
    storage::UserCodeTry,
};

impl Provider {
    /// Whether the client brings the code of `account`, where it has to. A try is counted before it is looked at; whoever has to wait is answered
    /// like somebody who was wrong, and as late.
    pub(super) async fn check_user_code(&self, asked: &Asked<'_>, account: &Account) -> Result<(), OpError> {
        let storage = &self.parts.storage;
        if !self.asks_for_code(asked) || !storage.has_user_code(&account.sub).await? {
            return Ok(());
        }
        let Some(code) = asked.params.get("user_code") else {
            let missing = OAuthErrorCode::MissingUserCode;
            return Err(Refusal::new(missing, "this person gave a code that has to come with the request").into());
        };
        let Some(_place) = self.passwords.line_up() else {
            let later = OAuthErrorCode::TemporarilyUnavailable;
            return Err(Refusal::new(later, "too many codes are looked at just now").into());
        };
        let limit = self.user_code_limit();
        let now = self.parts.clock.now();
        let taken = storage.take_user_code_try(&account.sub, limit, now).await?;
        let code = UserCode::parse(code).ok();
        let right = match (taken, code) {
            (UserCodeTry::NoCode, _) => return Ok(()),
            (UserCodeTry::Try(phc), Some(code)) => self.passwords.verify(code.secret().clone(), phc).await?,
            (UserCodeTry::Try(_) | UserCodeTry::Wait, _) => self.spend_time().await?,
        };
        if !right {
            let invalid = OAuthErrorCode::InvalidUserCode;
            return Err(Refusal::new(invalid, "the code is not this person's, or was wrong too often").into());
        }
        storage.user_code_was_right(&account.sub).await?;
        Ok(())
    }

    /// The refusal of a hint, after as long as a code takes where the hint named nobody: nobody learns more of people by the clock than by words.
    pub(super) async fn as_slow_as_a_person(&self, asked: &Asked<'_>, refused: OpError) -> OpError {
        let nobody = matches!(&refused, OpError::Refused(refusal) if refusal.code == OAuthErrorCode::UnknownUserId);
        if !nobody || !self.asks_for_code(asked) || asked.params.get("user_code").is_none() {
            return refused;
        }
        // When the line is full nobody is slow.
        let Some(_place) = self.passwords.line_up() else {
            return refused;
        };
        match self.spend_time().await {
            Ok(_) => refused,
            Err(error) => error,
        }
    }

    fn asks_for_code(&self, asked: &Asked<'_>) -> bool {
        self.parts.config.user_code && asked.client.requests.user_code
    }

    fn user_code_limit(&self) -> UserCodeLimit {
        UserCodeLimit {
            tries: self.parts.config.user_code_tries,
            first_wait: Millis::from(self.parts.config.user_code_wait_seconds) * 1000,
        }
    }

    /// Verifies nothing for as long as a code takes. Never right.
    async fn spend_time(&self) -> Result<bool, OpError> {
        self.passwords
            .verify(Secret::new(""), password::decoy().to_owned())
            .await
    }
}
