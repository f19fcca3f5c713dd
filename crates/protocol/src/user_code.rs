use serde::{Deserialize, Serialize};

use crate::{ids::DeviceId, secret::Secret};

/// Answer of `GET /ad/v1/user-code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCodeState {
    /// Whether clients may ask this person for a code here.
    pub offered: bool,
    /// Whether the person has one.
    pub set: bool,
}

/// Body of `PUT /ad/v1/user-code`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserCodeUpdate {
    /// Compact JWS of [`UserCodeClaims`]. Whoever reads it knows the code.
    pub statement: Secret,
}

/// Claims of a `countersign-user-code+jwt`, signed by the user-verification key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserCodeClaims {
    /// The device.
    pub iss: DeviceId,
    /// The backend's origin.
    pub aud: String,
    /// Seconds since the Unix epoch.
    pub iat: i64,
    /// At most 60 s after `iat`.
    pub exp: i64,
    /// Used once.
    pub jti: String,
    /// The new code; null takes it away. It is never left out.
    #[serde(deserialize_with = "Option::deserialize")]
    pub user_code: Option<Secret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_away_only_by_saying_so() {
        let claims = |user_code: &str| {
            let json = format!(r#"{{"iss":"d","aud":"https://b.example","iat":1,"exp":2,"jti":"j"{user_code}}}"#);
            serde_json::from_str::<UserCodeClaims>(&json).map(|claims| claims.user_code)
        };
        assert_eq!(claims(r#","user_code":null"#).unwrap(), None);
        assert_eq!(claims(r#","user_code":"4711""#).unwrap(), Some(Secret::new("4711")));
        assert!(claims("").is_err(), "a member that was forgotten clears nothing");
        let shown = format!("{:?}", claims(r#","user_code":"4711""#));
        assert!(!shown.contains("4711"), "V-066: {shown}");
    }
}
