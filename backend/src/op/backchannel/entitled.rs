//! Which clients may ask people at all, and be told in the way that they registered (CIBA Core sections 4 and 13).

use countersign_protocol::{DeliveryMode, OAuthErrorCode};

use crate::{
    domain::{Client, GrantType},
    op::{Provider, Refusal, delivery::are_bound},
};

impl Provider {
    /// Whether `client` registered for CIBA, in a way of delivery that is offered and fits its tokens.
    pub(super) fn entitled(&self, client: &Client) -> Result<(), Refusal> {
        let unauthorized = |why| Err(Refusal::new(OAuthErrorCode::UnauthorizedClient, why));
        let mode = client.delivery_mode.unwrap_or(DeliveryMode::Poll);
        // A client that is called with its tokens needs no grant to fetch them.
        if mode != DeliveryMode::Push && !client.grant_types.contains(&GrantType::Ciba) {
            return unauthorized("the client is not registered for CIBA");
        }
        if !self.parts.config.delivery_modes.contains(&mode) {
            return unauthorized("the client's delivery mode is not offered any more");
        }
        if mode == DeliveryMode::Push && are_bound(&client.tokens) {
            return unauthorized("tokens that are bound to a key cannot be delivered by push");
        }
        Ok(())
    }
}
