//! Judges the history of a request: is there any order of things, true to all times and answers, in which the promises hold?
//!
//! A request goes from pending to one end (approved, denied, expired), and from approved to redeemed, once. A reply that was lost is ambiguous, so
//! the checker tries every decision that can have been the one that counted, and every redemption that can have brought the tokens, and asks
//! whether there are moments for both that contradict no answer. An answer only ever bounds these two moments, so no search is needed.

use std::{collections::BTreeSet, fmt};

use countersign_protocol::Verdict;

use super::history::{Action, At, DecideAnswer, End, RedeemAnswer, RequestHistory, Step, Told};

/// Clocks of client and server are the same one, read as monotonic time here and as milliseconds of the wall there, which may be set right a little.
const SLACK: At = 10_000;

/// A promise that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// An acknowledged request is gone.
    LostRequest,
    /// An acknowledged approval brought no tokens.
    LostApproval,
    /// Two sets of tokens for one request.
    DoubleTokens,
    /// Tokens although it was denied.
    TokensAfterDenial,
    /// Tokens although its time was over.
    TokensAfterExpiry,
    /// Tokens that nobody approved.
    TokensWithoutApproval,
    /// Another client got something out of it.
    Stolen,
    /// The receipt is missing, does not verify or is for another decision, or the store tells another end than people were told.
    Receipt,
    /// Answers that contradict each other in another way.
    Contradiction,
}

/// A broken promise with all that is known about it.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which.
    pub broken: Broken,
    /// The history that cannot be.
    pub history: Box<RequestHistory>,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}\n{}", self.broken, self.history)
    }
}

/// Judges a request of which nothing is going on any more.
///
/// # Errors
/// With the promise that was broken.
pub fn check(history: &RequestHistory) -> Result<(), Violation> {
    match judge(history) {
        None => Ok(()),
        Some(broken) => Err(Violation {
            broken,
            history: Box::new(history.clone()),
        }),
    }
}

fn judge(history: &RequestHistory) -> Option<Broken> {
    let facts = Facts::of(history);
    if facts
        .steals()
        .any(|answer| !matches!(answer, RedeemAnswer::Unknown | RedeemAnswer::Invalid))
    {
        return Some(Broken::Stolen);
    }
    let explained = facts.explained(history.told.as_ref());
    if explained && history.told.is_some() && !facts.approval_was_for_nothing() {
        return None;
    }
    Some(facts.name_of_failure())
}

struct Facts<'a> {
    history: &'a RequestHistory,
    /// The deadline lies between these.
    deadline: (At, At),
}

/// The moment of a change lies between these.
#[derive(Clone, Copy)]
struct Moment {
    low: At,
    high: At,
}

impl Moment {
    const ANY: Self = Self { low: 0, high: At::MAX };

    fn after(&mut self, at: At) {
        self.low = self.low.max(at);
    }

    fn before(&mut self, at: At) {
        self.high = self.high.min(at);
    }

    fn exists(self) -> bool {
        self.low <= self.high
    }
}

/// How it may have been.
#[derive(Clone, Copy)]
struct Story<'a> {
    end: End,
    /// The decision that counted.
    decision: Option<&'a str>,
    settled: Moment,
    /// Whether tokens were issued.
    redeemed: Option<Moment>,
}

impl<'a> Facts<'a> {
    fn of(history: &'a RequestHistory) -> Self {
        let lifetime = history.lifetime;
        Self {
            history,
            deadline: (
                (history.invoked + lifetime).saturating_sub(SLACK),
                history.acknowledged + lifetime + SLACK,
            ),
        }
    }

    fn decisions(&self) -> impl Iterator<Item = (&'a Step, Verdict, &'a str, DecideAnswer)> {
        self.history.steps.iter().filter_map(|step| match &step.action {
            Action::Decide {
                verdict,
                digest,
                answer,
                ..
            } => Some((step, *verdict, digest.as_str(), *answer)),
            Action::Redeem(_) | Action::Steal(_) => None,
        })
    }

    fn redemptions(&self) -> impl Iterator<Item = (&'a Step, &'a RedeemAnswer)> {
        self.history.steps.iter().filter_map(|step| match &step.action {
            Action::Redeem(answer) => Some((step, answer)),
            Action::Decide { .. } | Action::Steal(_) => None,
        })
    }

    fn steals(&self) -> impl Iterator<Item = &'a RedeemAnswer> {
        self.history.steps.iter().filter_map(|step| match &step.action {
            Action::Steal(answer) => Some(answer),
            Action::Decide { .. } | Action::Redeem(_) => None,
        })
    }

    fn tokens(&self) -> BTreeSet<&'a str> {
        let tokens = |(_, answer): (&Step, &'a RedeemAnswer)| match answer {
            RedeemAnswer::Tokens(digest) => Some(digest.as_str()),
            _ => None,
        };
        self.redemptions().filter_map(tokens).collect()
    }

    fn readable_until(&self) -> (At, At) {
        (
            self.deadline.0 + self.history.grace,
            self.deadline.1 + self.history.grace,
        )
    }

    /// Whether any story fits.
    fn explained(&self, told: Option<&Told>) -> bool {
        self.stories().any(|story| told.is_none_or(|told| agrees(&story, told)))
    }

    /// Every story that contradicts no answer.
    fn stories(&self) -> impl Iterator<Item = Story<'a>> {
        let expired = Story {
            end: End::Expired,
            decision: None,
            settled: Moment {
                low: self.deadline.0,
                high: self.deadline.1,
            },
            redeemed: None,
        };
        let decided = self
            .decisions()
            .filter(|(step, _, _, answer)| {
                !matches!(answer, DecideAnswer::Settled(_)) && step.invoked <= self.deadline.1
            })
            .map(|(step, verdict, digest, answer)| Story {
                end: End::of(verdict),
                decision: Some(digest),
                settled: moment_of(step, answer == DecideAnswer::Unknown),
                redeemed: None,
            });
        std::iter::once(expired)
            .chain(decided)
            .filter_map(|story| self.with_decisions(story))
            .flat_map(|story| self.with_redemption(story))
    }

    /// Bounds the end by what the devices were told.
    fn with_decisions(&self, mut story: Story<'a>) -> Option<Story<'a>> {
        for (step, _, digest, answer) in self.decisions() {
            match answer {
                DecideAnswer::Unknown => {}
                DecideAnswer::Taken if story.decision == Some(digest) => story.settled.before(step.completed),
                DecideAnswer::Settled(end) if end == story.end => story.settled.before(step.completed),
                DecideAnswer::Taken | DecideAnswer::Settled(_) => return None,
            }
        }
        for (step, answer) in self.redemptions() {
            match answer {
                RedeemAnswer::Unknown | RedeemAnswer::Tokens(_) | RedeemAnswer::Invalid => {}
                RedeemAnswer::Pending => story.settled.after(step.invoked),
                RedeemAnswer::Denied if story.end == End::Denied => story.settled.before(step.completed),
                RedeemAnswer::Expired if story.end == End::Expired => story.settled.before(step.completed),
                RedeemAnswer::Denied | RedeemAnswer::Expired => return None,
            }
        }
        story.settled.exists().then_some(story)
    }

    /// The story without a redemption and with each that may have been, as far as they fit.
    fn with_redemption(&self, story: Story<'a>) -> Vec<Story<'a>> {
        let tokens = self.tokens();
        if tokens.len() > 1 || (story.end != End::Approved && !tokens.is_empty()) {
            return Vec::new();
        }
        let (readable, readable_at_most) = self.readable_until();
        let none = tokens.is_empty().then_some(None);
        let some = self.redemptions().filter(|(step, answer)| {
            let may = matches!(answer, RedeemAnswer::Unknown | RedeemAnswer::Tokens(_));
            story.end == End::Approved && may && step.invoked <= readable_at_most
        });
        let moments = some.map(|(step, answer)| Some(moment_of(step, *answer == RedeemAnswer::Unknown)));
        let moments = none.into_iter().chain(moments).filter_map(|mut redeemed| {
            for (step, answer) in self.redemptions() {
                match (answer, &mut redeemed) {
                    (RedeemAnswer::Invalid, _) if step.completed >= readable => {}
                    // The same tokens again are the answer to a repetition.
                    (RedeemAnswer::Tokens(_) | RedeemAnswer::Invalid, Some(moment)) => moment.before(step.completed),
                    (RedeemAnswer::Tokens(_) | RedeemAnswer::Invalid, None) => return None,
                    _ => {}
                }
            }
            if let Some(moment) = &mut redeemed {
                moment.after(story.settled.low);
            }
            redeemed.is_none_or(Moment::exists).then_some(redeemed)
        });
        let stories = moments.map(|redeemed| Story { redeemed, ..story });
        stories.collect()
    }

    /// An approval was acknowledged, all is over, and no redemption can have used it.
    fn approval_was_for_nothing(&self) -> bool {
        let approved = |(_, verdict, _, answer)| verdict == Verdict::Approve && answer == DecideAnswer::Taken;
        let used = |answer: &RedeemAnswer| matches!(answer, RedeemAnswer::Unknown | RedeemAnswer::Tokens(_));
        self.decisions().any(approved) && !self.redemptions().any(|(_, answer)| used(answer))
    }

    /// The plainest name for a history that no story explains.
    fn name_of_failure(&self) -> Broken {
        let tokens = self.tokens();
        let heard = |end| {
            let on_device = self.decisions().any(|(_, verdict, _, answer)| match answer {
                DecideAnswer::Unknown => false,
                DecideAnswer::Taken => End::of(verdict) == end,
                DecideAnswer::Settled(settled) => settled == end,
            });
            on_device
                || self.redemptions().any(|(_, answer)| match answer {
                    RedeemAnswer::Denied => end == End::Denied,
                    RedeemAnswer::Expired => end == End::Expired,
                    _ => false,
                })
        };
        let approvals = || self.decisions().filter(|(_, verdict, ..)| *verdict == Verdict::Approve);
        let in_time = || approvals().any(|(step, ..)| step.invoked <= self.deadline.1);
        let readable = self.readable_until().1;
        let tokens_in_time = self
            .redemptions()
            .any(|(step, answer)| matches!(answer, RedeemAnswer::Tokens(_)) && step.invoked <= readable);
        let told = self.history.told.as_ref();
        match () {
            () if tokens.len() > 1 => Broken::DoubleTokens,
            () if !tokens.is_empty() && approvals().next().is_none() => Broken::TokensWithoutApproval,
            () if !tokens.is_empty() && heard(End::Denied) => Broken::TokensAfterDenial,
            () if !tokens.is_empty() && (heard(End::Expired) || !in_time() || !tokens_in_time) => {
                Broken::TokensAfterExpiry
            }
            () if self.approval_was_for_nothing() => Broken::LostApproval,
            () if told.is_some() && self.explained(None) => Broken::Receipt,
            () if told.is_none() => Broken::LostRequest,
            () => Broken::Contradiction,
        }
    }
}

/// When the effect of `step` was. One whose answer was lost may have had it later, too.
fn moment_of(step: &Step, ambiguous: bool) -> Moment {
    Moment {
        low: step.invoked,
        high: if ambiguous { Moment::ANY.high } else { step.completed },
    }
}

fn agrees(story: &Story<'_>, told: &Told) -> bool {
    let receipt = match (&told.receipt, story.decision) {
        (Some(Ok(digest)), Some(decision)) => digest == decision,
        (None, None) => true,
        _ => false,
    };
    told.end == story.end && receipt && told.redeemed == story.redeemed.is_some()
}
