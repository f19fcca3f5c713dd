//! Histories made by hand: the good ones are found good, and each broken promise is found and named.

use countersign_protocol::Verdict::{self, Approve, Deny};

use super::{
    checker::{Broken, check},
    history::{Action, At, DecideAnswer, End, RedeemAnswer, RequestHistory, Step, Told},
};

const SECOND: At = 1_000_000;

/// A request of ten seconds, readable for ten more, acknowledged after a tenth.
fn history(steps: Vec<Step>, told: Told) -> RequestHistory {
    RequestHistory {
        handle: "handle".to_owned(),
        invoked: 0,
        acknowledged: SECOND / 10,
        lifetime: 10 * SECOND,
        grace: 10 * SECOND,
        steps,
        told: Some(told),
    }
}

fn at(second: At, action: Action) -> Step {
    Step {
        invoked: second * SECOND,
        completed: second * SECOND + SECOND / 2,
        action,
    }
}

fn decide(second: At, verdict: Verdict, answer: DecideAnswer) -> Step {
    let digest = if verdict == Approve { "yes" } else { "no" };
    at(
        second,
        Action::Decide {
            device: "phone".to_owned(),
            verdict,
            digest: digest.to_owned(),
            answer,
        },
    )
}

fn redeem(second: At, answer: RedeemAnswer) -> Step {
    at(second, Action::Redeem(answer))
}

fn tokens(digest: &str) -> RedeemAnswer {
    RedeemAnswer::Tokens(digest.to_owned())
}

fn told(end: End, receipt: Option<&str>, redeemed: bool) -> Told {
    Told {
        end,
        receipt: receipt.map(|digest| Ok(digest.to_owned())),
        redeemed,
    }
}

fn approved() -> Told {
    told(End::Approved, Some("yes"), true)
}

#[track_caller]
fn good(steps: Vec<Step>, told: Told) {
    if let Err(violation) = check(&history(steps, told)) {
        panic!("nothing is wrong here: {violation}");
    }
}

#[track_caller]
fn bad(expected: Broken, steps: Vec<Step>, told: Told) {
    let found = check(&history(steps, told)).expect_err("the checker sees it");
    assert_eq!(found.broken, expected, "{found}");
}

#[test]
fn what_a_sound_server_does_is_good() {
    use DecideAnswer::{Settled, Taken, Unknown};
    use RedeemAnswer::{Denied, Expired, Invalid, Pending};
    good(
        vec![
            redeem(1, Pending),
            decide(2, Approve, Taken),
            redeem(3, tokens("a")),
            redeem(4, Invalid),
            decide(5, Approve, Taken),
            decide(6, Deny, Settled(End::Approved)),
        ],
        approved(),
    );
    good(
        vec![decide(2, Deny, Taken), redeem(3, Denied)],
        told(End::Denied, Some("no"), false),
    );
    good(
        vec![redeem(1, Pending), redeem(11, Expired)],
        told(End::Expired, None, false),
    );
    good(
        vec![decide(11, Approve, Settled(End::Expired))],
        told(End::Expired, None, false),
    );
    good(
        vec![decide(2, Approve, Unknown), redeem(11, Expired)],
        told(End::Expired, None, false),
    );
    good(vec![redeem(21, Invalid)], told(End::Expired, None, false));
}

#[test]
fn a_lost_reply_may_have_been_either() {
    use DecideAnswer::{Settled, Taken, Unknown};
    use RedeemAnswer::{Invalid, Pending};
    good(vec![decide(1, Approve, Unknown), redeem(3, tokens("a"))], approved());
    good(
        vec![
            decide(1, Approve, Unknown),
            redeem(2, Pending),
            decide(3, Approve, Taken),
            redeem(4, tokens("a")),
        ],
        approved(),
    );
    good(
        vec![
            decide(1, Approve, Taken),
            redeem(2, RedeemAnswer::Unknown),
            redeem(3, Invalid),
        ],
        approved(),
    );
    good(
        vec![
            decide(1, Approve, Taken),
            redeem(2, RedeemAnswer::Unknown),
            redeem(3, tokens("a")),
        ],
        approved(),
    );
    good(
        vec![
            decide(1, Approve, Unknown),
            decide(1, Deny, Settled(End::Approved)),
            redeem(2, tokens("a")),
        ],
        approved(),
    );
}

#[test]
fn the_same_tokens_again_are_one_set() {
    let steps = vec![
        decide(1, Approve, DecideAnswer::Taken),
        redeem(2, RedeemAnswer::Unknown),
        redeem(3, tokens("a")),
        redeem(4, tokens("a")),
    ];
    good(steps, approved());
}

#[test]
fn a_lost_approval_is_found() {
    use DecideAnswer::Taken;
    let never = told(End::Approved, Some("yes"), false);
    bad(
        Broken::LostApproval,
        vec![decide(1, Approve, Taken), redeem(2, RedeemAnswer::Pending)],
        never.clone(),
    );
    bad(
        Broken::LostApproval,
        vec![decide(1, Approve, Taken), redeem(2, RedeemAnswer::Invalid)],
        never.clone(),
    );
    bad(
        Broken::LostApproval,
        vec![decide(1, Approve, Taken), redeem(2, RedeemAnswer::Denied)],
        never.clone(),
    );
    bad(
        Broken::LostApproval,
        vec![decide(1, Approve, Taken), redeem(11, RedeemAnswer::Expired)],
        never.clone(),
    );
    bad(Broken::LostApproval, vec![decide(1, Approve, Taken)], never);
}

#[test]
fn a_second_set_of_tokens_is_found() {
    let steps = vec![
        decide(1, Approve, DecideAnswer::Taken),
        redeem(2, tokens("a")),
        redeem(2, tokens("b")),
    ];
    bad(Broken::DoubleTokens, steps, approved());
}

#[test]
fn tokens_after_a_denial_are_found() {
    use DecideAnswer::{Settled, Taken, Unknown};
    let steps = vec![
        decide(1, Approve, Unknown),
        decide(1, Deny, Taken),
        redeem(2, tokens("a")),
    ];
    bad(Broken::TokensAfterDenial, steps, approved());
    let steps = vec![decide(1, Approve, Settled(End::Denied)), redeem(2, tokens("a"))];
    bad(Broken::TokensAfterDenial, steps, approved());
    let steps = vec![
        decide(1, Approve, Unknown),
        redeem(2, RedeemAnswer::Denied),
        redeem(3, tokens("a")),
    ];
    bad(Broken::TokensAfterDenial, steps, approved());
}

#[test]
fn tokens_after_the_expiry_are_found() {
    use DecideAnswer::{Taken, Unknown};
    let steps = vec![decide(11, Approve, Taken), redeem(12, tokens("a"))];
    bad(Broken::TokensAfterExpiry, steps, approved());
    let steps = vec![
        decide(9, Approve, Unknown),
        redeem(11, RedeemAnswer::Expired),
        redeem(12, tokens("a")),
    ];
    bad(Broken::TokensAfterExpiry, steps, approved());
    let steps = vec![decide(9, Approve, Taken), redeem(21, tokens("a"))];
    bad(Broken::TokensAfterExpiry, steps, approved());
}

#[test]
fn tokens_that_nobody_approved_are_found() {
    bad(Broken::TokensWithoutApproval, vec![redeem(2, tokens("a"))], approved());
    let steps = vec![decide(1, Deny, DecideAnswer::Unknown), redeem(2, tokens("a"))];
    bad(Broken::TokensWithoutApproval, steps, approved());
}

#[test]
fn a_receipt_that_does_not_fit_is_found() {
    use DecideAnswer::Taken;
    let steps = || vec![decide(1, Approve, Taken), redeem(2, tokens("a"))];
    let wrong = Some(Err("its signature does not verify".to_owned()));
    let receipts = [
        told(End::Approved, Some("another"), true),
        told(End::Approved, None, true),
        told(End::Denied, Some("yes"), true),
        told(End::Approved, Some("yes"), false),
        Told {
            receipt: wrong,
            ..approved()
        },
    ];
    for told in receipts {
        bad(Broken::Receipt, steps(), told);
    }
    bad(
        Broken::Receipt,
        vec![redeem(11, RedeemAnswer::Expired)],
        told(End::Expired, Some("yes"), false),
    );
}

#[test]
fn a_request_that_is_gone_is_found() {
    let mut gone = history(vec![redeem(11, RedeemAnswer::Expired)], approved());
    gone.told = None;
    assert_eq!(check(&gone).map_err(|found| found.broken), Err(Broken::LostRequest));
}

#[test]
fn what_another_client_gets_is_found() {
    let steal = |answer| vec![at(3, Action::Steal(answer)), redeem(11, RedeemAnswer::Expired)];
    good(steal(RedeemAnswer::Invalid), told(End::Expired, None, false));
    for answer in [RedeemAnswer::Pending, RedeemAnswer::Expired, tokens("a")] {
        bad(Broken::Stolen, steal(answer), told(End::Expired, None, false));
    }
}

#[test]
fn answers_out_of_order_are_found() {
    use DecideAnswer::{Settled, Taken, Unknown};
    // It waited, after somebody had heard that it was settled.
    let steps = vec![
        decide(1, Approve, Unknown),
        decide(2, Deny, Settled(End::Approved)),
        redeem(4, RedeemAnswer::Pending),
        redeem(5, tokens("a")),
    ];
    bad(Broken::Contradiction, steps, told(End::Denied, Some("no"), true));
    // Both decisions won.
    let steps = vec![
        decide(1, Approve, Taken),
        decide(1, Deny, Taken),
        redeem(2, RedeemAnswer::Unknown),
    ];
    bad(Broken::Contradiction, steps, approved());
    // Expired before its time.
    let steps = vec![redeem(5, RedeemAnswer::Expired)];
    bad(Broken::Contradiction, steps, told(End::Expired, None, false));
    // Used up before its only redemption was sent.
    let steps = vec![
        decide(1, Approve, Taken),
        redeem(2, RedeemAnswer::Invalid),
        redeem(4, tokens("a")),
    ];
    bad(Broken::Contradiction, steps, approved());
}
