//! The providers at which a person can sign in for one backend, as its document names them (protocol page, section 1).

use countersign_protocol::{ClientId, CountersignMetadata};

use crate::{address, error::AuthenticatorError, view::ProviderView};

/// One provider with the app's public client there. Sign-in, registration and the kept account speak of this issuer and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) issuer: String,
    /// What people call it, where the backend says so.
    pub(crate) title: Option<String>,
    pub(crate) client_id: ClientId,
    pub(crate) scope: String,
}

impl Offer {
    /// The offer as the person sees it: a title anybody could have, and the place that nobody else has.
    pub(crate) fn view(&self) -> ProviderView {
        ProviderView {
            issuer: self.issuer.clone(),
            title: self.title.clone(),
            place: place(&self.issuer),
        }
    }
}

/// What `metadata` offers, in its order; never nothing.
///
/// # Errors
/// `NotCountersign` when two offers have the same issuer: a choice between them would not say which.
pub(crate) fn offered(metadata: CountersignMetadata) -> Result<Vec<Offer>, AuthenticatorError> {
    if metadata.providers.is_empty() {
        return Ok(vec![Offer {
            issuer: metadata.issuer,
            title: None,
            client_id: metadata.client_id,
            scope: metadata.scope,
        }]);
    }
    let mut offers: Vec<Offer> = Vec::with_capacity(metadata.providers.len());
    for provider in metadata.providers {
        if offers.iter().any(|known| known.issuer == provider.issuer) {
            return Err(AuthenticatorError::NotCountersign);
        }
        offers.push(Offer {
            issuer: provider.issuer,
            title: Some(provider.title).filter(|title| !title.trim().is_empty()),
            client_id: provider.client_id,
            scope: provider.scope,
        });
    }
    Ok(offers)
}

/// Where an issuer is: host, port and path, letters beyond ASCII spelt out (`xn--`), so that look-alikes differ.
pub(crate) fn place(issuer: &str) -> String {
    let Ok(url) = address::parse(issuer) else {
        return issuer.to_owned();
    };
    let authority = url.origin().ascii_serialization();
    let authority = authority.rsplit_once('/').map_or(authority.as_str(), |(_, rest)| rest);
    let whole = url[url::Position::BeforePath..].trim_end_matches('/');
    format!("{authority}{whole}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(providers: &Value) -> Result<Vec<Offer>, AuthenticatorError> {
        let document = json!({
            "backend": "https://ad.example", "issuer": "https://ad.example", "client_id": "app", "scope": "openid", "versions": ["1"],
            "registration_endpoint": "/bc-deviceRegistration", "device_api": "/ad/v1", "providers": providers,
        });
        offered(serde_json::from_value(document).unwrap())
    }

    #[test]
    fn a_backend_that_names_no_providers_offers_its_issuer() {
        let offers = read(&json!([])).unwrap();
        assert_eq!(offers.len(), 1);
        assert_eq!(
            (offers[0].issuer.as_str(), &offers[0].title),
            ("https://ad.example", &None)
        );
    }

    #[test]
    fn the_same_issuer_twice_is_no_choice() {
        let one = json!({"issuer": "https://op.example", "title": "One", "client_id": "a", "scope": "openid"});
        let two = json!({"issuer": "https://op.example", "title": "Two", "client_id": "b", "scope": "openid"});
        assert_eq!(read(&json!([one])).unwrap()[0].title.as_deref(), Some("One"));
        assert!(matches!(
            read(&json!([one, two])),
            Err(AuthenticatorError::NotCountersign)
        ));
    }

    #[test]
    fn a_place_tells_look_alikes_and_realms_apart() {
        for (issuer, expected) in [
            ("https://sso.acme.example/realms/acme", "sso.acme.example/realms/acme"),
            ("https://sso.acme.example:8443/", "sso.acme.example:8443"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("https://\u{430}cme.example", "xn--cme-5cd.example"),
            ("nothing of ours", "nothing of ours"),
        ] {
            assert_eq!(place(issuer), expected, "V-021: {issuer}");
        }
    }
}
