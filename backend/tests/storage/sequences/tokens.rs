//! Who comes for tokens, and with what.

use countersign::{
    domain::{AccessToken, AuthRequestState, AuthorizationCode, Confirmation, GrantFamily, RefreshToken, TokenHash},
    storage::{CodeRedemption, Redemption, Rotation},
};
use countersign_clock::Millis;
use countersign_protocol::{ClientId, Subject};

use super::{
    call::Call,
    names::{PEOPLE, client_id},
    operation::{Name, Pick, Redeem, Slip},
    questions::picked,
    world::{TICK, World},
};
use crate::sample;

const REDIRECT_URI: &str = "https://shop.example/cb";

impl World<'_> {
    pub(super) async fn redemption(&mut self, redeem: &Redeem, now: Millis) -> Redemption {
        let handle = self.handle(redeem.prompt, async |handle| self.is_approved(handle).await);
        let handle = handle.await;
        let asker = self.request_of(&handle).await;
        let client_id = brought_by(asker.map_or(client_id(0), |request| request.client_id), redeem.slip);
        let (access, refresh) = self.new_tokens(redeem.token, &client_id, now);
        Redemption {
            id: sample::request_id(&handle),
            client_id,
            family_id: self.names.new_family(redeem.family),
            access,
            refresh: redeem.refresh.then_some(refresh),
            now,
        }
    }

    /// And for the client to fetch: one that is called is given its tokens.
    async fn is_approved(&self, handle: &str) -> bool {
        let request = self.request_of(handle).await.filter(|_| !self.model.owes(handle));
        request.is_some_and(|request| matches!(request.state, AuthRequestState::Approved(_)))
    }

    pub(super) fn family(&mut self, client: u8, person: u8, name: Name) -> GrantFamily {
        GrantFamily {
            client_id: client_id(client),
            sub: Subject::from(PEOPLE[usize::from(person)]),
            ..sample::family(&self.names.new_family(name))
        }
    }

    pub(super) fn code(&mut self, name: Name, family: GrantFamily, now: Millis) -> AuthorizationCode {
        let name = self.names.new_code(name, &family.client_id);
        AuthorizationCode {
            hash: code_hash(&name),
            family,
            redirect_uri: REDIRECT_URI.to_owned(),
            code_challenge: "challenge".to_owned(),
            nonce: None,
            dpop_jkt: Some("thumbprint".to_owned()),
            expires_at: now + 5 * TICK,
        }
    }

    /// Whether a code was used is not to be read, so any of the newest three is apt.
    pub(super) async fn code_redemption(
        &mut self,
        code: Pick,
        token: Name,
        refresh: bool,
        slip: Slip,
        now: Millis,
    ) -> CodeRedemption {
        let (name, owner) = named(picked(code, self.names.codes(), async |_| true).await);
        let client_id = brought_by(owner, slip == Slip::Somebody);
        let (access, next) = self.new_tokens(token, &client_id, now);
        let presented = |proof: &str, slips: bool| format!("{proof}{}", if slips { "?" } else { "" });
        CodeRedemption {
            code: code_hash(&name),
            client_id,
            redirect_uri: presented(REDIRECT_URI, slip == Slip::Proof(true)),
            code_challenge: presented("challenge", slip == Slip::Proof(false)),
            confirmation: Some(Confirmation::Jkt("thumbprint".to_owned())),
            access,
            refresh: refresh.then_some(next),
            now,
        }
    }

    pub(super) async fn rotation(&mut self, token: Pick, next: Name, slip: bool, now: Millis) -> Rotation {
        let (name, owner) = self.token(token, true).await;
        let client_id = brought_by(owner, slip);
        let (access, next) = self.new_tokens(next, &client_id, now);
        Rotation {
            token: sample::refresh(&name).hash,
            client_id,
            confirmation: sample::refresh(&name).confirmation,
            access,
            next,
            now,
        }
    }

    pub(super) async fn revocation(&mut self, token: Pick, refresh: bool, slip: bool, now: Millis) -> Call {
        let (name, owner) = self.token(token, refresh).await;
        Call::RevokeToken(token_hash(&name, refresh), brought_by(owner, slip), now)
    }

    async fn token(&self, pick: Pick, refresh: bool) -> (String, ClientId) {
        let is_issued = async |(name, _): &(String, ClientId)| self.model.has_token(token_hash(name, refresh));
        named(picked(pick, self.names.owned_tokens(), is_issued).await)
    }

    fn new_tokens(&mut self, name: Name, client: &ClientId, now: Millis) -> (AccessToken, RefreshToken) {
        let name = self.names.new_token(name, client);
        let access = AccessToken {
            expires_at: now + 4 * TICK,
            ..sample::access(&name)
        };
        let refresh = RefreshToken {
            expires_at: now + 12 * TICK,
            ..sample::refresh(&name)
        };
        (access, refresh)
    }
}

fn named(picked: Option<&(String, ClientId)>) -> (String, ClientId) {
    picked.cloned().unwrap_or_else(|| ("none".to_owned(), client_id(0)))
}

fn brought_by(owner: ClientId, slip: bool) -> ClientId {
    match slip {
        false => owner,
        true if owner == client_id(0) => client_id(1),
        true => client_id(0),
    }
}

fn token_hash(name: &str, refresh: bool) -> TokenHash {
    if refresh {
        sample::refresh(name).hash
    } else {
        sample::access(name).hash
    }
}

fn code_hash(name: &str) -> TokenHash {
    TokenHash(sample::hash(&format!("code {name}")))
}
