//! What the window sends. A PIN is never printed, whoever prints the rest.

use std::fmt;

use countersign_protocol::{DenyReason, Handle, Secret};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the window sends to approve.
#[derive(Clone, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ApproveInput {
    /// The account.
    pub account_id: String,
    /// The request.
    pub handle: Handle,
    /// In `type` mode: the digits.
    #[ts(optional)]
    pub matched: Option<String>,
    /// The PIN, when `needs_unlock`.
    #[ts(optional)]
    pub pin: Option<String>,
}

/// What the window sends to deny.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct DenyInput {
    /// The account.
    pub account_id: String,
    /// The request.
    pub handle: Handle,
    /// Why.
    pub reason: DenyReason,
}

/// What the window sends to pair this device.
#[derive(Clone, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct PairInput {
    /// Address of the backend, as the person typed it.
    pub backend: String,
    /// Name of this device.
    pub device_name: String,
    /// The PIN that will seal the user-verification key, 6 to 12 digits.
    pub pin: String,
    /// The issuer where the person signs in. Without it the person is asked, where the backend offers several.
    #[serde(default)]
    #[ts(optional)]
    pub issuer: Option<String>,
}

/// What the window sends to set or take away the code that clients ask for.
#[derive(Clone, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct UserCodeInput {
    /// The account.
    pub account_id: String,
    /// The PIN.
    pub pin: String,
    /// The new code, 4 to 64 characters; left out to take it away.
    #[ts(optional, type = "string")]
    pub user_code: Option<Secret>,
}

impl fmt::Debug for ApproveInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ApproveInput");
        shown
            .field("account_id", &self.account_id)
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PairInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("PairInput");
        shown
            .field("backend", &self.backend)
            .field("device_name", &self.device_name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for UserCodeInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UserCodeInput");
        shown.field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_number_and_code_do_not_show_in_debug_output() {
        let approve = ApproveInput {
            account_id: "a".to_owned(),
            handle: "h".into(),
            matched: Some("4711".to_owned()),
            pin: Some("135790".to_owned()),
        };
        let pair = PairInput {
            backend: "b".to_owned(),
            device_name: "n".to_owned(),
            pin: "135790".to_owned(),
            issuer: None,
        };
        let code = UserCodeInput {
            account_id: "a".to_owned(),
            pin: "135790".to_owned(),
            user_code: Some(Secret::new("4711")),
        };
        let shown = format!("{approve:?} {pair:?} {code:?}");
        assert!(!shown.contains("135790") && !shown.contains("4711"), "{shown}");
    }
}
