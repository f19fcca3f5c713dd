//! Tokens that attackers send, made from the recipes of `tests/vectors/jwt-attacks.json`, for tests.
//!
//! A recipe says how an attack differs from an honest token. Whoever runs it brings the honest token of the place that is attacked: so one list serves every
//! reader, at any time, with any key. Wherever a signature can be right it is right, so that what the recipe names is the only reason to refuse.

mod recipe;
mod signature;
mod text;

use std::collections::BTreeMap;

use countersign_jose::{Algorithm, SigningKey};
use serde::Deserialize;
use serde_json::{Map, Value};

pub use signature::{Forger, Signature, SignedBy, second_form, signed};

/// Who reads tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// The library, with a key that it was given.
    Library,
    /// `client_assertion` (RFC 7523 section 3).
    Assertion,
    /// `request` of a backchannel authentication request (CIBA Core section 7.1.1).
    Request,
    /// `id_token_hint` (CIBA Core section 7.1).
    IdTokenHint,
    /// `login_hint_token` (CIBA Core section 7.1).
    LoginHintToken,
    /// The `DPoP` header (RFC 9449).
    Dpop,
    /// `request` of an authorization request (RFC 9101).
    Jar,
    /// A device's signed decision.
    Decision,
}

/// One attack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// Its name, once in the list.
    pub id: String,
    /// The rows that it belongs to.
    pub rows: Vec<String>,
    /// What is tried, in words.
    pub attack: String,
    /// Whom it is for; everybody when empty.
    #[serde(default)]
    readers: Vec<Reader>,
    /// Whom it does not concern.
    #[serde(default)]
    except: Vec<Reader>,
    /// The algorithm that the trusted key signs with; any when absent.
    only_for: Option<String>,
    /// Members of the header that the honest token has and this one has not.
    #[serde(default)]
    header_without: Vec<String>,
    /// Members of the header that are put in their place.
    #[serde(default)]
    header_set: Map<String, Value>,
    /// The header, letter by letter.
    header: Option<String>,
    /// Claims that the honest token has and this one has not.
    #[serde(default)]
    without: Vec<String>,
    /// Claims that are put in their place.
    #[serde(default)]
    set: Map<String, Value>,
    /// The payload, letter by letter.
    payload: Option<String>,
    /// The payload in hexadecimal, where it is no text.
    payload_hex: Option<String>,
    /// Who signs.
    #[serde(default)]
    signed_by: SignedBy,
    /// What is done to the signature.
    #[serde(default)]
    signature: Signature,
    /// How the parts are put together.
    token: Option<String>,
}

/// The honest token of the place that is attacked, and who is there to forge it.
pub struct Honest<'a> {
    /// The key that the reader trusts.
    pub key: &'a SigningKey,
    /// What the header says beside `alg`.
    pub header: Value,
    /// What the token claims. Of the clients and people that it names, all are real.
    pub claims: Value,
    /// The reader's time, seconds.
    pub now: i64,
    /// Names that recipes use: another client, another person, where we are.
    pub names: BTreeMap<&'static str, String>,
    /// Keys of others.
    pub forger: &'a Forger,
}

#[derive(Deserialize)]
struct Corpus {
    attacks: Vec<Attack>,
}

/// Every attack there is.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    let corpus = include_str!("../../../tests/vectors/jwt-attacks.json");
    let Corpus { attacks } = serde_json::from_str(corpus).expect("the recipes are well-formed");
    attacks
}

/// The attacks that concern `reader` when it trusts a key of this algorithm.
pub fn attacks_on(reader: Reader, algorithm: Algorithm) -> impl Iterator<Item = Attack> {
    let concerns = move |attack: &Attack| {
        (attack.readers.is_empty() || attack.readers.contains(&reader))
            && !attack.except.contains(&reader)
            && attack
                .only_for
                .as_ref()
                .is_none_or(|only| *only == algorithm.to_string())
    };
    attacks().into_iter().filter(concerns)
}

impl Honest<'_> {
    /// The honest token itself.
    #[must_use]
    pub fn token(&self) -> String {
        let nothing = r#"{"id":"honest","rows":[],"attack":"none"}"#;
        let nothing: Attack = serde_json::from_str(nothing).expect("a recipe");
        nothing.forge(self)
    }

    fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }
}
