use async_trait::async_trait;
use countersign::{
    domain::{Approval, AuthRequest, AuthRequestId, AuthRequestState, GrantFamily},
    storage::{AuthRequests, Redeemed, Redemption, StorageError},
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
        self.add_family(family, Some(approval.device_id.clone()))?;
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

    /// Person, client and deciding device are still active.
    fn may_redeem(&self, request: &AuthRequest, approval: &Approval) -> bool {
        let device = self.devices.get(&approval.device_id);
        self.clients.contains_key(&request.client_id)
            && !self.is_client_disabled(&request.client_id)
            && self.is_enabled(&request.sub)
            && device.is_some_and(|device| device.revoked_at.is_none())
    }
}
