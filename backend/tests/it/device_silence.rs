//! What the device channel and the log never say.

use std::{
    io,
    sync::{Arc, Mutex},
};

use countersign_jose::{b64, digest};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    device_actor::{By, TestDevice},
    device_stream::Listening,
    device_world::World,
};

/// The log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Every text within `bytes`, and within whatever JWT payloads they carry.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let payloads: Vec<String> = text
        .split(|char: char| !char.is_ascii_alphanumeric() && char != '-' && char != '_')
        .filter_map(|part| b64::decode(part).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    format!("{text}\n{}", payloads.join("\n"))
}

/// Proves S-002, S-003, S-095: the number, and what could be computed from it alone, is on no channel to the device and in no log.
#[tokio::test]
async fn a_number_to_be_typed_is_never_told() {
    // Eight digits that stand in no time, id or length of this test.
    const NUMBER: &str = "73915064";
    const MESSAGE: &str = "violet otter";
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let mut stream = Listening::open(&device, None).await;
    stream.event().await.unwrap();
    let handle = world.ask("anna", World::typed(NUMBER)).await;
    stream.event().await.unwrap();
    let mut late = Listening::open(&device, None).await;
    late.event().await.unwrap();
    let mut resumed = Listening::open(&device, Some("0")).await;
    resumed.event().await.unwrap();
    device.call("GET", "/ad/v1/requests", None).await;
    let request = device.request_object(&handle).await;
    let claims = device.decision(&handle, &request, "approve");
    device
        .submit(&handle, &request, &claims, By::Uv)
        .await
        .refused(400, "invalid_decision");
    device
        .approve_typing(&handle, "73915063")
        .await
        .refused(422, "match_wrong");
    device
        .approve_typing(&handle, "73915065")
        .await
        .refused(422, "match_wrong");
    stream.event().await.unwrap();
    device.call("GET", "/ad/v1/history", None).await;
    device.call("GET", &format!("/ad/v1/requests/{handle}"), None).await;

    let shown = world.ask("anna", World::show(MESSAGE)).await;
    device.approve(&shown).await;
    drop(guard);

    let mut received = device.received.lock().unwrap().clone();
    for stream in [&stream, &late, &resumed] {
        received.extend_from_slice(stream.everything().as_bytes());
    }
    let hex = digest::sha256_hex(NUMBER);
    let told = readable(&received);
    assert!(
        told.contains("\"mode\":\"type\""),
        "the request objects are among what was read"
    );
    for secret in [NUMBER, &digest::sha256_b64(NUMBER), &b64::encode(NUMBER), &hex] {
        assert!(!told.contains(secret), "S-002: {secret} was told to the device");
    }
    let log = readable(&log.0.lock().unwrap());
    assert!(log.contains(handle.as_str()), "S-095: the log was captured");
    let secrets = [
        NUMBER,
        MESSAGE,
        &device.session,
        &device.token,
        "73915063",
        "auth-req-0",
        &request,
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "S-095: {secret} is in the log");
    }
}
