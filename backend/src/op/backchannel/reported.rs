//! Whom a client must leave alone: a person who said that its last request was not theirs.
//!
//! The answer is the operator's policy, not a secret of the person: 403 `access_denied`, before anybody is asked (CIBA Core section 13).

use countersign_clock::Millis;
use countersign_protocol::OAuthErrorCode;

use crate::{
    domain::{Account, AccountKey, Client},
    op::{OpError, Provider, Refusal},
};

impl Provider {
    /// Refuses a client that `account` has reported lately.
    pub(super) async fn check_not_reported(&self, client: &Client, account: &Account) -> Result<(), OpError> {
        let Some(seconds) = Some(self.parts.config.report_seconds).filter(|seconds| *seconds > 0) else {
            return Ok(());
        };
        let asked = AccountKey {
            iss: self.issuer().to_owned(),
            sub: account.sub.clone(),
        };
        let since = self.parts.clock.now() - Millis::from(seconds) * 1000;
        if self.parts.storage.was_reported(&asked, &client.id, since).await? {
            let description = "the person has reported a request of this client and is not asked again for a while";
            return Err(Refusal::new(OAuthErrorCode::AccessDenied, description).into());
        }
        Ok(())
    }
}
