//! Each way to break a rule, with the member that is named for it: `refusals.txt` has a row of ours, what is said over a client that polls, and the member.

use serde_json::Value;

use super::{
    By,
    tests::{jwks, operator, registered},
};

const TABLE: &str = include_str!("refusals.txt");

/// What the table writes shorter.
fn written_out(text: &str) -> String {
    let long = "n".repeat(129);
    [
        ("AUTH_ALG", "token_endpoint_auth_signing_alg"),
        ("AUTH", "token_endpoint_auth_method"),
        ("MODE", "backchannel_token_delivery_mode"),
        ("ENDPOINT", "backchannel_client_notification_endpoint"),
        ("SIGNING", "backchannel_authentication_request_signing_alg"),
        (
            "CODE",
            r#""grant_types": ["authorization_code"], "response_types": ["code"], "backchannel_token_delivery_mode": null"#,
        ),
        ("LONG", &long),
        ("JWKS", &jwks().to_string()),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (short, long)| text.replace(short, long))
}

/// Proves R-010, R-011, R-012, R-013, R-015, R-017, R-030, R-042, R-204, R-262, B-09, C-02, S-020, V-003, V-022, V-034 for registrations.
#[test]
fn each_rule_names_the_member_that_breaks_it() {
    let mut count = 0;
    for line in TABLE.lines() {
        let columns: Vec<&str> = line.split(" | ").collect();
        let [row, said, member] = columns[..] else {
            panic!("three columns: {line}")
        };
        let said: Value = serde_json::from_str(&written_out(said)).unwrap();
        let Err(error) = operator(&said) else {
            panic!("{row}: {said} is refused")
        };
        let member = written_out(member);
        assert!(error.starts_with(&format!("{member}: ")), "{row}: {said}: {error}");
        let allowed = |byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
        assert!(error.bytes().all(allowed), "R-128: {error}");
        count += 1;
    }
    assert_eq!(count, 76, "all of the table");
}

#[test]
fn nobody_shows_a_key_who_is_pushed_to() {
    let bound = serde_json::json!({
        "backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": "https://shop.example/cb",
        "dpop_bound_access_tokens": true,
    });
    let error = registered(By::Operator, "[op]\ndelivery_modes = [\"push\"]", &bound).unwrap_err();
    assert!(error.starts_with("backchannel_token_delivery_mode"), "R-187: {error}");
}
