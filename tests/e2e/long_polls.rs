//! Long polling over real connections: who hangs up loses nothing, and a server that stops holds nobody.

use std::time::{Duration, Instant};

use countersign_e2e::{BackendOptions, Stage, stage::refusal};
use countersign_protocol::Verdict;

const HELD: &str = "[op]\ninterval = 1\nlong_poll_seconds = 8\n";

/// the answer comes with the decision.
#[tokio::test]
async fn a_held_poll_is_answered_when_the_person_has_decided() {
    let stage = Stage::with(&BackendOptions::with(HELD)).await;
    let started = stage.ask(&[]).await;
    let held = tokio::spawn({
        let (shop, started) = (stage.shop.clone(), started.clone());
        async move { shop.poll(&started.auth_req_id).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!held.is_finished(), "R-159: the poll is held");
    stage.decide(Verdict::Approve, None).await;
    held.await
        .expect("the client goes on")
        .expect("R-165: it gets its tokens");
    assert_eq!(stage.refused(&started).await, "invalid_grant", "R-165: once");
}

/// a client that hangs up in the middle finds its tokens later.
#[tokio::test]
async fn a_client_that_hangs_up_finds_its_tokens_later() {
    let stage = Stage::with(&BackendOptions::with(HELD)).await;
    let started = stage.ask(&[]).await;
    let sent = Instant::now();
    let held = tokio::time::timeout(Duration::from_millis(300), stage.shop.poll(&started.auth_req_id)).await;
    assert!(
        held.is_err(),
        "R-159: the poll is held, and its connection is closed now"
    );
    stage.decide(Verdict::Approve, None).await;
    tokio::time::sleep_until((sent + Duration::from_secs(started.interval)).into()).await;
    let tokens = stage.shop.poll(&started.auth_req_id).await;
    assert!(tokens.is_ok(), "R-165: {}", refusal(tokens));
}

#[tokio::test]
async fn a_server_that_stops_lets_its_held_polls_go() {
    let mut stage = Stage::with(&BackendOptions::with(HELD)).await;
    let started = stage.ask(&[]).await;
    let held = tokio::spawn({
        let (shop, started) = (stage.shop.clone(), started.clone());
        async move { shop.poll(&started.auth_req_id).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!held.is_finished(), "R-159: the poll is held");
    let (status, stage) = tokio::task::spawn_blocking(move || (stage.backend.stop(), stage))
        .await
        .expect("the server ends");
    assert_eq!(status.code(), Some(0), "an orderly end");
    let answer = held.await.expect("the client goes on");
    assert_eq!(answer.expect_err("nobody decided").0, "authorization_pending", "R-165");
    drop(stage);
}
