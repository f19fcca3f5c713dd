//! WebDriver sessions: the app's real window, and the browser in which a person signs in.

use std::{fs, path::Path, process::Stdio, time::Duration};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Person,
    desktop::{Desktop, Helper, listening_port},
    eventually,
};

/// How long anything on the screen may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A WebDriver session with the driver it belongs to.
pub struct Session {
    /// The session.
    pub page: Client,
    _driver: Helper,
}

impl Session {
    async fn open(driver: Helper, capabilities: Value) -> Self {
        let port = listening_port(driver.pid());
        let capabilities = capabilities.as_object().expect("capabilities are an object").clone();
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("the driver opens a session");
        Self { page, _driver: driver }
    }

    /// Opens the app's window on `desktop`. `environment` comes on top of the desktop's.
    pub async fn app(desktop: &Desktop, program: &Path, environment: &[(&str, &str)]) -> Self {
        let driver = Helper::start(
            desktop
                .command("WebKitWebDriver")
                .arg("--port=0")
                // Without it the app opens a window that the driver never finds.
                .env("TAURI_WEBVIEW_AUTOMATION", "true")
                .envs(environment.iter().copied())
                .stdout(Stdio::null())
                .stderr(Stdio::inherit()),
        );
        Self::open(
            driver,
            json!({ "webkitgtk:browserOptions": { "binary": program, "args": [] } }),
        )
        .await
    }

    /// Opens a headless browser with a profile of its own.
    pub async fn browser(desktop: &Desktop, profile: &str) -> Self {
        let driver = Helper::start(
            desktop
                .command("chromedriver")
                .arg("--port=0")
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        let profile = desktop.folder().join(profile);
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &format!("--user-data-dir={}", profile.display()),
        ];
        Self::open(driver, json!({ "goog:chromeOptions": { "args": arguments } })).await
    }

    /// The element with this `data-testid`, once it is there.
    pub async fn find(&self, testid: &str) -> Element {
        self.find_css(&format!("[data-testid=\"{testid}\"]")).await
    }

    /// The element that `selector` names, once it is there.
    pub async fn find_css(&self, selector: &str) -> Element {
        self.find_css_within(selector, PATIENCE).await
    }

    /// The element that `selector` names, once it is there, at most after `limit`.
    pub async fn find_css_within(&self, selector: &str, limit: Duration) -> Element {
        let wait = self.page.wait().at_most(limit);
        match wait.for_element(Locator::Css(selector)).await {
            Ok(element) => element,
            Err(error) => self.fail(&format!("{selector}: {error}")).await,
        }
    }

    /// Keeps a picture of what the person sees, and fails.
    async fn fail(&self, why: &str) -> ! {
        let path = std::env::temp_dir().join(format!("countersign-window-{}.png", std::process::id()));
        let words = self.words().await;
        self.picture(&path).await;
        panic!("{why}\npicture: {}\nwords: {words}", path.display());
    }

    /// Whether an element with this `data-testid` is there now.
    pub async fn has(&self, testid: &str) -> bool {
        let selector = format!("[data-testid=\"{testid}\"]");
        !self
            .page
            .find_all(Locator::Css(&selector))
            .await
            .expect("the page answers")
            .is_empty()
    }

    /// Clicks the element with this `data-testid` as soon as it is there and enabled.
    pub async fn click(&self, testid: &str) {
        let what = format!("{testid} to take a click");
        eventually(&what, PATIENCE, async || {
            let element = self.find(testid).await;
            let enabled = element.is_enabled().await.unwrap_or(false);
            (enabled && element.click().await.is_ok()).then_some(())
        })
        .await;
    }

    /// Types into the element with this `data-testid`.
    pub async fn type_into(&self, testid: &str, text: &str) {
        let element = self.find(testid).await;
        let filled = element
            .prop("value")
            .await
            .ok()
            .flatten()
            .is_some_and(|value| !value.is_empty());
        if filled && let Err(error) = element.clear().await {
            self.fail(&format!("{testid} cannot be emptied: {error}")).await;
        }
        if let Err(error) = element.send_keys(text).await {
            self.fail(&format!("{testid} takes no keys: {error}")).await;
        }
    }

    /// Waits until the request detail shows state `kind`, and returns its words.
    pub async fn state(&self, kind: &str) -> String {
        let element = self
            .find_css(&format!("[data-testid=\"state\"][data-state=\"{kind}\"]"))
            .await;
        element.text().await.expect("the state has words")
    }

    /// All words on the page.
    pub async fn words(&self) -> String {
        let body = self.page.find(Locator::Css("body")).await.expect("there is a body");
        body.text().await.expect("a body has text")
    }

    /// Keeps a picture of the page.
    pub async fn picture(&self, path: &Path) {
        fs::write(path, self.page.screenshot().await.expect("the page can be pictured"))
            .expect("the picture can be written");
    }

    /// Fills in the provider's page as `person` and waits for the app's "you can close this window".
    pub async fn sign_in(&self, person: &Person, authorize: &Url) {
        self.page
            .goto(authorize.as_str())
            .await
            .expect("the sign-in page opens");
        for (name, value) in [("username", &person.username), ("password", &person.password)] {
            let selector = format!("input[name={name}]");
            let field = self
                .page
                .find(Locator::Css(&selector))
                .await
                .expect("the page has the field");
            field.send_keys(value).await.expect("the field takes keys");
        }
        let button = self
            .page
            .find(Locator::Css(
                "button[type=submit][value=sign-in], button[type=submit]:not([value])",
            ))
            .await;
        button
            .expect("the page has a button")
            .click()
            .await
            .expect("the button takes a click");
        eventually("the browser to return to the app", PATIENCE, async || {
            let url = self.page.current_url().await.ok()?;
            (url.origin() != authorize.origin()).then_some(())
        })
        .await;
    }
}

/// The address the app gave to the system browser, once it did.
pub async fn opened_address(opened: &Path) -> Url {
    let text = eventually("the app to open the browser", PATIENCE, async || {
        fs::read_to_string(opened).ok()
    })
    .await;
    fs::remove_file(opened).expect("the file was just there");
    Url::parse(&text).expect("the app opens a URL")
}
