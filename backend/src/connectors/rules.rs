use std::time::Duration;

use countersign_clock::Millis;

/// What one kind of connector may do when. Measured on the provider, see `docs/connectors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Status with which a question is acknowledged: every other one is a failure there.
    pub acknowledge: u16,
    /// Time after the acknowledgement before which the provider cannot know its own request yet.
    pub rest: Millis,
    /// Time after the acknowledgement in which "unknown" means "not yet".
    pub grace: Millis,
    /// Whether a call may be made again when nobody knows whether the first was heard.
    pub repeats: bool,
    /// Whether it is told of requests that nobody decided in time.
    pub tells_expiry: bool,
    /// Time for one call.
    pub limit: Duration,
}

/// How a try to tell a provider ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It knows.
    Delivered,
    /// It says no, for good.
    Refused(String),
    /// It does not know the request: not yet, or not any more.
    Unknown(String),
    /// It was not reached, or says that it could not do anything now.
    Unsent(String),
    /// It may have heard.
    Unclear(String),
}
