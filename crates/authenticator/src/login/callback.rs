//! The answer of the provider, matched with the sign-in it has to belong to.

use countersign_jose::digest;
use thiserror::Error;
use url::Url;

use super::Redirects;
use crate::error::AuthenticatorError;

/// What an answer has to match.
pub(crate) struct Awaited {
    pub(crate) redirect_uri: Url,
    pub(crate) state: String,
    pub(crate) issuer: String,
}

/// What an address that came back is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unusable {
    /// Not an answer to this sign-in: ignored, so that nobody else can end it.
    #[error("take a redirect that is not the answer to this sign-in")]
    Foreign,
    /// The right `state`, but another issuer or a broken answer: this sign-in is over (RFC 9207 section 2.4).
    #[error("take the answer of another issuer")]
    Mismatch,
    /// The provider says no.
    #[error("sign in where the provider refuses")]
    Refused,
}

/// The code of the answer `url`.
pub(crate) fn code(url: &Url, awaited: &Awaited) -> Result<String, Unusable> {
    let here = &awaited.redirect_uri;
    let same_place =
        (url.scheme(), url.host(), url.port(), url.path()) == (here.scheme(), here.host(), here.port(), here.path());
    if !same_place || url.fragment().is_some() {
        return Err(Unusable::Foreign);
    }
    let state = one(url, "state").ok_or(Unusable::Foreign)?;
    if !digest::equal(state.as_bytes(), awaited.state.as_bytes()) {
        return Err(Unusable::Foreign);
    }
    if one(url, "iss").as_deref() != Some(&awaited.issuer) {
        return Err(Unusable::Mismatch);
    }
    match (one(url, "code"), one(url, "error")) {
        (Some(code), None) => Ok(code),
        (None, Some(_)) => Err(Unusable::Refused),
        _ => Err(Unusable::Mismatch),
    }
}

/// The parameter `name`, when it is there exactly once.
fn one(url: &Url, name: &str) -> Option<String> {
    let mut values = url
        .query_pairs()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned());
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Waits for the answer that the shell receives by link.
pub(crate) async fn from_shell(redirects: &mut Redirects, awaited: &Awaited) -> Result<String, AuthenticatorError> {
    loop {
        let url = redirects.recv().await.ok_or(AuthenticatorError::Cancelled)?;
        match code(&url, awaited) {
            Err(Unusable::Foreign) => {}
            result => return result.map_err(AuthenticatorError::from),
        }
    }
}

impl From<Unusable> for AuthenticatorError {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Refused => Self::SignInRefused,
            Unusable::Foreign | Unusable::Mismatch => Self::SignInMismatch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_answer_of_the_right_issuer_is_taken() {
        let awaited = Awaited {
            redirect_uri: Url::parse("http://127.0.0.1:4711/callback").unwrap(),
            state: "s3cret".to_owned(),
            issuer: "https://op.example".to_owned(),
        };
        let read = |text: &str| code(&Url::parse(text).unwrap(), &awaited);
        let base = "http://127.0.0.1:4711/callback";
        let good = format!("{base}?code=c&state=s3cret&iss=https%3A%2F%2Fop.example");
        assert_eq!(read(&good).as_deref(), Ok("c"));
        let foreign = [
            format!("{base}?code=c&iss=https%3A%2F%2Fop.example"),
            format!("{base}?code=c&state=other&iss=https%3A%2F%2Fop.example"),
            format!("{base}?code=c&state=s3cret&state=s3cret&iss=https%3A%2F%2Fop.example"),
            good.replace("/callback", "/callback/"),
            good.replace("/callback", "/"),
            good.replace("4711", "4712"),
            good.replace("127.0.0.1", "localhost"),
            good.replace("http:", "https:"),
            format!("{good}#access_token=x"),
            format!("{base}#code=c&state=s3cret"),
        ];
        for url in foreign {
            assert_eq!(read(&url), Err(Unusable::Foreign), "V-026, V-027: {url}");
        }
        for url in [
            format!("{base}?code=c&state=s3cret"),
            format!("{base}?code=c&state=s3cret&iss=https%3A%2F%2Fevil.example"),
            format!("{good}&iss=https%3A%2F%2Fop.example"),
            format!("{base}?error=access_denied&state=s3cret"),
            format!("{base}?state=s3cret&iss=https%3A%2F%2Fop.example"),
            format!("{good}&error=access_denied"),
            format!("{good}&code=d"),
        ] {
            assert_eq!(read(&url), Err(Unusable::Mismatch), "R-269, V-021: {url}");
        }
        let refused = format!("{base}?error=access_denied&state=s3cret&iss=https%3A%2F%2Fop.example");
        assert_eq!(read(&refused), Err(Unusable::Refused));
    }

    /// V-026: a link is text from anybody.
    #[test]
    fn a_hundred_thousand_made_up_links_end_no_sign_in() {
        let pieces = [
            "countersign://",
            "http://127.0.0.1:4711",
            "https://app.example",
            "/callback",
            "?",
            "&",
            "#",
            "code=c",
            "state=",
            "state=s",
            "iss=https%3A%2F%2Fop.example",
            "iss=",
            "%00",
            "%2F",
            "//",
            "\\",
            "approve=1",
            "request=r1",
            "error=x",
            "s3cre",
            "@",
            "[",
            "\u{202e}",
        ];
        let awaited = Awaited {
            redirect_uri: Url::parse("http://127.0.0.1:4711/callback").unwrap(),
            state: "s3cret".to_owned(),
            issuer: "https://op.example".to_owned(),
        };
        let random = countersign_clock::SeededRandom::new(26);
        for _ in 0..100_000 {
            let mut bytes = [0; 12];
            countersign_clock::Random::fill(&random, &mut bytes);
            let length = 1 + usize::from(bytes[0]) % 11;
            let text: String = bytes[1..=length]
                .iter()
                .map(|byte| pieces[usize::from(*byte) % pieces.len()])
                .collect();
            let Ok(url) = Url::parse(&text) else { continue };
            assert_eq!(code(&url, &awaited), Err(Unusable::Foreign), "V-026: {text}");
        }
    }

    /// V-026: where the answer comes by link, strangers' links are passed over and the real one is still taken.
    #[tokio::test]
    async fn a_foreign_link_does_not_end_the_sign_in_that_waits() {
        let awaited = Awaited {
            redirect_uri: Url::parse("countersign:/callback").unwrap(),
            state: "s3cret".to_owned(),
            issuer: "https://op.example".to_owned(),
        };
        let (sender, mut receiver) = tokio::sync::mpsc::channel(4);
        for link in [
            "countersign:/callback?code=x&state=guess&iss=https%3A%2F%2Fop.example",
            "countersign:/approve?request=r1",
            "countersign:/callback?code=c&state=s3cret&iss=https%3A%2F%2Fop.example",
        ] {
            sender.send(Url::parse(link).unwrap()).await.unwrap();
        }
        assert_eq!(from_shell(&mut receiver, &awaited).await.unwrap(), "c");
    }
}
