//! Random sequences of all that can happen to a store: each store says what the model says, and shows what the model shows.

mod call;
mod names;
mod observation;
mod operation;
mod questions;
mod random;
mod resolve;
mod tokens;
mod world;

use std::{cell::RefCell, ops::Range};

use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner,
};
use tokio::runtime::Builder;

use self::{operation::Step, random::steps, world::follow};
use crate::{model::Model, stores};

/// What is heard in a sequence: operations and verdicts.
type Heard = Vec<(String, String)>;

const SEQUENCES: u32 = 40;
const LENGTH: Range<usize> = 60..120;

/// Takes sequences, each on a fresh store. The seed of a failure is kept beside this file to be tried first from then on.
fn agrees(take: impl AsyncFn(Vec<Step>) -> Result<Heard, TestCaseError>) {
    let regressions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/storage/sequences/regressions.txt");
    let config = Config {
        cases: SEQUENCES,
        // Steps refer to each other, so dropping them by halves and again, see `shortest`, gets further.
        max_shrink_iters: 0,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        ..Config::default()
    };
    let runtime = Builder::new_current_thread().build().unwrap();
    let take = |steps: Vec<Step>| runtime.block_on(take(steps)).map(|_| ());
    match TestRunner::new(config).run(&steps(LENGTH), take) {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("{reason}"),
        Err(TestError::Fail(_, steps)) => {
            let steps = shortest(steps, |steps| take(steps).is_err());
            let told: Vec<String> = steps.iter().map(|step| format!("{step:?}")).collect();
            let reason = take(steps).map_or_else(|error| error.to_string(), |()| "it passes now".to_owned());
            panic!("{reason}\nafter\n{}", told.join("\n"));
        }
    }
}

/// Leaves out of a failing sequence what it fails without, in ever smaller parts, until nothing more can go.
fn shortest(mut steps: Vec<Step>, fails: impl Fn(Vec<Step>) -> bool) -> Vec<Step> {
    let mut part = steps.len();
    while part > 0 {
        let (before, mut at) = (steps.len(), 0);
        while at < steps.len() {
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
    agrees(async |steps| stores::sqlite(async |store| follow(store, &steps).await).await);
}

/// How often each verdict is heard, at least: operation, words of the verdict, times. What is heard often is asked for by half.
const REACHED: &[(&str, &str, usize)] = &[];

/// Always the same sequences, so that a change that makes them tame is noticed.
#[test]
fn the_sequences_reach_what_matters() {
    let config = Config {
        cases: SEQUENCES,
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
    if std::env::args().any(|argument| argument == "--show-output") {
        let mut counts = std::collections::BTreeMap::new();
        for (name, verdict) in &heard {
            let short: String = verdict.chars().take(60).collect();
            *counts.entry(format!("{name}: {short}")).or_insert(0) += 1;
        }
        for (line, n) in counts {
            println!("{n:6} {line}");
        }
    }
    for (operation, words, at_least) in REACHED {
        let times = heard
            .iter()
            .filter(|(name, verdict)| name == operation && verdict.contains(words))
            .count();
        assert!(times >= *at_least, "{operation}: `{words}` was heard {times} times");
    }
}
