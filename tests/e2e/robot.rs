//! The robot as a process: it decides as it is told, and says so only when the backend has taken it.

use countersign_e2e::{Backend, BackendOptions, Person, RelyingParty, Stage, robot::Robot};
use countersign_protocol::Verdict;
use reqwest::StatusCode;
use serde_json::json;

const SHOW: [&str; 2] = ["--binding-mode", "show"];

/// Proves R-238: its answer waits for the backend and for no client.
#[tokio::test]
async fn the_robot_approves_and_denies_what_it_is_told_to() {
    let mut backend = Backend::start(&BackendOptions::with("[consent]\nsupersede = false\n"));
    let (anna, ben) = (Person::add(&backend, "anna"), Person::add(&backend, "ben"));
    let shop = RelyingParty::add(&backend, "shop", &SHOW).await;
    let robot = Robot::start(&backend, &[&anna, &ben], 30);

    // Three requests at two devices, decided at once and found in three ways; the number is shown, not typed.
    let first = shop.start(&[("login_hint", "anna"), ("binding_message", "4711")]).await;
    let second = shop
        .start(&[("login_hint", "anna"), ("binding_message", "W4SCT")])
        .await;
    let third = shop.start(&[("login_hint", "ben")]).await;
    let (by_id, by_message, by_hint) = (
        [("auth_req_id", first.auth_req_id.as_str()), ("action", "allow")],
        [("binding_message", "W4SCT"), ("action", "deny")],
        [("login_hint", "ben"), ("action", "approve")],
    );
    let answers = tokio::join!(robot.decide(&by_id), robot.decide(&by_message), robot.decide(&by_hint));
    let approved = (StatusCode::OK, json!({ "state": "approved" }));
    assert_eq!(answers.0, approved, "found by auth_req_id");
    assert_eq!(
        answers.1,
        (StatusCode::OK, json!({ "state": "denied" })),
        "found by its message"
    );
    assert_eq!(answers.2, approved, "found by its person");
    let tokens = shop.poll(&first.auth_req_id).await.expect("2xx means redeemable");
    assert_eq!(
        tokens.claims["amr"],
        json!(["swk", "pin"]),
        "the robot has really used its PIN"
    );
    assert_eq!(shop.poll(&second.auth_req_id).await.unwrap_err().0, "access_denied");
    shop.poll(&third.auth_req_id).await.expect("2xx means redeemable");

    // The backend goes and comes back; the devices find it again by themselves.
    backend.kill();
    backend.restart();
    let fourth = shop.start(&[("login_hint", "ben")]).await;
    let query = [("auth_req_id", fourth.auth_req_id.as_str()), ("action", "approve")];
    assert_eq!(robot.decide(&query).await, approved, "after a restart of the backend");
    assert_eq!(robot.decide(&query).await, approved, "what it has decided so stays so");
    let (status, body) = robot.decide(&[query[0], ("action", "deny")]).await;
    assert_eq!(
        (status, &body["state"]),
        (StatusCode::CONFLICT, &json!("approved")),
        "{body}"
    );
}

#[tokio::test]
async fn the_robot_says_why_it_did_not_decide() {
    let stage = Stage::set().await;
    let robot = Robot::start(&stage.backend, &[&stage.person], 2);
    let shop = RelyingParty::add(&stage.backend, "kiosk", &SHOW).await;

    let unknown = [("auth_req_id", "nobody-knows-this-one"), ("action", "approve")];
    assert_eq!(
        robot.decide(&unknown).await.0,
        StatusCode::NOT_FOUND,
        "after its bounded wait"
    );
    let wrong = [("auth_req_id", "x"), ("action", "perhaps")];
    assert_eq!(robot.decide(&wrong).await.0, StatusCode::BAD_REQUEST);

    // Another device of the same person was first.
    let started = shop.start(&[("login_hint", "anna")]).await;
    stage.decide(Verdict::Deny, None).await;
    let query = [("auth_req_id", started.auth_req_id.as_str()), ("action", "approve")];
    let (status, body) = robot.decide(&query).await;
    assert_eq!(
        (status, &body["state"]),
        (StatusCode::CONFLICT, &json!("denied")),
        "{body}"
    );

    // This client's numbers have to be typed, and only the other screen shows them.
    let started = stage.ask(&[("binding_message", "4711")]).await;
    let query = [("auth_req_id", started.auth_req_id.as_str()), ("action", "approve")];
    let (status, body) = robot.decide(&query).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    let query = [query[0], ("action", "deny")];
    assert_eq!(robot.decide(&query).await.0, StatusCode::OK, "a denial needs no number");
}
