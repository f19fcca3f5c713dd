//! Who is asked: exactly one hint, which names exactly one person (CIBA Core sections 7.1 and 7.2).

mod id_token_hint;
mod login_hint;
mod login_hint_token;
mod subject_identifier;
mod unknown_hints;

use countersign_clock::Millis;
use countersign_protocol::OAuthErrorCode;

pub(in crate::op) use self::unknown_hints::UnknownHints;

use super::Asked;
use crate::{
    domain::{Account, Client},
    op::{OpError, Params, Provider, refusal::Refusal},
    storage::HintMatch,
};

const MAX_LEN: usize = 512;
const MAX_TOKEN_LEN: usize = 16 * 1024;

/// How the client names the person, as it came.
#[derive(Clone, Copy)]
enum Hint<'a> {
    Login(&'a str),
    IdToken(&'a str),
    LoginToken(&'a str),
}

/// Whom a hint means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// It can be no person of ours.
    Nobody,
    /// By subject.
    Subject(String),
    /// By any of the attributes that the operator declared for login hints.
    Declared(String),
    /// By this attribute.
    Attribute { attribute: String, value: String },
}

/// What is noted when a hint that is good once has been used.
struct Once {
    owner: String,
    jti: String,
    until: Millis,
}

/// The person that a hint led to.
pub(super) struct Hinted {
    account: Account,
    once: Option<Once>,
}

impl Hinted {
    pub(super) fn account(&self) -> &Account {
        &self.account
    }
}

fn only_one(params: &Params) -> Result<Hint<'_>, Refusal> {
    let login = params.bounded("login_hint", MAX_LEN)?.map(Hint::Login);
    let id_token = params.bounded("id_token_hint", MAX_TOKEN_LEN)?.map(Hint::IdToken);
    let login_token = params.bounded("login_hint_token", MAX_TOKEN_LEN)?.map(Hint::LoginToken);
    let mut hints = [login, id_token, login_token].into_iter().flatten();
    match (hints.next(), hints.next()) {
        (Some(hint), None) => Ok(hint),
        (None, _) => Err(Refusal::invalid_request(
            "a hint is missing: send login_hint, login_hint_token or id_token_hint",
        )),
        (Some(_), Some(_)) => Err(Refusal::invalid_request("there is more than one hint")),
    }
}

impl Provider {
    /// The person. Somebody unknown, somebody disabled and a hint that names two people are not told apart, and each costs one look-up.
    pub(super) async fn hinted(&self, asked: &Asked<'_>) -> Result<Hinted, OpError> {
        let hint = only_one(asked.params)?;
        let client = asked.client;
        let (named, once) = match hint {
            Hint::Login(hint) => {
                let named = login_hint::read(hint, |iss| self.is_called(iss));
                (self.as_known_to(client, named)?, None)
            }
            Hint::IdToken(token) => (self.named_by_id_token(client, token).await?, None),
            Hint::LoginToken(token) => self.named_by_login_hint_token(token).await?,
        };
        let now = self.parts.clock.now();
        if self.unknown_hints.is_over(&client.id, now) {
            let description = "the client named too many people that are not known here; try again later";
            return Err(Refusal::new(OAuthErrorCode::AccessDenied, description).into());
        }
        match self.find_named(&named).await? {
            HintMatch::One(account) if !account.disabled => Ok(Hinted {
                account: *account,
                once,
            }),
            HintMatch::One(_) | HintMatch::Nobody | HintMatch::Several => {
                self.unknown_hints.note(&client.id, now);
                let unknown = OAuthErrorCode::UnknownUserId;
                Err(Refusal::new(unknown, "the hint does not name one person").into())
            }
        }
    }

    /// The same, where `client` named a subject as it knows it.
    fn as_known_to(&self, client: &Client, named: Named) -> Result<Named, OpError> {
        let Named::Subject(sub) = &named else {
            return Ok(named);
        };
        let person = self.person_of(client, sub)?;
        Ok(person.map_or(Named::Nobody, |sub| Named::Subject(sub.as_str().to_owned())))
    }

    async fn find_named(&self, named: &Named) -> Result<HintMatch, OpError> {
        let storage = &self.parts.storage;
        let by_subject = ["id".to_owned()];
        let found = match named {
            Named::Declared(value) => {
                let attributes = &self.parts.config.login_hint_attributes;
                storage.find_by_hint(attributes, value).await
            }
            Named::Subject(sub) => storage.find_by_hint(&by_subject, sub).await,
            Named::Attribute { attribute, value } => storage.find_by_hint(std::slice::from_ref(attribute), value).await,
            Named::Nobody => storage.find_by_hint(&by_subject, "").await,
        };
        Ok(found?)
    }

    /// The person, for this request; a hint that is good once is used up. The last thing that can be refused, so that no other refusal
    /// costs a hint.
    pub(super) async fn spend(&self, hinted: Hinted) -> Result<Account, OpError> {
        if let Some(Once { owner, jti, until }) = &hinted.once {
            let storage = &self.parts.storage;
            if !storage.remember_once("login_hint_token", owner, jti, *until).await? {
                let expired = OAuthErrorCode::ExpiredLoginHintToken;
                return Err(Refusal::new(expired, "the login_hint_token was used before").into());
            }
        }
        Ok(hinted.account)
    }

    /// Whether `other` knows people by the names by which `client` knows them.
    fn same_sector(&self, client: &Client, other: &Client) -> bool {
        let probe = countersign_protocol::Subject::new("x");
        let pairwise = client.tokens.pairwise && other.tokens.pairwise;
        pairwise && self.subject_for(client, &probe) == self.subject_for(other, &probe)
    }
}
