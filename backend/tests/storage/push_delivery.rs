use countersign::{
    domain::{AuthRequestState, ClaimedDebt, DebtId, DebtKind, Lease, NewDebt, Payment},
    storage::{Claim, Redeemed, Redemption, Resend, Sealed, SealedTokens, Sealing, Storage},
};
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DeviceId};
use futures_util::future::join_all;

use crate::sample::{
    DEADLINE, NOW, READABLE_UNTIL, access, ada_and_the_shop, approve, client, deny, opening, person, redemption,
    refresh, request_id,
};

fn debt_id() -> DebtId {
    DebtId {
        reference: "h".to_owned(),
        kind: DebtKind::Push,
    }
}

/// The shop asks Ada and is to be called with the result.
async fn ask(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    let mut opening = opening("h", "ada");
    opening.auth_request.as_mut().unwrap().owed = Some(NewDebt {
        id: debt_id(),
        creditor: "shop".to_owned(),
        payload: b"sealed address".to_vec(),
        not_before: Millis::MIN,
        deadline: READABLE_UNTIL,
    });
    store.open(opening).await.unwrap();
}

async fn approved(store: &dyn Storage) -> ClaimedDebt {
    ask(store).await;
    store.decide(approve("h", "j")).await.unwrap();
    claim(store, "first", NOW + 1000).await.unwrap()
}

async fn claim(store: &dyn Storage, lease: &str, now: Millis) -> Option<ClaimedDebt> {
    let claim = Claim {
        lease: Lease(lease.to_owned()),
        until: now + 20_000,
        limit: 10,
        now,
    };
    store.claim_debts(claim).await.unwrap().pop()
}

/// Tokens named `of`, made by who holds `lease`.
fn sealing(lease: &str, of: &str) -> Sealing {
    Sealing {
        id: request_id("h"),
        client_id: ClientId::from("shop"),
        debt: debt_id(),
        lease: Lease(lease.to_owned()),
        tokens: Some(SealedTokens {
            redemption: redemption("h", of),
            payload: format!("sealed tokens {of}").into_bytes(),
            deadline: READABLE_UNTIL,
        }),
        failure: b"sealed failure".to_vec(),
        now: NOW + 2000,
    }
}

async fn seal(store: &dyn Storage, sealing: Sealing) -> Sealed {
    store.seal_result(sealing).await.unwrap()
}

async fn settle(store: &dyn Storage, debt: &ClaimedDebt, payment: Payment) -> bool {
    let now = NOW + 3000;
    store.settle_debt(&debt.id, &debt.lease, payment, now).await.unwrap()
}

fn dead() -> Payment {
    Payment::Dead {
        error: "answered 401".to_owned(),
    }
}

fn retry() -> Payment {
    Payment::Retry {
        due_at: NOW + 4000,
        error: "answered 503".to_owned(),
    }
}

async fn lives(store: &dyn Storage, of: &str) -> bool {
    let now = NOW + 3000;
    let access = store.find_token(access(of).hash, now).await.unwrap();
    let refresh = store.find_token(refresh(of).hash, now).await.unwrap();
    assert_eq!(access.is_some(), refresh.is_some(), "a grant lives or ends as a whole");
    access.is_some()
}

async fn state(store: &dyn Storage) -> AuthRequestState {
    store.find_auth_request(request_id("h")).await.unwrap().unwrap().state
}

/// what is delivered again is what was recorded.
pub async fn tokens_are_sealed_once_and_stay_what_is_delivered(store: &dyn Storage) {
    let debt = approved(store).await;
    assert_eq!(seal(store, sealing("first", "1")).await, Sealed::Tokens);
    assert!(lives(store, "1").await, "recorded in the same commit");
    assert_eq!(state(store).await, AuthRequestState::Redeemed { at: NOW + 2000 });
    assert_eq!(
        seal(store, sealing("first", "2")).await,
        Sealed::Lost,
        "R-196: never minted again"
    );
    assert!(!lives(store, "2").await, "R-196");
    assert!(settle(store, &debt, retry()).await);
    let again = claim(store, "second", NOW + 4000).await.unwrap();
    assert_eq!(again.payload, b"sealed tokens 1", "R-196: the same ones");
    assert_eq!(seal(store, sealing("second", "3")).await, Sealed::Lost, "R-196");
    let redeemed = store.redeem(redemption("h", "4")).await.unwrap();
    assert!(matches!(redeemed, Redeemed::Refused { .. }), "R-196: {redeemed:?}");
    assert!(settle(store, &again, Payment::Done).await);
    assert!(lives(store, "1").await, "R-196: the client has them");
}

/// R-196, V-010.
pub async fn of_many_parallel_sealings_one_records_tokens(store: &dyn Storage) {
    approved(store).await;
    let comings = (0..50).map(|n| store.seal_result(sealing("first", &format!("n{n}"))));
    let verdicts: Vec<Sealed> = join_all(comings).await.into_iter().map(Result::unwrap).collect();
    let sealed = verdicts.iter().filter(|verdict| **verdict == Sealed::Tokens).count();
    assert_eq!(sealed, 1, "R-196: {verdicts:?}");
    let mut tokens = 0;
    for n in 0..50 {
        tokens += usize::from(lives(store, &format!("n{n}")).await);
    }
    assert_eq!(tokens, 1, "R-196: one set of tokens");
}

/// R-196, V-010: another worker, another way.
pub async fn sealing_and_redeeming_that_meet_bring_one_set_of_tokens(store: &dyn Storage) {
    approved(store).await;
    let (redeemed, sealed) = tokio::join!(
        store.redeem(redemption("h", "fetched")),
        store.seal_result(sealing("first", "pushed"))
    );
    let fetched = matches!(redeemed.unwrap(), Redeemed::Granted { .. });
    let pushed = sealed.unwrap() == Sealed::Tokens;
    assert!(fetched != pushed, "R-196: one of both");
    assert_eq!(lives(store, "fetched").await, fetched);
    assert_eq!(lives(store, "pushed").await, pushed);
}

///
pub async fn a_worker_that_lost_its_lease_seals_nothing(store: &dyn Storage) {
    approved(store).await;
    claim(store, "second", NOW + 21_000).await.unwrap();
    assert_eq!(seal(store, sealing("first", "late")).await, Sealed::Lost);
    assert!(!lives(store, "late").await, "R-196");
    assert_eq!(seal(store, sealing("second", "1")).await, Sealed::Tokens);
    assert!(lives(store, "1").await);
}

pub async fn nothing_is_sealed_for_a_debt_or_a_client_of_another_name(store: &dyn Storage) {
    approved(store).await;
    store.add_client(client("bank")).await.unwrap();
    let mut ping = sealing("first", "1");
    ping.debt.kind = DebtKind::Ping;
    let mut of_another = sealing("first", "1");
    of_another.client_id = ClientId::from("bank");
    let mut unknown = sealing("first", "1");
    unknown.id = request_id("no such");
    for wrong in [ping, of_another, unknown] {
        assert_eq!(seal(store, wrong).await, Sealed::Lost);
    }
    assert!(!lives(store, "1").await);
}

///
pub async fn a_result_without_tokens_is_told_as_it_is(store: &dyn Storage) {
    ask(store).await;
    store.decide(deny("h", "j")).await.unwrap();
    claim(store, "first", NOW + 1000).await.unwrap();
    let verdict = seal(store, sealing("first", "1")).await;
    assert_eq!(verdict, Sealed::Settled(AuthRequestState::Denied), "R-192");
    assert!(!lives(store, "1").await);
}

///
pub async fn a_request_that_expired_has_nothing_to_seal(store: &dyn Storage) {
    ask(store).await;
    store.expire_prompts(DEADLINE, 10).await.unwrap();
    claim(store, "first", DEADLINE).await.unwrap();
    let late = Sealing {
        now: DEADLINE,
        ..sealing("first", "1")
    };
    assert_eq!(
        seal(store, late).await,
        Sealed::Settled(AuthRequestState::Expired),
        "R-194"
    );
}

/// R-193, V-002: final, whoever is switched on again.
pub async fn whoever_was_switched_off_since_ends_the_request_without_tokens(store: &dyn Storage) {
    let debt = approved(store).await;
    store.set_account_disabled("ada-login", true).await.unwrap();
    assert_eq!(
        seal(store, sealing("first", "1")).await,
        Sealed::Failure,
        "R-193, V-002"
    );
    store.set_account_disabled("ada-login", false).await.unwrap();
    assert_eq!(state(store).await, AuthRequestState::Denied, "R-193: for good");
    assert!(!lives(store, "1").await);
    let redeemed = store.redeem(redemption("h", "2")).await.unwrap();
    assert!(matches!(redeemed, Redeemed::Refused { .. }), "V-002: {redeemed:?}");
    assert!(settle(store, &debt, dead()).await);
    assert_eq!(store.resend_debt(&debt.id, NOW + 3000).await.unwrap(), Resend::Owed);
    let again = claim(store, "second", NOW + 3000).await.unwrap();
    assert_eq!(again.payload, b"sealed failure", "R-193: what was said is said again");
}

/// R-193, V-002.
pub async fn a_device_that_was_revoked_since_or_a_missing_key_ends_the_request(store: &dyn Storage) {
    approved(store).await;
    let without_tokens = Sealing {
        tokens: None,
        ..sealing("first", "1")
    };
    assert_eq!(seal(store, without_tokens).await, Sealed::Failure, "R-193: no key");
    assert_eq!(state(store).await, AuthRequestState::Denied);
    let other = Sealing {
        lease: Lease("none".to_owned()),
        ..sealing("first", "1")
    };
    assert_eq!(seal(store, other).await, Sealed::Lost);
    let phone = DeviceId::from("phone");
    store.revoke_device(&person("ada"), &phone, NOW).await.unwrap();
    let settled = Sealed::Settled(AuthRequestState::Denied);
    assert_eq!(seal(store, sealing("first", "1")).await, settled);
}

/// what nobody was given is worth nothing.
pub async fn tokens_that_are_given_up_on_are_revoked_and_never_sent_again(store: &dyn Storage) {
    let debt = approved(store).await;
    assert_eq!(seal(store, sealing("first", "1")).await, Sealed::Tokens);
    assert!(settle(store, &debt, dead()).await);
    assert!(!lives(store, "1").await, "R-196: revoked in the same commit");
    let listed = store.dead_debts(10).await.unwrap();
    assert_eq!((listed.len(), listed[0].id.kind), (1, DebtKind::Push), "R-154");
    let resent = store.resend_debt(&debt.id, NOW + 3000).await.unwrap();
    assert_eq!(resent, Resend::Revoked);
    assert_eq!(claim(store, "second", NOW + 3000).await, None);
    let erased = store.sweep_debts(NOW, READABLE_UNTIL, 10).await.unwrap();
    assert_eq!(erased, 0, "R-196: there was nothing left to erase");
}

///
pub async fn a_late_no_revokes_nothing(store: &dyn Storage) {
    let late = approved(store).await;
    assert_eq!(seal(store, sealing("first", "1")).await, Sealed::Tokens);
    let taker = claim(store, "second", NOW + 21_000).await.unwrap();
    assert!(!settle(store, &late, dead()).await);
    assert!(lives(store, "1").await);
    assert!(settle(store, &taker, Payment::Done).await);
    assert!(lives(store, "1").await, "R-196: the client has them");
}

/// the deadline is the nearer one of both.
pub async fn tokens_that_reach_nobody_in_time_are_revoked(store: &dyn Storage) {
    let debt = approved(store).await;
    let mut short = sealing("first", "1");
    short.tokens.as_mut().unwrap().deadline = NOW + 10_000;
    assert_eq!(seal(store, short).await, Sealed::Tokens);
    assert!(settle(store, &debt, retry()).await);
    assert_eq!(claim(store, "second", NOW + 10_000).await, None, "too late");
    assert!(lives(store, "1").await);
    assert_eq!(store.sweep_debts(NOW, NOW + 9_999, 10).await.unwrap(), 0);
    assert_eq!(store.sweep_debts(NOW, NOW + 10_000, 10).await.unwrap(), 1);
    assert!(!lives(store, "1").await, "R-196: revoked as it was given up on");
    let resent = store.resend_debt(&debt.id, NOW + 5000).await.unwrap();
    assert_eq!(resent, Resend::Revoked);
}

///
pub async fn a_request_that_is_over_is_not_turned_into_tokens(store: &dyn Storage) {
    approved(store).await;
    let mut late = sealing("first", "1");
    late.now = READABLE_UNTIL;
    late.tokens.as_mut().unwrap().redemption = Redemption {
        now: READABLE_UNTIL,
        ..redemption("h", "1")
    };
    let verdict = seal(store, late).await;
    assert!(
        matches!(verdict, Sealed::Settled(AuthRequestState::Approved(_))),
        "{verdict:?}"
    );
    assert!(!lives(store, "1").await);
}

pub async fn a_client_that_is_removed_takes_its_sealed_tokens_along(store: &dyn Storage) {
    approved(store).await;
    let shop = ClientId::from("shop");
    let (sealed, removed) = tokio::join!(
        store.seal_result(sealing("first", "1")),
        store.remove_client(&shop, NOW + 2000)
    );
    assert!(removed.unwrap());
    sealed.unwrap();
    assert!(!lives(store, "1").await, "V-002: in whatever order");
    assert_eq!(claim(store, "second", NOW + 30_000).await, None);
}
