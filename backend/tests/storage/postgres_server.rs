//! What only a PostgreSQL database does: nodes that share it, a server that dies, units that meet.

use std::{sync::Arc, time::Duration};

use countersign::{
    domain::{KeyPurpose, KeyState},
    keys::KeyRing,
    storage::{
        AfterRestore, AuthRequests as _, Decided, Ended, Grants as _, PostgresStorage, Prompts as _, Recovery as _,
        Redeemed, SigningKeys as _, Storage, StorageError,
    },
};
use countersign_clock::{ManualClock, OsRandom};
use countersign_jose::seal::SealingKey;
use countersign_postgres_cluster::{Cluster, PowerLoss};
use countersign_protocol::Handle;
use futures_util::{FutureExt as _, future::join_all};
use sqlx::{Connection as _, PgConnection};

use crate::{
    sample::{NOW, access, ada_and_the_shop, approve, ask_ada, opening, person, redemption, request_id},
    stores::{CLUSTER, node},
};

async fn open(url: &str) -> Result<PostgresStorage, StorageError> {
    PostgresStorage::open(url, 4, Arc::new(OsRandom)).await
}

/// Waits until `holds`, at most a minute.
async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..1200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within a minute");
}

#[tokio::test]
async fn nodes_that_start_together_make_one_schema() {
    let url = CLUSTER.database();
    for opened in join_all((0..5).map(|_| open(&url))).await {
        opened.unwrap().close().await.unwrap();
    }
    assert_eq!(CLUSTER.query(&url, "select count(*) from schema_version"), "1");
}

#[tokio::test]
async fn nodes_that_start_together_make_one_key_for_each_purpose() {
    let url = CLUSTER.database();
    let clock = Arc::new(ManualClock::at(NOW));
    let start = async || {
        let store: Arc<dyn Storage> = Arc::new(node(&url).await);
        let sealing = SealingKey::new([7; 32]);
        KeyRing::open(store, clock.clone(), sealing, "https://ad.example".to_owned())
            .await
            .unwrap()
    };
    let rings = join_all((0..3).map(|_| start())).await;
    let keys = node(&url).await.list_keys().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| key.state).collect();
    assert_eq!(
        states,
        [KeyState::Active; KeyPurpose::FIRST.len()],
        "one for each purpose, and it signs"
    );
    for purpose in KeyPurpose::FIRST {
        let kid = |ring: &KeyRing| ring.signer(purpose).unwrap().kid().to_owned();
        assert!(
            rings.iter().all(|ring| kid(ring) == kid(&rings[0])),
            "all nodes sign with it"
        );
    }
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused_and_left_alone() {
    let url = CLUSTER.database();
    node(&url).await.close().await.unwrap();
    CLUSTER.sql(&url, "update schema_version set version = 1000");
    let refused = open(&url).await.map(|_| ());
    assert!(
        matches!(refused, Err(StorageError::TooNew { found: 1000, .. })),
        "{refused:?}"
    );
    assert_eq!(CLUSTER.query(&url, "select version from schema_version"), "1000");
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_not_repeated() {
    for url in ["postgres://u:hunter2@[", "postgres://u:hunter2@127.0.0.1:1/none"] {
        let Err(error) = open(url).await else {
            panic!("{url} cannot be opened");
        };
        let told = format!("{error} {error:?}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

///
#[tokio::test]
async fn of_decisions_on_several_nodes_one_is_recorded() {
    let url = CLUSTER.database();
    let nodes = [node(&url).await, node(&url).await, node(&url).await];
    ada_and_the_shop(&nodes[0]).await;
    ask_ada(&nodes[0], "h").await;
    let decisions = (0..60).map(|n| nodes[n % 3].decide(approve("h", &format!("j{n}"))));
    let answers = join_all(decisions).await;
    let recorded = answers
        .iter()
        .filter(|answer| matches!(answer.as_ref().unwrap(), Decided::Recorded(_)));
    assert_eq!(recorded.count(), 1, "R-143: one of {}", answers.len());
}

#[tokio::test]
async fn a_unit_that_meets_another_starts_again() {
    let url = CLUSTER.database();
    let store = node(&url).await;
    ada_and_the_shop(&store).await;
    ask_ada(&store, "first").await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut transaction = other.begin().await.unwrap();
    sqlx::raw_sql("update account_seq set seq = seq + 10")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let waits = async || {
        let waiting =
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        CLUSTER.query(&url, waiting) != "0"
    };
    let meet = async {
        eventually("the unit waits for the row", waits).await;
        transaction.commit().await.unwrap();
    };
    let (opened, ()) = tokio::join!(store.open(opening("second", "ada")), meet);
    assert_eq!(
        opened.unwrap().seq,
        12,
        "what it had read was gone, so PostgreSQL refused it, and it saw the new number the second time"
    );
}

#[tokio::test]
async fn a_unit_that_nobody_waits_for_is_finished() {
    let url = CLUSTER.database();
    let store = node(&url).await;
    ada_and_the_shop(&store).await;
    assert!(
        store.open(opening("h", "ada")).now_or_never().is_none(),
        "it takes a while"
    );
    let handle = Handle::from("h");
    eventually("the prompt is there", async || {
        store.find_prompt(&handle).await.unwrap().is_some()
    })
    .await;
}

/// S-028: what was answered is on disk, so nothing that happens to the server takes it back.
#[tokio::test]
async fn what_was_answered_survives_a_server_that_is_killed_and_the_store_recovers() {
    let mut cluster = Cluster::start(PowerLoss::Survived);
    let url = cluster.database();
    let store = node(&url).await;
    ada_and_the_shop(&store).await;
    let handles: Vec<_> = (0..40).map(|n| format!("h{n}")).collect();
    let decided = join_all(handles.iter().map(async |handle| {
        ask_ada(&store, handle).await;
        store.decide(approve(handle, handle)).await
    }));
    for answer in decided.await {
        assert!(matches!(answer.unwrap(), Decided::Recorded(_)));
    }
    cluster.kill();
    let gone = store.find_auth_request(request_id("h0")).await;
    assert!(matches!(gone, Err(StorageError::Unavailable(_))), "{gone:?}");
    let gone = store.decide(approve("h0", "late")).await;
    assert!(matches!(gone, Err(StorageError::Unavailable(_))), "{gone:?}");
    cluster.restart();
    for handle in &handles {
        let again = store.decide(approve(handle, handle)).await;
        assert!(
            matches!(again, Ok(Decided::Recorded(_))),
            "the same decision has the same answer, on the same store: {again:?}"
        );
    }
}

/// V-041: a database that came back by PostgreSQL's own programs.
#[tokio::test]
async fn what_was_open_before_a_restore_is_ended() {
    let url = CLUSTER.database();
    let store = node(&url).await;
    ada_and_the_shop(&store).await;
    for handle in ["approved", "undecided", "redeemed"] {
        ask_ada(&store, handle).await;
    }
    for handle in ["approved", "redeemed"] {
        store.decide(approve(handle, handle)).await.unwrap();
    }
    store.redeem(redemption("redeemed", "1")).await.unwrap();
    let heard = store.last_seq(&person("ada")).await.unwrap();
    let after = AfterRestore {
        revoke_devices: true,
        now: NOW + 10_000,
    };
    let ended = store.after_restore(after).await.unwrap();
    let expected = Ended {
        requests: 2,
        prompts: 1,
        grants: 1,
        debts: 0,
        devices: 1,
        active_devices: 0,
    };
    assert_eq!(ended, expected);
    for handle in ["approved", "undecided"] {
        let again = store.redeem(redemption(handle, "2")).await.unwrap();
        assert!(matches!(again, Redeemed::Refused { .. }), "V-041: {handle}: {again:?}");
    }
    let token = store.find_token(access("1").hash, NOW + 10_000).await.unwrap();
    assert_eq!(token, None, "V-041");
    let since = store.prompts_since(&person("ada"), heard, 10).await.unwrap();
    assert_eq!(since.len(), 1, "devices hear of the end");
    let nothing = Ended {
        requests: 0,
        prompts: 0,
        grants: 0,
        debts: 0,
        devices: 0,
        active_devices: 0,
    };
    assert_eq!(
        store.after_restore(after).await.unwrap(),
        nothing,
        "it can be said again"
    );
    store.close().await.unwrap();
}
