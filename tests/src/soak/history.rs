//! What a run saw of one request: who did what when, what was answered, and what the store says in the end.

use std::fmt;

use countersign_protocol::{PromptState, Verdict};

/// Microseconds since the run began.
pub type At = u64;

/// How a request can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The person approved.
    Approved,
    /// The person denied.
    Denied,
    /// Nobody decided in time.
    Expired,
}

impl End {
    /// What `verdict` comes to.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approve => Self::Approved,
            Verdict::Deny => Self::Denied,
        }
    }

    /// The end in the words of the wire. `None` for what no run brings about.
    #[must_use]
    pub fn read(state: PromptState) -> Option<Self> {
        match state {
            PromptState::Approved => Some(Self::Approved),
            PromptState::Denied => Some(Self::Denied),
            PromptState::Expired => Some(Self::Expired),
            PromptState::Pending | PromptState::Cancelled | PromptState::Superseded | PromptState::Failed => None,
        }
    }
}

/// What a device heard of its decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecideAnswer {
    /// Nothing: it may have arrived or not.
    Unknown,
    /// It is recorded.
    Taken,
    /// It comes too late: this came first.
    Settled(End),
}

/// What a client heard when it asked for tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedeemAnswer {
    /// Nothing: tokens may have been issued or not.
    Unknown,
    /// Tokens; the digest of the access token.
    Tokens(String),
    /// `authorization_pending` or `slow_down`.
    Pending,
    /// `access_denied`.
    Denied,
    /// `expired_token`.
    Expired,
    /// `invalid_grant`.
    Invalid,
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A device sent a signed decision.
    Decide {
        /// Which device.
        device: String,
        /// What it says.
        verdict: Verdict,
        /// Digest of the signed decision: the same one again is no other decision.
        digest: String,
        /// The answer.
        answer: DecideAnswer,
    },
    /// The client asked for tokens.
    Redeem(RedeemAnswer),
    /// Another client asked for them.
    Steal(RedeemAnswer),
}

/// An action with its time. What has an effect has it at one moment between both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Sent.
    pub invoked: At,
    /// Answered, or given up.
    pub completed: At,
    /// What.
    pub action: Action,
}

/// What the store says of a request when all is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How it ended.
    pub end: End,
    /// Digest of the decision in the receipt when that verifies and is about this request and this end; else what is wrong with it. `None` without a receipt.
    pub receipt: Option<Result<String, String>>,
    /// Whether its tokens were issued.
    pub redeemed: bool,
}

/// All that a run saw of a request that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHistory {
    /// Which.
    pub handle: String,
    /// Asked for, by the client.
    pub invoked: At,
    /// Acknowledged.
    pub acknowledged: At,
    /// Microseconds in which it is to be decided.
    pub lifetime: At,
    /// Microseconds after its deadline in which it can be redeemed.
    pub grace: At,
    /// What happened, in any order.
    pub steps: Vec<Step>,
    /// `None` when the store knows nothing of it, or says that it waits.
    pub told: Option<Told>,
}

impl RequestHistory {
    /// Actions whose answer is known, the acknowledgement included.
    #[must_use]
    pub fn answered(&self) -> usize {
        let known = |step: &&Step| {
            !matches!(
                step.action,
                Action::Decide {
                    answer: DecideAnswer::Unknown,
                    ..
                } | Action::Redeem(RedeemAnswer::Unknown)
                    | Action::Steal(RedeemAnswer::Unknown)
            )
        };
        1 + self.steps.iter().filter(known).count()
    }

    /// Changes of state that somebody was told of: opened, decided, redeemed.
    #[must_use]
    pub fn transitions(&self) -> usize {
        1 + usize::from(self.steps.iter().any(|step| {
            matches!(
                step.action,
                Action::Decide {
                    answer: DecideAnswer::Taken,
                    ..
                }
            )
        })) + usize::from(self.tokens())
    }

    /// Whether the client has tokens.
    #[must_use]
    pub fn tokens(&self) -> bool {
        let tokens = |step: &Step| matches!(step.action, Action::Redeem(RedeemAnswer::Tokens(_)));
        self.steps.iter().any(tokens)
    }
}

impl fmt::Display for RequestHistory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |at: At| format!("{}.{:03}", at / 1000, at % 1000);
        writeln!(out, "request {}", self.handle)?;
        writeln!(
            out,
            "  {:>12} {:>12} ms  opened, to be decided in {} ms, readable {} ms longer",
            ms(self.invoked),
            ms(self.acknowledged),
            self.lifetime / 1000,
            self.grace / 1000,
        )?;
        let mut steps: Vec<&Step> = self.steps.iter().collect();
        steps.sort_by_key(|step| step.invoked);
        for step in steps {
            let what = match &step.action {
                Action::Decide {
                    device,
                    verdict,
                    digest,
                    answer,
                } => {
                    format!(
                        "{device} sends {verdict:?} {} -> {answer:?}",
                        digest.get(..8).unwrap_or(digest)
                    )
                }
                Action::Redeem(answer) => format!("the client asks for tokens -> {answer:?}"),
                Action::Steal(answer) => format!("another client asks for them -> {answer:?}"),
            };
            writeln!(out, "  {:>12} {:>12} ms  {what}", ms(step.invoked), ms(step.completed))?;
        }
        match &self.told {
            Some(told) => writeln!(out, "  in the end the store says {told:?}"),
            None => writeln!(out, "  in the end the store does not say how it ended"),
        }
    }
}
