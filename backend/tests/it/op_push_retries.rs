//! What becomes of tokens that cannot be delivered at once, or never.

use countersign::{
    domain::{DebtId, DebtKind},
    storage::{Outbox as _, Resend},
};
use countersign_clock::Clock as _;
use serde_json::Value;

use crate::{
    op_calling::{Calling, LOOPBACK, TOKEN, work},
    op_push::{AUTH_REQ_ID, OFFERED, body, calling, is_error, pushed, text},
    op_receiver::{Call, Says},
    op_world::claims,
};

/// the same tokens, however often it takes.
#[tokio::test]
async fn what_may_pass_is_tried_again_with_the_same_tokens() {
    let script = [
        Says::Status(500),
        Says::Later(503, 30),
        Says::Status(429),
        Says::Endless,
    ];
    let calling = calling(&script).await;
    let id = calling.approved().await;
    calling.paid().await;
    let calls = calling.receiver.calls();
    assert_eq!(
        calls.len(),
        4,
        "R-154, R-153, V-043: three times in vain; a 200 whose body never ends counts"
    );
    let mut bodies: Vec<Value> = calls.iter().map(|call| body(call, &id)).collect();
    let left: Vec<u64> = bodies
        .iter_mut()
        .map(|body| {
            body.as_object_mut()
                .unwrap()
                .remove("expires_in")
                .unwrap()
                .as_u64()
                .unwrap()
        })
        .collect();
    assert!(
        bodies.windows(2).all(|pair| pair[0] == pair[1]),
        "R-196: never minted again: {bodies:?}"
    );
    assert!(
        left[2] + 29 <= left[1],
        "R-187: each call says what is left of the token: {left:?}"
    );
    assert!(calling.active(text(&bodies[0], "access_token")).await);
    assert_eq!(calling.dead().await, []);
}

/// V-004.
#[tokio::test]
async fn a_no_is_final_and_ends_the_tokens() {
    let says = [301, 302, 303, 307, 308].map(Says::Elsewhere);
    let says = [&says[..], &[400, 401, 403, 404, 410].map(Says::Status)].concat();
    let calling = calling(&says).await;
    for tries in 1..=says.len() {
        let id = calling.approved().await;
        let calls = calling.receiver.heard(tries).await;
        let tokens = body(&calls[tries - 1], &id);
        calling.paid().await;
        let access = text(&tokens, "access_token");
        assert!(
            !calling.active(access).await,
            "R-196: what was not delivered is revoked"
        );
    }
    let calls = calling.receiver.calls();
    assert_eq!(calls.len(), says.len(), "R-152, R-154: no second call");
    assert!(
        calls.iter().all(|call| call.path == "/cb?shop=1"),
        "R-152, V-004: nobody went elsewhere"
    );
    let dead = calling.dead().await;
    assert_eq!(dead.len(), says.len(), "R-154: recorded for an administrator");
    let now = calling.world.clock.now();
    for dead in dead {
        assert_eq!(dead.id.kind, DebtKind::Push);
        let resent = calling.world.storage.resend_debt(&dead.id, now).await.unwrap();
        assert_eq!(
            resent,
            Resend::Revoked,
            "R-196: nobody is sent tokens that are worth nothing"
        );
    }
}

/// An error has nothing that could be worth less later.
#[tokio::test]
async fn a_reason_can_be_sent_again() {
    let calling = calling(&[Says::Status(401)]).await;
    let id = calling.ask().await;
    calling.world.deny().await;
    calling.receiver.heard(1).await;
    calling.paid().await;
    let dead: Vec<DebtId> = calling.dead().await.into_iter().map(|dead| dead.id).collect();
    let now = calling.world.clock.now();
    let resent = calling.world.storage.resend_debt(&dead[0], now).await.unwrap();
    assert_eq!(resent, Resend::Owed, "R-154");
    is_error(&calling.receiver.heard(2).await[1], &id, "access_denied", "again");
}

/// R-196, V-043: not for ever, and not longer than the tokens are good.
#[tokio::test]
async fn tokens_that_reach_nobody_in_time_are_revoked() {
    let lives = "access_token_seconds = 30\n";
    let calling = Calling::with(
        pushed,
        &[Says::Status(500); 400],
        &format!("{OFFERED}{lives}{LOOPBACK}"),
    )
    .await;
    let started = calling.world.clock.now();
    let id = calling.approved().await;
    let tokens = body(&calling.receiver.heard(1).await[0], &id);
    calling.paid().await;
    let dead = calling.dead().await;
    assert_eq!((dead.len(), dead[0].error.as_str()), (1, "answered 500"), "V-043");
    assert!(
        dead[0].deadline <= started + 31_000,
        "R-196: as long as the tokens are good"
    );
    for call in calling.receiver.calls() {
        let left = body(&call, &id)["expires_in"].as_u64().unwrap();
        assert!((0..=30).contains(&left), "R-187: what is left: {left}");
    }
    assert!(!calling.active(text(&tokens, "access_token")).await, "R-196");
}

/// nothing is to be found beside the client, neither before nor after.
#[tokio::test]
async fn what_is_delivered_is_sealed_as_long_as_it_waits_and_erased_then() {
    let calling = calling(&[Says::Status(500), Says::WhenTold]).await;
    let id = calling.approved().await;
    let tokens = body(&calling.receiver.heard(1).await[0], &id);
    let nowhere = |why: &str| {
        let file = calling.world.file();
        for secret in [
            TOKEN,
            id.expose(),
            text(&tokens, "access_token"),
            text(&tokens, "id_token"),
        ] {
            let found = file.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "R-196: {why}");
        }
    };
    nowhere("it waits");
    calling.failed("answered 500").await;
    calling.world.clock.advance(1_000);
    calling.receiver.heard(2).await;
    nowhere("under way");
    calling.receiver.go_on();
    calling.paid().await;
    nowhere("delivered");
    let rows = calling.world.stored();
    let row = rows.iter().find(|row| row.starts_with("outbox:")).unwrap();
    assert!(
        row.contains("done") && row.contains("Null") && !row.contains("Blob"),
        "R-196: erased: {row}"
    );
}

/// the worker died when the tokens were recorded, before or after the client had them.
#[tokio::test]
async fn a_worker_that_died_is_taken_over_with_the_same_tokens() {
    let calling = calling(&[Says::WhenTold]).await;
    let id = calling.approved().await;
    calling.receiver.heard(1).await;
    calling.working.abort();
    let (_stop, _working) = work(&calling.world, LOOPBACK);
    calling.world.clock.advance(20_000);
    let calls = calling.receiver.heard(2).await;
    let tokens = |call: &Call| body(call, &id)["access_token"].clone();
    assert_eq!(tokens(&calls[0]), tokens(&calls[1]), "R-196: the same");
    calling.paid().await;
    assert!(calling.active(tokens(&calls[1]).as_str().unwrap()).await);
}

#[tokio::test]
async fn many_are_given_their_tokens_each_once() {
    let calling = calling(&[]).await;
    let mut asked = Vec::new();
    for _ in 0..100 {
        asked.push(calling.approved().await.expose().to_owned());
    }
    calling.paid().await;
    let mut told = Vec::new();
    for call in calling.receiver.calls() {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        assert_eq!(
            claims(text(&body, "id_token"))[AUTH_REQ_ID],
            body["auth_req_id"],
            "R-188"
        );
        told.push(text(&body, "auth_req_id").to_owned());
    }
    told.sort();
    asked.sort();
    assert_eq!(told, asked, "R-196: one set of tokens each");
}
