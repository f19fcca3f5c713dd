//! A device from its first day to its last, at the real backend.

use countersign_authenticator::{AuthenticatorError, view::RequestState};
use countersign_e2e::{Backend, BackendOptions, Device, PIN, Person, RelyingParty};
use countersign_protocol::{DenyReason, PromptState, PushTarget};

/// S-022, S-053, S-054: receipts hold, keys rotate, names change, and a revoked device is told so.
#[tokio::test]
async fn a_device_keeps_receipts_rotates_its_keys_and_is_revoked_by_another() {
    let backend = Backend::start(&BackendOptions::default());
    let person = Person::add(&backend, "anna");
    let shop = RelyingParty::add(&backend, "shop", &[]).await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    let laptop = Device::pair(&backend, &person, "Anna's laptop").await;
    let (device, account) = (&phone.authenticator, phone.account_id.as_str());

    shop.start(&[("login_hint", "anna@mail.example"), ("binding_message", "4711")])
        .await;
    let request = phone.wait_for_request().await;
    let wrong = phone.approve(&request.handle, Some("4712")).await;
    assert_eq!(wrong.state, RequestState::Pending { tries_left: Some(1) }, "S-007");
    let approved = phone.approve(&request.handle, Some("4711")).await;
    assert!(matches!(approved.state, RequestState::Decided { ref settled } if settled.state == PromptState::Approved));

    let history = device.history(account, None).await.expect("the history can be read");
    assert_eq!(history.entries.len(), 1);
    assert!(history.entries[0].receipt_verified, "S-022: the receipt holds");
    let elsewhere = laptop
        .authenticator
        .history(&laptop.account_id, None)
        .await
        .expect("the history can be read");
    assert!(
        elsewhere.entries[0].receipt_verified,
        "S-022: on every device of the person"
    );

    device.rotate_keys(account, PIN).await.expect("keys rotate");
    device
        .update_push(account, PushTarget::Stream)
        .await
        .expect("the push target is replaced by the new key");
    shop.start(&[("login_hint", "anna@mail.example"), ("binding_message", "42")])
        .await;
    let request = phone.wait_for_request().await;
    let denied = phone.deny(&request.handle, DenyReason::NotMe).await;
    assert!(
        matches!(denied.state, RequestState::Decided { ref settled } if settled.state == PromptState::Denied),
        "S-054"
    );
    let history = device.history(account, None).await.expect("the history can be read");
    assert!(
        history.entries.iter().all(|entry| entry.receipt_verified),
        "S-054: old receipts hold after a rotation"
    );

    let devices = device.devices(account).await.expect("devices are listed").devices;
    assert_eq!(devices.len(), 2);
    assert!(
        devices[0].current && devices[0].name == "Anna's phone",
        "this device comes first"
    );
    device
        .rename_device(account, &devices[0].device_id, "Old phone")
        .await
        .expect("a device is renamed");
    assert_eq!(device.status().accounts[0].device_name, "Old phone");

    laptop
        .authenticator
        .revoke_device(&laptop.account_id, &devices[0].device_id)
        .await
        .expect("another device is revoked");
    countersign_e2e::eventually("the notice", std::time::Duration::from_secs(2), async || {
        device.status().accounts[0].removed.then_some(())
    })
    .await;
    let refused = device.devices(account).await;
    assert!(
        matches!(refused, Err(AuthenticatorError::DeviceRemoved)),
        "S-053: within two seconds, and for good"
    );
    let left = laptop
        .authenticator
        .sign_out(&laptop.account_id)
        .await
        .expect("the laptop signs out");
    assert!(left.accounts.is_empty());
}
