//! People of another provider: they sign in there, and register their device here. Both are real; the other one is a backend of ours.

use countersign_authenticator::{
    AppEvent, AuthenticatorError,
    view::{PairInput, PairingView, RequestState},
};
use countersign_e2e::{Backend, BackendOptions, Device, PIN, Person, RelyingParty};
use countersign_protocol::{DenyReason, PromptState};

/// A provider that has to be told a nonce, and a backend whose devices its people may have.
fn both() -> (Backend, Backend) {
    let acme = Backend::start(&BackendOptions::with("[op]\ndpop_nonce = true\n"));
    let config = format!(
        "[[connectors.keycloak]]\nname = \"acme\"\nissuer = \"{}\"\ntitle = \"Acme\"\napp_client_id = \"countersign-app\"\napp_scope = \"openid profile\"\n",
        acme.origin
    );
    let backend = Backend::start(&BackendOptions::with(&config));
    (acme, backend)
}

/// V-012, V-021: one device, the same name at two providers: two people, two accounts, and each hears of its own requests alone.
#[tokio::test]
async fn one_device_holds_the_accounts_of_two_providers_side_by_side() {
    let (acme, backend) = both();
    let there = Person::add(&acme, "anna");
    let here = Person::add(&backend, "anna");
    let device = Device::pair(&backend, &here, "Anna's phone").await;
    let browse = async |url: &url::Url| {
        assert!(
            url.as_str().starts_with(&acme.origin),
            "V-021: she signs in at the provider that was chosen"
        );
        there.sign_in_and_return(url).await;
    };
    let other = device
        .pair_another(&backend.origin, Some(&acme.origin), "Anna's phone", browse)
        .await;
    let accounts = device.authenticator.status().accounts;
    let shown: Vec<(&str, Option<&str>)> = accounts
        .iter()
        .map(|account| (account.issuer.as_str(), account.title.as_deref()))
        .collect();
    assert_eq!(
        shown[1],
        (acme.origin.as_str(), Some("Acme")),
        "V-021: pinned, with what people call it"
    );
    assert_eq!(shown[0].0, backend.origin);
    assert_eq!(accounts[1].id, other);

    let shop = RelyingParty::add(&backend, "shop", &[]).await;
    shop.start(&[("login_hint", "anna@mail.example"), ("binding_message", "W4SCT")])
        .await;
    let request = device.wait_for_request().await;
    assert_eq!(
        request.account_id, device.account_id,
        "V-012: the request of one Anna is not the other's"
    );
    let as_other = device
        .authenticator
        .deny(countersign_authenticator::view::DenyInput {
            account_id: other.clone(),
            handle: request.handle.clone(),
            reason: DenyReason::NotMe,
        })
        .await;
    assert!(
        matches!(as_other, Err(AuthenticatorError::NotFound)),
        "V-012: {as_other:?}"
    );
    let approved = device.approve(&request.handle, None).await;
    assert!(
        matches!(approved.state, RequestState::Decided { ref settled } if settled.state == PromptState::Approved && settled.delivery.is_none()),
        "the embedded provider needs no telling: {approved:?}"
    );
}

/// V-021: where several are offered the device asks, and goes nowhere before the answer.
#[tokio::test]
async fn the_device_asks_where_the_person_signs_in() {
    let (acme, backend) = both();
    let there = Person::add(&acme, "berta");
    let device = Device::unpaired("Berta's phone", countersign_authenticator::Timing::default()).await;
    let input = PairInput {
        backend: backend.origin.clone(),
        device_name: "Berta's phone".to_owned(),
        pin: PIN.to_owned(),
        issuer: None,
    };
    let answering = async {
        let mut channels = device.channels.lock().await;
        let providers = loop {
            let event = channels.events.recv().await.expect("the device tells how far it is");
            if let AppEvent::Pairing(PairingView::ChooseProvider { providers }) = event {
                break providers;
            }
        };
        let issuers: Vec<&str> = providers.iter().map(|provider| provider.issuer.as_str()).collect();
        assert_eq!(issuers, [backend.origin.as_str(), acme.origin.as_str()]);
        assert!(
            channels.opened.try_recv().is_err(),
            "V-021: nobody is sent anywhere yet"
        );
        device
            .authenticator
            .choose_provider(&acme.origin)
            .expect("what is offered can be chosen");
        let url = channels.opened.recv().await.expect("the device opens the browser");
        there.sign_in_and_return(&url).await;
    };
    let (paired, ()) = tokio::join!(device.authenticator.pair(input), answering);
    assert_eq!(paired.expect("the device pairs").issuer, acme.origin);
}
