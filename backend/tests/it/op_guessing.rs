//! What guessing is worth: an identifier that was not given out opens nothing, and every miss is one answer.

use std::collections::HashSet;

use countersign::{domain::Decision, storage::AuthRequests as _};
use countersign_clock::{OsRandom, Random as _};
use countersign_jose::{b64, digest};
use countersign_protocol::CIBA_GRANT;

use crate::op_world::{World, shop};

/// A million of them are for the soak.
const GUESSES: usize = 20_000;

fn guess() -> String {
    let mut bytes = [0; 32];
    OsRandom.fill(&mut bytes);
    b64::encode(bytes)
}

/// Proves V-009, R-122, R-157.
#[tokio::test]
async fn twenty_thousand_guesses_open_nothing_and_are_one_answer() {
    let world = World::new().await;
    world.add_client(shop("other")).await;
    let id = world.start(&[]).await;
    world.approve().await;
    let before = world.stored();
    // Somebody else's real one among the guesses: nobody can tell which it was.
    let mut answers = HashSet::new();
    for at in 0..GUESSES {
        let guessed = if at == GUESSES / 2 { id.clone() } else { guess() };
        let answer = world
            .post_as(
                "other",
                "/token",
                &[("grant_type", CIBA_GRANT), ("auth_req_id", &guessed)],
            )
            .await;
        let length = answer.headers.get("content-length").cloned();
        answers.insert((answer.status, format!("{length:?}"), answer.body));
    }
    assert_eq!(answers.len(), 1, "V-009: {answers:?}");
    let (status, _, body) = answers.into_iter().next().unwrap();
    assert_eq!(status, 400, "V-009");
    assert!(body.contains("invalid_grant"), "V-009: {body}");
    // One letter of the real one changed, cut short, made longer, in other letters.
    for at in 0..id.len() {
        let mut near = id.clone();
        let other = if near.as_bytes()[at] == b'A' { "B" } else { "A" };
        near.replace_range(at..=at, other);
        world
            .poll(&near)
            .await
            .refused(400, "invalid_grant", "V-009: nearly right");
    }
    for near in [
        &id[1..],
        &id[..id.len() - 1],
        &format!("{id}A"),
        &id.to_uppercase(),
        &id.to_lowercase(),
        &format!(" {id}"),
    ] {
        world
            .poll(near)
            .await
            .refused(400, "invalid_grant", "V-009: nearly right");
    }
    assert_eq!(world.stored(), before, "V-009: guesses write nothing");
    assert_eq!(world.poll(&id).await.status, 200, "and harm nobody");
}

/// Proves V-009: who can read the database has the digest, which opens nothing.
#[tokio::test]
async fn what_is_stored_of_an_id_opens_nothing() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    world
        .decide(Decision::Deny(countersign_protocol::DenyReason::NotMe))
        .await;
    let kept = countersign::domain::AuthRequestId(digest::sha256(&id));
    assert!(world.storage.find_auth_request(kept).await.unwrap().is_some());
    for leaked in [b64::encode(kept.0), digest::sha256_b64(&id)] {
        world.poll(&leaked).await.refused(400, "invalid_grant", "V-009");
    }
    let file = world.file();
    let id = id.as_bytes();
    assert!(
        !file.windows(id.len()).any(|window| window == id),
        "V-009: the id itself is not stored"
    );
}

/// Proves V-034: polls, however fast, are counted in memory and write nothing.
#[tokio::test]
async fn fast_polls_write_nothing() {
    let world = World::new().await;
    let id = world.start(&[("requested_expiry", "600")]).await;
    let before = world.stored();
    world
        .poll(&id)
        .await
        .refused(400, "authorization_pending", "V-034: the first");
    for at in 0..500 {
        world.clock.advance(10);
        world
            .poll(&id)
            .await
            .refused(400, "slow_down", &format!("V-034: poll {at}"));
    }
    assert_eq!(world.stored(), before, "V-034: a poll is no write");
    // Each violation lengthened the interval by five seconds, for good.
    world.clock.advance(400_000);
    world
        .poll(&id)
        .await
        .refused(400, "slow_down", "V-034: 500 violations are 2,500 s");
}
