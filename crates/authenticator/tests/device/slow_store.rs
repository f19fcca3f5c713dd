//! A key store that takes its time, as one does that asks the person.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use countersign_authenticator::{
    AppEvent, Authenticator, BrowserUnavailable, Host, MemoryHost, MemorySecrets, SecretStore, SecretStoreError,
    view::{ConnectionView, KeyStoreView},
};
use countersign_clock::{OsRandom, SystemClock};
use countersign_protocol::{Platform, Secret};
use tokio::sync::Semaphore;
use url::Url;

use crate::{
    fake::Fake,
    kit::{eventually, pair, quick},
};

/// The next write after `armed` waits until it is let go.
struct SlowSecrets {
    inner: Arc<MemorySecrets>,
    armed: AtomicBool,
    waiting: AtomicBool,
    written: AtomicBool,
    go: Semaphore,
}

#[async_trait]
impl SecretStore for SlowSecrets {
    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretStoreError> {
        self.inner.get(name).await
    }

    async fn set(&self, name: &str, value: &Secret) -> Result<(), SecretStoreError> {
        if self.armed.swap(false, Ordering::SeqCst) {
            self.waiting.store(true, Ordering::SeqCst);
            self.go.acquire().await.unwrap().forget();
            let result = self.inner.set(name, value).await;
            self.written.store(true, Ordering::SeqCst);
            return result;
        }
        self.inner.set(name, value).await
    }

    async fn delete(&self, name: &str) -> Result<(), SecretStoreError> {
        self.inner.delete(name).await
    }
}

struct SlowHost(Arc<MemoryHost>, Arc<SlowSecrets>);

#[async_trait]
impl Host for SlowHost {
    fn secrets(&self) -> Arc<dyn SecretStore> {
        let secrets: Arc<SlowSecrets> = Arc::clone(&self.1);
        secrets
    }

    fn key_store(&self) -> KeyStoreView {
        self.0.key_store()
    }

    async fn open_browser(&self, url: &Url) -> Result<(), BrowserUnavailable> {
        self.0.open_browser(url).await
    }

    fn emit(&self, event: AppEvent) {
        self.0.emit(event);
    }

    fn app_version(&self) -> String {
        self.0.app_version()
    }

    fn platform(&self) -> Platform {
        self.0.platform()
    }

    fn suggested_device_name(&self) -> String {
        self.0.suggested_device_name()
    }
}

/// S-053: the person signs out while an older state of the account is still being written.
#[tokio::test]
async fn a_slow_write_never_brings_back_keys_that_were_wiped_meanwhile() {
    let fake = Fake::start().await;
    let inner = Arc::new(MemorySecrets::default());
    let slow = Arc::new(SlowSecrets {
        inner: Arc::clone(&inner),
        armed: AtomicBool::new(false),
        waiting: AtomicBool::new(false),
        written: AtomicBool::new(false),
        go: Semaphore::new(0),
    });
    let (host, mut channels) = MemoryHost::with_secrets("Robot", Arc::clone(&inner));
    let host = Arc::new(SlowHost(host, Arc::clone(&slow)));
    let device = Authenticator::new(host, Arc::new(SystemClock), Arc::new(OsRandom), quick()).await;
    let device = Arc::new(device.unwrap());
    device.start();
    let account = pair(&device, &mut channels, &fake, |_| {}).await.unwrap().id;
    eventually("live", || {
        (device.status().accounts[0].connection == ConnectionView::Live).then_some(())
    })
    .await;

    // A new request key is pinned, which rewrites the record.
    slow.armed.store(true, Ordering::SeqCst);
    fake.change_request_key(None);
    fake.ask("r1");
    eventually("the write to begin", || {
        slow.waiting.load(Ordering::SeqCst).then_some(())
    })
    .await;
    let mut leaving = tokio::spawn({
        let device = Arc::clone(&device);
        async move { device.sign_out(&account).await }
    });
    // Signing out may finish first or wait for the write; either way nothing may be left.
    let finished = tokio::time::timeout(Duration::from_millis(300), &mut leaving).await;
    slow.go.add_permits(1);
    match finished {
        Ok(left) => left.unwrap().unwrap(),
        Err(_) => leaving.await.unwrap().unwrap(),
    };
    eventually("the write to end", || slow.written.load(Ordering::SeqCst).then_some(())).await;
    for name in inner.names() {
        let kept = inner.get(&name).await.unwrap().unwrap();
        assert!(!kept.expose().contains("pop_key"), "S-053: {name} still holds the key");
    }
}
