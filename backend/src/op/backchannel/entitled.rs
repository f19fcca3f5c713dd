//! Which clients may ask people at all (CIBA Core sections 4 and 13).

use countersign_protocol::OAuthErrorCode;

use crate::{
    domain::{Client, GrantType},
    op::{Provider, Refusal},
};

impl Provider {
    /// Whether `client` registered for CIBA, in a way of delivery that is offered.
    pub(super) fn entitled(&self, client: &Client) -> Result<(), Refusal> {
        let unauthorized = |why| Err(Refusal::new(OAuthErrorCode::UnauthorizedClient, why));
        if !client.grant_types.contains(&GrantType::Ciba) {
            return unauthorized("the client is not registered for CIBA");
        }
        let offered = |mode| self.parts.config.delivery_modes.contains(&mode);
        if !client.delivery_mode.is_none_or(offered) {
            return unauthorized("the client's delivery mode is not offered any more");
        }
        Ok(())
    }
}
