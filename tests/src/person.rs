//! A person of the embedded provider who fills in the sign-in page. The page needs no JavaScript, so neither does the person's browser.

use reqwest::{StatusCode, header};
use scraper::{Html, Selector};
use url::Url;

use crate::Backend;

/// A person with an account.
#[derive(Debug, Clone)]
pub struct Person {
    /// Sign-in name.
    pub username: String,
    /// Password.
    pub password: String,
}

impl Person {
    /// Adds a person to `backend`.
    #[must_use]
    pub fn add(backend: &Backend, username: &str) -> Self {
        let password = format!("correct horse {username}");
        let email = format!("{username}@mail.example");
        let name = format!("{} Example", username[..1].to_uppercase() + &username[1..]);
        let options = [
            "user",
            "add",
            "--username",
            username,
            "--name",
            &name,
            "--email",
            &email,
            "--password-stdin",
        ];
        let _printed = backend.succeed(&options, &password);
        Self {
            username: username.to_owned(),
            password,
        }
    }

    /// `sub` of this person at `backend`.
    ///
    /// # Panics
    /// When there is no such person.
    #[must_use]
    pub fn sub(&self, backend: &Backend) -> String {
        let people = backend.succeed(&["user", "list"], "");
        let mut rows = people.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let own = rows.find(|cells| cells.first() == Some(&self.username.as_str()));
        let sub = own.and_then(|cells| cells.get(4).copied());
        sub.expect("the person is listed").to_owned()
    }

    /// Opens `authorize`, fills in the form and returns where the browser is sent.
    pub async fn sign_in(&self, authorize: &Url) -> Url {
        let browser = browser();
        let page = browser
            .get(authorize.clone())
            .send()
            .await
            .expect("the sign-in page answers");
        assert_eq!(page.status(), StatusCode::OK, "the sign-in page opens");
        let (action, mut fields) = form(authorize, &page.text().await.expect("the page is text"));
        fields.push(("username".to_owned(), self.username.clone()));
        fields.push(("password".to_owned(), self.password.clone()));
        let origin = authorize.origin().ascii_serialization();
        let answer = browser
            .post(action)
            .header(header::ORIGIN, origin)
            .form(&fields)
            .send()
            .await
            .expect("the form is taken");
        let status = answer.status();
        assert_eq!(
            status,
            StatusCode::SEE_OTHER,
            "R-270: after the password the browser is sent on with 303: {}",
            answer.text().await.unwrap_or_default()
        );
        Url::parse(
            answer.headers()[header::LOCATION]
                .to_str()
                .expect("a location is ASCII"),
        )
        .expect("a location is absolute")
    }

    /// Signs in and lets the browser follow the redirect, as the app's loopback listener expects.
    pub async fn sign_in_and_return(&self, authorize: &Url) {
        let back = self.sign_in(authorize).await;
        let answer = crate::http()
            .get(back)
            .send()
            .await
            .expect("the app's listener answers");
        assert!(
            answer.status().is_success(),
            "the app takes its redirect: {}",
            answer.status()
        );
    }
}

/// An HTTP client with cookies, as a browser has them.
#[must_use]
pub fn browser() -> reqwest::Client {
    crate::install_tls();
    let builder = reqwest::Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    builder
        .timeout(std::time::Duration::from_secs(20))
        .build()
        .expect("a browser-like client can be built")
}

/// Where the page's form goes, and its hidden fields.
#[must_use]
pub fn form(page: &Url, html: &str) -> (Url, Vec<(String, String)>) {
    let document = Html::parse_document(html);
    let form = Selector::parse("form").expect("a selector");
    let hidden = Selector::parse("input[type=hidden]").expect("a selector");
    let form = document.select(&form).next().expect("the page has a form");
    let action = page
        .join(form.attr("action").unwrap_or_default())
        .expect("the form goes to a URL");
    let fields = form
        .select(&hidden)
        .filter_map(|field| Some((field.attr("name")?.to_owned(), field.attr("value")?.to_owned())));
    (action, fields.collect())
}
