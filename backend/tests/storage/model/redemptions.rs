use async_trait::async_trait;
use countersign::{
    domain::{Approval, AuthRequest, AuthRequestId, AuthRequestState, GrantFamily},
    storage::{AuthRequests, Redeemed, Redemption, Sealed, Sealing, StorageError},
};

use super::{Kept, Model};

#[async_trait]
impl AuthRequests for Model {
    async fn find_auth_request(&self, id: AuthRequestId) -> Result<Option<AuthRequest>, StorageError> {
        Ok(self.read(|kept| kept.requests.get(&id).cloned()))
    }

    async fn redeem(&self, redemption: Redemption) -> Result<Redeemed, StorageError> {
        self.write(|kept| kept.redeem(&redemption))
    }

    async fn seal_result(&self, sealing: Sealing) -> Result<Sealed, StorageError> {
        self.write(|kept| kept.seal_result(sealing))
    }
}

impl Kept {
    fn redeem(&mut self, redemption: &Redemption) -> Result<Redeemed, StorageError> {
        let now = redemption.now;
        let request = self.requests.get(&redemption.id);
        let Some(request) = request.filter(|request| request.client_id == redemption.client_id) else {
            return Ok(Redeemed::Unknown);
        };
        let seen = Box::new(AuthRequest {
            state: request.state_at(now),
            ..request.clone()
        });
        let AuthRequestState::Approved(approval) = seen.state.clone() else {
            return Ok(Redeemed::Refused { request: seen });
        };
        if !self.may_redeem(&seen, &approval) {
            return Ok(Redeemed::Blocked);
        }
        if now >= seen.readable_until {
            return Ok(Redeemed::Refused { request: seen });
        }
        let request = self.requests.get_mut(&redemption.id).unwrap();
        request.state = AuthRequestState::Redeemed { at: now };
        let request = request.clone();
        if let Some(asked) = self.prompts.get_mut(&request.handle) {
            asked.redeemed_at = Some(now);
        }
        let family = GrantFamily {
            id: redemption.family_id.clone(),
            client_id: request.client_id.clone(),
            sub: request.sub.clone(),
            scope: request.scope.clone(),
            auth_time: approval.auth_time,
            amr: approval.amr.clone(),
            acr: approval.acr.clone(),
            created_at: now,
            extras: request.extras.clone(),
        };
        self.add_family(family, approval.device_id.clone())?;
        self.add_tokens(
            &redemption.family_id,
            &redemption.access,
            redemption.refresh.as_ref(),
            now,
        )?;
        Ok(Redeemed::Granted {
            request: Box::new(request),
            approval,
        })
    }

    fn seal_result(&mut self, sealing: Sealing) -> Result<Sealed, StorageError> {
        let request = self.requests.get(&sealing.id);
        let own = request.filter(|request| request.client_id == sealing.client_id);
        let debt = self.debts.get(&sealing.debt);
        let held = debt.is_some_and(|debt| debt.is_held_by(&sealing.lease) && !debt.is_sealed());
        let Some(request) = own.filter(|_| held) else {
            return Ok(Sealed::Lost);
        };
        let state = request.state_at(sealing.now);
        if !matches!(state, AuthRequestState::Approved(_)) {
            return Ok(Sealed::Settled(state));
        }
        if let Some(tokens) = sealing.tokens {
            match self.redeem(&tokens.redemption)? {
                Redeemed::Granted { .. } => {
                    let family_id = Some(tokens.redemption.family_id);
                    let debt = self.debts.get_mut(&sealing.debt).unwrap();
                    debt.seal(tokens.payload, family_id, tokens.deadline);
                    return Ok(Sealed::Tokens);
                }
                Redeemed::Refused { .. } | Redeemed::Unknown => return Ok(Sealed::Settled(state)),
                Redeemed::Blocked => {}
            }
        }
        self.requests.get_mut(&sealing.id).unwrap().state = AuthRequestState::Denied;
        let debt = self.debts.get_mut(&sealing.debt).unwrap();
        debt.seal(sealing.failure, None, i64::MAX);
        Ok(Sealed::Failure)
    }

    /// Person, client and deciding device are still active; where no device decided another provider vouches.
    fn may_redeem(&self, request: &AuthRequest, approval: &Approval) -> bool {
        let vouched = match &approval.device_id {
            Some(id) => {
                let device = self.devices.get(id);
                device.is_some_and(|device| device.revoked_at.is_none())
            }
            None => self
                .prompts
                .get(&request.handle)
                .is_some_and(|asked| asked.evidence.is_some()),
        };
        self.clients.contains_key(&request.client_id)
            && !self.is_client_disabled(&request.client_id)
            && self.is_enabled(&request.sub)
            && vouched
    }
}
