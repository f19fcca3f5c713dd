//! A fresh store of each kind for one claim.

use std::sync::{Arc, LazyLock};

use countersign::storage::{PostgresStorage, Storage};
use countersign_clock::OsRandom;
use countersign_postgres_cluster::{Cluster, PowerLoss};

use crate::{model::Model, sample};

pub async fn sqlite<T>(claim: impl AsyncFnOnce(&dyn Storage) -> T) -> T {
    let directory = tempfile::tempdir().unwrap();
    let store = sample::sqlite(&directory);
    claim(&store).await
}

/// One server for all claims; it ends with this process. Claims are about what is right; what survives is asked of a server that waits for its disk.
pub static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(PowerLoss::Ignored));

/// Another node on the database at `url`.
pub async fn node(url: &str) -> PostgresStorage {
    PostgresStorage::open(url, 6, Arc::new(OsRandom)).await.unwrap()
}

pub async fn postgres<T>(claim: impl AsyncFnOnce(&dyn Storage) -> T) -> T {
    let url = CLUSTER.database();
    let store = node(&url).await;
    let done = claim(&store).await;
    store.close().await.unwrap();
    CLUSTER.remove(&url);
    done
}

pub async fn model<T>(claim: impl AsyncFnOnce(&dyn Storage) -> T) -> T {
    claim(&Model::default()).await
}
