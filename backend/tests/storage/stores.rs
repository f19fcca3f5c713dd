//! A fresh store of each kind for one claim.

use countersign::storage::Storage;

use crate::{model::Model, sample};

pub async fn sqlite(claim: impl AsyncFnOnce(&dyn Storage)) {
    let directory = tempfile::tempdir().unwrap();
    let store = sample::sqlite(&directory);
    claim(&store).await;
}

pub async fn model(claim: impl AsyncFnOnce(&dyn Storage)) {
    claim(&Model::default()).await;
}
