//! What an operator of Keycloak does in its console.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Keycloak;
use crate::http;

/// Seconds that a request lives in the realms of `tests/keycloak`.
pub(super) const LIFETIME: u64 = 120;

impl Keycloak {
    /// Requests in realm `acme` that are made from now on live for `seconds`. The next story finds them living as long as ever.
    pub async fn let_requests_live(&mut self, seconds: u64) {
        self.hurried = true;
        // Whatever is not named falls back to Keycloak's own defaults.
        let attributes = json!({ "cibaExpiresIn": seconds.to_string(), "cibaInterval": "1" });
        let change = json!({ "attributes": attributes });
        let (status, _) = self.administer(Method::PUT, "", Some(&change)).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "the realm is changed");
    }

    /// Keycloak calls the client `shop-ping` at `url` from now on.
    pub async fn ping_at(&self, url: &str) {
        let (_, found) = self.administer(Method::GET, "/clients?clientId=shop-ping", None).await;
        let id = found[0]["id"].as_str().expect("the client is there");
        let change = json!({ "attributes": { "ciba.backchannel.client.notification.endpoint": url } });
        let (status, _) = self
            .administer(Method::PUT, &format!("/clients/{id}"), Some(&change))
            .await;
        assert_eq!(status, StatusCode::NO_CONTENT, "the client is changed");
    }

    /// A call of the administration API of realm `acme`, by the client that may make it.
    async fn administer(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let issuer = self.issuer("acme");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "operator"),
            ("client_secret", "a secret of the operator"),
        ];
        let token = http()
            .post(format!("{issuer}/protocol/openid-connect/token"))
            .form(&form);
        let token: Value = token
            .send()
            .await
            .expect("Keycloak answers")
            .json()
            .await
            .expect("tokens are JSON");
        let token = token["access_token"].as_str().expect("the operator gets a token");
        let url = format!("{}{path}", issuer.replace("/realms/", "/admin/realms/"));
        let mut request = http().request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        crate::raw_device::answered(request).await
    }
}
