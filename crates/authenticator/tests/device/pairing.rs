//! From an address to an account.

use std::sync::Arc;

use countersign_authenticator::{AppEvent, AuthenticatorError, MemorySecrets, view::PairingView};

use crate::{
    fake::Fake,
    kit::{Kit, device, pair, pair_input, quick},
};

/// S-047, R-272: the sign-in pairs the device.
#[tokio::test]
async fn signing_in_pairs_the_device_and_the_account_survives_a_restart() {
    let fake = Fake::start().await;
    let mut kit = Kit::paired(&fake, quick()).await;
    let steps: Vec<&str> = kit
        .events()
        .into_iter()
        .filter_map(|event| match event {
            AppEvent::Pairing(step) => Some(match step {
                PairingView::Resolving => "resolving",
                PairingView::ChooseProvider { .. } => "choose",
                PairingView::WaitingForBrowser { .. } => "browser",
                PairingView::Verifying => "verifying",
                PairingView::Registering => "registering",
                PairingView::Done { .. } => "done",
                PairingView::Failed { .. } => "failed",
            }),
            _ => None,
        })
        .collect();
    assert_eq!(steps, ["resolving", "browser", "verifying", "registering", "done"]);
    let secrets = Arc::clone(&kit.secrets);
    drop(kit);
    let (again, _channels) = device(quick(), secrets).await;
    let accounts = again.status().accounts;
    assert_eq!(accounts.len(), 1);
    assert_eq!(
        (accounts[0].name.as_str(), accounts[0].device_name.as_str()),
        ("Anna", "Robot")
    );
    again.start();
    crate::kit::eventually("loaded", || again.inbox().loaded.then_some(())).await;
}

/// R-269, V-021: the answer of another issuer ends the sign-in.
#[tokio::test]
async fn an_answer_from_another_issuer_is_not_exchanged() {
    let fake = Fake::start().await;
    let (device, mut channels) = device(quick(), Arc::default()).await;
    let result = pair(&device, &mut channels, &fake, |back| {
        let query = back.query().unwrap().split("&iss=").next().unwrap().to_owned();
        back.set_query(Some(&format!("{query}&iss=https%3A%2F%2Fevil.example")));
    })
    .await;
    assert!(matches!(result, Err(AuthenticatorError::SignInMismatch)));
    assert_eq!(fake.count("POST /token"), 0, "V-021: the code goes to nobody");
}

/// V-021: metadata that claims to be of another issuer is not used.
#[tokio::test]
async fn metadata_of_another_issuer_is_refused_before_the_browser_opens() {
    let fake = Fake::start().await;
    fake.lock().evil_issuer = Some("https://evil.example".to_owned());
    let (device, mut channels) = device(quick(), Arc::default()).await;
    let result = device.pair(pair_input(&fake)).await;
    assert!(matches!(result, Err(AuthenticatorError::SignInMismatch)));
    assert!(
        channels.opened.try_recv().is_err(),
        "V-021: the person is not sent anywhere"
    );
}

#[tokio::test]
async fn bad_pins_and_bad_addresses_are_refused_before_anything_is_sent() {
    let fake = Fake::start().await;
    let (device, _channels) = device(quick(), Arc::default()).await;
    let mut input = pair_input(&fake);
    input.pin = "123456".to_owned();
    assert!(matches!(
        device.pair(input).await,
        Err(AuthenticatorError::PinMalformed)
    ));
    let mut input = pair_input(&fake);
    input.backend = input.backend.replace("127.0.0.1", "localhost");
    assert!(
        matches!(device.pair(input).await, Err(AuthenticatorError::AddressRefused)),
        "S-051: http on loopback alone"
    );
    assert!(fake.lock().calls.is_empty());
    let mut input = pair_input(&fake);
    input.backend = "http://127.0.0.1:9".to_owned();
    assert!(matches!(device.pair(input).await, Err(AuthenticatorError::Offline(_))));
}

#[tokio::test]
async fn a_cancelled_sign_in_leaves_nothing_behind_and_another_can_follow() {
    let fake = Fake::start().await;
    let secrets = Arc::new(MemorySecrets::default());
    let (device, mut channels) = device(quick(), Arc::clone(&secrets)).await;
    let pairing = tokio::spawn({
        let (device, input) = (Arc::clone(&device), pair_input(&fake));
        async move { device.pair(input).await }
    });
    let url = channels.opened.recv().await.unwrap();
    device.reopen_browser().await.unwrap();
    assert_eq!(
        channels.opened.recv().await.unwrap(),
        url,
        "the browser opens again at the same address"
    );
    device.cancel_pairing();
    assert!(matches!(pairing.await.unwrap(), Err(AuthenticatorError::Cancelled)));
    assert!(secrets.names().is_empty(), "no key is kept of a device that is none");
    assert!(device.reopen_browser().await.is_err());
    pair(&device, &mut channels, &fake, |_| {}).await.unwrap();
}

#[tokio::test]
async fn an_account_is_paired_once() {
    let fake = Fake::start().await;
    let mut kit = Kit::paired(&fake, quick()).await;
    let again = pair(&kit.device, &mut kit.channels, &fake, |_| {}).await;
    assert!(matches!(again, Err(AuthenticatorError::AlreadyPaired)));
    assert_eq!(
        fake.count("POST /bc-deviceRegistration"),
        2,
        "one registration, asked twice for the nonce"
    );
}

/// S-053: signing out revokes the device and wipes its keys, reachable or not.
#[tokio::test]
async fn signing_out_wipes_everything_even_when_the_backend_is_away() {
    for away in [false, true] {
        let fake = Fake::start().await;
        let kit = Kit::paired(&fake, quick()).await;
        assert!(kit.secrets.names().len() >= 3);
        fake.lock().unavailable = away;
        let status = kit.device.sign_out(&kit.account).await.unwrap();
        assert!(status.accounts.is_empty());
        assert_eq!(
            kit.secrets.names(),
            ["accounts"],
            "S-053: only the empty list of accounts is left"
        );
        assert_eq!(fake.lock().removed, !away, "the backend is told when it can be");
    }
}
