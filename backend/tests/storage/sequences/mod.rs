//! Random sequences of all that can happen to a store: each store says what the model says, and shows what the model shows.

mod call;
mod debts;
mod names;
mod observation;
mod operation;
mod questions;
mod random;
mod resolve;
mod tokens;
mod world;

use std::{
    cell::RefCell,
    ops::Range,
    time::{Duration, Instant},
};

use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner,
};
use tokio::runtime::Builder;

use self::{operation::Step, random::steps, world::follow};
use crate::{model::Model, stores};

/// What is heard in a sequence: operations and verdicts.
type Heard = Vec<(String, String)>;

/// How long a failing sequence is made shorter.
const SHORTENING: Duration = Duration::from_mins(1);
const SEQUENCES: u32 = 32;
const LENGTH: Range<usize> = 100..160;

/// Takes so many sequences, each on a fresh store. The seed of a failure is kept beside this file to be tried first from then on.
fn agrees(sequences: u32, take: impl AsyncFn(Vec<Step>) -> Result<Heard, TestCaseError>) {
    let regressions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/storage/sequences/regressions.txt");
    let config = Config {
        cases: sequences,
        // Steps refer to each other, so dropping them by halves and again, see `shortest`, gets further.
        max_shrink_iters: 0,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        ..Config::default()
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let take = |steps: Vec<Step>| runtime.block_on(take(steps)).map(|_| ());
    match TestRunner::new(config).run(&steps(LENGTH), take) {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("{reason}"),
        Err(TestError::Fail(reason, steps)) => {
            println!(
                "{reason}\nafter {} steps; now leaving out what it fails without",
                steps.len()
            );
            let steps = shortest(steps, |steps| take(steps).is_err());
            let told: Vec<String> = steps.iter().map(|step| format!("{step:?}")).collect();
            let reason = take(steps).map_or_else(|error| error.to_string(), |()| "it passes now".to_owned());
            panic!("{reason}\nafter\n{}", told.join("\n"));
        }
    }
}

/// Leaves out of a failing sequence what it fails without, in ever smaller parts, until nothing more can go or it takes too long.
fn shortest(mut steps: Vec<Step>, fails: impl Fn(Vec<Step>) -> bool) -> Vec<Step> {
    let began = Instant::now();
    let mut part = steps.len();
    while part > 0 && began.elapsed() < SHORTENING {
        let (before, mut at) = (steps.len(), 0);
        while at < steps.len() && began.elapsed() < SHORTENING {
            let mut rest = steps.clone();
            rest.drain(at..(at + part).min(steps.len()));
            if fails(rest.clone()) {
                steps = rest;
            } else {
                at += part;
            }
        }
        if part > 1 || steps.len() == before {
            part /= 2;
        }
    }
    steps
}

#[test]
fn the_sqlite_file_agrees_with_the_model() {
    agrees(SEQUENCES, async |steps| {
        stores::sqlite(async |store| follow(store, &steps).await).await
    });
}

/// Fewer, because a statement there is a round trip.
#[test]
fn postgresql_agrees_with_the_model() {
    agrees(SEQUENCES / 4, async |steps| {
        stores::postgres(async |store| follow(store, &steps).await).await
    });
}

/// How often each verdict is heard, at least: operation, words of the verdict, times. Chance gives about twice as many.
const REACHED: &[(&str, &str, usize)] = &[
    ("AddAccount", "Added", 1),
    ("AddAccount", "Taken", 16),
    ("AddClient", "Added", 5),
    ("AddCode", "()", 66),
    ("AddCode", "Unavailable", 1),
    ("AddKey", "true", 40),
    ("AddKey", "false", 13),
    ("Decide", "Recorded(SettledView { state: Approved", 52),
    ("Decide", "Recorded(SettledView { state: Denied", 17),
    ("Decide", "Settled(SettledView { state: Approved", 17),
    ("Decide", "Settled(SettledView { state: Denied", 13),
    ("Decide", "Settled(SettledView { state: Expired", 33),
    ("Decide", "Settled(SettledView { state: Superseded", 2),
    ("Decide", "AccountDisabled", 11),
    ("Decide", "DeviceRemoved", 79),
    ("Decide", "Unknown", 28),
    ("Decide", "Corrupt", 1),
    ("Decide too late", "Settled(SettledView { state: Expired", 13),
    ("Disable", "true", 43),
    ("DropRetiredKeys", "1", 5),
    ("Expire", "Swept", 40),
    ("Expire", "}, Swept", 23),
    ("In the end", "Approved", 21),
    ("In the end", "Cancelled", 4),
    ("In the end", "Denied Some(NumberMismatch)", 8),
    ("In the end", "Denied Some(TooMany)", 5),
    ("In the end", "Expired", 106),
    ("In the end", "Pending", 28),
    ("In the end", "Superseded", 12),
    ("Mismatch", "tries_left: 2", 7),
    ("Mismatch", "tries_left: 1", 15),
    ("Mismatch", "tries_left: 0, settled: Some", 13),
    ("Mismatch", "DeviceRemoved", 47),
    ("Mismatch", "Settled(SettledView { state: Approved", 19),
    ("Mismatch", "Settled(SettledView { state: Denied", 6),
    ("Mismatch", "Settled(SettledView { state: Expired", 29),
    ("Mismatch too late", "Settled(SettledView { state: Expired", 7),
    ("Open", "superseded: []", 252),
    ("Open", "superseded: [Handle", 14),
    ("Open", "\"), Handle", 1),
    ("Open", "Unavailable", 8),
    ("PromoteKey", "true", 12),
    ("Redeem", "Granted", 15),
    ("Redeem", "state: Pending", 42),
    ("Redeem", "state: Denied", 9),
    ("Redeem", "state: Expired", 26),
    ("Redeem", "state: Redeemed", 18),
    ("Redeem", "Refused { request: AuthRequest", 95),
    ("Redeem", "Blocked", 9),
    ("Redeem", "Unknown", 49),
    ("Redeem too late", "state: Approved", 3),
    ("RedeemCode", "Granted", 16),
    ("RedeemCode", "Reused", 14),
    ("RedeemCode", "Refused", 68),
    ("Register", "New", 16),
    ("Register", "Renewed", 26),
    ("Register", "Renewed(Device { id: DeviceId(\"d0", 3),
    ("Register", "KeyInUse", 19),
    ("Register", "Unavailable", 55),
    ("Remember", "true", 44),
    ("Remember", "false", 14),
    ("RemoveClient", "true", 16),
    ("RegisterClient", "Added", 2),
    ("RegisterClient", "NotInvited", 5),
    ("RegisterClient", "Taken", 5),
    ("RegisterClient", "Full", 1),
    ("Rename", "true", 11),
    ("ReplaceClient", "Replaced", 20),
    ("ReplaceClient", "Changed", 4),
    ("ReplaceClient", "Unknown", 4),
    ("Revoke", "true", 20),
    ("RotateKeys", "true", 7),
    ("RotateKeys", "false", 21),
    ("RotateRefresh", "Granted", 21),
    ("RotateRefresh", "Reused", 7),
    ("SetPush", "true", 7),
    ("SweepReplay", "1", 4),
    ("ClaimDebts", "ClaimedDebt", 34),
    ("ClaimDebts", "attempt: 2", 11),
    ("Seal", "Tokens", 3),
    ("Seal", "Failure", 6),
    ("Seal", "Settled(Denied", 44),
    ("Seal", "Settled(Expired", 10),
    ("Seal", "Settled(Redeemed", 1),
    ("Seal", "Lost", 81),
    ("SettleDebt", "true", 47),
    ("SettleDebt", "false", 62),
    ("ResendDebt", "Owed", 3),
    ("ResendDebt", "TimeOver", 7),
    ("ResendDebt", "Unknown", 123),
    ("SweepDebts", "1", 4),
    ("SetUserCode", "true", 65),
    ("SetUserCode", "false", 5),
    ("TryUserCode", "Try(", 36),
    ("TryUserCode", "Wait", 3),
    ("TryUserCode", "NoCode", 133),
];

/// Always the same sequences, so that a change that makes them tame is noticed.
#[test]
fn the_sequences_reach_what_matters() {
    let config = Config {
        // The model is quick, and what is rare needs its time.
        cases: 3 * SEQUENCES,
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = Builder::new_current_thread().build().unwrap();
    let heard = RefCell::new(Heard::new());
    let take = |steps: Vec<Step>| {
        let told = runtime.block_on(follow(&Model::default(), &steps))?;
        heard.borrow_mut().extend(told);
        Ok(())
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    runner.run(&steps(LENGTH), take).unwrap();
    let heard = heard.into_inner();
    let times = |operation: &str, words: &str| {
        let of_it = heard.iter().filter(|(name, _)| name == operation);
        of_it.filter(|(_, verdict)| verdict.contains(words)).count()
    };
    let rare: Vec<String> = REACHED
        .iter()
        .filter(|(operation, words, at_least)| times(operation, words) < *at_least)
        .map(|(operation, words, at_least)| {
            let times = times(operation, words);
            format!("{operation}: {words}: {times} times instead of {at_least}")
        })
        .collect();
    assert!(rare.is_empty(), "too rare:\n{}", rare.join("\n"));
}
