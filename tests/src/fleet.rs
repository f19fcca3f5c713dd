//! Several backends on one PostgreSQL database, behind one balancer.

use std::sync::LazyLock;

use countersign_postgres_cluster::{Cluster, PowerLoss};

use crate::{Backend, BackendOptions, balancer::Balancer, raw_device::random_text};

/// One database server for all stories; it ends with this process.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(PowerLoss::Ignored));

/// The backends, which have one name and one secret.
pub struct Fleet {
    /// Each can be killed, stopped and started again on its port.
    pub nodes: Vec<Backend>,
    /// What everybody else knows of them.
    pub balancer: Balancer,
    database_url: String,
}

/// Whether nodes tell each other what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signals {
    /// By NOTIFY.
    Told,
    /// Not at all: each finds out by itself.
    Untold,
}

impl Fleet {
    /// Starts `count` backends with this configuration (without `[storage]` and `[server]`).
    pub async fn start(count: usize, signals: Signals, config: &str) -> Self {
        let balancer = Balancer::start().await;
        let options = BackendOptions {
            config: format!("[server]\npublic_url = {:?}\n{config}", balancer.origin),
            environment: vec![("COUNTERSIGN_STORAGE__NOTIFY", (signals == Signals::Told).to_string())],
            database_url: Some(CLUSTER.database()),
            secret: Some(random_text()),
            ..BackendOptions::default()
        };
        // Starting one waits for its first words.
        let nodes: Vec<Backend> =
            tokio::task::block_in_place(|| (0..count).map(|_| Backend::start(&options)).collect());
        balancer.serve(nodes.iter().map(|node| node.listen().to_owned()).collect());
        Self {
            nodes,
            balancer,
            database_url: options.database_url.expect("it was given"),
        }
    }

    /// Where one node is reached past the balancer.
    #[must_use]
    pub fn address(&self, node: usize) -> String {
        format!("http://{}", self.nodes[node].listen())
    }

    /// What the database answers.
    #[must_use]
    pub fn query(&self, sql: &str) -> String {
        CLUSTER.query(&self.database_url, sql)
    }
}
