//! The stream: what a device hears, what it hears again, and when it is shut.

use std::{sync::Arc, time::Duration};

use axum::body::{Body, BodyDataStream};
use countersign_protocol::StreamEvent;
use futures_util::StreamExt as _;
use tower::ServiceExt as _;

use crate::{device_actor::TestDevice, device_world::World};

/// Longest wait for something that has to come.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Listening {
    body: BodyDataStream,
    text: String,
    everything: String,
}

/// One block of the stream.
#[derive(Debug)]
pub struct Heard {
    pub id: String,
    pub event: Option<StreamEvent>,
    pub comment: bool,
}

impl Listening {
    pub async fn open(device: &TestDevice, last_event_id: Option<&str>) -> Self {
        let mut request = device.request("GET", "/ad/v1/stream", Some(&device.token));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = device.world.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
            everything: String::new(),
        }
    }

    /// All that came so far.
    pub fn everything(&self) -> &str {
        &self.everything
    }

    /// The next block; none when the stream ended.
    pub async fn block(&mut self) -> Option<Heard> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let heard = read(block);
                self.text = rest.to_string();
                return Some(heard);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.body.next())
                .await
                .expect("something comes");
            let chunk = chunk?.unwrap();
            let chunk = std::str::from_utf8(&chunk).unwrap();
            self.text.push_str(chunk);
            self.everything.push_str(chunk);
        }
    }

    /// The next event; none when the stream ended.
    pub async fn event(&mut self) -> Option<Heard> {
        loop {
            let heard = self.block().await?;
            if heard.event.is_some() {
                return Some(heard);
            }
        }
    }
}

fn read(block: &str) -> Heard {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.strip_prefix(name));
        lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
    };
    let name = field("event:");
    Heard {
        id: field("id:"),
        comment: block.starts_with(':'),
        event: (!name.is_empty()).then(|| StreamEvent::parse(&name, &field("data:")).unwrap().unwrap()),
    }
}

/// Proves S-061: a request arrives without being asked for, signed for this device, and so does its end.
#[tokio::test]
async fn a_device_hears_of_requests_and_their_end() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let mut stream = Listening::open(&device, None).await;
    let Some(StreamEvent::Sync(list)) = stream.event().await.unwrap().event else {
        panic!("S-061: the first event tells everything");
    };
    assert!(list.requests.is_empty());
    let handle = world.ask("anna", World::show("W4SCT")).await;
    let heard = stream.event().await.unwrap();
    let Some(StreamEvent::Request(arrived)) = heard.event else {
        panic!("S-061: {heard:?}");
    };
    assert_eq!(arrived.pending.handle, handle);
    let claims = device.decision(&handle, &arrived.pending.request, "approve");
    let answer = device
        .submit(&handle, &arrived.pending.request, &claims, crate::device_actor::By::Uv)
        .await;
    assert_eq!(answer.status, 200, "the object on the stream is enough to decide");
    let heard = stream.event().await.unwrap();
    assert!(matches!(heard.event, Some(StreamEvent::Settled(_))), "{heard:?}");
}

/// Proves S-061: nothing is lost over a break, and what cannot be told from its number is told whole.
#[tokio::test]
async fn after_a_break_a_device_hears_what_it_missed() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let first = world.ask("anna", World::show("one")).await;
    let mut stream = Listening::open(&device, None).await;
    let at = stream.event().await.unwrap().id;
    drop(stream);
    assert_eq!(device.deny(&first).await.status, 200);
    let second = world.ask("anna", World::show("two")).await;
    let mut stream = Listening::open(&device, Some(&at)).await;
    let heard = stream.event().await.unwrap();
    assert!(matches!(heard.event, Some(StreamEvent::Settled(s)) if s.handle == first));
    let heard = stream.event().await.unwrap();
    let last = heard.id.clone();
    assert!(matches!(heard.event, Some(StreamEvent::Request(r)) if r.pending.handle == second));
    let mut quiet = Listening::open(&device, Some(&last)).await;
    assert!(quiet.block().await.unwrap().comment, "nothing is told twice");
    for odd in ["999999", "-1", "abc", ""] {
        let mut stream = Listening::open(&device, Some(odd)).await;
        let heard = stream.event().await.unwrap();
        assert!(matches!(heard.event, Some(StreamEvent::Sync(_))), "{odd}: {heard:?}");
    }
}

/// Proves S-061: more than 500 changes are told as a whole.
#[tokio::test]
async fn a_device_that_missed_too_much_is_told_everything_at_once() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let mut asks = tokio::task::JoinSet::new();
    for number in 0..501 {
        let world = world.clone();
        asks.spawn(async move {
            let id = format!("many-{number}");
            world.ask_as("shop", "anna", World::show("m"), &id).await
        });
    }
    assert_eq!(asks.join_all().await.len(), 501);
    let mut stream = Listening::open(&device, Some("0")).await;
    let heard = stream.event().await.unwrap();
    let Some(StreamEvent::Sync(list)) = heard.event else {
        panic!("{heard:?}");
    };
    assert_eq!(list.requests.len(), 1, "each took the place of the one before");
}

/// Proves S-053, V-032, V-045: revocation shuts the stream and the next call at once.
#[tokio::test]
async fn a_revoked_device_is_told_and_shut_out_within_two_seconds() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let other = TestDevice::registered(&world, "anna").await;
    let mut stream = Listening::open(&device, None).await;
    stream.event().await.unwrap();
    let handle = world.ask("anna", World::show("W4SCT")).await;
    let request = device.request_object(&handle).await;
    stream.event().await.unwrap();
    let answer = other
        .call("DELETE", &format!("/ad/v1/devices/{}", device.id), None)
        .await;
    assert_eq!(answer.status, 204);
    let end = tokio::time::timeout(Duration::from_secs(2), async {
        assert!(matches!(
            stream.event().await.unwrap().event,
            Some(StreamEvent::Removed)
        ));
        stream.event().await.is_none()
    });
    assert!(end.await.expect("S-053: within two seconds"), "S-053: the stream ends");
    device
        .call("GET", "/ad/v1/requests", None)
        .await
        .refused(401, "device_removed");
    let session = serde_json::json!({"device_session": device.session}).to_string();
    let answer = device.call_with("POST", "/ad/v1/session", None, Some(session)).await;
    answer.refused(401, "device_removed");
    let claims = device.decision(&handle, &request, "deny");
    let answer = device
        .submit(&handle, &request, &claims, crate::device_actor::By::Pop)
        .await;
    answer.refused(401, "device_removed");
    let again = device.register(&device.registration("anna")).await;
    again.refused(409, "key_in_use");
}

/// Proves S-053, S-061: without a signal, as when another process revokes, the heartbeat finds out.
#[tokio::test]
async fn a_stream_beats_and_looks_for_itself() {
    let world = World::with("[devices]\nheartbeat_seconds = 1").await;
    let device = TestDevice::registered(&world, "anna").await;
    let mut stream = Listening::open(&device, None).await;
    stream.event().await.unwrap();
    assert!(stream.block().await.unwrap().comment, "S-061: a sign of life");
    let (account, id) = (World::account("anna"), device.id.as_str().into());
    let storage = Arc::clone(&world.storage);
    countersign::storage::Devices::revoke_device(&*storage, &account, &id, 1)
        .await
        .unwrap();
    assert!(matches!(
        stream.event().await.unwrap().event,
        Some(StreamEvent::Removed)
    ));
    assert!(stream.event().await.is_none(), "S-053");
}

/// Proves V-045: a cap per person, and no word about others.
#[tokio::test]
async fn a_person_has_eight_streams_and_hears_of_nobody_else() {
    let world = World::with("[devices]\nheartbeat_seconds = 1").await;
    let device = TestDevice::registered(&world, "anna").await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(Listening::open(&device, None).await);
    }
    let answer = device.call("GET", "/ad/v1/stream", None).await;
    answer.refused(429, "too_many_requests");
    assert!(answer.headers.contains_key("retry-after"));
    let mut stream = streams.pop().unwrap();
    stream.event().await.unwrap();
    world.ask("ben", World::show("W4SCT")).await;
    assert!(
        stream.block().await.unwrap().comment,
        "V-045: nothing about another person"
    );
    drop(stream);
    Listening::open(&device, None).await;
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_its_streams() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let mut stream = Listening::open(&device, None).await;
    stream.event().await.unwrap();
    world.consent.wakes().close();
    assert!(stream.event().await.is_none(), "the stream ends by itself");
    let answer = device.call("GET", "/ad/v1/stream", None).await;
    answer.refused(503, "unavailable");
}

/// A device whose stream is open was heard of, however long it says nothing.
#[tokio::test]
async fn an_open_stream_counts_as_being_heard_of() {
    let world = World::with("[devices]\nheartbeat_seconds = 1").await;
    let device = TestDevice::registered(&world, "anna").await;
    let mut stream = Listening::open(&device, None).await;
    stream.event().await.unwrap();
    world.clock.advance(86_400_000);
    assert!(stream.block().await.unwrap().comment);
    let stored = countersign::storage::Devices::find_device(&*world.storage, &device.id.as_str().into()).await;
    assert_eq!(
        stored.unwrap().unwrap().last_seen_at,
        crate::device_world::START + 86_400_000
    );
}
