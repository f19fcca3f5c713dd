//! The CIBA grant (CIBA Core sections 10.1 and 11), poll mode.

use countersign_clock::Millis;
use countersign_protocol::{OAuthErrorCode, TokenResponse};

use crate::{
    domain::{Approval, AuthRequest, AuthRequestId, AuthRequestState, Client},
    meters::{Outcome, meters},
    op::{OpError, Params, Provider, Refusal, fresh, id_token::Authentication, poll_pace::Pace, scope::wants_refresh},
    steps::STEPS,
    storage::{Redeemed, Redemption},
};

const MAX_LEN: usize = 128;

impl Provider {
    /// Answers a poll. Undecided requests cost one read; only an approved one is written, and one whose time is over.
    pub(in crate::op) async fn redeem_auth_request(
        &self,
        client: &Client,
        params: &Params,
    ) -> Result<TokenResponse, OpError> {
        let id = AuthRequestId(fresh::hash(params.required("auth_req_id", MAX_LEN)?).0);
        let now = self.parts.clock.now();
        let found = self.parts.storage.find_auth_request(id).await?;
        // Unknown, another client's, and long over: one answer, so that nothing is learnt by guessing.
        let request = found
            .filter(|request| request.client_id == client.id && now < request.readable_until)
            .ok_or_else(unknown)?;
        let request = self.with_final_state(request, now).await?;
        match request.state_at(now) {
            AuthRequestState::Pending => Err(self.undecided(&request, now).into()),
            AuthRequestState::Approved(approval) => self.redeem_approved(client, &request, &approval, now).await,
            settled => {
                self.poll_pace.forget(id);
                Err(refused(&settled).into())
            }
        }
    }

    /// `expired_token` is final, so it is said only of what is settled: a decision that arrived in time may still be on its way to the disk.
    async fn with_final_state(&self, request: AuthRequest, now: Millis) -> Result<AuthRequest, OpError> {
        if request.state != AuthRequestState::Pending || now < request.expires_at {
            return Ok(request);
        }
        self.parts.trigger.settle_deadlines().await?;
        let settled = self.parts.storage.find_auth_request(request.id).await?;
        Ok(settled.ok_or_else(unknown)?)
    }

    fn undecided(&self, request: &AuthRequest, now: Millis) -> Refusal {
        match self
            .poll_pace
            .note(request.id, request.interval, request.readable_until, now)
        {
            Pace::InTime => Refusal::new(OAuthErrorCode::AuthorizationPending, "the person has not decided yet"),
            Pace::TooFast => Refusal::new(
                OAuthErrorCode::SlowDown,
                "the client polls faster than the interval; it is 5 seconds longer from now on",
            ),
        }
    }

    #[tracing::instrument(target = STEPS, level = "trace", name = "redeem", skip_all, fields(client.id = %client.id, prompt.handle = %request.handle))]
    async fn redeem_approved(
        &self,
        client: &Client,
        request: &AuthRequest,
        approval: &Approval,
        now: Millis,
    ) -> Result<TokenResponse, OpError> {
        self.poll_pace.forget(request.id);
        let access = self.fresh_access(now);
        let refresh = wants_refresh(client, &request.scope).then(|| self.fresh_refresh(now));
        // Signed before the request is used up: afterwards nothing can fail.
        let authentication = Authentication {
            sub: &request.sub,
            auth_time: approval.auth_time,
            amr: &approval.amr,
            acr: &approval.acr,
            nonce: None,
        };
        let key = self.id_token_key(client)?;
        let id_token = self.id_token(&key, client, &authentication, &access.token)?;
        let redemption = Redemption {
            id: request.id,
            client_id: client.id.clone(),
            family_id: fresh::secret(&*self.parts.random),
            access: access.kept.clone(),
            refresh: refresh.as_ref().map(|refresh| refresh.kept.clone()),
            now,
        };
        match self.parts.storage.redeem(redemption).await? {
            Redeemed::Granted { .. } => {
                meters().count(Outcome::Redeemed);
                Ok(self.token_response(access, refresh, Some(id_token)))
            }
            Redeemed::Refused { request } => Err(refused(&request.state_at(now)).into()),
            Redeemed::Blocked => {
                Err(Refusal::invalid_grant("the person, the client or the device was switched off since").into())
            }
            Redeemed::Unknown => Err(unknown().into()),
        }
    }
}

fn unknown() -> Refusal {
    Refusal::invalid_grant("there is no such auth_req_id for this client")
}

/// The answer for a request that is settled and cannot be redeemed.
fn refused(settled: &AuthRequestState) -> Refusal {
    match settled {
        AuthRequestState::Denied => Refusal::new(OAuthErrorCode::AccessDenied, "the request was refused"),
        AuthRequestState::Expired => Refusal::new(OAuthErrorCode::ExpiredToken, "nobody decided in time"),
        AuthRequestState::Redeemed { .. } => Refusal::invalid_grant("the auth_req_id was used before"),
        // Approved, but its readable time is over.
        AuthRequestState::Approved(_) | AuthRequestState::Pending => unknown(),
    }
}
