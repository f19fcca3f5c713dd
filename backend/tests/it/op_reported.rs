//! A person who says "not me" is left alone by that client, and by that client alone.

use countersign::domain::Decision;
use countersign_protocol::DenyReason;

use crate::op_world::{World, shop};

const ASKED: [(&str, &str); 2] = [("scope", "openid payment"), ("login_hint", "anna")];

///
#[tokio::test]
async fn who_was_reported_asks_nobody_for_a_while() {
    let world = World::with("[op]\nreport_seconds = 3600\n").await;
    world.add_client(shop("bank")).await;
    world.start(&[]).await;
    world.decide(Decision::Deny(DenyReason::NotMe)).await;
    let before = world.stored();
    let again = world.post("/bc-authorize", &ASKED).await;
    again.refused(403, "access_denied", "R-132, R-256: the pair is blocked");
    assert_eq!(world.stored(), before, "R-132: nobody is asked");
    let other = world.post_as("bank", "/bc-authorize", &ASKED).await;
    assert_eq!(other.status, 200, "R-256: another client may ask");
    world.clock.advance(3_600_001);
    let later = world.post("/bc-authorize", &ASKED).await;
    assert_eq!(later.status, 200, "R-256: after a while it may ask again");
}

#[tokio::test]
async fn other_denials_report_nobody() {
    let world = World::new().await;
    for reason in [DenyReason::ChangedMind, DenyReason::TooMany] {
        world.start(&[]).await;
        world.decide(Decision::Deny(reason)).await;
        let again = world.post("/bc-authorize", &ASKED).await;
        assert_eq!(again.status, 200, "R-256: {reason:?} is no report");
        world.decide(Decision::Deny(reason)).await;
    }
}
