//! Authorization details from the client to the screen to the token: nothing on the way changes a digit.

use countersign_authenticator::view::RequestState;
use countersign_e2e::{Backend, BackendOptions, Device, Person, RelyingParty};
use countersign_protocol::{DetailValue, PromptState};

const TYPES: &str = r#"
[op]
interval = 1

[op.authorization_details.transfer]
title = "Move units"
first = ["/units"]
labels = { "/units" = "Units" }
schema = { required = ["type", "units"], properties = { units = { type = "integer" }, fee = { type = "number" } } }
"#;

/// Proves R-268: what the client wrote is what the person sees, what is signed, and what the token says.
#[tokio::test]
async fn a_long_number_arrives_digit_by_digit_everywhere() {
    let backend = Backend::start(&BackendOptions::with(TYPES));
    let person = Person::add(&backend, "anna");
    let types = "authorization_details_types=[\"transfer\"]";
    let bank = RelyingParty::add(&backend, "bank", &["--set", types]).await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    let sent = r#"[{"units":12345678901234567890, "type":"transfer","fee":12.10}]"#;

    let started = bank
        .start(&[("login_hint", "anna@mail.example"), ("authorization_details", sent)])
        .await;
    let request = phone.wait_for_request().await;
    let content = request.content.as_ref().expect("the request object verifies");
    let details = content.details.as_ref().expect("R-268: the device has the details");
    assert_eq!(
        details[0].title.as_deref(),
        Some("Move units"),
        "R-141: in the operator's words"
    );
    let line = |path: &str| {
        let rows = details[0].first.iter().chain(&details[0].rest);
        let row = rows.into_iter().find(|row| row.path == path);
        row.unwrap_or_else(|| panic!("S-016: {path} has a line")).clone()
    };
    let number = |text: &str| DetailValue::Number { text: text.to_owned() };
    assert_eq!(details[0].first.len(), 1, "{details:?}");
    assert_eq!(
        line("/units").value,
        number("12345678901234567890"),
        "R-268: shown exactly"
    );
    assert_eq!(line("/units").label.as_deref(), Some("Units"));
    assert_eq!(line("/fee").value, number("12.10"), "R-268: shown exactly");

    let decided = phone.approve(&request.handle, None).await;
    let RequestState::Decided { settled } = &decided.state else {
        panic!("{decided:?}")
    };
    assert_eq!(settled.state, PromptState::Approved);
    let form = [
        ("grant_type", countersign_protocol::CIBA_GRANT),
        ("auth_req_id", started.auth_req_id.as_str()),
    ];
    let (status, body) = bank
        .try_post_for_text("token_endpoint", &form)
        .await
        .expect("the provider answers");
    assert_eq!(status, 200, "{body}");
    let granted = format!("\"authorization_details\":{sent}");
    assert!(
        body.contains(&granted),
        "R-268: the token response, to the byte: {body}"
    );
}
