use countersign_clock::Millis;
use countersign_protocol::{ClientShown, Delivery, DetailsShown, Handle, Policy, PromptState, ScopeShown, SettledView};
use serde_json::Value;

use super::account::AccountKey;

/// Which provider a prompt belongs to. `embedded` is connector zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectorId(pub String);

impl ConnectorId {
    /// The embedded provider.
    #[must_use]
    pub fn embedded() -> Self {
        Self("embedded".to_owned())
    }

    /// Whether it is the embedded provider.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.0 == "embedded"
    }

    /// Where telling the provider stands when a request is decided; none for the embedded one, which knows in the same commit.
    #[must_use]
    pub fn first_delivery(&self) -> Option<Delivery> {
        (!self.is_embedded()).then_some(Delivery::Owed)
    }
}

/// How the person ties the device to the other screen. The number stays on this side until it was typed.
#[derive(Clone, PartialEq, Eq)]
pub enum Matching {
    /// Both screens show the message.
    Show {
        /// Verbatim.
        message: Option<String>,
    },
    /// The person types what the other screen shows.
    Type {
        /// 2 to 8 digits, leading zeros kept.
        code: String,
    },
}

impl std::fmt::Debug for Matching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Show { .. } => "Show(..)",
            Self::Type { .. } => "Type(..)",
        })
    }
}

/// A question to a person, whichever provider it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// Addresses it on the device side.
    pub handle: Handle,
    /// Where it comes from.
    pub connector: ConnectorId,
    /// The provider's own name for it; none for the embedded one, which finds it by handle.
    pub external_ref: Option<String>,
    /// Who is asked.
    pub account: AccountKey,
    /// Who asks.
    pub client: ClientShown,
    /// For what.
    pub scopes: Vec<ScopeShown>,
    /// For what exactly.
    pub details: Option<DetailsShown>,
    /// How the screens are tied together.
    pub matching: Matching,
    /// As asked.
    pub acr_values: Option<String>,
    /// Reported by the client.
    pub context: Option<Value>,
    /// What an approval needs.
    pub policy: Policy,
    /// Received.
    pub created_at: Millis,
    /// To be decided before.
    pub expires_at: Millis,
    /// Grows with every change for this person; 0 before it is stored.
    pub seq: i64,
    /// How it ended; none while it waits.
    pub settlement: Option<Settlement>,
}

/// How a prompt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// State, time, reason and device.
    pub view: SettledView,
    /// `jti` of the decision, where there was one.
    pub decision_jti: Option<String>,
}

impl Settlement {
    /// As devices see it: an approval of which the provider does not know, or perhaps does not, is no success.
    #[must_use]
    pub fn shown(&self) -> SettledView {
        let mut view = self.view.clone();
        let lost = matches!(view.delivery, Some(Delivery::Failed | Delivery::Unclear));
        if lost && view.state == PromptState::Approved {
            view.state = PromptState::Failed;
        }
        view
    }
}

impl Prompt {
    /// The state as of `now`: undecided past the deadline is expired, swept or not.
    #[must_use]
    pub fn view_at(&self, now: Millis) -> SettledView {
        match &self.settlement {
            Some(settlement) => settlement.shown(),
            None if now >= self.expires_at => SettledView {
                state: PromptState::Expired,
                settled_at: Some(self.expires_at),
                reason: None,
                decided_by: None,
                delivery: None,
            },
            None => SettledView {
                state: PromptState::Pending,
                settled_at: None,
                reason: None,
                decided_by: None,
                delivery: None,
            },
        }
    }
}
