use countersign::{
    domain::{AuthorizationCode, Confirmation, RefreshToken, TokenHash},
    storage::{CodeRedemption, CodeUse, RefreshUse, Rotation, Storage},
};
use countersign_protocol::ClientId;
use futures_util::future::join_all;

use crate::sample::{NOW, access, account, add_account, family, hash, refresh};

fn code() -> AuthorizationCode {
    AuthorizationCode {
        hash: TokenHash(hash("code")),
        family: family("family"),
        redirect_uri: "https://shop.example/cb".to_owned(),
        code_challenge: "challenge".to_owned(),
        dpop_jkt: Some("thumbprint".to_owned()),
        nonce: Some("nonce".to_owned()),
        expires_at: NOW + 60_000,
    }
}

fn bring(of: &str) -> CodeRedemption {
    CodeRedemption {
        code: code().hash,
        client_id: ClientId::from("shop"),
        redirect_uri: code().redirect_uri,
        code_challenge: code().code_challenge,
        confirmation: code().confirmation(),
        access: access(of),
        refresh: Some(refresh(of)),
        now: NOW + 100,
    }
}

fn rotate(old: &str, new: &str) -> Rotation {
    Rotation {
        token: refresh(old).hash,
        client_id: ClientId::from("shop"),
        confirmation: refresh(old).confirmation,
        access: access(new),
        next: refresh(new),
        now: NOW + 200,
    }
}

async fn signed_in(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    store.add_code(code()).await.unwrap();
    assert_eq!(
        store.redeem_code(bring("1")).await.unwrap(),
        CodeUse::Granted(Box::new(code()))
    );
}

async fn lives(store: &dyn Storage, token: TokenHash) -> bool {
    store.find_token(token, NOW + 300).await.unwrap().is_some()
}

pub async fn a_code_is_used_once_and_its_reuse_revokes_what_came_of_it(store: &dyn Storage) {
    signed_in(store).await;
    let facts = store.find_token(access("1").hash, NOW + 100).await.unwrap().unwrap();
    assert_eq!(
        (facts.family, facts.issued_at, facts.is_refresh),
        (family("family"), NOW + 100, false)
    );
    assert_eq!(
        facts.resources,
        access("1").resources,
        "R-069: what a token is for is the token's own"
    );
    let whole = store.find_token(refresh("1").hash, NOW + 100).await.unwrap().unwrap();
    assert!(
        whole.resources.is_empty(),
        "R-069: a refresh token is for all of the grant"
    );
    assert_eq!(store.redeem_code(bring("2")).await.unwrap(), CodeUse::Reused);
    for token in [access("1").hash, refresh("1").hash, access("2").hash] {
        assert!(!lives(store, token).await, "RFC 6749 section 4.1.2");
    }
    assert_eq!(
        store.rotate_refresh(rotate("1", "3")).await.unwrap(),
        RefreshUse::Refused
    );
}

pub async fn a_code_that_does_not_match_stays_unused(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    store.add_code(code()).await.unwrap();
    let wrong = [
        CodeRedemption {
            code: TokenHash([9; 32]),
            ..bring("1")
        },
        CodeRedemption {
            client_id: ClientId::from("bank"),
            ..bring("1")
        },
        CodeRedemption {
            redirect_uri: "https://shop.example/cb/".to_owned(),
            ..bring("1")
        },
        CodeRedemption {
            code_challenge: "other".to_owned(),
            ..bring("1")
        },
        CodeRedemption {
            confirmation: None,
            ..bring("1")
        },
        CodeRedemption {
            confirmation: Some(Confirmation::Jkt("another".to_owned())),
            ..bring("1")
        },
        CodeRedemption {
            confirmation: Some(Confirmation::X5tS256("thumbprint".to_owned())),
            ..bring("1")
        },
        CodeRedemption {
            now: code().expires_at,
            ..bring("1")
        },
    ];
    for redemption in wrong {
        let verdict = store.redeem_code(redemption.clone()).await.unwrap();
        assert_eq!(verdict, CodeUse::Refused, "V-019, V-020: {redemption:?}");
    }
    store.set_account_disabled("ada-login", true).await.unwrap();
    assert_eq!(store.redeem_code(bring("1")).await.unwrap(), CodeUse::Refused, "V-002");
    store.set_account_disabled("ada-login", false).await.unwrap();
    let without_refresh = CodeRedemption {
        refresh: None,
        ..bring("1")
    };
    assert_eq!(
        store.redeem_code(without_refresh).await.unwrap(),
        CodeUse::Granted(Box::new(code()))
    );
    assert!(!lives(store, refresh("1").hash).await);
}

pub async fn a_code_can_be_looked_at_while_it_is_good(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    store.add_code(code()).await.unwrap();
    let (shop, bank) = (ClientId::from("shop"), ClientId::from("bank"));
    let look = async |client: &ClientId, now| store.find_code(code().hash, client, now).await.unwrap();
    assert_eq!(look(&shop, NOW).await, Some(code()));
    assert_eq!(look(&bank, NOW).await, None, "another client's");
    assert_eq!(look(&shop, code().expires_at).await, None, "over");
    store.redeem_code(bring("1")).await.unwrap();
    assert_eq!(look(&shop, NOW).await, None, "used");
    let unknown = store.find_code(TokenHash([9; 32]), &shop, NOW).await.unwrap();
    assert_eq!(unknown, None);
}

/// R-265, V-032.
pub async fn a_refresh_token_that_is_bound_to_a_key_is_presented_with_that_key(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    store.add_code(code()).await.unwrap();
    let key = Some(Confirmation::Jkt("thumbprint".to_owned()));
    let bound = |of: &str| RefreshToken {
        confirmation: key.clone(),
        ..refresh(of)
    };
    let redemption = CodeRedemption {
        refresh: Some(bound("1")),
        ..bring("1")
    };
    store.redeem_code(redemption).await.unwrap();
    let found = store.find_token(refresh("1").hash, NOW + 200).await.unwrap().unwrap();
    assert_eq!(found.confirmation, key);
    for confirmation in [
        None,
        Some(Confirmation::Jkt("another".to_owned())),
        Some(Confirmation::X5tS256("thumbprint".to_owned())),
    ] {
        let stolen = Rotation {
            confirmation,
            ..rotate("1", "2")
        };
        let verdict = store.rotate_refresh(stolen).await.unwrap();
        assert_eq!(verdict, RefreshUse::Refused, "V-032");
    }
    let own = Rotation {
        confirmation: key.clone(),
        next: bound("2"),
        ..rotate("1", "2")
    };
    let granted = RefreshUse::Granted(Box::new(family("family")));
    assert_eq!(store.rotate_refresh(own).await.unwrap(), granted, "R-265");
}

pub async fn of_a_hundred_parallel_code_redemptions_one_is_granted(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    store.add_code(code()).await.unwrap();
    let answers = join_all((0..100).map(|n| store.redeem_code(bring(&format!("n{n}"))))).await;
    let granted = answers
        .iter()
        .filter(|answer| matches!(answer.as_ref().unwrap(), CodeUse::Granted(_)));
    assert_eq!(granted.count(), 1, "V-010");
}

pub async fn a_refresh_token_rotates_and_its_reuse_revokes_the_family(store: &dyn Storage) {
    signed_in(store).await;
    let granted = RefreshUse::Granted(Box::new(family("family")));
    assert_eq!(store.rotate_refresh(rotate("1", "2")).await.unwrap(), granted);
    assert!(!lives(store, refresh("1").hash).await, "used up");
    assert_eq!(store.rotate_refresh(rotate("2", "3")).await.unwrap(), granted);
    let by_another = Rotation {
        client_id: ClientId::from("bank"),
        ..rotate("1", "4")
    };
    assert_eq!(store.rotate_refresh(by_another).await.unwrap(), RefreshUse::Refused);
    assert!(
        lives(store, refresh("3").hash).await,
        "another client's attempt changes nothing"
    );
    assert_eq!(
        store.rotate_refresh(rotate("1", "4")).await.unwrap(),
        RefreshUse::Reused
    );
    for token in [access("1").hash, access("3").hash, refresh("3").hash, access("4").hash] {
        assert!(!lives(store, token).await, "RFC 9700 section 4.14.2");
    }
    assert_eq!(
        store.rotate_refresh(rotate("3", "5")).await.unwrap(),
        RefreshUse::Refused
    );
}

pub async fn of_a_hundred_parallel_rotations_one_is_granted(store: &dyn Storage) {
    signed_in(store).await;
    let answers = join_all((0..100).map(|n| store.rotate_refresh(rotate("1", &format!("n{n}"))))).await;
    let granted = answers
        .iter()
        .filter(|answer| matches!(answer.as_ref().unwrap(), RefreshUse::Granted(_)));
    assert_eq!(granted.count(), 1, "V-010");
}

/// V-002.
pub async fn tokens_of_a_disabled_person_stand_for_nothing(store: &dyn Storage) {
    signed_in(store).await;
    store.set_account_disabled("ada-login", true).await.unwrap();
    assert!(!lives(store, access("1").hash).await, "V-002");
    assert!(!lives(store, refresh("1").hash).await, "V-002");
    assert_eq!(
        store.rotate_refresh(rotate("1", "2")).await.unwrap(),
        RefreshUse::Refused,
        "V-002"
    );
    store.set_account_disabled("ada-login", false).await.unwrap();
    assert!(lives(store, access("1").hash).await);
}

pub async fn tokens_stand_for_nothing_once_they_are_over(store: &dyn Storage) {
    signed_in(store).await;
    let (access, refresh) = (access("1"), refresh("1"));
    for (hash, expires_at) in [(access.hash, access.expires_at), (refresh.hash, refresh.expires_at)] {
        assert!(store.find_token(hash, expires_at - 1).await.unwrap().is_some());
        assert!(store.find_token(hash, expires_at).await.unwrap().is_none());
    }
    let late = Rotation {
        now: refresh.expires_at,
        ..rotate("1", "2")
    };
    assert_eq!(store.rotate_refresh(late).await.unwrap(), RefreshUse::Refused);
    assert!(store.find_token(TokenHash([1; 32]), NOW).await.unwrap().is_none());
}

pub async fn revoking_an_access_token_leaves_the_rest(store: &dyn Storage) {
    signed_in(store).await;
    store
        .revoke_token(access("1").hash, &ClientId::from("shop"), NOW)
        .await
        .unwrap();
    assert!(!lives(store, access("1").hash).await);
    assert!(lives(store, refresh("1").hash).await, "RFC 7009");
    store
        .revoke_token(access("1").hash, &ClientId::from("shop"), NOW)
        .await
        .unwrap();
}

pub async fn revoking_a_refresh_token_takes_the_family(store: &dyn Storage) {
    signed_in(store).await;
    store
        .revoke_token(refresh("1").hash, &ClientId::from("shop"), NOW)
        .await
        .unwrap();
    assert!(!lives(store, refresh("1").hash).await);
    assert!(!lives(store, access("1").hash).await, "RFC 7009");
}

pub async fn a_client_revokes_only_its_own_tokens(store: &dyn Storage) {
    signed_in(store).await;
    for token in [access("1").hash, refresh("1").hash] {
        store.revoke_token(token, &ClientId::from("bank"), NOW).await.unwrap();
        assert!(lives(store, token).await);
    }
}

pub async fn a_family_goes_with_its_last_token(store: &dyn Storage) {
    signed_in(store).await;
    store.sweep_grants(code().expires_at, 10).await.unwrap();
    let second = AuthorizationCode {
        hash: TokenHash(hash("second code")),
        ..code()
    };
    assert!(store.add_code(second.clone()).await.is_err(), "the family has tokens");
    store.sweep_grants(refresh("1").expires_at, 10).await.unwrap();
    store.add_code(second).await.unwrap();
    let access_alone = CodeRedemption {
        code: TokenHash(hash("second code")),
        refresh: None,
        ..bring("2")
    };
    store.redeem_code(access_alone).await.unwrap();
    assert_eq!(store.sweep_grants(code().expires_at, 10).await.unwrap(), 1, "the code");
    let shop = ClientId::from("shop");
    store.revoke_token(access("2").hash, &shop, NOW).await.unwrap();
    store.add_code(code()).await.unwrap();
}
