//! The composition root: the only place that knows everything.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use axum::{Router, middleware};
use countersign_clock::{Clock, Millis, OsRandom, Random, SystemClock};
use futures_util::{FutureExt as _, future::OptionFuture};
use tokio::sync::{Notify, oneshot};

use crate::{
    config::{Config, DatabaseUrl, FapiProfile, MtlsConfig, StorageConfig},
    connectors::{self, Connectors, Embedded, SecretError, UpstreamParts, Upstreams},
    consent::{self, Consent},
    devices::{self, DeviceRegistry},
    http,
    issuers::Issuers,
    jobs::{Jobs, OutboxWorker},
    keys::{KeyRing, key_encryption_key},
    nodes::{self, Nodes},
    op::{self, Delivery, MutualTls, Provider},
    outbound::{Outbound, SystemLookup},
    serve::{self, Serving},
    storage::{PostgresSignals, PostgresStorage, Role, SqliteStorage, Storage},
    wakes::{Topic, Wakes},
};

/// The parts of a running backend.
pub struct App {
    /// Every route.
    pub router: Router,
    /// What happens by itself.
    pub jobs: Jobs,
    /// Pays what is owed.
    pub outbox: OutboxWorker,
    /// Signals to and from other nodes, where there are any.
    pub nodes: Option<Nodes>,
}

/// Puts the backend together. `origin` is where it is reached.
///
/// # Errors
/// When other nodes cannot be told of changes as the settings ask.
pub fn build(
    config: &Config,
    origin: String,
    storage: Arc<dyn Storage>,
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> anyhow::Result<App> {
    let owed = Arc::new(Notify::new());
    let outbound = Outbound::new(&config.outbound, Arc::new(SystemLookup))?;
    let signals = signals(&config.storage)?;
    let wakes = signals.as_ref().map_or_else(Wakes::new, |_| Wakes::among_nodes());
    let to_providers = Outbound::to_providers(&config.outbound)?;
    let issuers = Arc::new(Issuers::new(&config.connectors, to_providers.clone(), clock.clone()));
    let consent = Arc::new(Consent::new(consent::Parts {
        config: config.consent.clone(),
        origin: origin.clone(),
        issuer: origin.clone(),
        titles: issuers.titles(),
        storage: storage.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
        wakes: wakes.clone(),
        owed: owed.clone(),
    }));
    let upstreams = Arc::new(Upstreams::open(UpstreamParts {
        config: config.connectors.upstream.clone(),
        consent: consent.clone(),
        issuers: issuers.clone(),
        keys: keys.clone(),
        outbound: to_providers.clone(),
        storage: storage.clone(),
        clock: clock.clone(),
        random: random.clone(),
    })?);
    let provider = Arc::new(Provider::new(op::Parts {
        config: config.op.clone(),
        registration: config.registration.clone(),
        issuer: origin.clone(),
        storage: storage.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
        random: random.clone(),
        trigger: Arc::new(Embedded::new(consent.clone()).asking(upstreams.clone())),
        wakes: wakes.clone(),
        mutual_tls: MutualTls::open(&config.mtls)?,
        outbound: outbound.clone(),
    }));
    let connectors = connectors(config, to_providers, &consent, &issuers, &keys, &storage, &clock)?;
    let connectors = Arc::new(connectors);
    let outbox = OutboxWorker {
        storage: storage.clone(),
        connectors: connectors.clone(),
        upstreams,
        delivery: Arc::new(Delivery::new(provider.clone(), outbound)),
        clock: clock.clone(),
        random: random.clone(),
        owed,
    };
    let registry = Arc::new(DeviceRegistry::new(devices::Parts {
        config: config.devices.clone(),
        origin: origin.clone(),
        issuer: origin.clone(),
        embedded: config.op.enabled,
        issuers: issuers.clone(),
        storage: storage.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
        random: random.clone(),
        several_nodes: config.storage.is_postgres(),
        user_codes: config.op.user_code && config.op.enabled,
    }));
    let device_api = http::DeviceApi {
        registry,
        consent: consent.clone(),
        backend: origin.clone(),
        issuer: origin,
        embedded: config.op.enabled,
        issuers,
        heartbeat_seconds: config.devices.heartbeat_seconds,
    };
    let op_routes = config.op.enabled.then(|| http::op_routes(provider));
    let router = op_routes
        .unwrap_or_default()
        .merge(http::device_routes(device_api))
        .merge(http::connector_routes(connectors))
        .merge(http::health_routes(storage.clone()));
    let router = guarded(router, config.server.forwarded_for, random.clone());
    let nodes = signals.map(|signals| Nodes::new(signals, wakes.clone(), &*random));
    Ok(App {
        router,
        jobs: jobs(config, consent, keys, storage, clock, random, wakes),
        outbox,
        nodes,
    })
}

fn jobs(
    config: &Config,
    consent: Arc<Consent>,
    keys: Arc<KeyRing>,
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    wakes: Arc<Wakes>,
) -> Jobs {
    Jobs {
        consent,
        keys,
        storage,
        clock,
        random,
        wakes,
        reread_seconds: config.keys.reread_seconds,
        expire_seconds: config.consent.expire_seconds,
        expire_rows: config.consent.expire_rows,
        history_days: config.consent.history_days,
    }
}

/// The providers outside that the settings name.
fn connectors(
    config: &Config,
    outbound: Outbound,
    consent: &Arc<Consent>,
    issuers: &Arc<Issuers>,
    keys: &Arc<KeyRing>,
    storage: &Arc<dyn Storage>,
    clock: &Arc<dyn Clock>,
) -> Result<Connectors, SecretError> {
    Connectors::new(connectors::Parts {
        config: config.connectors.clone(),
        report_seconds: config.op.report_seconds,
        message_length: config.op.binding_message_length,
        details_types: config.op.authorization_details.clone(),
        consent: consent.clone(),
        issuers: issuers.clone(),
        keys: keys.clone(),
        outbound,
        storage: storage.clone(),
        clock: clock.clone(),
    })
}

/// Routes with what every request passes on its way to them.
fn guarded(router: Router, forwarded_for: bool, random: Arc<dyn Random>) -> Router {
    let router = router.layer(middleware::from_fn(move |request, next| {
        http::access_log(random.clone(), request, next)
    }));
    if forwarded_for {
        router.layer(middleware::from_fn(http::behind_proxy))
    } else {
        router
    }
}

/// The way to other nodes, where there may be some and the settings allow it.
fn signals(config: &StorageConfig) -> anyhow::Result<Option<PostgresSignals>> {
    let url = database_url(config)?.filter(|_| config.notify);
    let signals = url.map(|url| PostgresSignals::new(url.expose())).transpose();
    signals.context("the PostgreSQL database cannot be opened")
}

/// Tells all nodes that `topic` changed, for a command beside them.
///
/// # Errors
/// When the database cannot be reached.
pub async fn tell_nodes(config: &StorageConfig, topic: &Topic) -> anyhow::Result<()> {
    if let Some(signals) = signals(config)? {
        nodes::tell_once(&signals, topic, &OsRandom).await?;
    }
    Ok(())
}

fn database_url(config: &StorageConfig) -> anyhow::Result<Option<DatabaseUrl>> {
    config
        .database_url()
        .with_context(|| format!("{} cannot be read", config.url_file.display()))
}

/// Opens the store that the settings name, as the server does (`Role::Server`) or a command next to it. A PostgreSQL database knows no roles.
///
/// # Errors
/// When the file or the database cannot be used.
pub async fn open_storage(config: &StorageConfig, role: Role) -> anyhow::Result<Arc<dyn Storage>> {
    let Some(url) = database_url(config)? else {
        let storage = SqliteStorage::open(&config.path, role)
            .with_context(|| format!("the database {} cannot be opened", config.path.display()))?;
        return Ok(Arc::new(storage));
    };
    let storage = PostgresStorage::open(url.expose(), config.connections, Arc::new(OsRandom))
        .await
        .context("the PostgreSQL database cannot be opened")?;
    Ok(Arc::new(storage))
}

/// Opens the store and the keys that it holds, as the server does (`Role::Server`) or a command next to it.
///
/// # Errors
/// When the store cannot be used, or the key-encryption key is missing while something is sealed with it.
pub async fn open(config: &Config, role: Role, origin: String) -> anyhow::Result<(Arc<dyn Storage>, Arc<KeyRing>)> {
    let storage = open_storage(&config.storage, role).await?;
    let secret_file = config.storage.secret_file();
    // Two nodes that start together must not make one key each, so nobody makes it where there may be two.
    ensure!(
        !config.storage.is_postgres() || secret_file.exists(),
        "{} is missing: with PostgreSQL the key-encryption key has to be there before the first start, the same on every node (see secret_file in the \
         documented configuration)",
        secret_file.display()
    );
    let sealed = !storage.list_keys().await?.is_empty();
    let sealing = key_encryption_key(&secret_file, sealed, &OsRandom)?;
    let keys = KeyRing::open(storage.clone(), Arc::new(SystemClock), sealing, origin).await?;
    let hinted_by = Millis::from(config.op.id_token_seconds) + Millis::from(config.op.id_token_hint_seconds);
    let keys = keys.retiring_for(hinted_by * 1000);
    Ok((storage, Arc::new(keys)))
}

/// Serves until the process is told to stop.
///
/// # Errors
/// When the address is taken, or the database, the keys or the certificate cannot be used.
pub async fn run(mut config: Config) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.server.listen)
        .with_context(|| format!("cannot listen on {}", config.server.listen))?;
    let bound = listener.local_addr()?;
    let origin = config.server.origin(bound);
    let metrics = config.metrics.listen.map(listen_for_metrics).transpose()?;
    let certificates = listen_for_certificates(&mut config.mtls)?;
    let (storage, keys) = open(&config, Role::Server, origin.clone()).await?;
    let app = build(
        &config,
        origin.clone(),
        storage,
        keys,
        Arc::new(SystemClock),
        Arc::new(OsRandom),
    )?;
    let wakes = app.jobs.wakes.clone();
    let (jobs, nodes) = (app.jobs, app.nodes);
    let jobs = tokio::spawn(async move { tokio::join!(jobs.run(), nodes::run(nodes)) });
    let metrics = metrics.map(|listener| tokio::spawn(serve::serve_plain(listener, http::metrics_routes())));
    let (stop_paying, told_to_stop_paying) = oneshot::channel::<()>();
    let paying = tokio::spawn(app.outbox.run(async {
        // The other end is dropped when everything else has ended.
        let _ended = told_to_stop_paying.await;
    }));
    // Heard before anybody is told that the server is ready: who is told may stop it at once.
    let told_to_stop = told_to_stop().context("SIGTERM and Ctrl-C cannot be heard")?;
    let stop = async move {
        told_to_stop.await;
        // Streams never end by themselves, and the stop waits for what is open.
        wakes.close();
    };
    let stop = stop.shared();
    let certificates = OptionFuture::from(certificates.map(|listener| {
        let serving = serving(&config, config.mtls.tls_profile, app.router.clone());
        serve::serve_certificates(&config.mtls, serving, listener, stop.clone())
    }));
    let serving = serving(&config, config.server.tls_profile, app.router);
    let served = serve::serve(serving, listener, || announce(&origin, bound), stop.clone());
    // Who cannot serve one of them serves neither. The second listener first, so that it is there when the server is said to be ready.
    let served = tokio::try_join!(async { certificates.await.transpose() }, served);
    jobs.abort();
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    drop(stop_paying);
    paying.await.context("the worker of the outbox failed")?;
    tracing::info!("stopped");
    served?;
    Ok(())
}

fn serving(config: &Config, of_listener: FapiProfile, router: Router) -> Serving<'_> {
    Serving {
        server: &config.server,
        tls_profile: of_listener.narrower_tls(config.op.profile),
        router,
        beside: &config.storage.path,
    }
}

/// Binds the listener for certificates, where there is one, and writes down the port that it got.
fn listen_for_certificates(mtls: &mut MtlsConfig) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = mtls.listen else {
        return Ok(None);
    };
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen for certificates on {address}"))?;
    mtls.listen = Some(listener.local_addr()?);
    tracing::info!(origin = mtls.origin(), "clients may show certificates");
    Ok(Some(listener))
}

fn listen_for_metrics(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen for metrics on {address}"))?;
    tracing::info!(metrics = %listener.local_addr()?, "metrics are served");
    Ok(listener)
}

/// Tells whoever started the server where it is.
#[expect(
    clippy::print_stdout,
    reason = "the address is the program's output, logs go to standard error"
)]
fn announce(origin: &str, bound: SocketAddr) {
    // The address people use may be another one than the one that is bound.
    tracing::info!(origin, %bound, "ready");
    println!("listening on {origin}");
}

/// Hears SIGTERM and Ctrl-C from this call on; the future resolves when one of them came.
#[cfg(unix)]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Hears Ctrl-C; the future resolves when it came.
#[cfg(not(unix))]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C cannot be heard");
            std::future::pending::<()>().await;
        }
    })
}
