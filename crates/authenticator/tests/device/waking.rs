//! Streams, polls and what happens when neither passes.

use countersign_authenticator::{
    AuthenticatorError,
    view::{ConnectionView, RequestState},
};
use serde_json::json;

use crate::{
    fake::{Fake, Stream},
    kit::{Kit, PIN, device, eventually, quick},
};

/// S-061: no stream passes, and requests come all the same.
#[tokio::test]
async fn where_streams_do_not_pass_the_device_polls() {
    for stream in [Stream::Refused, Stream::Buffered] {
        let fake = Fake::start().await;
        fake.lock().stream = stream;
        let kit = Kit::paired(&fake, quick()).await;
        fake.ask("r1");
        kit.until_pending("r1").await;
        kit.until_connected(|now| matches!(now, ConnectionView::Polling { .. }))
            .await;
        fake.ask("r2");
        kit.until_pending("r2").await;
        kit.present("r2");
        kit.approve("r2", None, Some(PIN)).await.unwrap();
        fake.lock().stream = Stream::Passes;
        kit.until_connected(|now| *now == ConnectionView::Live).await;
    }
}

/// S-061: what comes twice is shown once, in the order in which it was made.
#[tokio::test]
async fn the_same_request_by_stream_and_by_fetch_is_shown_once() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    let data = fake.open("r2", &json!({"mode": "show"}), |claims| {
        claims["iat"] = (claims["iat"].as_i64().unwrap() + 1).into();
    });
    fake.tell("request", data.clone());
    fake.tell("request", data);
    kit.device.refresh();
    kit.until_pending("r2").await;
    let before = fake.count("GET /ad/v1/requests");
    kit.device.refresh();
    eventually("fetch", || (fake.count("GET /ad/v1/requests") > before).then_some(())).await;
    let handles: Vec<String> = kit
        .device
        .inbox()
        .requests
        .iter()
        .map(|request| request.handle.to_string())
        .collect();
    assert_eq!(handles, ["r1", "r2"], "S-061: each once, oldest first");
}

/// S-061: a broken stream is opened again; a backend that is away is said to be.
#[tokio::test]
async fn after_a_break_the_device_comes_back_by_itself() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.tell("break", json!({}));
    eventually("second stream", || (fake.count("GET /ad/v1/stream") >= 2).then_some(())).await;
    eventually("Last-Event-ID", || (fake.count("resumed") == 1).then_some(())).await;
    fake.lock().unavailable = true;
    fake.tell("break", json!({}));
    let offline = kit
        .until_connected(|now| matches!(now, ConnectionView::Offline { .. }))
        .await;
    let ConnectionView::Offline { since } = offline else {
        unreachable!()
    };
    assert!(
        countersign_clock::Clock::now(&countersign_clock::SystemClock) - since < 10_000,
        "since the last contact"
    );
    fake.lock().unavailable = false;
    kit.until_connected(|now| *now == ConnectionView::Live).await;
    fake.ask("r1");
    kit.until_pending("r1").await;
}

/// What was settled while nobody listened is not pending any more.
#[tokio::test]
async fn what_was_settled_in_between_is_found_out() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    fake.ask("r2");
    kit.until_pending("r2").await;
    fake.lock().prompts.get_mut("r1").unwrap().settled = Some(json!({"state": "cancelled", "settled_at": 1}));
    fake.lock().prompts.remove("r2");
    kit.device.refresh();
    kit.until("r1", |state| *state == RequestState::Cancelled).await;
    eventually("r2 forgotten", || kit.request("r2").is_none().then_some(())).await;
}

/// S-053, V-032: a revoked device wipes its keys and says so, also after a restart.
#[tokio::test]
async fn a_removed_device_wipes_its_keys_and_leaves_a_notice() {
    for by_event in [true, false] {
        let fake = Fake::start().await;
        let kit = Kit::live(&fake).await;
        fake.ask("r1");
        kit.until_pending("r1").await;
        fake.lock().removed = true;
        if by_event {
            fake.tell("removed", json!({}));
        } else {
            kit.device.refresh();
        }
        eventually("notice", || kit.device.status().accounts[0].removed.then_some(())).await;
        eventually("keys gone", || (kit.secrets.names().len() == 2).then_some(())).await;
        assert!(
            kit.device.inbox().requests.is_empty(),
            "S-053: nothing is left to decide"
        );
        let refused = kit.device.history(&kit.account, None).await;
        assert!(matches!(refused, Err(AuthenticatorError::DeviceRemoved)));
        let (again, _channels) = device(quick(), std::sync::Arc::clone(&kit.secrets)).await;
        assert!(
            again.status().accounts[0].removed,
            "S-053: the notice survives a restart"
        );
        let left = again.sign_out(&kit.account).await.unwrap();
        assert!(left.accounts.is_empty(), "the notice can be dismissed");
    }
}

/// S-053: a decision by a revoked device is not taken, and the device learns that it is one.
#[tokio::test]
async fn deciding_with_a_removed_device_removes_it() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    kit.until_pending("r1").await;
    kit.present("r1");
    fake.lock().removed = true;
    let refused = kit.approve("r1", None, Some(PIN)).await;
    assert!(matches!(refused, Err(AuthenticatorError::DeviceRemoved)), "{refused:?}");
    assert!(kit.device.status().accounts[0].removed);
}

/// The access token is renewed once, however many calls need it.
#[tokio::test]
async fn many_calls_at_once_renew_the_token_once() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    let calls = (0..10).map(|_| kit.device.history(&kit.account, None));
    for result in futures_util::future::join_all(calls).await {
        result.unwrap();
    }
    assert_eq!(fake.lock().tokens, 1);
}

/// S-061: polls that wait for the token which the opening stream is getting do not stop it.
#[tokio::test]
async fn a_slow_token_stops_neither_stream_nor_polls() {
    let fake = Fake::start().await;
    fake.lock().slow_session = std::time::Duration::from_millis(150);
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    kit.until_pending("r1").await;
}
