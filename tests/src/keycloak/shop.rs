//! Clients of Keycloak: the program on openid-client, as one of the clients of `tests/keycloak`.

use countersign_protocol::CIBA_GRANT;
use serde_json::{Value, json};

use super::Keycloak;
use crate::{
    http,
    raw_device::{Answer, answered},
    stranger::Stranger,
};

const SECRET: &str = "a secret of the shop";

impl Keycloak {
    /// The client `shop` of `realm` asks Anna; `story` are further members of the program's configuration.
    #[must_use]
    pub fn shop(&self, realm: &str, story: &Value) -> Stranger {
        self.client(realm, "shop", story)
    }

    /// As [`Self::shop`], by the client `client_id`.
    #[must_use]
    pub fn client(&self, realm: &str, client_id: &str, story: &Value) -> Stranger {
        let mut config = json!({ "story": "approve", "login_hint": "anna", "scope": "openid profile" });
        for (name, value) in story.as_object().expect("a story is an object") {
            config[name] = value.clone();
        }
        Stranger::start_at("openid-client.mjs", &self.issuer(realm), client_id, SECRET, &config)
    }
}

/// By hand, where a story is about Keycloak's answers themselves.
impl Keycloak {
    /// The client `shop` of `realm` asks Anna; returns the answer of the backchannel authentication endpoint.
    pub async fn ask(&self, realm: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("scope", "openid profile"), ("login_hint", "anna")];
        form.extend(more);
        self.post(realm, "ext/ciba/auth", &form).await
    }

    /// The client redeems what [`Self::ask`] returned.
    pub async fn redeem(&self, realm: &str, started: &Value) -> Answer {
        let auth_req_id = started["auth_req_id"].as_str().expect("the request was acknowledged");
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", auth_req_id)];
        self.post(realm, "token", &form).await
    }

    /// Whoever has the bearer token of an intake tells the result of the request.
    pub async fn tell(&self, bearer: &str, status: &str) -> Answer {
        let url = format!("{}/protocol/openid-connect/ext/ciba/auth/callback", self.issuer("acme"));
        answered(http().post(url).bearer_auth(bearer).json(&json!({ "status": status }))).await
    }

    async fn post(&self, realm: &str, endpoint: &str, form: &[(&str, &str)]) -> Answer {
        let url = format!("{}/protocol/openid-connect/{endpoint}", self.issuer(realm));
        answered(http().post(url).basic_auth("shop", Some(SECRET)).form(form)).await
    }
}
