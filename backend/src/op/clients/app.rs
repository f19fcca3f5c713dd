//! The client that the app signs in with. Built in: it is in no store, cannot be listed, changed or removed.

use crate::domain::{APP_CLIENT_ID, Client, ClientAuthMethod, GrantType};

/// The app's client: public, code with PKCE only, no refresh token. Its redirect leads to a loopback address on a desktop (RFC 8252 section
/// 7.3) and to a private scheme on a phone (section 7.1), where a listening app may be put to sleep behind the browser.
pub(in crate::op) fn app_client() -> Client {
    Client {
        auth_method: ClientAuthMethod::None,
        redirect_uris: vec![
            "http://127.0.0.1/callback".to_owned(),
            "http://[::1]/callback".to_owned(),
            "dev.countersign.app:/callback".to_owned(),
        ],
        grant_types: vec![GrantType::AuthorizationCode],
        scopes: vec!["profile".to_owned()],
        ..Client::new(APP_CLIENT_ID, "Countersign on this device", 0)
    }
}
