//! `user_code` at the backchannel authentication endpoint (CIBA Core sections 7.1, 7.1.2 and 13).

use std::time::{Duration, Instant};

use axum::{body::Body, http::Request};
use countersign::{
    domain::{Client, RequestRules},
    storage::{UserCodeTry, UserCodes as _},
};
use countersign_jose::{Algorithm, password};
use countersign_protocol::Subject;
use futures_util::future::join_all;

use crate::{
    op_signed::{SignedRequest, signing_shop},
    op_world::{Answer, SECRET, START, World, basic, encode, shop},
};

const ON: &str = "[op]\nuser_code = true";
const CODE: &str = "blue moon 7";
const WAIT: i64 = 900_000;

/// A person Anna with a code, Ben without, and `terminal`, which registered for codes; `shop` did not.
async fn world(config: &str) -> World {
    let world = World::with(config).await;
    world.add_person("ben").await;
    set_code(&world, Some(CODE)).await;
    world.add_client(terminal("terminal")).await;
    world
}

fn terminal(id: &str) -> Client {
    let requests = RequestRules {
        user_code: true,
        ..RequestRules::default()
    };
    Client { requests, ..shop(id) }
}

async fn set_code(world: &World, code: Option<&str>) {
    let hash = code.map(|code| password::hash(code).unwrap());
    assert!(
        world
            .storage
            .set_user_code(&Subject::new("sub-anna"), hash)
            .await
            .unwrap()
    );
}

async fn ask(world: &World, client: &str, person: &str, code: Option<&str>) -> Answer {
    let mut form = vec![("scope", "openid"), ("login_hint", person)];
    form.extend(code.map(|code| ("user_code", code)));
    world.post_as(client, "/bc-authorize", &form).await
}

fn asked(world: &World) -> usize {
    world.trigger.seen.lock().unwrap().len()
}

/// Proves R-006, G-01 and G-16 (`backchannelUserCodeParameterSupported`).
#[tokio::test]
async fn whether_codes_are_asked_for_is_announced() {
    let member = "backchannel_user_code_parameter_supported";
    for (config, on) in [("", false), (ON, true)] {
        let world = World::with(config).await;
        let metadata = world.get("/.well-known/openid-configuration").await.json();
        assert_eq!(metadata[member], on, "R-006, G-01, G-16: {config:?}");
    }
}

/// Proves: who is asked for a code, and who is not.
#[tokio::test]
async fn a_code_is_asked_for_where_server_client_and_person_have_it() {
    let (on, off) = (world(ON).await, world("").await);
    for (world, client, person, code, verdict, why) in [
        (&on, "terminal", "anna", Some(CODE), "", "R-063: the right one"),
        (&on, "terminal", "anna", None, "missing_user_code", "R-111: none"),
        (
            &on,
            "terminal",
            "anna",
            Some(""),
            "missing_user_code",
            "R-067, R-111: as good as none",
        ),
        (
            &on,
            "terminal",
            "anna",
            Some("blue moon 8"),
            "invalid_user_code",
            "R-111: wrong",
        ),
        (
            &on,
            "terminal",
            "anna",
            Some("x"),
            "invalid_user_code",
            "R-111: none could be so short",
        ),
        (
            &on,
            "terminal",
            "ben",
            None,
            "",
            "R-110: a person without a code is exempt",
        ),
        (
            &on,
            "terminal",
            "ben",
            Some("1234"),
            "",
            "R-110: and whatever comes is not looked at",
        ),
        (
            &on,
            "shop",
            "anna",
            None,
            "",
            "R-110: a client that did not register is exempt",
        ),
        (
            &on,
            "shop",
            "anna",
            Some("wrong"),
            "",
            "R-063: and whatever it sends is not looked at",
        ),
        (&off, "terminal", "anna", None, "", "R-017: registered, but not offered"),
        (&off, "terminal", "anna", Some("wrong"), "", "R-006, R-063: not offered"),
    ] {
        let before = asked(world);
        let answer = ask(world, client, person, code).await;
        if verdict.is_empty() {
            assert_eq!(answer.status, 200, "{why}: {}", answer.body);
            assert_eq!(asked(world), before + 1, "{why}");
        } else {
            answer.refused(400, verdict, why);
            assert_eq!(asked(world), before, "R-111: no device hears of it: {why}");
        }
    }
}

/// Proves R-063: the same characters are the same code, however they were typed.
#[tokio::test]
async fn a_code_is_read_as_it_was_meant() {
    let world = world(ON).await;
    set_code(&world, Some("Z\u{fc}rich 7")).await;
    for (typed, right) in [
        ("Z\u{fc}rich 7", true),
        ("  Zu\u{308}rich 7 ", true),
        ("z\u{fc}rich 7", false),
        ("Z\u{fc}rich  7", false),
        ("Zurich 7", false),
    ] {
        let answer = ask(&world, "terminal", "anna", Some(typed)).await;
        assert_eq!(answer.status == 200, right, "R-063: {typed:?}: {}", answer.body);
    }
}

/// Proves R-115: a client that tries without a code first loses nothing by it.
#[tokio::test]
async fn trying_without_a_code_first_costs_nothing() {
    let world = world(ON).await;
    for _ in 0..20 {
        ask(&world, "terminal", "anna", None)
            .await
            .refused(400, "missing_user_code", "R-115");
    }
    assert_eq!(ask(&world, "terminal", "anna", Some(CODE)).await.status, 200, "R-115");
}

/// Proves R-112 and V-008: after five wrong codes the right one has to wait as well, and is answered in the same words.
#[tokio::test]
async fn five_wrong_codes_lock_even_the_right_one() {
    let world = world(ON).await;
    let mut told = Vec::new();
    for number in 0..5 {
        let answer = ask(&world, "terminal", "anna", Some(&format!("wrong {number}"))).await;
        answer.refused(400, "invalid_user_code", "V-008");
        told.push(answer.body);
    }
    for client in ["terminal", "terminal"] {
        let answer = ask(&world, client, "anna", Some(CODE)).await;
        answer.refused(400, "invalid_user_code", "R-112, V-008: locked");
        told.push(answer.body);
    }
    told.dedup();
    assert_eq!(
        told.len(),
        1,
        "V-008, V-033: wrong and locked in the same words: {told:?}"
    );
    assert_eq!(asked(&world), 0, "R-111: no device heard of any of it");
    world.clock.advance(WAIT - 1);
    ask(&world, "terminal", "anna", Some(CODE))
        .await
        .refused(400, "invalid_user_code", "R-112: not yet");
    world.clock.advance(1);
    assert_eq!(
        ask(&world, "terminal", "anna", Some(CODE)).await.status,
        200,
        "R-112: the wait is over"
    );
    for _ in 0..4 {
        ask(&world, "terminal", "anna", Some("wrong")).await.refused(
            400,
            "invalid_user_code",
            "R-112: the right code forgave what was before",
        );
    }
    assert_eq!(ask(&world, "terminal", "anna", Some(CODE)).await.status, 200, "R-112");
}

/// Proves R-112: the lock is the person's, whichever client guesses, and nobody else's.
#[tokio::test]
async fn the_lock_is_one_persons() {
    let world = world(ON).await;
    world.add_client(terminal("kiosk")).await;
    let ben = Subject::new("sub-ben");
    let hash = password::hash("1234").unwrap();
    assert!(world.storage.set_user_code(&ben, Some(hash)).await.unwrap());
    for client in ["terminal", "kiosk", "terminal", "kiosk", "terminal"] {
        ask(&world, client, "anna", Some("wrong"))
            .await
            .refused(400, "invalid_user_code", "R-112");
    }
    ask(&world, "kiosk", "anna", Some(CODE)).await.refused(
        400,
        "invalid_user_code",
        "R-112: each client's guesses count",
    );
    assert_eq!(
        ask(&world, "terminal", "ben", Some("1234")).await.status,
        200,
        "R-112: Ben is not locked"
    );
    assert_eq!(
        ask(&world, "shop", "anna", None).await.status,
        200,
        "R-110: whoever needs no code is not locked out"
    );
}

/// Proves V-008: guesses that come at once get no more tries than others.
#[tokio::test]
async fn parallel_guesses_are_counted() {
    let world = world("[op]\nuser_code = true\nuser_code_tries = 3").await;
    let guesses = (0..8).map(|number| {
        let code = format!("wrong {number}");
        let form = encode(&[("scope", "openid"), ("login_hint", "anna"), ("user_code", &code)]);
        let request = Request::post("/bc-authorize")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", basic("terminal", SECRET));
        world.send(request.body(Body::from(form)).unwrap())
    });
    for answer in join_all(guesses).await {
        answer.refused(400, "invalid_user_code", "V-008");
    }
    let row = world
        .stored()
        .into_iter()
        .find(|row| row.starts_with("accounts: sub-anna"));
    let row = row.unwrap();
    assert!(
        row.contains("Integer(3)"),
        "V-008: three were looked at, not eight: {row}"
    );
    let limit = countersign::domain::UserCodeLimit {
        tries: 3,
        first_wait: WAIT,
    };
    let sub = Subject::new("sub-anna");
    let next = world.storage.take_user_code_try(&sub, limit, START);
    assert_eq!(next.await.unwrap(), UserCodeTry::Wait, "V-008");
}

/// Proves R-112: what is stored is no code.
#[tokio::test]
async fn a_code_is_stored_hashed() {
    let world = world(ON).await;
    ask(&world, "terminal", "anna", Some(CODE)).await;
    let stored = world.stored().join("\n");
    assert!(!stored.contains(CODE), "R-112");
    let file = world.file();
    let found = file.windows(CODE.len()).any(|bytes| bytes == CODE.as_bytes());
    assert!(!found, "R-112: nowhere in the file");
}

/// Proves V-033: a wrong code, a locked person and a person that nobody knows take as long as each other.
#[tokio::test]
async fn nobody_learns_of_people_by_the_clock() {
    let world = world(ON).await;
    let time = async |person: &str, code: &str| {
        let mut fastest = Duration::MAX;
        for _ in 0..3 {
            let before = Instant::now();
            let answer = ask(&world, "terminal", person, Some(code)).await;
            fastest = fastest.min(before.elapsed());
            assert_eq!(answer.status, 400, "{}", answer.body);
        }
        fastest
    };
    let wrong = time("anna", "wrong").await;
    let unusable = time("anna", "x").await;
    let locked = time("anna", "wrong").await;
    let nobody = time("nobody", "wrong").await;
    for (who, took) in [("unusable", unusable), ("locked", locked), ("nobody", nobody)] {
        assert!(took * 3 > wrong, "V-033: {who} {took:?}, wrong {wrong:?}");
    }
}

/// Proves: in a signed request the claim is the code, and nothing beside it is.
#[tokio::test]
async fn in_a_signed_request_the_claim_is_the_code() {
    let world = world(ON).await;
    let (mut client, key) = signing_shop("signer", Algorithm::Es256);
    client.requests.user_code = true;
    world.add_client(client).await;
    let signed = |code: serde_json::Value| SignedRequest::of(&world, "signer").with("user_code", code).sign(&key);
    let right = world.ask_signed("signer", &signed(CODE.into())).await;
    assert_eq!(right.status, 200, "R-063: {}", right.body);
    let wrong = world.ask_signed("signer", &signed("wrong".into())).await;
    wrong.refused(400, "invalid_user_code", "R-111");
    let none = world.ask_signed("signer", &signed(serde_json::Value::Null)).await;
    none.refused(400, "missing_user_code", "R-111");
    let without = signed(serde_json::Value::Null);
    let beside = [("request", without.as_str()), ("user_code", CODE)];
    let beside = world.post_as("signer", "/bc-authorize", &beside).await;
    beside.refused(400, "invalid_request", "R-063: the code stands in what is signed");
    assert_eq!(asked(&world), 1, "R-111");
}
