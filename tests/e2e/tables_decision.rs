//! Signed decisions with one thing wrong, in the envelope and inside: the documented `code`, and nothing decided.

#![expect(clippy::too_many_lines, reason = "tables are as long as what they list")]

use countersign_clock::{Clock as _, SystemClock};
use countersign_e2e::{
    Person, RawDevice, RelyingParty, Stage, Started,
    fault::{
        Fault::{Missing, Twice},
        check, is, spoilt, with_text,
    },
    http,
    raw_device::answered,
    snapshot,
    stage::refusal,
};
use countersign_jose::SigningKey;
use countersign_protocol::{DECISION_TYP, DecisionRequest, Pending, REQUEST_TYP, Verdict};
use serde_json::{Value, json};

/// Anna with two devices and two requests, Ben with one device.
struct Cast {
    stage: Stage,
    laptop: RawDevice,
    stranger: RawDevice,
    bank: RelyingParty,
    /// The request that is decided.
    started: Started,
    pending: Pending,
    /// The same, made for the laptop.
    on_laptop: Pending,
    /// The bank's request, which nobody decides.
    of_bank: Started,
    other: Pending,
}

impl Cast {
    async fn ready() -> Self {
        let stage = Stage::set().await;
        let laptop = RawDevice::register(&stage.backend, &stage.person, "Laptop").await;
        let ben = Person::add(&stage.backend, "ben");
        let stranger = RawDevice::register(&stage.backend, &ben, "Ben's").await;
        let bank = RelyingParty::add(&stage.backend, "bank", &[]).await;
        let of_bank = stage.ask_as(&bank, &[]).await;
        let other = stage.waiting().await;
        let started = stage.ask(&[]).await;
        let newer = |pending: &Pending| pending.handle != other.handle;
        let pending = stage.phone.pending().await.into_iter().find(newer).expect("it waits");
        let on_laptop = laptop.pending().await.into_iter().find(newer).expect("it waits");
        Self {
            stage,
            laptop,
            stranger,
            bank,
            started,
            pending,
            on_laptop,
            of_bank,
            other,
        }
    }
}

/// S-025: whatever is exchanged in a signed decision, it decides nothing.
#[tokio::test]
async fn decisions_with_one_thing_wrong_decide_nothing() {
    let cast = Cast::ready().await;
    let Cast {
        stage,
        pending,
        on_laptop,
        other,
        ..
    } = &cast;
    let (backend, phone) = (&stage.backend, &stage.phone);
    let path = format!("/ad/v1/requests/{}/decision", pending.handle);
    let before = snapshot::take(backend);

    let whole = serde_json::to_value(phone.decision(pending, Verdict::Approve, None)).expect("JSON");
    for (member, fault, status, code) in [
        ("request", Missing, 400, "invalid_body"),
        ("request", Twice, 400, "invalid_body"),
        ("request", is(7), 400, "invalid_body"),
        ("request", is(""), 400, "invalid_decision"),
        ("request", is(other.request.clone()), 400, "invalid_decision"),
        ("request", is(on_laptop.request.clone()), 400, "invalid_decision"),
        ("request", is("x".repeat(17_000)), 413, "too_large"),
        ("decision", Missing, 400, "invalid_body"),
        ("decision", Twice, 400, "invalid_body"),
        ("decision", is(json!([])), 400, "invalid_body"),
        ("decision", is(""), 400, "invalid_decision"),
        ("decision", is(pending.request.clone()), 400, "invalid_decision"),
        ("decision", is("x".repeat(17_000)), 413, "too_large"),
        ("unheard_of", is(true), 400, "invalid_body"),
    ] {
        let body = spoilt(&whole, member, &fault);
        let answer = answered(with_text(http().post(format!("{}{path}", backend.origin)), body)).await;
        check(&answer, status, code, &format!("decision {member}"));
    }

    assert_eq!(snapshot::take(backend), before, "S-025: nothing changed");
}

/// S-025: whatever is exchanged inside a signed decision, it decides nothing.
#[tokio::test]
async fn decisions_with_one_claim_wrong_decide_nothing() {
    let cast = Cast::ready().await;
    let Cast {
        stage,
        laptop,
        stranger,
        pending,
        other,
        ..
    } = &cast;
    let (backend, phone) = (&stage.backend, &stage.phone);
    let before = snapshot::take(backend);

    let now = SystemClock.now_seconds();
    let claims = serde_json::to_value(phone.claims(pending, Verdict::Approve, None)).expect("JSON");
    let signed = |key: &SigningKey, typ: &str, claims: &Value| DecisionRequest {
        request: pending.request.clone(),
        decision: key.sign(typ, claims).expect("a decision can be signed"),
    };
    let mut wrong: Vec<(String, DecisionRequest, u16, &str)> = Vec::new();
    for member in ["iss", "aud", "iat", "exp", "jti", "req", "rh", "dec"] {
        let text = spoilt(&claims, member, &Missing);
        let claims = serde_json::from_str(&text).expect("JSON");
        wrong.push((
            format!("no {member}"),
            signed(&phone.uv, DECISION_TYP, &claims),
            400,
            "invalid_decision",
        ));
    }
    for (member, value) in [
        ("iss", json!(laptop.id)),
        ("iss", json!(stranger.id)),
        ("aud", json!("http://127.0.0.1:1")),
        ("iat", json!(now - 600)),
        ("exp", json!(now + 600)),
        ("exp", json!(now - 60)),
        ("iat", json!("now")),
        ("jti", json!("")),
        ("req", json!(other.handle)),
        ("rh", json!(countersign_jose::digest::sha256_b64(&other.request))),
        ("dec", json!("maybe")),
        ("reason", json!("not_me")),
        ("match", json!("4711")),
        ("unheard_of", json!(1)),
        ("uv", json!({ "method": "pin", "time": now + 600 })),
    ] {
        let claims = serde_json::from_str(&spoilt(&claims, member, &is(value.clone()))).expect("JSON");
        wrong.push((
            format!("{member} {value}"),
            signed(&phone.uv, DECISION_TYP, &claims),
            400,
            "invalid_decision",
        ));
    }
    let unverified = serde_json::from_str(&spoilt(&claims, "uv", &Missing)).expect("JSON");
    let long_ago = serde_json::from_str(&spoilt(
        &claims,
        "uv",
        &is(json!({ "method": "pin", "time": now - 600 })),
    ))
    .expect("JSON");
    wrong.extend([
        (
            "no verification".to_owned(),
            signed(&phone.uv, DECISION_TYP, &unverified),
            403,
            "uv_required",
        ),
        (
            "verified long ago".to_owned(),
            signed(&phone.uv, DECISION_TYP, &long_ago),
            403,
            "uv_required",
        ),
        (
            "signed by the other key".to_owned(),
            signed(&phone.pop, DECISION_TYP, &claims),
            403,
            "uv_required",
        ),
        (
            "signed by another device".to_owned(),
            signed(&laptop.uv, DECISION_TYP, &claims),
            400,
            "invalid_decision",
        ),
        (
            "another type".to_owned(),
            signed(&phone.uv, REQUEST_TYP, &claims),
            400,
            "invalid_decision",
        ),
        (
            "another person".to_owned(),
            stranger.decision(pending, Verdict::Approve, None),
            400,
            "invalid_decision",
        ),
    ]);
    for (what, decision, status, code) in wrong {
        let answer = phone.submit(&pending.handle, &decision).await;
        check(&answer, status, code, &format!("S-025: {what}"));
        assert_eq!(snapshot::take(backend), before, "S-025: {what} changed something");
    }
    let decision = phone.decision(pending, Verdict::Approve, None);
    let misdirected = phone.submit(&other.handle, &decision).await;
    check(&misdirected, 400, "invalid_decision", "S-025: sent to another request");
    let unknown = Pending {
        handle: "unknown".into(),
        request: pending.request.clone(),
    };
    let unknown = phone
        .submit(&unknown.handle, &phone.decision(&unknown, Verdict::Approve, None))
        .await;
    check(&unknown, 400, "invalid_decision", "S-025: for a request that never was");
    assert_eq!(snapshot::take(backend), before, "S-025: nothing changed");

    assert_eq!(
        phone.submit(&pending.handle, &decision).await.0.as_u16(),
        200,
        "with nothing wrong it is taken"
    );
    stage.shop.poll(&cast.started.auth_req_id).await.expect("and redeemed");
    let others = refusal(cast.bank.poll(&cast.of_bank.auth_req_id).await);
    assert_eq!(
        others, "authorization_pending",
        "S-025: the other request was never touched"
    );
}
