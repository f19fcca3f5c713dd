//! Several backends on one database: whatever one node began, another one goes on with.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_clock::{Clock as _, SystemClock};
use countersign_e2e::{
    Backend, Credentials, Device, Person, RawDevice, RelyingParty, Started, eventually,
    fleet::{Fleet, Signals},
    http,
    raw_device::{answered, random_text},
};
use countersign_jose::digest;
use countersign_protocol::{CIBA_GRANT, Handle, Verdict};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Longest wait for something that has to come.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// Polls are held longer than any signal or sweep takes, and shorter than the clients of these stories wait.
pub const HELD: &str = "[op]\ninterval = 1\nlong_poll_seconds = 5\n";

/// The handle under which devices know a request.
pub fn handle_of(started: &Started) -> Handle {
    Handle::new(digest::sha256_b64(format!("countersign-prompt{}", started.auth_req_id)))
}

/// Asks until there is a result; each answer may come from another node, and be held by it.
pub async fn until_settled(shop: &RelyingParty, started: &Started) -> Result<Value, String> {
    let over = Instant::now() + PATIENCE;
    loop {
        let sent = Instant::now();
        match shop.poll(&started.auth_req_id).await {
            Ok(tokens) => return Ok(tokens.response),
            Err(error) if error.0 == "authorization_pending" => {}
            Err(error) => return Err(error.0),
        }
        assert!(Instant::now() < over, "a decided request is answered");
        tokio::time::sleep_until((sent + Duration::from_secs(started.interval)).into()).await;
    }
}

async fn a_request_is_at_home_on_every_node(signals: Signals) {
    let fleet = Fleet::start(3, signals, HELD).await;
    let anna = Person::add(&fleet.nodes[0], "anna");
    let shop = RelyingParty::add(&fleet.nodes[1], "shop", &[]).await;
    let at = |node: usize| shop.clone().by_way_of(&fleet.address(node));
    // Sign-in page, its answer, token and registration each go to the node whose turn it is.
    let phone = RawDevice::register(&fleet.nodes[0], &anna, "Anna's phone").await;

    for (begins, decides, ends) in [(0, 1, 2), (1, 2, 0), (2, 0, 1)] {
        let started = at(begins).start(&[("login_hint", "anna")]).await;
        let handle = handle_of(&started);
        let held = tokio::spawn({
            let (client, started) = (at(ends), started.clone());
            async move { until_settled(&client, &started).await }
        });
        let pending = phone.pending().await;
        let pending = pending.iter().find(|pending| pending.handle == handle);
        let pending = pending.expect("what was begun on one node is listed on every other");
        let decision = phone.decision(pending, Verdict::Approve, None);
        let url = format!("{}/ad/v1/requests/{handle}/decision", fleet.address(decides));
        let (status, body) = answered(http().post(url).json(&decision)).await;
        assert_eq!(status, StatusCode::OK, "another node takes the decision: {body}");
        let tokens = held.await.expect("the client goes on").expect("a third one redeems");
        let access_token = tokens["access_token"].as_str().expect("a token").to_owned();
        for node in 0..3 {
            let again = at(node).poll(&started.auth_req_id).await.map(|_| ());
            assert_eq!(again.expect_err("once").0, "invalid_grant", "R-167: once on all nodes");
            let userinfo = http().get(format!("{}/userinfo", fleet.address(node)));
            let (status, body) = answered(userinfo.bearer_auth(&access_token)).await;
            assert_eq!(status, StatusCode::OK, "every node knows the token: {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_begun_on_one_node_is_approved_on_another_and_redeemed_on_a_third() {
    a_request_is_at_home_on_every_node(Signals::Told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_is_so_without_signals_between_nodes() {
    a_request_is_at_home_on_every_node(Signals::Untold).await;
}

async fn streams_and_polls_wake(signals: Signals) {
    let fleet = Fleet::start(3, signals, HELD).await;
    let anna = Person::add(&fleet.nodes[0], "anna");
    let shop = RelyingParty::add(&fleet.nodes[0], "shop", &[]).await;
    let phone = Device::pair(&fleet.nodes[0], &anna, "Anna's phone").await;
    // The stream is on one of three nodes; requests come in on each.
    for node in 0..3 {
        let started = shop
            .clone()
            .by_way_of(&fleet.address(node))
            .start(&[("login_hint", "anna")])
            .await;
        let held = tokio::spawn({
            let (client, started) = (shop.clone().by_way_of(&fleet.address((node + 1) % 3)), started.clone());
            async move { until_settled(&client, &started).await }
        });
        let asked = Instant::now();
        phone.wait_for(&handle_of(&started)).await;
        println!("{signals:?}: the stream told of it after {:?}", asked.elapsed());
        phone.approve(&handle_of(&started), None).await;
        let decided = Instant::now();
        held.await.expect("the client goes on").expect("it gets its tokens");
        println!("{signals:?}: the poll was answered after {:?}", decided.elapsed());
    }
    let listeners = fleet
        .query("select count(*) from pg_stat_activity where query like 'LISTEN%' and datname = current_database()");
    let expected = if signals == Signals::Told { "3" } else { "0" };
    assert_eq!(listeners, expected, "one listener a node, where they listen");
}

/// S-061: the stream of a device and the poll of a client are on other nodes than what they wait for.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn streams_and_held_polls_wake_across_nodes() {
    streams_and_polls_wake(Signals::Told).await;
}

/// S-061: and so they do by each node's own sweep.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn streams_and_held_polls_wake_without_signals() {
    streams_and_polls_wake(Signals::Untold).await;
}

/// S-027, R-047, V-017: what was used on one node is used up on all.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn proofs_and_assertions_are_good_once_among_all_nodes() {
    let fleet = Fleet::start(2, Signals::Told, HELD).await;
    let anna = Person::add(&fleet.nodes[0], "anna");
    let phone = RawDevice::register(&fleet.nodes[0], &anna, "Anna's phone").await;
    let phone = phone.by_way_of(&fleet.address(0));
    assert_eq!(phone.call(Method::GET, "/ad/v1/requests", None).await.0, StatusCode::OK);
    let used = phone
        .proven(Method::GET, "/ad/v1/requests")
        .await
        .build()
        .expect("a request");
    let send = async |node: usize| {
        let url = format!("{}/ad/v1/requests", fleet.address(node));
        answered(http().get(url).headers(used.headers().clone())).await
    };
    let (status, body) = send(1).await;
    assert_eq!(
        status,
        StatusCode::OK,
        "the nonce of one node is good on the other: {body}"
    );
    for node in [0, 1] {
        let (status, body) = send(node).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "S-027: node {node}");
        assert_eq!(body["code"], "invalid_dpop_proof", "S-027: node {node}: {body}");
    }

    let bank = RelyingParty::add_with_key(&fleet.nodes[0], "bank").await;
    let Credentials::Key(key) = &bank.credentials else {
        panic!("the bank has a key")
    };
    let now = SystemClock.now_seconds();
    let claims = json!({ "iss": "bank", "sub": "bank", "aud": fleet.balancer.origin, "iat": now, "exp": now + 60, "jti": random_text() });
    let assertion = key.sign("JWT", &claims).expect("an assertion");
    let ask = async |node: usize| {
        let form = [
            ("scope", "openid"),
            ("login_hint", "anna"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
        ];
        answered(http().post(format!("{}/bc-authorize", fleet.address(node))).form(&form)).await
    };
    assert_eq!(ask(1).await.0, StatusCode::OK);
    for node in [0, 1] {
        let (status, body) = ask(node).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "R-047: node {node}"
        );
    }
}

async fn kids(address: &str) -> Vec<String> {
    let (_, keys) = answered(http().get(format!("{address}/jwks"))).await;
    let keys = keys["keys"].as_array().expect("a JWK Set").clone();
    keys.iter()
        .map(|key| key["kid"].as_str().expect("a kid").to_owned())
        .collect()
}

fn rotate(node: &Backend) -> String {
    tokio::task::block_in_place(|| node.succeed(&["keys", "rotate", "--purpose", "id-token-es256"], ""))
}

/// S-013: a key is published on every node before it signs on any.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotated_key_is_known_to_all_nodes_before_its_first_use() {
    let config = format!("{HELD}[keys]\nannounce_seconds = 8\nreread_seconds = 2\n");
    let fleet = Arc::new(Fleet::start(3, Signals::Told, &config).await);
    let anna = Person::add(&fleet.nodes[0], "anna");
    let shop = RelyingParty::add(&fleet.nodes[0], "shop", &[]).await;
    let phone = RawDevice::register(&fleet.nodes[0], &anna, "Anna's phone").await;
    let before = kids(&fleet.address(0)).await;
    assert_eq!(
        kids(&fleet.address(2)).await,
        before,
        "nodes that start together share their keys"
    );

    let published = rotate(&fleet.nodes[1]);
    assert!(published.contains("published"), "{published}");
    for node in 0..3 {
        eventually("every node to publish the next key", PATIENCE, async || {
            (kids(&fleet.address(node)).await.len() == before.len() + 1).then_some(())
        })
        .await;
    }
    let announced = kids(&fleet.address(0)).await;
    eventually("the key to be announced for long enough", PATIENCE, async || {
        let said = rotate(&fleet.nodes[2]);
        assert!(said.contains("signs now") || said.contains("nothing changed"), "{said}");
        said.contains("signs now").then_some(())
    })
    .await;
    // Tokens of every node verify with the keys that every node had published before.
    let mut signers = Vec::new();
    let over = Instant::now() + PATIENCE;
    while signers.iter().filter(|kid| !before.contains(kid)).count() < 3 {
        let node = signers.len() % 3;
        let client = shop.clone().by_way_of(&fleet.address(node));
        let started = client.start(&[("login_hint", "anna")]).await;
        let pending = phone.pending().await.remove(0);
        let decision = phone.decision(&pending, Verdict::Approve, None);
        assert_eq!(phone.submit(&pending.handle, &decision).await.0, StatusCode::OK);
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", &started.auth_req_id)];
        let (status, tokens) = client.post("token_endpoint", &form).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        let token = tokens["id_token"].as_str().expect("an ID token");
        shop.verify(token).await;
        let head = countersign_jose::b64::decode(token.split('.').next().expect("a head")).expect("base64url");
        let head: Value = serde_json::from_slice(&head).expect("JSON");
        let kid = head["kid"].as_str().expect("a kid").to_owned();
        assert!(
            announced.contains(&kid),
            "S-013: {kid} was published before by every node"
        );
        signers.push(kid);
        assert!(
            Instant::now() < over,
            "every node signs with the new key soon: {signers:?}"
        );
    }
}
