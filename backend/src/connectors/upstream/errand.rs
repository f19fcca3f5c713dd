use countersign_clock::Millis;
use countersign_jose::{JoseError, seal::SealingKey};
use countersign_protocol::Handle;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Acr, DebtKind, Matching},
    op::Triggered,
};

/// What another provider is asked, and how far that is. It is kept sealed: it names a person and may hold an answer.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Errand {
    /// Whom the provider knows the person as.
    pub(super) login_hint: String,
    /// The `sub` that has to answer; none where whoever the hint finds is the person.
    pub(super) sub: Option<String>,
    binding_message: Option<String>,
    acr_values: Option<String>,
    authorization_details: Option<String>,
    /// The class that an approval has to meet.
    pub(super) required_acr: Option<String>,
    /// How often the person was asked there.
    pub(super) rings: u32,
    /// The question as the provider knows it; none before it was asked, or when it has forgotten.
    pub(super) asked: Option<Asked>,
}

/// A question that the provider has acknowledged.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) auth_req_id: String,
    /// Between two polls.
    pub(super) interval: Millis,
    pub(super) at: Millis,
    /// The answer, where it could not be verified yet: it is given out once.
    pub(super) id_token: Option<String>,
}

impl Errand {
    pub(super) fn new(triggered: &Triggered, login_hint: String, sub: Option<String>) -> Self {
        Self {
            login_hint,
            sub,
            // Whether the number of the other screen is shown or typed there is that provider's choice.
            binding_message: match &triggered.matching {
                Matching::Show { message } => message.clone(),
                Matching::Type { code } => Some(code.clone()),
            },
            acr_values: triggered.acr_values.clone(),
            authorization_details: triggered.request.extras.authorization_details.clone(),
            required_acr: triggered
                .needs_user_verification
                .then(|| Acr::DEVICE_VERIFIED.to_owned()),
            rings: 0,
            asked: None,
        }
    }

    /// Parameters of the authentication request (CIBA Core section 7.1) with `left` milliseconds to the deadline.
    pub(super) fn parameters(&self, scope: &str, left: Millis) -> Vec<(&'static str, String)> {
        let seconds = left.div_euclid(1000).max(1);
        let optional = [
            ("binding_message", &self.binding_message),
            ("acr_values", &self.acr_values),
            ("authorization_details", &self.authorization_details),
        ];
        let mut parameters = vec![
            ("scope", scope.to_owned()),
            ("login_hint", self.login_hint.clone()),
            ("requested_expiry", seconds.to_string()),
        ];
        let given = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)));
        parameters.extend(given);
        parameters
    }

    pub(super) fn seal(&self, key: &SealingKey, handle: &Handle) -> Result<Vec<u8>, JoseError> {
        // A struct of texts and numbers is always JSON.
        let plain = serde_json::to_vec(self).unwrap_or_default();
        key.seal(&context(handle), &plain)
    }

    pub(super) fn open(key: &SealingKey, handle: &Handle, sealed: &[u8]) -> Option<Self> {
        let plain = key.open(&context(handle), sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

/// Binds what is sealed to its row.
fn context(handle: &Handle) -> String {
    format!("outbox.{}:{handle}", DebtKind::Ask.word())
}
