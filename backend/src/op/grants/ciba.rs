//! The CIBA grant (CIBA Core sections 10.1 and 11), for clients that poll.

use countersign_clock::Millis;
use countersign_protocol::{OAuthErrorCode, TokenResponse};

use super::{mint::Wanted, poll_pace::Pace};
use crate::{
    domain::{Approval, AuthRequest, AuthRequestId, AuthRequestState, Client},
    meters::{Outcome, meters},
    op::{ClientRequest, OpError, Provider, Refusal, details, fresh, resource},
    steps::STEPS,
    storage::Redeemed,
};

const MAX_LEN: usize = 128;

impl Provider {
    /// Answers a poll, which is held while the person has not decided, where the provider holds polls. Only an approved request is written, and one
    /// whose time is over.
    pub(in crate::op) async fn redeem_auth_request(
        &self,
        client: &Client,
        asked: ClientRequest<'_>,
    ) -> Result<TokenResponse, OpError> {
        let id = AuthRequestId(fresh::hash(asked.params.required("auth_req_id", MAX_LEN)?).0);
        let now = self.parts.clock.now();
        let request = self.find_readable(client, id, now).await?;
        details::check_narrowing(&request.extras, asked.params)?;
        resource::narrowed(&request.extras, asked.params)?;
        match request.state_at(now) {
            AuthRequestState::Pending => self.poll_undecided(client, asked, &request, now).await,
            settled => self.answer_settled(client, asked, &request, &settled, now).await,
        }
    }

    async fn find_readable(&self, client: &Client, id: AuthRequestId, now: Millis) -> Result<AuthRequest, OpError> {
        let found = self.parts.storage.find_auth_request(id).await?;
        // Unknown, another client's, and long over: one answer, so that nothing is learnt by guessing.
        let readable = found.filter(|request| request.client_id == client.id && now < request.readable_until);
        self.with_final_state(readable.ok_or_else(unknown)?, now).await
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

    /// The pace is measured from poll to poll as they arrive, so a poll that follows a long answer at once is in time.
    async fn poll_undecided(
        &self,
        client: &Client,
        asked: ClientRequest<'_>,
        request: &AuthRequest,
        now: Millis,
    ) -> Result<TokenResponse, OpError> {
        let (id, over) = (request.id, request.readable_until);
        if self.poll_pace.note(id, request.interval, over, now) == Pace::TooFast {
            let description = "the client polls faster than the interval; it is 5 seconds longer from now on";
            return Err(Refusal::new(OAuthErrorCode::SlowDown, description).into());
        }
        if let Some(mut held) = self.held_polls.hold(request, now) {
            let mut waits = true;
            loop {
                let now = self.parts.clock.now();
                let request = self.find_readable(client, id, now).await?;
                match request.state_at(now) {
                    AuthRequestState::Pending if waits => waits = held.woken().await,
                    AuthRequestState::Pending => break,
                    settled => return self.answer_settled(client, asked, &request, &settled, now).await,
                }
            }
        }
        Err(Refusal::new(OAuthErrorCode::AuthorizationPending, "the person has not decided yet").into())
    }

    async fn answer_settled(
        &self,
        client: &Client,
        asked: ClientRequest<'_>,
        request: &AuthRequest,
        settled: &AuthRequestState,
        now: Millis,
    ) -> Result<TokenResponse, OpError> {
        self.poll_pace.forget(request.id);
        match settled {
            AuthRequestState::Approved(approval) => self.redeem_approved(client, asked, request, approval, now).await,
            settled => Err(refused(settled).into()),
        }
    }

    #[tracing::instrument(target = STEPS, level = "trace", name = "redeem", skip_all, fields(client.id = %client.id, prompt.handle = %request.handle))]
    async fn redeem_approved(
        &self,
        client: &Client,
        asked: ClientRequest<'_>,
        request: &AuthRequest,
        approval: &Approval,
        now: Millis,
    ) -> Result<TokenResponse, OpError> {
        self.check_still_allowed(client, &request.scope)?;
        let wanted = Wanted {
            confirmation: self.confirmation(&asked, client, now).await?,
            resources: resource::narrowed(&request.extras, asked.params)?,
        };
        // Signed before the request is used up: afterwards nothing can fail.
        let minted = self.mint(client, request, approval, wanted, None, now).await?;
        match self.parts.storage.redeem(minted.redemption).await? {
            Redeemed::Granted { .. } => {
                meters().count(Outcome::Redeemed);
                Ok(minted.response)
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
