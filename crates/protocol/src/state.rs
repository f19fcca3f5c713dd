use serde::{Deserialize, Serialize};

use crate::ids::DeviceId;

/// The life of a prompt. Everything but `Pending` is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum PromptState {
    /// Waits for the person.
    Pending,
    /// The person approved.
    Approved,
    /// The person denied, or mistyped the number too often.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// The client took its request back.
    Cancelled,
    /// A newer request of the same client took its place.
    Superseded,
    /// The provider did not take the result.
    Failed,
}

impl PromptState {
    /// Whether nothing can change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != Self::Pending
    }
}

/// Why a prompt was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum SettledReason {
    /// The person did not start this.
    NotMe,
    /// The person does not want it any more.
    ChangedMind,
    /// The person gets too many of these.
    TooMany,
    /// The number was wrong too often.
    NumberMismatch,
}

/// The device that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct DecidedBy {
    /// Its id.
    pub device_id: DeviceId,
    /// Its name when the decision was made.
    pub name: String,
}

/// Whether the provider that asked knows how its request ended. Only for requests of providers that are told in a call of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Delivery {
    /// It is being told.
    Owed,
    /// It knows.
    Done,
    /// It does not know and will not be told.
    Failed,
    /// It was told, but nobody knows whether it heard.
    Unclear,
}

/// State of a prompt as devices see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct SettledView {
    /// The state.
    pub state: PromptState,
    /// When it was reached, milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub settled_at: Option<i64>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub reason: Option<SettledReason>,
    /// By which device.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub decided_by: Option<DecidedBy>,
    /// Whether the provider knows; absent for the embedded one, which always does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub delivery: Option<Delivery>,
}
