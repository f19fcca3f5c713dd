use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
        pub struct $name(String);

        impl $name {
            /// Wraps a value that is already known to be one.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The value as it stands on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }
    };
}

id! {
    /// An OAuth client's `client_id` (RFC 6749 section 2.2).
    ClientId
}
id! {
    /// A registered authentication device: `iss` of its decisions.
    DeviceId
}
id! {
    /// An end-user at one issuer: `sub` (OpenID Connect Core section 2).
    Subject
}
id! {
    /// Addresses a prompt on the device side. Derived from the `auth_req_id`, from which nobody gets back.
    Handle
}

/// `auth_req_id` (CIBA Core section 7.3). Whoever has it and the client's credentials gets the tokens, so it is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthReqId(String);

impl AuthReqId {
    /// Wraps a value that came over the wire or was just made.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value as it stands on the wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthReqId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthReqId(..)")
    }
}
