//! People of other providers: the choice, the sign-in, and providers that want to be taken for another.

use std::sync::Arc;

use countersign_authenticator::{
    AppEvent, Authenticator, AuthenticatorError, MemoryChannels,
    view::{AccountView, PairInput, PairingView, ProviderView},
};
use countersign_jose::{Algorithm, SigningKey};
use serde_json::json;
use url::Url;

use crate::{
    fake::Fake,
    fake_provider::{CLIENT, Proofs, Provider},
    kit::{deliver, device, pair_input, quick},
};

/// A backend that offers itself, `acme` and `evil`.
async fn backend(acme: &Provider, evil: &Provider) -> Fake {
    let fake = Fake::start().await;
    let own = json!({"issuer": fake.origin(), "title": "City", "client_id": "app", "scope": "openid"});
    fake.lock().providers = vec![own, acme.offer("Acme"), evil.offer("Acme")];
    for provider in [acme, evil] {
        let key = provider.lock().key.public_jwk();
        fake.lock().op_keys.insert(provider.issuer(), key);
    }
    fake
}

fn input(fake: &Fake, issuer: &str) -> PairInput {
    PairInput {
        issuer: Some(issuer.to_owned()),
        ..pair_input(fake)
    }
}

/// Pairs at `issuer`; `browse` is what happens between leaving for the provider and coming back.
async fn pair(
    device: &Arc<Authenticator>,
    channels: &mut MemoryChannels,
    fake: &Fake,
    issuer: &str,
    browse: impl FnOnce(&Url) -> Url,
) -> Result<AccountView, AuthenticatorError> {
    let input = input(fake, issuer);
    let pairing = tokio::spawn({
        let device = Arc::clone(device);
        async move { device.pair(input).await }
    });
    let url = channels.opened.recv().await.unwrap();
    deliver(&browse(&url)).await;
    pairing.await.unwrap()
}

/// What a pairing at `issuer` brings, where all goes as `browse` says.
async fn attempt(
    fake: &Fake,
    issuer: &str,
    browse: impl FnOnce(&Url) -> Url,
) -> Result<AccountView, AuthenticatorError> {
    let (device, mut channels) = device(quick(), Arc::default()).await;
    pair(&device, &mut channels, fake, issuer, browse).await
}

fn is_mismatch<T: std::fmt::Debug>(result: &Result<T, AuthenticatorError>) -> bool {
    matches!(result, Err(AuthenticatorError::SignInMismatch))
}

/// V-021: two providers may have one title; the place under it and the issuer behind it tell them apart.
#[tokio::test]
async fn the_person_chooses_the_provider_and_its_issuer_is_what_counts() {
    let (acme, evil) = (Provider::start().await, Provider::start().await);
    let fake = backend(&acme, &evil).await;
    let secrets = Arc::default();
    let (device, mut channels) = crate::kit::device(quick(), Arc::clone(&secrets)).await;
    let pairing = tokio::spawn({
        let (device, input) = (Arc::clone(&device), pair_input(&fake));
        async move { device.pair(input).await }
    });
    let providers: Vec<ProviderView> = loop {
        if let Some(AppEvent::Pairing(PairingView::ChooseProvider { providers })) = channels.events.recv().await {
            break providers;
        }
    };
    let titles: Vec<Option<&str>> = providers.iter().map(|provider| provider.title.as_deref()).collect();
    assert_eq!(titles, [Some("City"), Some("Acme"), Some("Acme")]);
    assert_ne!(providers[1].place, providers[2].place, "V-021: the places differ");
    assert_eq!(
        format!("http://{}", providers[1].place),
        acme.issuer(),
        "V-021: host, port and path"
    );
    assert!(channels.opened.try_recv().is_err(), "nobody is sent anywhere before");
    assert!(matches!(
        device.choose_provider("https://elsewhere.example"),
        Err(AuthenticatorError::NotFound)
    ));
    device.choose_provider(&acme.issuer()).unwrap();
    assert!(
        device.choose_provider(&evil.issuer()).is_err(),
        "V-021: an attempt has one provider"
    );
    let url = channels.opened.recv().await.unwrap();
    assert!(url.as_str().starts_with(&format!("{}/auth?", acme.issuer())));
    assert!(url.query().unwrap().contains(&format!("client_id={CLIENT}")));
    assert!(url.query().unwrap().contains("scope=openid+profile"));
    deliver(&acme.authorize(&url)).await;
    let account = pairing.await.unwrap().unwrap();
    let named = (account.issuer, account.title.as_deref(), account.backend);
    assert_eq!(named, (acme.issuer(), Some("Acme"), fake.origin()));
    drop(device);
    let (again, _channels) = crate::kit::device(quick(), secrets).await;
    assert_eq!(again.status().accounts[0].issuer, acme.issuer(), "V-021: pinned");
    assert_eq!(again.status().accounts[0].title.as_deref(), Some("Acme"));
}

#[tokio::test]
async fn an_issuer_that_is_not_offered_is_not_signed_in_at() {
    let (acme, evil) = (Provider::start().await, Provider::start().await);
    let fake = backend(&acme, &evil).await;
    let (device, mut channels) = device(quick(), Arc::default()).await;
    let refused = device.pair(input(&fake, "https://elsewhere.example")).await;
    assert!(matches!(refused, Err(AuthenticatorError::NotFound)), "{refused:?}");
    assert!(channels.opened.try_recv().is_err());
}

#[tokio::test]
async fn a_choice_that_waits_can_be_cancelled() {
    let (acme, evil) = (Provider::start().await, Provider::start().await);
    let fake = backend(&acme, &evil).await;
    let (device, mut channels) = device(quick(), Arc::default()).await;
    let pairing = tokio::spawn({
        let (device, input) = (Arc::clone(&device), pair_input(&fake));
        async move { device.pair(input).await }
    });
    while !matches!(
        channels.events.recv().await,
        Some(AppEvent::Pairing(PairingView::ChooseProvider { .. }))
    ) {}
    device.cancel_pairing();
    assert!(matches!(pairing.await.unwrap(), Err(AuthenticatorError::Cancelled)));
    assert!(device.choose_provider(&acme.issuer()).is_err(), "nobody asks any more");
}

/// V-021, RFC 9207: the evil provider sends the browser on to the honest one, where the person has a session. The honest provider's code
/// comes back to the device, which believes to be with the evil one - until the answer says whose it is.
#[tokio::test]
async fn a_provider_that_sends_the_browser_on_to_another_gets_no_code() {
    let (acme, evil) = (Provider::start().await, Provider::start().await);
    let fake = backend(&acme, &evil).await;
    let result = attempt(&fake, &evil.issuer(), |url| acme.authorize(url)).await;
    assert!(is_mismatch(&result), "V-021: {result:?}");
    assert_eq!(
        evil.lock().token_calls,
        0,
        "V-021: the honest provider's code stays here"
    );
    assert_eq!(acme.lock().token_calls, 0, "V-021");
    assert_eq!(fake.count("POST /bc-deviceRegistration"), 0, "V-021");
}

/// V-021: without `iss` nobody knows whose answer it is, whatever the metadata says of it.
#[tokio::test]
async fn an_answer_that_does_not_say_whose_it_is_is_not_taken() {
    for announced in [json!(true), json!(false)] {
        let (acme, evil) = (Provider::start().await, Provider::start().await);
        let fake = backend(&acme, &evil).await;
        let name = "authorization_response_iss_parameter_supported".to_owned();
        evil.lock().metadata.insert(name, announced);
        let result = attempt(&fake, &evil.issuer(), |url| {
            let back = acme.authorize(url);
            let kept = back.query().unwrap().split("&iss=").next().unwrap().to_owned();
            let mut back = back;
            back.set_query(Some(&kept));
            back
        })
        .await;
        assert!(is_mismatch(&result), "V-021: {result:?}");
        assert_eq!(evil.lock().token_calls, 0, "V-021: the code goes to nobody");
    }
}

/// V-021: an ID token that another provider gave out is worth nothing in the hands of the evil one, even with the right nonce, and even when
/// the evil one says that the other's keys are its own.
#[tokio::test]
async fn an_id_token_of_another_provider_registers_nobody() {
    for borrows_keys in [false, true] {
        let (acme, evil) = (Provider::start().await, Provider::start().await);
        let fake = backend(&acme, &evil).await;
        if borrows_keys {
            let theirs = json!(format!("{}/jwks", acme.issuer()));
            evil.lock().metadata.insert("jwks_uri".to_owned(), theirs);
        }
        let result = attempt(&fake, &evil.issuer(), |url| {
            let nonce = url.query_pairs().find(|(name, _)| name == "nonce").unwrap().1;
            let stolen = acme.id_token(&nonce);
            evil.lock().id_token = Some(stolen);
            evil.authorize(url)
        })
        .await;
        assert!(is_mismatch(&result), "V-021: {result:?}");
        assert_eq!(fake.count("POST /bc-deviceRegistration"), 0, "V-021");
    }
}

/// V-021: metadata of the evil provider that points at the honest one's endpoints or keys.
#[tokio::test]
async fn borrowed_endpoints_and_keys_make_nobody_somebody_else() {
    for borrowed in ["token_endpoint", "jwks_uri"] {
        let (acme, evil) = (Provider::start().await, Provider::start().await);
        let fake = backend(&acme, &evil).await;
        let end = if borrowed == "jwks_uri" { "jwks" } else { "token" };
        let theirs = json!(format!("{}/{end}", acme.issuer()));
        evil.lock().metadata.insert(borrowed.to_owned(), theirs);
        let result = attempt(&fake, &evil.issuer(), |url| {
            // Both gave a code of this name: the honest one's was asked for in another window.
            acme.authorize(url);
            evil.authorize(url)
        })
        .await;
        assert!(is_mismatch(&result), "V-021: {borrowed}: {result:?}");
        assert_eq!(fake.count("POST /bc-deviceRegistration"), 0, "V-021: {borrowed}");
    }
    let (acme, evil) = (Provider::start().await, Provider::start().await);
    let fake = backend(&acme, &evil).await;
    evil.lock().metadata.insert("issuer".to_owned(), json!(acme.issuer()));
    let (device, mut channels) = device(quick(), Arc::default()).await;
    let result = device.pair(input(&fake, &evil.issuer())).await;
    assert!(is_mismatch(&result), "V-021: the issuer of the metadata: {result:?}");
    assert!(channels.opened.try_recv().is_err(), "V-021: before the browser opens");
}

/// V-021: state, redirect and issuer belong to one attempt.
#[tokio::test]
async fn the_answer_to_an_earlier_attempt_is_passed_over() {
    let (acme, evil) = (Provider::start().await, Provider::start().await);
    let fake = backend(&acme, &evil).await;
    let (device, mut channels) = device(quick(), Arc::default()).await;
    let first = tokio::spawn({
        let (device, input) = (Arc::clone(&device), input(&fake, &evil.issuer()));
        async move { device.pair(input).await }
    });
    let old = evil.authorize(&channels.opened.recv().await.unwrap());
    let second = tokio::spawn({
        let (device, input) = (Arc::clone(&device), input(&fake, &acme.issuer()));
        async move { device.pair(input).await }
    });
    let url = channels.opened.recv().await.unwrap();
    assert!(matches!(first.await.unwrap(), Err(AuthenticatorError::Cancelled)));
    let right = acme.authorize(&url);
    assert_ne!(old.port(), right.port(), "V-021: each attempt listens for itself");
    let mut moved = old.clone();
    moved.set_port(right.port()).unwrap();
    assert!(deliver(&moved).await.starts_with("HTTP/1.1 400"), "V-021");
    deliver(&right).await;
    assert_eq!(second.await.unwrap().unwrap().issuer, acme.issuer());
    assert_eq!(evil.lock().token_calls, 0, "V-021");
}

/// S-027: where a provider takes proofs, the code and the tokens are for the device's key, which is the one that is registered.
#[tokio::test]
async fn the_devices_key_is_proved_where_the_provider_takes_proofs() {
    for (proofs, token_type, calls) in [
        (Proofs::NotKnown, "Bearer", 1),
        (Proofs::Taken, "DPoP", 1),
        (Proofs::Taken, "bearer", 1),
        (Proofs::WithNonce, "DPoP", 2),
    ] {
        let (acme, evil) = (Provider::start().await, Provider::start().await);
        let fake = backend(&acme, &evil).await;
        acme.lock().proofs = proofs;
        acme.lock().token_type = token_type;
        let account = attempt(&fake, &acme.issuer(), |url| {
            let asked = url.query().unwrap().contains("dpop_jkt=");
            assert_eq!(asked, proofs != Proofs::NotKnown, "RFC 9449 section 10: {proofs:?}");
            acme.authorize(url)
        })
        .await;
        assert!(account.is_ok(), "{proofs:?}, {token_type}: {account:?}");
        assert_eq!(acme.lock().token_calls, calls, "{proofs:?}: a nonce is answered once");
        let registered = fake.lock().pop.as_ref().map(countersign_jose::Jwk::thumbprint).unwrap();
        let proved = acme.lock().proved.clone();
        assert!(proved.iter().all(|key| *key == registered), "S-027: {proofs:?}");
    }
}

#[tokio::test]
async fn a_provider_that_asks_for_its_nonce_for_ever_is_asked_twice() {
    let (acme, evil) = (Provider::start().await, Provider::start().await);
    let fake = backend(&acme, &evil).await;
    acme.lock().proofs = Proofs::NeverEnough;
    let refused = attempt(&fake, &acme.issuer(), |url| acme.authorize(url)).await;
    assert!(matches!(refused, Err(AuthenticatorError::SignInRefused)), "{refused:?}");
    assert_eq!(acme.lock().token_calls, 2, "RFC 9449 section 8");
    acme.lock().proofs = Proofs::NotKnown;
    acme.lock().token_type = "DPoP";
    let bound = attempt(&fake, &acme.issuer(), |url| acme.authorize(url)).await;
    assert!(
        is_mismatch(&bound),
        "tokens bound to a key that nobody proved: {bound:?}"
    );
}

/// Phones read the ID tokens of the providers there are.
#[tokio::test]
async fn id_tokens_of_every_common_algorithm_are_read() {
    let rsa = include_bytes!("rsa-test-key.p8");
    for alg in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256] {
        let key = match alg {
            Algorithm::Rs256 | Algorithm::Ps256 => SigningKey::from_pkcs8(alg, rsa),
            _ => SigningKey::generate(alg),
        };
        let acme = Provider::signing(alg, key.unwrap()).await;
        let fake = backend(&acme, &Provider::start().await).await;
        let account = attempt(&fake, &acme.issuer(), |url| acme.authorize(url)).await;
        assert!(account.is_ok(), "{alg:?}: {account:?}");
    }
}

/// A provider whose documents cannot be read is no wrong address of the backend.
#[tokio::test]
async fn a_provider_that_is_away_is_named_as_what_is_at_fault() {
    let acme = Provider::start().await;
    let fake = backend(&acme, &Provider::start().await).await;
    acme.lock().metadata.insert("token_endpoint".to_owned(), json!(7));
    let (device, _channels) = device(quick(), Arc::default()).await;
    let refused = device.pair(input(&fake, &acme.issuer())).await;
    assert!(
        matches!(refused, Err(AuthenticatorError::ProviderUnusable)),
        "{refused:?}"
    );
}

/// The same name at two providers is two people, and one device holds both accounts.
#[tokio::test]
async fn accounts_of_several_providers_stand_side_by_side() {
    let (acme, club) = (Provider::start().await, Provider::start().await);
    let fake = backend(&acme, &club).await;
    let (device, mut channels) = device(quick(), Arc::default()).await;
    for provider in [&acme, &club] {
        provider.lock().subject = "anna".to_owned();
        let issuer = provider.issuer();
        pair(&device, &mut channels, &fake, &issuer, |url| provider.authorize(url))
            .await
            .unwrap();
    }
    acme.lock().subject = "bert".to_owned();
    pair(&device, &mut channels, &fake, &acme.issuer(), |url| acme.authorize(url))
        .await
        .unwrap();
    let again = pair(&device, &mut channels, &fake, &acme.issuer(), |url| acme.authorize(url)).await;
    assert!(matches!(again, Err(AuthenticatorError::AlreadyPaired)), "{again:?}");
    let issuers: Vec<String> = device
        .status()
        .accounts
        .into_iter()
        .map(|account| account.issuer)
        .collect();
    assert_eq!(issuers, [acme.issuer(), club.issuer(), acme.issuer()]);
}
