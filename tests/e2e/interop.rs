//! Other people's clients against our provider, decided on a real device.

use countersign_authenticator::view::RequestView;
use countersign_e2e::{
    Backend, BackendOptions, Device, NotificationEndpoint, Person, RelyingParty, raw_device::random_text,
    stranger::Stranger,
};
use countersign_protocol::DenyReason;
use serde_json::{Value, json};

const PROGRAMS: [&str; 2] = ["openid-client.mjs", "oauth4webapi.mjs"];
const CONFIG: &str = "[op]\ninterval = 1\nmin_expiry = 1\n";

/// Lets both programs play `story` at once, each with a person of its own whose device does `decide`.
async fn play(story: &Value, decide: impl AsyncFn(&Device, RequestView)) -> [Value; 2] {
    let backend = Backend::start(&BackendOptions::with(CONFIG));
    let one = async |program: &str, username: &str, auth: &str| {
        let person = Person::add(&backend, username);
        let client = RelyingParty::add(&backend, &format!("shop-of-{username}"), &["--auth", auth]).await;
        let device = Device::pair(&backend, &person, "Phone").await;
        let mut config = story.clone();
        config["login_hint"] = username.into();
        config["auth"] = auth.into();
        let mut stranger = Stranger::start(program, &backend, &client, &config);
        stranger.started().await;
        decide(&device, device.wait_for_request().await).await;
        stranger.result().await
    };
    let (first, second) = tokio::join!(
        Box::pin(one(PROGRAMS[0], "anna", "client_secret_basic")),
        Box::pin(one(PROGRAMS[1], "ben", "client_secret_post")),
    );
    [first, second]
}

fn all_good(results: &[Value; 2], why: &str) {
    for (program, result) in PROGRAMS.iter().zip(results) {
        assert_eq!(result["ok"], true, "{why}: {program}: {result}");
    }
}

#[tokio::test]
async fn strangers_get_their_tokens_after_approval() {
    let story = json!({ "story": "approve", "scope": "openid profile", "binding_message": "4711" });
    let results = play(&story, async |device, request| {
        device.approve(&request.handle, Some("4711")).await;
    })
    .await;
    all_good(&results, "R-160: a standard client redeems");
    for result in &results {
        assert_eq!(result["claims"]["amr"], json!(["swk", "pin"]), "S-089: {result}");
    }
}

#[tokio::test]
async fn strangers_are_told_of_a_denial() {
    let story = json!({ "story": "deny", "binding_message": "W4SCT" });
    let results = play(&story, async |device, request| {
        device.deny(&request.handle, DenyReason::NotMe).await;
    })
    .await;
    all_good(&results, "R-178: access_denied");
}

#[tokio::test]
async fn strangers_are_told_of_the_expiry() {
    let story = json!({ "story": "expiry", "requested_expiry": 6 });
    let results = play(&story, async |_, _| {}).await;
    all_good(&results, "R-177: expired_token");
}

#[tokio::test]
async fn strangers_who_poll_too_fast_slow_down_and_still_get_their_tokens() {
    let story = json!({ "story": "poll-too-fast" });
    let results = play(&story, async |device, request| {
        device.approve(&request.handle, None).await;
    })
    .await;
    all_good(&results, "R-173: slow_down, then tokens");
    for result in &results {
        assert!(
            result["slow_downs"].as_u64() > Some(0),
            "R-173: they were told: {result}"
        );
    }
}

/// each of them listens at an endpoint of its own, believes the right bearer token alone, and fetches its tokens then.
#[tokio::test]
async fn strangers_fetch_their_tokens_when_they_are_called() {
    let config = format!("{CONFIG}[outbound]\nallow = [\"127.0.0.1/32\"]\n");
    let backend = Backend::start(&BackendOptions::with(&config));
    for (program, username) in PROGRAMS.into_iter().zip(["anna", "ben"]) {
        let (id, secret) = (format!("shop-of-{username}"), random_text());
        let person = Person::add(&backend, username);
        let story = json!({ "story": "ping", "login_hint": username });
        let mut stranger = Stranger::start_as(program, &backend, &id, &secret, &story);
        let url = stranger.listening().await;
        let client = [
            "client",
            "add",
            "--id",
            &id,
            "--name",
            "Demo Shop",
            "--grant",
            "ciba",
            "--scope",
            "openid",
        ];
        let more = [
            "--auth",
            "client_secret_basic",
            "--secret-stdin",
            "--delivery-mode",
            "ping",
            "--notification-endpoint",
            &url,
        ];
        let printed = backend.succeed(&[&client[..], &more].concat(), &secret);
        assert_eq!(printed, "", "a secret that was given is not printed");
        stranger.go_on().await;
        let device = Device::pair(&backend, &person, "Phone").await;
        stranger.started().await;
        device.approve(&device.wait_for_request().await.handle, None).await;
        let result = stranger.result().await;
        assert_eq!(result["ok"], true, "R-163: {program}: {result}");
    }
}

/// registered to be called, and polling all the same, with its own notification token sent along.
#[tokio::test]
async fn a_stranger_that_is_called_may_poll() {
    let endpoint = NotificationEndpoint::start(&[]);
    let config = format!("{CONFIG}{}", endpoint.allowed());
    let backend = Backend::start(&BackendOptions::with(&config));
    let person = Person::add(&backend, "anna");
    let url = endpoint.url();
    let delivery = ["--delivery-mode", "ping", "--notification-endpoint", &url];
    let client = RelyingParty::add(&backend, "shop", &delivery).await;
    let device = Device::pair(&backend, &person, "Phone").await;
    let token = random_text();
    let story = json!({ "story": "approve", "login_hint": "anna", "client_notification_token": token });
    let mut stranger = Stranger::start(PROGRAMS[0], &backend, &client, &story);
    stranger.started().await;
    device.approve(&device.wait_for_request().await.handle, None).await;
    let calls = endpoint.heard(1).await;
    assert_eq!(calls[0].header("authorization"), format!("Bearer {token}"), "R-151");
    let result = stranger.result().await;
    assert_eq!(result["ok"], true, "R-162: {result}");
}
