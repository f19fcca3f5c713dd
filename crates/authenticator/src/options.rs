//! What may differ between the app and a robot: times and costs, never whether something is checked.

use std::time::Duration;

use countersign_jose::password::PinCost;
use countersign_protocol::PushTarget;

/// How a device behaves where there is a choice.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seconds for which a PIN, once typed, serves further approvals. 0 asks for it every time.
    pub unlock_seconds: u32,
    /// Milliseconds for which a request has to be in view before it can be approved.
    pub present_for_ms: i64,
    /// The price of one guess at the PIN.
    pub pin_cost: PinCost,
    /// How the backend wakes this device; told at registration.
    pub push: PushTarget,
    /// Times of the conversation with the backend.
    pub timing: Timing,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            unlock_seconds: 0,
            present_for_ms: 1_000,
            pin_cost: PinCost::default(),
            push: PushTarget::Stream,
            timing: Timing::default(),
        }
    }
}

/// Times of the conversation with the backend.
#[derive(Debug, Clone)]
pub struct Timing {
    /// A call without an answer is given up.
    pub call: Duration,
    /// A stream without a byte is given up: two heartbeats of 15 s were lost.
    pub silence: Duration,
    /// A stream whose first byte takes longer does not pass.
    pub first_byte: Duration,
    /// Between two polls where streams do not pass.
    pub poll_every: Duration,
    /// How long it is polled before a stream is tried again.
    pub poll_for: Duration,
    /// At most one fetch in this time for all hints together.
    pub hint_every: Duration,
    /// Upper end of the first wait between two tries; it doubles.
    pub backoff_first: Duration,
    /// Upper end of the longest wait.
    pub backoff_most: Duration,
    /// For the person in the browser.
    pub sign_in: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(20),
            silence: Duration::from_secs(40),
            first_byte: Duration::from_secs(20),
            poll_every: Duration::from_secs(5),
            poll_for: Duration::from_mins(1),
            hint_every: Duration::from_secs(5),
            backoff_first: Duration::from_millis(500),
            backoff_most: Duration::from_secs(30),
            sign_in: Duration::from_mins(2),
        }
    }
}
