//! Clients of Keycloak: the program on openid-client, as one of the clients of `tests/keycloak`.

use serde_json::{Value, json};

use super::Keycloak;
use crate::stranger::Stranger;

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
