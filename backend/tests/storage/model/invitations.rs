use async_trait::async_trait;
use countersign::{
    domain::{Invitation, TokenHash},
    storage::{Invitations, StorageError},
};
use countersign_clock::Millis;

use super::{Kept, Model};

#[async_trait]
impl Invitations for Model {
    async fn add_invitation(&self, invitation: Invitation) -> Result<bool, StorageError> {
        self.write(|kept| {
            kept.invitations
                .retain(|_, known| known.expires_at > invitation.created_at);
            let taken = kept
                .invitations
                .values()
                .any(|known| known.name == invitation.name || known.hash == invitation.hash);
            if !taken {
                kept.invitations.insert(invitation.name.clone(), invitation);
            }
            Ok(!taken)
        })
    }

    async fn list_invitations(&self, now: Millis) -> Result<Vec<Invitation>, StorageError> {
        Ok(self.read(|kept| {
            let good = kept.invitations.values().filter(|known| known.expires_at > now);
            good.cloned().collect()
        }))
    }

    async fn remove_invitation(&self, name: &str) -> Result<bool, StorageError> {
        self.write(|kept| Ok(kept.invitations.remove(name).is_some()))
    }
}

impl Kept {
    pub(super) fn is_invited(&self, hash: TokenHash, now: Millis) -> bool {
        let mut all = self.invitations.values();
        all.any(|known| known.hash == hash && known.expires_at > now)
    }

    pub(super) fn count_use(&mut self, hash: TokenHash) {
        for known in self.invitations.values_mut().filter(|known| known.hash == hash) {
            known.uses_left -= 1;
        }
        self.invitations.retain(|_, known| known.uses_left > 0);
    }
}
