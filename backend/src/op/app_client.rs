//! The client that the app signs in with. Built in: it is in no store, cannot be listed, changed or removed.

use countersign_protocol::ClientId;

use crate::domain::{APP_CLIENT_ID, BindingMode, Client, ClientAuthMethod, GrantType};

/// The app's client: public, code with PKCE only, no refresh token. Its redirect leads to a loopback address on a desktop (RFC 8252 section
/// 7.3) and to a private scheme on a phone (section 7.1), where a listening app may be put to sleep behind the browser.
pub(super) fn app_client() -> Client {
    Client {
        id: ClientId::new(APP_CLIENT_ID),
        name: "Countersign on this device".to_owned(),
        uri: None,
        auth_method: ClientAuthMethod::None,
        secret_sha256: None,
        jwks: None,
        redirect_uris: vec![
            "http://127.0.0.1/callback".to_owned(),
            "http://[::1]/callback".to_owned(),
            "dev.countersign.app:/callback".to_owned(),
        ],
        grant_types: vec![GrantType::AuthorizationCode],
        scopes: vec!["profile".to_owned()],
        delivery_mode: None,
        notification_endpoint: None,
        binding_mode: BindingMode::Auto,
        id_token_alg: "ES256".to_owned(),
        endpoint_audience: false,
        created_at: 0,
    }
}
