//! What a run came to.

use std::fmt;

use super::{
    Options,
    checker::{self, Broken, Violation},
    history::{Action, End, RequestHistory},
    load::Guesses,
};

/// The counts of a run, and everything that was wrong.
#[derive(Debug)]
pub struct Report {
    /// Which store.
    pub store: &'static str,
    /// Where chance began.
    pub seed: u64,
    /// Kills of the server.
    pub kills: usize,
    /// Requests that were acknowledged.
    pub requests: usize,
    /// Changes of state that somebody was told of.
    pub transitions: usize,
    /// Requests that brought tokens.
    pub grants: usize,
    /// Requests that were denied.
    pub denied: usize,
    /// Requests that nobody decided.
    pub expired: usize,
    /// Calls that got no answer.
    pub unanswered: usize,
    /// Redemptions that were sent.
    pub redemptions: usize,
    /// Guessed ids.
    pub guesses: Guesses,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Answers that no sound server gives.
    pub surprises: Vec<String>,
}

impl Report {
    /// Judges `histories` and counts.
    #[must_use]
    pub fn of(
        options: &Options,
        kills: usize,
        guesses: Guesses,
        histories: &[RequestHistory],
        surprises: Vec<String>,
    ) -> Self {
        let ended = |end| {
            histories
                .iter()
                .filter(move |history| history.told.as_ref().is_some_and(|told| told.end == end))
                .count()
        };
        let redemption = |action: &Action| matches!(action, Action::Redeem(_));
        let steps = || histories.iter().flat_map(|history| &history.steps);
        Self {
            store: options.store.name(),
            seed: options.seed,
            kills,
            requests: histories.len(),
            transitions: histories.iter().map(RequestHistory::transitions).sum(),
            grants: histories.iter().filter(|history| history.tokens()).count(),
            denied: ended(End::Denied),
            expired: ended(End::Expired),
            unanswered: steps().count() + histories.len()
                - histories.iter().map(RequestHistory::answered).sum::<usize>(),
            redemptions: steps().filter(|step| redemption(&step.action)).count(),
            guesses,
            violations: histories
                .iter()
                .filter_map(|history| checker::check(history).err())
                .collect(),
            surprises,
        }
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.surprises.is_empty() && self.guesses.right == 0
    }

    fn count(&self, which: &[Broken]) -> usize {
        self.violations
            .iter()
            .filter(|violation| which.contains(&violation.broken))
            .count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(out, "{violation}")?;
        }
        for surprise in &self.surprises {
            writeln!(out, "no sound server answers so: {surprise}")?;
        }
        let lost = self.count(&[Broken::LostRequest, Broken::LostApproval]);
        let doubled = self.count(&[Broken::DoubleTokens]);
        write!(
            out,
            "soak: store={} kills={} transitions={} grants={} lost={lost} doubled={doubled} otherwise_wrong={} requests={} denied={} expired={} \
             redemptions={} unanswered={} guesses={} guessed={} seed={}",
            self.store,
            self.kills,
            self.transitions,
            self.grants,
            self.violations.len() - lost - doubled + self.surprises.len(),
            self.requests,
            self.denied,
            self.expired,
            self.redemptions,
            self.unanswered,
            self.guesses.made,
            self.guesses.right,
            self.seed,
        )
    }
}
