use std::collections::HashSet;

use async_trait::async_trait;
use countersign::{
    domain::{AccessToken, AuthorizationCode, Confirmation, GrantFamily, RefreshToken, TokenHash},
    storage::{AccessTokenFacts, CodeRedemption, CodeUse, Grants, RefreshUse, Rotation, StorageError},
};
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DeviceId};

use super::{Kept, Model, add};

#[derive(Clone)]
pub(super) struct Family {
    pub(super) facts: GrantFamily,
    /// The device that approved it.
    pub(super) device_id: Option<DeviceId>,
    revoked: bool,
}

#[derive(Clone)]
pub(super) struct Code {
    code: AuthorizationCode,
    used: bool,
}

#[derive(Clone)]
pub(super) struct Token {
    family_id: String,
    issued_at: Millis,
    expires_at: Millis,
    confirmation: Option<Confirmation>,
    resources: Vec<String>,
    used: bool,
}

#[async_trait]
impl Grants for Model {
    async fn add_code(&self, code: AuthorizationCode) -> Result<(), StorageError> {
        self.write(|kept| {
            kept.add_family(code.family.clone(), None)?;
            add(&mut kept.codes, code.hash, Code { code, used: false })
        })
    }

    async fn redeem_code(&self, redemption: CodeRedemption) -> Result<CodeUse, StorageError> {
        self.write(|kept| kept.redeem_code(&redemption))
    }

    async fn rotate_refresh(&self, rotation: Rotation) -> Result<RefreshUse, StorageError> {
        self.write(|kept| kept.rotate_refresh(&rotation))
    }

    async fn find_code(
        &self,
        code: TokenHash,
        client_id: &ClientId,
        now: Millis,
    ) -> Result<Option<AuthorizationCode>, StorageError> {
        Ok(self.read(|kept| {
            let Code { code, used } = kept.codes.get(&code)?;
            let is_good = !used && now < code.expires_at && !kept.families[&code.family.id].revoked;
            (is_good && kept.is_of(&code.family.id, client_id)).then(|| code.clone())
        }))
    }

    async fn find_token(&self, token: TokenHash, now: Millis) -> Result<Option<AccessTokenFacts>, StorageError> {
        Ok(self.read(|kept| {
            let access = kept.access.get(&token).map(|found| (found, false));
            let refresh = kept.refresh.get(&token).map(|found| (found, true));
            let (token, is_refresh) = access.or(refresh)?;
            let lives = !token.used && kept.is_good(&token.family_id, token.expires_at, now);
            lives.then(|| AccessTokenFacts {
                family: kept.families[&token.family_id].facts.clone(),
                expires_at: token.expires_at,
                issued_at: token.issued_at,
                is_refresh,
                confirmation: token.confirmation.clone(),
                resources: token.resources.clone(),
            })
        }))
    }

    async fn revoke_token(&self, token: TokenHash, client_id: &ClientId, _now: Millis) -> Result<(), StorageError> {
        self.write(|kept| {
            if let Some(refresh) = kept.refresh.get(&token)
                && kept.is_of(&refresh.family_id, client_id)
            {
                let family_id = refresh.family_id.clone();
                kept.revoke_families(|family| family.facts.id == family_id);
            }
            if let Some(access) = kept.access.get(&token)
                && kept.is_of(&access.family_id, client_id)
            {
                kept.access.remove(&token);
                kept.forget_empty_families();
            }
            Ok(())
        })
    }

    async fn sweep_grants(&self, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.write(|kept| {
            let tokens = |of: &std::collections::HashMap<TokenHash, Token>| {
                let over = of.iter().filter(|(_, token)| token.expires_at <= now);
                over.map(|(hash, _)| *hash).take(limit as usize).collect::<Vec<_>>()
            };
            let (access, refresh) = (tokens(&kept.access), tokens(&kept.refresh));
            let codes = kept.codes.values().filter(|code| code.code.expires_at <= now);
            let codes: Vec<_> = codes.map(|code| code.code.hash).take(limit as usize).collect();
            let swept = access.len() + refresh.len() + codes.len();
            kept.access.retain(|hash, _| !access.contains(hash));
            kept.refresh.retain(|hash, _| !refresh.contains(hash));
            kept.codes.retain(|hash, _| !codes.contains(hash));
            Ok(u64::try_from(swept + kept.forget_empty_families()).unwrap())
        })
    }
}

impl Model {
    /// Whether this token was issued and not swept, used or not.
    pub fn has_token(&self, token: TokenHash) -> bool {
        self.read(|kept| kept.access.contains_key(&token) || kept.refresh.contains_key(&token))
    }
}

impl Kept {
    pub(super) fn add_family(&mut self, facts: GrantFamily, device_id: Option<DeviceId>) -> Result<(), StorageError> {
        let family = Family {
            facts,
            device_id,
            revoked: false,
        };
        add(&mut self.families, family.facts.id.clone(), family)
    }

    pub(super) fn add_tokens(
        &mut self,
        family_id: &str,
        access: &AccessToken,
        refresh: Option<&RefreshToken>,
        now: Millis,
    ) -> Result<(), StorageError> {
        let token = |expires_at, confirmation: &Option<Confirmation>, resources: &[String]| Token {
            family_id: family_id.to_owned(),
            issued_at: now,
            expires_at,
            confirmation: confirmation.clone(),
            resources: resources.to_owned(),
            used: false,
        };
        add(
            &mut self.access,
            access.hash,
            token(access.expires_at, &access.confirmation, &access.resources),
        )?;
        match refresh {
            Some(refresh) => add(
                &mut self.refresh,
                refresh.hash,
                token(refresh.expires_at, &refresh.confirmation, &[]),
            ),
            None => Ok(()),
        }
    }

    pub(super) fn revoke_families(&mut self, which: impl Fn(&Family) -> bool) {
        for family in self.families.values_mut().filter(|family| which(family)) {
            family.revoked = true;
        }
    }

    fn redeem_code(&mut self, redemption: &CodeRedemption) -> Result<CodeUse, StorageError> {
        let Some(Code { code, used }) = self.codes.get(&redemption.code).cloned() else {
            return Ok(CodeUse::Refused);
        };
        let family_id = code.family.id.clone();
        if !self.is_of(&family_id, &redemption.client_id) {
            return Ok(CodeUse::Refused);
        }
        if used {
            self.revoke_families(|family| family.facts.id == family_id);
            return Ok(CodeUse::Reused);
        }
        let presented = (&redemption.redirect_uri, &redemption.code_challenge);
        if presented != (&code.redirect_uri, &code.code_challenge)
            || !Confirmation::is_met(code.confirmation().as_ref(), redemption.confirmation.as_ref())
            || !self.is_good(&family_id, code.expires_at, redemption.now)
        {
            return Ok(CodeUse::Refused);
        }
        self.codes.get_mut(&redemption.code).unwrap().used = true;
        self.add_tokens(
            &family_id,
            &redemption.access,
            redemption.refresh.as_ref(),
            redemption.now,
        )?;
        Ok(CodeUse::Granted(Box::new(code)))
    }

    fn rotate_refresh(&mut self, rotation: &Rotation) -> Result<RefreshUse, StorageError> {
        let Some(token) = self.refresh.get(&rotation.token).cloned() else {
            return Ok(RefreshUse::Refused);
        };
        if !self.is_of(&token.family_id, &rotation.client_id) {
            return Ok(RefreshUse::Refused);
        }
        if token.used {
            self.revoke_families(|family| family.facts.id == token.family_id);
            return Ok(RefreshUse::Reused);
        }
        if !Confirmation::is_met(token.confirmation.as_ref(), rotation.confirmation.as_ref())
            || !self.is_good(&token.family_id, token.expires_at, rotation.now)
        {
            return Ok(RefreshUse::Refused);
        }
        self.refresh.get_mut(&rotation.token).unwrap().used = true;
        self.add_tokens(&token.family_id, &rotation.access, Some(&rotation.next), rotation.now)?;
        Ok(RefreshUse::Granted(Box::new(
            self.families[&token.family_id].facts.clone(),
        )))
    }

    fn is_of(&self, family_id: &str, client_id: &ClientId) -> bool {
        self.families[family_id].facts.client_id == *client_id
    }

    /// In time, not revoked, and neither its person nor its client switched off.
    fn is_good(&self, family_id: &str, expires_at: Millis, now: Millis) -> bool {
        let family = &self.families[family_id];
        let in_time = now < expires_at && !family.revoked;
        in_time && self.is_enabled(&family.facts.sub) && !self.is_client_disabled(&family.facts.client_id)
    }

    /// Forgets families of which nothing is left, and says how many.
    fn forget_empty_families(&mut self) -> usize {
        let tokens = self.access.values().chain(self.refresh.values());
        let mut full: HashSet<String> = tokens.map(|token| token.family_id.clone()).collect();
        full.extend(self.codes.values().map(|code| code.code.family.id.clone()));
        let before = self.families.len();
        self.families.retain(|id, _| full.contains(id));
        before - self.families.len()
    }
}
