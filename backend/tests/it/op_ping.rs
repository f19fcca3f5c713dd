//! Clients are called when there is a result.

use countersign::{domain::Arrears, storage::Prompts as _};
use countersign_clock::Clock as _;

use crate::{
    op_calling::{Calling, LOOPBACK, TOKEN, work},
    op_notification_token::pinged,
    op_receiver::Says,
};

async fn calling(script: &[Says]) -> Calling {
    Calling::with(|endpoint| pinged("pinged", endpoint), script, LOOPBACK).await
}

#[tokio::test]
async fn a_client_is_called_once_however_its_request_ended() {
    let calling = calling(&[]).await;
    let approved = calling.ask().await;
    assert_eq!(
        calling.arrears().await,
        Arrears::default(),
        "R-182: nothing before the decision"
    );
    calling.world.approve().await;
    calling.receiver.heard(1).await[0].is_ping(TOKEN, &approved);
    assert_eq!(
        calling.poll(&approved).await.status,
        200,
        "R-163: it fetches the result"
    );

    let denied = calling.ask().await;
    calling.world.deny().await;
    calling.receiver.heard(2).await[1].is_ping(TOKEN, &denied);
    calling.poll(&denied).await.refused(400, "access_denied", "R-181");

    let expired = calling.ask().await;
    calling.world.clock.advance(120_000);
    calling
        .world
        .storage
        .expire_prompts(calling.world.clock.now(), 10)
        .await
        .unwrap();
    calling.receiver.heard(3).await[2].is_ping(TOKEN, &expired);
    calling.poll(&expired).await.refused(400, "expired_token", "R-183");

    calling.paid().await;
    assert_eq!(calling.receiver.calls().len(), 3, "R-181: one call each");
    let left = calling.world.file();
    let sealed_or_gone = |secret: &str| !left.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(
        sealed_or_gone(TOKEN) && sealed_or_gone(approved.expose()),
        "nothing in clear"
    );
}

///
#[tokio::test]
async fn a_client_that_is_called_may_poll_too() {
    let calling = calling(&[Says::Status(401)]).await;
    let asked = calling.ask().await;
    calling
        .poll(&asked)
        .await
        .refused(400, "authorization_pending", "R-162");
    calling.poll(&asked).await.refused(400, "slow_down", "R-162");
    calling.world.approve().await;
    assert_eq!(
        calling.poll(&asked).await.status,
        200,
        "R-162: served like a client that polls"
    );
    calling.receiver.heard(1).await[0].is_ping(TOKEN, &asked);
    calling.poll(&asked).await.refused(400, "invalid_grant", "R-167");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_until_the_client_knows() {
    let script = [500, 503, 429, 502].map(Says::Status);
    let calling = calling(&script).await;
    let asked = calling.approved().await;
    calling.paid().await;
    let calls = calling.receiver.calls();
    assert_eq!(calls.len(), 5, "R-154: four times in vain");
    for call in &calls {
        call.is_ping(TOKEN, &asked);
    }
    assert_eq!(calling.dead().await, []);
}

#[tokio::test]
async fn a_client_that_asks_to_be_left_alone_is() {
    let calling = calling(&[Says::Later(503, 30)]).await;
    calling.approved().await;
    calling.receiver.heard(1).await;
    calling.failed("answered 503").await;
    calling.world.clock.advance(29_000);
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(calling.receiver.calls().len(), 1, "R-154: not before 30 s");
    calling.world.clock.advance(1_000);
    calling.receiver.heard(2).await;
}

#[tokio::test]
async fn a_no_is_final_and_redirects_lead_nowhere() {
    let says = [301, 302, 303, 307, 308].map(Says::Elsewhere);
    let says = [&says[..], &[400, 401, 403, 404, 410].map(Says::Status)].concat();
    let calling = calling(&says).await;
    for tries in 1..=says.len() {
        let asked = calling.approved().await;
        calling.receiver.heard(tries).await;
        calling.paid().await;
        assert_eq!(calling.poll(&asked).await.status, 200, "R-154: the result stays");
    }
    let calls = calling.receiver.calls();
    assert_eq!(calls.len(), says.len(), "R-152, R-154, V-004: no second call");
    assert!(
        calls.iter().all(|call| call.path == "/cb?shop=1"),
        "R-152, V-004: nobody went elsewhere"
    );
    let mut recorded: Vec<String> = calling.dead().await.into_iter().map(|dead| dead.error).collect();
    recorded.sort();
    let expected = [301, 302, 303, 307, 308, 400, 401, 403, 404, 410].map(|status| format!("answered {status}"));
    assert_eq!(recorded, expected, "R-154: recorded for an administrator");
}

/// V-043, R-153.
#[tokio::test]
async fn a_body_is_never_waited_for() {
    let calling = calling(&[Says::Endless, Says::Status(200)]).await;
    calling.approved().await;
    calling.paid().await;
    calling.approved().await;
    calling.paid().await;
    assert_eq!(
        calling.receiver.calls().len(),
        2,
        "V-043, R-153: 200 is 200, whatever follows"
    );
    assert_eq!(calling.dead().await, []);
}

/// V-003: what was allowed when the client was registered may not be any more.
#[tokio::test]
async fn an_endpoint_that_must_not_be_called_is_not() {
    let calling = Calling::with(|at| pinged("pinged", at), &[], "").await;
    calling.approved().await;
    calling.paid().await;
    let dead = calling.dead().await;
    assert_eq!(dead.len(), 1, "V-003");
    assert!(dead[0].error.contains("must not be called"), "{dead:?}");
    assert!(calling.receiver.calls().is_empty(), "V-003: nobody was called");
}

#[tokio::test]
async fn what_cannot_be_delivered_in_time_is_given_up_on() {
    let calling = calling(&[Says::Status(500); 400]).await;
    calling.approved().await;
    calling.receiver.heard(1).await;
    calling.world.clock.advance(120_000 + 60_000 - 1_000);
    calling.paid().await;
    let dead = calling.dead().await;
    assert_eq!(
        (dead.len(), dead[0].error.as_str()),
        (1, "answered 500"),
        "V-043: not for ever"
    );
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_it_began_and_begins_nothing() {
    let mut calling = calling(&[Says::WhenTold]).await;
    calling.approved().await;
    calling.receiver.heard(1).await;
    drop(calling.stop.take());
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let late = calling.approved().await;
    calling.receiver.go_on();
    (&mut calling.working).await.unwrap();
    assert_eq!(calling.receiver.calls().len(), 1, "nothing new was begun");
    assert_eq!(
        calling.arrears().await.debts,
        1,
        "what was under way is paid, the other is owed"
    );
    let (_stop, _working) = work(&calling.world, LOOPBACK);
    calling.receiver.heard(2).await[1].is_ping(TOKEN, &late);
}

/// What a dead worker took on is taken over when its lease is over.
#[tokio::test]
async fn a_worker_that_died_is_taken_over() {
    let calling = calling(&[Says::WhenTold]).await;
    let asked = calling.approved().await;
    calling.receiver.heard(1).await;
    calling.working.abort();
    let (_stop, _working) = work(&calling.world, LOOPBACK);
    calling.world.clock.advance(19_000);
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(calling.receiver.calls().len(), 1, "its lease holds");
    calling.world.clock.advance(1_000);
    calling.receiver.heard(2).await[1].is_ping(TOKEN, &asked);
    calling.paid().await;
    assert_eq!(
        calling.receiver.calls().len(),
        2,
        "twice, because the first worker died"
    );
}

#[tokio::test]
async fn many_are_told_at_once_and_each_one_once() {
    let calling = calling(&[]).await;
    let mut asked = Vec::new();
    for _ in 0..200 {
        asked.push(calling.approved().await.expose().to_owned());
    }
    calling.paid().await;
    let mut told: Vec<String> = calling
        .receiver
        .calls()
        .iter()
        .map(|call| serde_json::from_str::<serde_json::Value>(&call.body).unwrap())
        .map(|body| body["auth_req_id"].as_str().unwrap().to_owned())
        .collect();
    told.sort();
    asked.sort();
    assert_eq!(told, asked, "R-181: one call each");
}
