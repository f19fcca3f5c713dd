//! `/ad/v1/user-code`: the person sets the code that clients have to bring (CIBA Core section 7.1.2).

use countersign::{
    domain::UserCodeLimit,
    storage::{UserCodeTry, UserCodes as _},
};
use countersign_clock::Clock as _;
use countersign_jose::{SigningKey, password};
use countersign_protocol::{Subject, USER_CODE_TYP};
use serde_json::{Value, json};

use crate::{
    device_actor::{TestDevice, fresh},
    device_world::{Answer, ORIGIN, START, World},
};

const ON: &str = "[op]\nuser_code = true";
const PATH: &str = "/ad/v1/user-code";
const CODE: &str = "blue moon 7";

fn claims(device: &TestDevice, code: &Value) -> Value {
    let now = device.world.clock.now_seconds();
    json!({"iss": device.id, "aud": ORIGIN, "iat": now, "exp": now + 60, "jti": fresh(), "user_code": code})
}

async fn put(device: &TestDevice, key: &SigningKey, typ: &str, claims: &Value) -> Answer {
    let statement = key.sign(typ, claims).unwrap();
    device.call("PUT", PATH, Some(json!({"statement": statement}))).await
}

pub async fn set(device: &TestDevice, code: impl Into<Value>) -> Answer {
    put(device, &device.uv, USER_CODE_TYP, &claims(device, &code.into())).await
}

async fn state(device: &TestDevice) -> Value {
    device.call("GET", PATH, None).await.json()
}

/// Whether the code of this person is `code`.
async fn has(world: &World, person: &str, code: &str) -> bool {
    let limit = UserCodeLimit {
        tries: 100,
        first_wait: 1,
    };
    let sub = Subject::new(format!("sub-{person}"));
    match world.storage.take_user_code_try(&sub, limit, START).await.unwrap() {
        UserCodeTry::Try(hash) => password::verify(code, &hash).unwrap(),
        UserCodeTry::NoCode | UserCodeTry::Wait => false,
    }
}

/// Proves R-113: the person sets, changes and takes away the code on a device.
#[tokio::test]
async fn a_person_sets_changes_and_takes_away_the_code() {
    let world = World::with(ON).await;
    let phone = TestDevice::registered(&world, "anna").await;
    let laptop = TestDevice::registered(&world, "anna").await;
    let of_ben = TestDevice::registered(&world, "ben").await;
    assert_eq!(state(&phone).await, json!({"offered": true, "set": false}), "R-113");
    assert_eq!(set(&phone, CODE).await.status, 204, "R-113: set");
    assert!(has(&world, "anna", CODE).await, "R-113");
    assert_eq!(
        state(&laptop).await,
        json!({"offered": true, "set": true}),
        "R-113: on every device"
    );
    assert_eq!(
        state(&of_ben).await,
        json!({"offered": true, "set": false}),
        "R-113: hers alone"
    );
    assert_eq!(set(&laptop, " Zu\u{308}rich ").await.status, 204, "R-113: changed");
    assert!(has(&world, "anna", "Z\u{fc}rich").await, "R-113: as it is read");
    assert_eq!(set(&phone, Value::Null).await.status, 204, "R-113: taken away");
    assert_eq!(state(&phone).await, json!({"offered": true, "set": false}), "R-113");
    assert_eq!(set(&phone, Value::Null).await.status, 204, "twice is no mistake");
}

/// Proves R-112: a code follows rules, and is not what the person signs in with.
#[tokio::test]
async fn a_code_that_is_no_code_is_refused() {
    let world = World::with(ON).await;
    let device = TestDevice::registered(&world, "anna").await;
    assert_eq!(set(&device, CODE).await.status, 204);
    for (code, why) in [
        (json!(""), "empty"),
        (json!("123"), "too short"),
        (json!("x".repeat(65)), "too long"),
        (json!("x".repeat(4000)), "far too long"),
        (json!("12\u{200b}34"), "something that cannot be seen"),
    ] {
        let answer = set(&device, code).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (422, "user_code_malformed"),
            "R-112: {why}"
        );
    }
    set(&device, "the password of anna")
        .await
        .refused(422, "user_code_is_password");
    for code in [json!(1234), json!(["1234"]), json!({})] {
        set(&device, code).await.refused(400, "invalid_statement");
    }
    assert!(has(&world, "anna", CODE).await, "R-112: the old one holds");
}

/// Proves R-113: only a statement of this device's user-verification key, for this backend and of this minute, changes anything, and once.
#[tokio::test]
async fn a_statement_that_does_not_verify_changes_no_code() {
    let world = World::with(ON).await;
    let device = TestDevice::registered(&world, "anna").await;
    let other = TestDevice::registered(&world, "anna").await;
    let good = claims(&device, &CODE.into());
    let now = world.clock.now_seconds();
    for (name, value) in [
        ("iss", json!(other.id)),
        ("aud", json!("https://other.example")),
        ("exp", json!(now + 61)),
        ("exp", json!(now - 6)),
        ("iat", json!(now + 6)),
        ("jti", json!("")),
        ("jti", json!("j".repeat(129))),
        ("more", json!(1)),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        let answer = put(&device, &device.uv, USER_CODE_TYP, &claims).await;
        assert_eq!(answer.code(), "invalid_statement", "R-113: {name}");
    }
    for name in ["iss", "aud", "iat", "exp", "jti", "user_code"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        let answer = put(&device, &device.uv, USER_CODE_TYP, &claims).await;
        assert_eq!(answer.code(), "invalid_statement", "R-113: without {name}");
    }
    for (key, typ, why) in [
        (&device.pop, USER_CODE_TYP, "the key without a gate"),
        (&other.uv, USER_CODE_TYP, "another device's key"),
        (&device.uv, "countersign-decision+jwt", "another kind"),
        (&device.uv, "JWT", "no kind"),
    ] {
        let answer = put(&device, key, typ, &good).await;
        assert_eq!(answer.code(), "invalid_statement", "R-113: {why}");
    }
    assert!(!has(&world, "anna", CODE).await, "R-113: nothing changed");
    assert_eq!(put(&device, &device.uv, USER_CODE_TYP, &good).await.status, 204);
    assert_eq!(set(&device, Value::Null).await.status, 204);
    put(&device, &device.uv, USER_CODE_TYP, &good)
        .await
        .refused(400, "invalid_statement");
    assert!(
        !has(&world, "anna", CODE).await,
        "R-113: an old statement brings no old code back"
    );
    let body = json!({"statement": "x".repeat(16_385)});
    device.call("PUT", PATH, Some(body)).await.refused(413, "too_large");
    device
        .call("PUT", PATH, Some(json!({})))
        .await
        .refused(400, "invalid_body");
    let body = json!({"statement": "x"}).to_string();
    let anonymous = device.call_with("PUT", PATH, None, Some(body)).await;
    anonymous.refused(401, "invalid_token");
}

/// Proves R-110: where codes are not asked for, nobody is invited to have one.
#[tokio::test]
async fn without_codes_there_is_nothing_to_set() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    assert_eq!(state(&device).await, json!({"offered": false, "set": false}), "R-110");
    set(&device, CODE).await.refused(404, "not_found");
}

/// Proves R-112: a new code ends the wait that wrong ones brought.
#[tokio::test]
async fn a_new_code_ends_the_wait() {
    let world = World::with(ON).await;
    let device = TestDevice::registered(&world, "anna").await;
    assert_eq!(set(&device, CODE).await.status, 204);
    let sub = Subject::new("sub-anna");
    let limit = UserCodeLimit {
        tries: 1,
        first_wait: 900_000,
    };
    let take = || world.storage.take_user_code_try(&sub, limit, START);
    take().await.unwrap();
    assert_eq!(take().await.unwrap(), UserCodeTry::Wait);
    assert_eq!(set(&device, CODE).await.status, 204);
    assert!(matches!(take().await.unwrap(), UserCodeTry::Try(_)), "R-112");
}
