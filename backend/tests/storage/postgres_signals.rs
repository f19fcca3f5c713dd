//! Signals between nodes: who waits on one hears what happens on another, and a lost connection is made again.

use std::{sync::Arc, time::Duration};

use countersign::{
    domain::AccountKey,
    nodes::{self, Nodes},
    storage::PostgresSignals,
    wakes::{Heard, Subscription, Topic, Wakes},
};
use countersign_clock::OsRandom;
use tokio::{task::JoinSet, time::timeout};

use crate::stores::CLUSTER;

/// Longest wait for something that has to come.
const PATIENCE: Duration = Duration::from_mins(1);

fn person(sub: &str) -> Topic {
    Topic::Person(AccountKey {
        iss: "https://id.example".to_owned(),
        sub: sub.into(),
    })
}

fn node(url: &str, running: &mut JoinSet<()>) -> Arc<Wakes> {
    let wakes = Wakes::among_nodes();
    let signals = PostgresSignals::new(url).unwrap();
    running.spawn(Nodes::new(signals, wakes.clone(), &OsRandom).run());
    wakes
}

fn listeners(url: &str) -> usize {
    let query = "select count(*) from pg_stat_activity where query like 'LISTEN%' and datname = current_database()";
    CLUSTER.query(url, query).parse().unwrap()
}

async fn until_listening(url: &str, nodes: usize) {
    let all = async {
        while listeners(url) < nodes {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, all).await.expect("every node listens");
}

/// Takes what was heard so far, such as that a node began to listen.
async fn hush(listener: &mut Subscription) {
    while timeout(Duration::from_millis(300), listener.heard()).await.is_ok() {}
}

async fn hears(listener: &mut Subscription) {
    let heard = timeout(PATIENCE, listener.heard()).await;
    assert_eq!(heard.expect("it is heard on the other node"), Heard::Changed);
}

#[tokio::test]
async fn what_changes_on_one_node_is_heard_on_the_others() {
    let url = CLUSTER.database();
    let mut running = JoinSet::new();
    let (one, other) = (node(&url, &mut running), node(&url, &mut running));
    let mut anna = other.subscribe(person("anna")).unwrap();
    let mut ben = other.subscribe(person("ben")).unwrap();
    until_listening(&url, 2).await;
    hush(&mut anna).await;
    hush(&mut ben).await;

    one.notify(&person("anna"));
    hears(&mut anna).await;
    for number in 0..2_000 {
        one.notify(&person(&number.to_string()));
    }
    one.notify(&person("anna"));
    hears(&mut anna).await;
    let silent = timeout(Duration::from_millis(300), ben.heard()).await;
    assert!(silent.is_err(), "V-045: nobody hears of another person");

    let signals = PostgresSignals::new(&url).unwrap();
    let mut keys = other.subscribe(Topic::Keys).unwrap();
    nodes::tell_once(&signals, &Topic::Keys, &OsRandom).await.unwrap();
    hears(&mut keys).await;
    running.shutdown().await;
}

#[tokio::test]
async fn a_node_that_lost_its_connection_looks_and_listens_again() {
    let url = CLUSTER.database();
    let mut running = JoinSet::new();
    let (one, other) = (node(&url, &mut running), node(&url, &mut running));
    let mut anna = other.subscribe(person("anna")).unwrap();
    until_listening(&url, 2).await;
    hush(&mut anna).await;
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    let connections: usize = CLUSTER.query(&url, cut).parse().unwrap();
    assert!(connections >= 2, "both listened");
    // What was told meanwhile is lost, so everybody looks.
    hears(&mut anna).await;
    until_listening(&url, 2).await;
    hush(&mut anna).await;
    // The first one may go out on a connection that is cut but not known to be.
    let heard = timeout(PATIENCE, async {
        loop {
            one.notify(&person("anna"));
            if timeout(Duration::from_secs(1), anna.heard()).await.is_ok() {
                break;
            }
        }
    });
    heard.await.expect("signals go on");
    running.shutdown().await;
}

#[tokio::test]
async fn a_database_that_is_away_stops_nobody() {
    let mut running = JoinSet::new();
    let wakes = node("postgres://nobody@%2Fnowhere/none", &mut running);
    let mut anna = wakes.subscribe(person("anna")).unwrap();
    wakes.notify(&person("anna"));
    hears(&mut anna).await;
    let ended = timeout(Duration::from_millis(500), running.join_next()).await;
    assert!(ended.is_err(), "it goes on trying");
    running.shutdown().await;
}
