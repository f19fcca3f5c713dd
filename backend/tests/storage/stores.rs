//! A fresh store of each kind for one claim.

use countersign::storage::Storage;

use crate::{model::Model, sample};

pub async fn sqlite<T>(claim: impl AsyncFnOnce(&dyn Storage) -> T) -> T {
    let directory = tempfile::tempdir().unwrap();
    let store = sample::sqlite(&directory);
    claim(&store).await
}

pub async fn model<T>(claim: impl AsyncFnOnce(&dyn Storage) -> T) -> T {
    claim(&Model::default()).await
}
