//! The real window, driven by WebDriver; a person in a real browser; a client over HTTP.

use std::time::Duration;

use countersign_authenticator::view::RequestState;
use countersign_e2e::{
    Backend, BackendOptions, Device, Person, PollError, RelyingParty, Started,
    desktop::{Desktop, Keyring},
    driver::{Session, opened_address},
    program,
};

const PIN: &str = "271828";

/// A driver that never answers fails its story, not the whole run.
async fn within_time(story: impl Future<Output = ()>) {
    let limit = Duration::from_mins(3);
    tokio::time::timeout(limit, story)
        .await
        .expect("the window's driver answers in time");
}

struct Stage {
    backend: Backend,
    person: Person,
    shop: RelyingParty,
    window: Session,
    // Dropped last: window and browser live on it.
    _desktop: Desktop,
}

impl Stage {
    /// A paired window that shows an empty list.
    async fn set(size: &str) -> Self {
        let backend = Backend::start(&BackendOptions::default());
        let person = Person::add(&backend, "anna");
        let shop = RelyingParty::add(&backend, "shop", &[]).await;
        let desktop = Desktop::start(size, Keyring::Unlocked);
        let (shim, opened) = desktop.browser_shim();
        let environment = [
            ("BROWSER", shim.to_str().expect("paths are UTF-8")),
            ("COUNTERSIGN_BACKEND", backend.origin.as_str()),
        ];
        let window = Session::app(&desktop, &program::app(), &environment).await;
        window.type_into("pair-backend", &backend.origin).await;
        window.type_into("pair-name", "Anna's ThinkPad").await;
        window.type_into("pair-pin", PIN).await;
        window.type_into("pair-pin-repeat", PIN).await;
        window.click("pair-submit").await;
        let browser = Session::browser(&desktop, "sign-in").await;
        browser.sign_in(&person, &opened_address(&opened).await).await;
        window.click("pairing-finish").await;
        window.find_css("[data-testid=connection][data-connection=live]").await;
        Self {
            backend,
            person,
            shop,
            window,
            _desktop: desktop,
        }
    }

    async fn ask(&self, parameters: &[(&str, &str)]) -> Started {
        let email = format!("{}@mail.example", self.person.username);
        let mut all = vec![("login_hint", email.as_str())];
        all.extend(parameters);
        let started = self.shop.start(&all).await;
        self.window.click("nav-pending").await;
        self.window.click("request-card").await;
        started
    }
}

#[tokio::test]
async fn a_payment_is_approved_by_typing_its_number_and_the_client_gets_its_tokens() {
    within_time(Box::pin(async {
        let stage = Stage::set("1024x768").await;
        let started = stage.ask(&[("binding_message", "4711")]).await;
        assert!(
            !stage.window.words().await.contains("4711"),
            "S-002: the number is not on this screen"
        );
        assert!(
            stage.window.words().await.contains("Demo Shop"),
            "R-141: who asks is on the screen"
        );
        stage.window.type_into("match-input", "4711").await;
        stage.window.type_into("pin-input", PIN).await;
        stage.window.click("approve").await;
        stage.window.state("approved").await;
        let tokens = stage
            .shop
            .poll_to_the_end(&started)
            .await
            .expect("the client gets its tokens");
        assert_eq!(
            tokens.claims["acr"], "urn:countersign:acr:device-verified",
            "S-089: the PIN is in the acr"
        );
    }))
    .await;
}

#[tokio::test]
async fn a_wrong_number_leaves_one_try_and_a_second_one_ends_the_request() {
    within_time(Box::pin(async {
        let stage = Stage::set("1024x768").await;
        let started = stage.ask(&[("binding_message", "4711")]).await;
        for number in ["1174", "1147"] {
            stage.window.type_into("match-input", number).await;
            stage.window.type_into("pin-input", PIN).await;
            stage.window.click("approve").await;
            if number == "1174" {
                stage.window.state("wrong_number").await;
                assert_eq!(
                    stage.shop.poll(&started.auth_req_id).await.unwrap_err(),
                    PollError("authorization_pending".into())
                );
            }
        }
        stage.window.state("mismatch").await;
        assert_eq!(
            stage.shop.poll_to_the_end(&started).await.unwrap_err(),
            PollError("access_denied".into()),
            "S-007"
        );
    }))
    .await;
}

#[tokio::test]
async fn a_denial_says_why_and_the_client_is_told() {
    within_time(Box::pin(async {
        let stage = Stage::set("1024x768").await;
        let started = stage.ask(&[("binding_message", "W4SCT")]).await;
        assert!(
            stage.window.words().await.contains("W4SCT"),
            "R-060: the message is shown word for word"
        );
        stage.window.click("deny-menu").await;
        stage.window.click("deny-not-me").await;
        stage.window.state("denied").await;
        assert_eq!(
            stage.shop.poll_to_the_end(&started).await.unwrap_err(),
            PollError("access_denied".into()),
            "R-178"
        );
        stage.window.click("nav-history").await;
        stage.window.click("history-row").await;
        stage.window.find("receipt-save").await;
    }))
    .await;
}

#[tokio::test]
async fn a_request_expires_on_the_screen_and_at_the_client() {
    within_time(Box::pin(async {
        let stage = Stage::set("390x844").await;
        let started = stage
            .ask(&[("binding_message", "W4SCT"), ("requested_expiry", "6")])
            .await;
        stage.window.state("expired").await;
        assert_eq!(
            stage.shop.poll_to_the_end(&started).await.unwrap_err(),
            PollError("expired_token".into()),
            "R-177"
        );
    }))
    .await;
}

#[tokio::test]
async fn what_another_device_decides_is_shown_as_handled_there() {
    within_time(Box::pin(async {
        let stage = Stage::set("1024x768").await;
        let phone = Device::pair(&stage.backend, &stage.person, "Anna's phone").await;
        let started = stage.ask(&[("binding_message", "W4SCT")]).await;
        let request = phone.wait_for_request().await;
        let decided = phone.approve(&request.handle, None).await;
        assert!(matches!(decided.state, RequestState::Decided { .. }), "{decided:?}");
        let words = stage.window.state("handled_elsewhere").await;
        assert!(words.contains("Anna's phone"), "R-143: {words}");
        stage
            .shop
            .poll_to_the_end(&started)
            .await
            .expect("the client gets its tokens");
    }))
    .await;
}

/// V-021: the window asks where the person signs in, and shows the place under each title.
#[tokio::test]
async fn the_window_asks_where_the_person_signs_in_and_says_whose_account_it_is() {
    within_time(Box::pin(async {
        let acme = Backend::start(&BackendOptions::default());
        let person = Person::add(&acme, "anna");
        let config = format!(
            "[[connectors.keycloak]]\nname = \"acme\"\nissuer = \"{}\"\ntitle = \"Acme\"\napp_client_id = \"countersign-app\"\n",
            acme.origin
        );
        let backend = Backend::start(&BackendOptions::with(&config));
        let desktop = Desktop::start("1024x768", Keyring::Unlocked);
        let (shim, opened) = desktop.browser_shim();
        let shim = shim.to_str().expect("paths are UTF-8");
        let window = Session::app(&desktop, &program::app(), &[("BROWSER", shim)]).await;
        window.type_into("pair-backend", &backend.origin).await;
        window.type_into("pair-name", "Anna's ThinkPad").await;
        window.type_into("pair-pin", PIN).await;
        window.type_into("pair-pin-repeat", PIN).await;
        window.click("pair-submit").await;
        window.find("provider").await;
        let words = window.words().await;
        let place = acme.origin.strip_prefix("http://").expect("this machine alone");
        assert!(words.contains("Acme") && words.contains(place), "V-021: {words}");
        let chosen = format!("[data-testid=provider][data-issuer=\"{}\"]", acme.origin);
        let chosen = window.find_css(&chosen).await;
        chosen.click().await.expect("a provider takes a click");
        let browser = Session::browser(&desktop, "sign-in").await;
        browser.sign_in(&person, &opened_address(&opened).await).await;
        window.click("pairing-finish").await;
        window.click("nav-settings").await;
        window.find("account").await;
        let words = window.words().await;
        assert!(
            words.contains("Acme") && words.contains(&acme.origin),
            "V-021: whose account it is: {words}"
        );
    }))
    .await;
}
