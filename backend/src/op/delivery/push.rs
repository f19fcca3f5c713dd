//! Telling a client the result itself (CIBA Core sections 10.3 and 12): tokens, or why there are none.
//!
//! Tokens are made once, when the first worker comes to it, and recorded in the commit that seals them into the debt: whoever tries again, on
//! whichever node and after whatever crash, delivers the same ones. Of the person, the client and the device it is asked at that moment whether they
//! may still have tokens.

use countersign_clock::Millis;
use countersign_protocol::{AuthReqId, TokenResponse};
use serde::{Deserialize, Serialize};

use super::{Delivery, Notification, Told};
use crate::{
    domain::{Approval, AuthRequest, AuthRequestId, AuthRequestState, ClaimedDebt, TokenRules},
    keys::KeyError,
    meters::{Outcome, meters},
    op::{OpError, Provider, fresh, grants::Wanted},
    steps::STEPS,
    storage::{Sealed, SealedTokens, Sealing},
};

/// What a client is told.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Pushed {
    /// Its tokens.
    Tokens {
        /// As at the token endpoint.
        response: Box<TokenResponse>,
        /// When the access token is over: what is left of it is said anew in each try.
        expires_at: Millis,
    },
    /// That there are none.
    Error(PushError),
}

/// Codes of CIBA Core section 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PushError {
    AccessDenied,
    ExpiredToken,
    TransactionFailed,
}

impl PushError {
    fn description(self) -> &'static str {
        match self {
            Self::AccessDenied => "the request was refused",
            Self::ExpiredToken => "nobody decided in time",
            Self::TransactionFailed => "the request was approved, and no tokens can be issued for it any more",
        }
    }
}

#[derive(Serialize)]
struct TokensBody<'a> {
    auth_req_id: &'a AuthReqId,
    #[serde(flatten)]
    tokens: &'a TokenResponse,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    auth_req_id: &'a AuthReqId,
    error: PushError,
    error_description: &'static str,
}

impl Delivery {
    pub(super) async fn push(&self, debt: &ClaimedDebt, mut notification: Notification) -> Told {
        let pushed = match notification.pushed.take() {
            Some(known) => known,
            None => match self.provider.result_of(debt, &notification).await {
                Ok(pushed) => pushed,
                Err(told) => return told,
            },
        };
        let auth_req_id = &notification.auth_req_id;
        match pushed {
            Pushed::Tokens {
                mut response,
                expires_at,
            } => {
                let left = (expires_at - self.provider.parts.clock.now()).div_euclid(1000);
                response.expires_in = u64::try_from(left).unwrap_or(0);
                let tokens = &*response;
                self.call(&notification, &TokensBody { auth_req_id, tokens }).await
            }
            Pushed::Error(error) => {
                let error_description = error.description();
                let body = ErrorBody {
                    auth_req_id,
                    error,
                    error_description,
                };
                self.call(&notification, &body).await
            }
        }
    }
}

impl Provider {
    /// The result of a settled request that this worker has taken on.
    async fn result_of(&self, debt: &ClaimedDebt, notification: &Notification) -> Result<Pushed, Told> {
        let id = AuthRequestId(fresh::hash(notification.auth_req_id.expose()).0);
        let now = self.parts.clock.now();
        let found = self.parts.storage.find_auth_request(id).await;
        let Some(request) = found.map_err(|error| not_now(&error.into()))? else {
            return Err(Told::refused("the request is gone"));
        };
        match request.state_at(now) {
            AuthRequestState::Approved(approval) => self.tokens_of(debt, notification, &request, &approval, now).await,
            settled => without_tokens(&settled),
        }
    }

    #[tracing::instrument(target = STEPS, level = "trace", name = "redeem", skip_all, fields(client.id = %debt.creditor, prompt.handle = %request.handle))]
    async fn tokens_of(
        &self,
        debt: &ClaimedDebt,
        notification: &Notification,
        request: &AuthRequest,
        approval: &Approval,
        now: Millis,
    ) -> Result<Pushed, Told> {
        let auth_req_id = &notification.auth_req_id;
        let found = self.find_client(&debt.creditor).await;
        let client = found.map_err(|error| not_now(&error.into()))?;
        let client = client.filter(|client| !client.disabled && !are_bound(&client.tokens));
        let allowed = client.filter(|client| self.check_still_allowed(client, &request.scope).is_ok());
        let minted = match &allowed {
            Some(client) => Some(
                self.mint(client, request, approval, Wanted::default(), Some(auth_req_id), now)
                    .await,
            ),
            None => None,
        };
        let minted = match minted {
            Some(Ok(minted)) => Some(minted),
            // Nobody makes that key now: the person would be left waiting for nothing.
            Some(Err(OpError::Key(KeyError::NoActiveKey(_)))) | None => None,
            Some(Err(error)) => return Err(not_now(&error)),
        };
        let seal = |pushed: &Pushed| {
            self.sealed_result(debt, notification, pushed)
                .map_err(|error| not_now(&error))
        };
        let mut sealing = Sealing {
            id: request.id,
            client_id: request.client_id.clone(),
            debt: debt.id.clone(),
            lease: debt.lease.clone(),
            tokens: None,
            failure: seal(&Pushed::Error(PushError::TransactionFailed))?,
            now,
        };
        let mut tokens = None;
        if let Some(minted) = minted {
            let expires_at = minted.redemption.access.expires_at;
            let pushed = Pushed::Tokens {
                response: Box::new(minted.response),
                expires_at,
            };
            let id_token_until = now + Millis::from(self.parts.config.id_token_seconds) * 1000;
            sealing.tokens = Some(SealedTokens {
                redemption: minted.redemption,
                payload: seal(&pushed)?,
                deadline: expires_at.min(id_token_until),
            });
            tokens = Some(pushed);
        }
        let sealed = self.parts.storage.seal_result(sealing).await;
        match (sealed.map_err(|error| not_now(&error.into()))?, tokens) {
            (Sealed::Tokens, Some(tokens)) => {
                meters().count(Outcome::Redeemed);
                Ok(tokens)
            }
            (Sealed::Failure, _) => Ok(Pushed::Error(PushError::TransactionFailed)),
            (Sealed::Settled(state), _) => without_tokens(&state),
            (Sealed::Lost, _) | (Sealed::Tokens, None) => Err(Told::retry("another worker has taken it on")),
        }
    }

    fn sealed_result(
        &self,
        debt: &ClaimedDebt,
        notification: &Notification,
        pushed: &Pushed,
    ) -> Result<Vec<u8>, OpError> {
        let notification = Notification {
            pushed: Some(pushed.clone()),
            ..notification.clone()
        };
        Ok(self.sealed(&debt.id, &notification)?)
    }
}

/// Whether whoever presents these tokens has to prove a key: nobody shows one when they are delivered by push.
pub(in crate::op) fn are_bound(rules: &TokenRules) -> bool {
    rules.dpop_bound || rules.certificate_bound
}

/// What is said of a settled request that is not approved.
fn without_tokens(settled: &AuthRequestState) -> Result<Pushed, Told> {
    match settled {
        AuthRequestState::Denied => Ok(Pushed::Error(PushError::AccessDenied)),
        AuthRequestState::Expired => Ok(Pushed::Error(PushError::ExpiredToken)),
        AuthRequestState::Redeemed { .. } => Err(Told::refused("its tokens were issued in another way")),
        // Approved, but its readable time is over.
        AuthRequestState::Approved(_) => Err(Told::refused("its time is over")),
        AuthRequestState::Pending => Err(Told::retry("the request is not settled")),
    }
}

/// In words for the operator.
fn not_now(error: &OpError) -> Told {
    Told::retry(error.to_string())
}
