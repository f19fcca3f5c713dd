//! A person with two devices, and what each hears of the other.

use std::{fs, process::Output, time::Duration};

use countersign_authenticator::{AppEvent, SecretStore as _, view::RequestState};
use countersign_e2e::{Backend, BackendOptions, Device, Person, RawDevice, RelyingParty, Stage, eventually, program};
use countersign_protocol::{PromptState, Verdict};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_one_device_decides_is_handled_elsewhere_for_the_other() {
    let stage = Stage::set().await;
    let laptop = Device::pair(&stage.backend, &stage.person, "Anna's laptop").await;
    for (verdict, state) in [
        (Verdict::Approve, PromptState::Approved),
        (Verdict::Deny, PromptState::Denied),
    ] {
        stage.ask(&[("binding_message", "W4SCT")]).await;
        let request = laptop.wait_for_request().await;
        stage.decide(verdict, None).await;
        let shown = eventually("the laptop to hear of it", PATIENCE, async || {
            let view = laptop.authenticator.request(&laptop.account_id, &request.handle).ok()?;
            matches!(view.state, RequestState::HandledElsewhere { .. }).then_some(view.state)
        })
        .await;
        let RequestState::HandledElsewhere { settled, by } = shown else {
            unreachable!("just matched")
        };
        assert_eq!(settled.state, state, "R-143: the laptop says how it ended");
        assert_eq!(by.name, "Anna's phone", "R-143: and where");
        let late = laptop.approve_late(&request).await;
        assert!(
            matches!(late, RequestState::HandledElsewhere { .. }),
            "R-143: a late approval changes nothing"
        );
    }
}

/// S-053: within two seconds the device knows, its keys are gone, and nothing it holds is worth anything.
#[tokio::test]
async fn a_revoked_device_wipes_its_keys_within_two_seconds_and_is_refused_everything() {
    let backend = Backend::start(&BackendOptions::default());
    let person = Person::add(&backend, "anna");
    let shop = RelyingParty::add(&backend, "shop", &[]).await;
    let laptop = RawDevice::register(&backend, &person, "Anna's laptop").await;
    let stolen = RawDevice::register(&backend, &person, "Stolen").await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    let (_, listed) = laptop.call(Method::GET, "/ad/v1/devices", None).await;
    let devices = listed["devices"].as_array().expect("devices are listed").clone();
    let id = |name: &str| {
        let device = devices.iter().find(|device| device["name"] == name);
        device.expect("it is listed")["device_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    shop.start(&[("login_hint", "anna")]).await;
    let pending = stolen.pending().await.remove(0);
    let in_the_drawer = stolen.decision(&pending, Verdict::Approve, None);

    for name in ["Anna's phone", "Stolen"] {
        let path = format!("/ad/v1/devices/{}", id(name));
        assert_eq!(laptop.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    }
    eventually("the notice", Duration::from_secs(2), async || {
        phone.authenticator.status().accounts[0].removed.then_some(())
    })
    .await;
    let mut told = false;
    while let Ok(event) = phone.channels.lock().await.events.try_recv() {
        told |= matches!(event, AppEvent::Status(status) if status.accounts.iter().any(|account| account.removed));
    }
    assert!(told, "S-053: the window is told");
    eventually("the keys to be gone", Duration::from_secs(2), async || {
        let secrets = phone.host.memory_secrets();
        let mut kept = String::new();
        for name in secrets.names() {
            kept += secrets.get(&name).await.expect("memory answers")?.expose();
        }
        let wiped = !kept.contains("pop_key") && !kept.contains("device_session");
        (wiped && secrets.names().len() == 2).then_some(())
    })
    .await;
    assert!(
        phone.authenticator.inbox().requests.is_empty(),
        "S-053: nothing is shown any more"
    );

    for path in ["/ad/v1/requests", "/ad/v1/history", "/ad/v1/devices", "/ad/v1/stream"] {
        let (status, body) = stolen.call(Method::GET, path, None).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::UNAUTHORIZED, &json!("device_removed")),
            "S-053: {path}"
        );
    }
    let (status, body) = stolen.submit(&pending.handle, &in_the_drawer).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNAUTHORIZED, &json!("device_removed")),
        "S-053: a decision that was signed before counts no more"
    );
    assert_eq!(
        laptop.pending().await.len(),
        1,
        "the request still waits for the device that is left"
    );
}

#[tokio::test]
async fn a_device_that_signs_out_is_gone_from_the_list_and_keeps_nothing() {
    let backend = Backend::start(&BackendOptions::default());
    let person = Person::add(&backend, "anna");
    let laptop = RawDevice::register(&backend, &person, "Anna's laptop").await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    let names = async || {
        let (_, listed) = laptop.call(Method::GET, "/ad/v1/devices", None).await;
        let devices = listed["devices"].as_array().expect("devices are listed").clone();
        devices
            .iter()
            .map(|device| device["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    let own = phone
        .authenticator
        .devices(&phone.account_id)
        .await
        .expect("devices are listed")
        .devices;
    phone
        .authenticator
        .rename_device(&phone.account_id, &own[0].device_id, "Pocket")
        .await
        .expect("a device is renamed");
    assert_eq!(
        names().await,
        ["Anna's laptop", "Pocket"],
        "S-054: the other device reads the new name"
    );
    let left = phone
        .authenticator
        .sign_out(&phone.account_id)
        .await
        .expect("the device signs out");
    assert!(left.accounts.is_empty());
    assert_eq!(names().await, ["Anna's laptop"], "S-053: the backend has forgotten it");
    assert_eq!(
        phone.host.memory_secrets().names(),
        ["accounts"],
        "nothing but an empty list is kept"
    );
}

fn verify(receipt: &str) -> Output {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    fs::write(file.path(), receipt).expect("the receipt can be written");
    std::process::Command::new(program::build("countersign", "countersign", &[]))
        .arg("verify")
        .arg(file.path())
        .output()
        .expect("the command can be started")
}

/// S-022: the receipt proves the decision to anybody, offline, and proves nothing once a byte of it is changed.
#[tokio::test]
async fn a_receipt_is_good_as_it_was_saved_and_with_one_byte_changed_it_is_not() {
    let backend = Backend::start(&BackendOptions::default());
    let person = Person::add(&backend, "anna");
    let shop = RelyingParty::add(&backend, "shop", &[]).await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    let parameters = [("login_hint", "anna"), ("binding_message", "Pay 42.00 EUR")];
    shop.start(&parameters).await;
    let request = phone.wait_for_request().await;
    phone.approve(&request.handle, None).await;
    let receipt = phone.authenticator.receipt(&phone.account_id, &request.handle).await;
    let receipt = receipt.expect("there is a receipt");
    drop(backend);

    let good = verify(&receipt);
    let words = String::from_utf8_lossy(&good.stdout).into_owned();
    assert_eq!(
        good.status.code(),
        Some(0),
        "S-022: {words}{}",
        String::from_utf8_lossy(&good.stderr)
    );
    for expected in [
        "The receipt is good",
        "Demo Shop",
        "\"Pay 42.00 EUR\"",
        "APPROVED",
        "by PIN",
    ] {
        assert!(words.contains(expected), "S-022: it says {expected:?}: {words}");
    }
    let members: Value = serde_json::from_str(&receipt).expect("a receipt is JSON");
    for path in ["/request", "/decision", "/device_key/x", "/request_key/y"] {
        let text = members.pointer(path).and_then(Value::as_str).expect("a text");
        let step = (text.len() / 12).max(1);
        for index in (0..text.len()).step_by(step).chain([text.len() - 1]) {
            let mut bytes = text.as_bytes().to_vec();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let mut changed = members.clone();
            *changed.pointer_mut(path).expect("it is there") = String::from_utf8(bytes).expect("ASCII").into();
            let bad = verify(&changed.to_string());
            assert_eq!(bad.status.code(), Some(1), "S-022: byte {index} of {path} is changed");
            assert!(bad.stdout.is_empty(), "S-022: and nothing is said to be proved");
        }
    }
}
