//! The key store of the operating system.
//!
//! Calls block, and a locked store may ask the person for its password meanwhile, so every call runs on a thread for blocking work.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use countersign_authenticator::{SecretStore, SecretStoreError};
use countersign_protocol::Secret;
use keyring_core::{CredentialStore, Entry, Error};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{blocking, platform};

/// Under which service the entries of this app stand in the store.
const SERVICE: &str = "dev.countersign.app";
/// An entry that is written, read and deleted to see that the store works: some open without a complaint and keep nothing.
const PROBE: &str = "probe";
const PROBE_VALUE: &str = "countersign was here";

/// What the store said. The library's own error may carry the secret, so only its words are kept.
#[derive(Debug, Error)]
#[error("{0}")]
struct StoreSaid(String);

/// An entry that is not what this app wrote.
#[derive(Debug, Error)]
#[error("understand an entry of the store")]
struct ForeignEntry;

/// Secrets in the key store of the operating system.
#[derive(Clone)]
pub(super) struct Keychain(Arc<Inner>);

struct Inner {
    store: Arc<CredentialStore>,
    /// The most bytes that the store takes in one entry.
    piece_len: usize,
    /// Stores promise nothing for two threads at one entry.
    turn: Mutex<()>,
}

impl Keychain {
    /// Secrets in `store`, whose entries take at most `piece_len` bytes.
    pub(super) fn new(store: Arc<CredentialStore>, piece_len: usize) -> Self {
        Self(Arc::new(Inner {
            store,
            piece_len,
            turn: Mutex::new(()),
        }))
    }

    /// Sees whether the store really keeps what it is given.
    pub(super) async fn probe(&self) -> Result<(), SecretStoreError> {
        let value = Secret::new(PROBE_VALUE);
        self.set(PROBE, &value).await?;
        let found = self.get(PROBE).await?;
        self.delete(PROBE).await?;
        match found {
            Some(found) if found.expose() == PROBE_VALUE => Ok(()),
            Some(_) | None => Err(SecretStoreError::Failed(Box::new(ForeignEntry))),
        }
    }

    async fn take_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, SecretStoreError> + Send + 'static,
    ) -> Result<T, SecretStoreError> {
        let inner = Arc::clone(&self.0);
        let done = blocking(move || {
            let _turn = inner.turn.lock().unwrap_or_else(PoisonError::into_inner);
            work(&inner)
        });
        done.await.map_err(|error| SecretStoreError::Failed(Box::new(error)))?
    }
}

#[async_trait]
impl SecretStore for Keychain {
    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretStoreError> {
        let name = name.to_owned();
        self.take_turn(move |inner| inner.get(&name)).await
    }

    async fn set(&self, name: &str, value: &Secret) -> Result<(), SecretStoreError> {
        let (name, value) = (name.to_owned(), value.clone());
        self.take_turn(move |inner| inner.set(&name, &value)).await
    }

    async fn delete(&self, name: &str) -> Result<(), SecretStoreError> {
        let name = name.to_owned();
        self.take_turn(move |inner| inner.delete(&name)).await
    }
}

/// Pieces are written under one of two generations, so that the pieces in use are never touched.
const GENERATIONS: u32 = 2;

/// The first entry of a secret, written last: the secret itself, or where its pieces are.
enum Head {
    Whole(Zeroizing<Vec<u8>>),
    Pieces { generation: u32, count: usize },
}

impl Inner {
    fn get(&self, name: &str) -> Result<Option<Secret>, SecretStoreError> {
        let bytes = match self.head(name)? {
            None => return Ok(None),
            Some(Head::Whole(bytes)) => bytes,
            Some(Head::Pieces { generation, count }) => {
                let mut bytes = Zeroizing::new(Vec::new());
                for index in 0..count {
                    let piece = self.read(&piece_name(name, generation, index))?.ok_or_else(foreign)?;
                    bytes.extend_from_slice(&piece);
                }
                bytes
            }
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| foreign())?;
        Ok(Some(Secret::new(text)))
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), SecretStoreError> {
        let old = self.head(name)?;
        let bytes = value.expose().as_bytes();
        if bytes.len() < self.piece_len {
            self.write(name, &[b"=", bytes].concat())?;
            return match old {
                Some(Head::Pieces { .. }) => self.sweep(name, None),
                Some(Head::Whole(_)) | None => Ok(()),
            };
        }
        let generation = match old {
            Some(Head::Pieces { generation, .. }) => GENERATIONS - 1 - generation,
            Some(Head::Whole(_)) | None => 0,
        };
        let pieces = bytes.chunks(self.piece_len.max(1));
        let count = pieces.len();
        for (index, piece) in pieces.enumerate() {
            self.write(&piece_name(name, generation, index), piece)?;
        }
        // The new pieces stand beside the old ones until this entry points at them: a crash loses nothing.
        self.write(name, format!("#{generation}:{count}").as_bytes())?;
        self.sweep(name, Some((generation, count)))
    }

    fn delete(&self, name: &str) -> Result<(), SecretStoreError> {
        self.remove(name)?;
        self.sweep(name, None)
    }

    /// Removes the pieces that nothing points at: those of the secret before, and those of a write that broke off.
    fn sweep(&self, name: &str, kept: Option<(u32, usize)>) -> Result<(), SecretStoreError> {
        for generation in 0..GENERATIONS {
            let first = match kept {
                Some((current, count)) if current == generation => count,
                Some(_) | None => 0,
            };
            let mut end = first;
            while self.read(&piece_name(name, generation, end))?.is_some() {
                end += 1;
            }
            // From the end, so that what is left after a crash has no gap and is found again.
            for index in (first..end).rev() {
                self.remove(&piece_name(name, generation, index))?;
            }
        }
        Ok(())
    }

    fn head(&self, name: &str) -> Result<Option<Head>, SecretStoreError> {
        let Some(bytes) = self.read(name)? else {
            return Ok(None);
        };
        match bytes.split_first() {
            Some((b'=', whole)) => Ok(Some(Head::Whole(Zeroizing::new(whole.to_vec())))),
            Some((b'#', place)) => pieces_at(place).map(Some).ok_or_else(foreign),
            Some(_) | None => Err(foreign()),
        }
    }

    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, SecretStoreError> {
        match self.entry(name)?.get_secret() {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(failure(&error)),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), SecretStoreError> {
        self.entry(name)?.set_secret(bytes).map_err(|error| failure(&error))
    }

    fn remove(&self, name: &str) -> Result<(), SecretStoreError> {
        match self.entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }

    fn entry(&self, name: &str) -> Result<Entry, SecretStoreError> {
        self.store
            .build(SERVICE, name, platform::entry_modifiers().as_ref())
            .map_err(|error| failure(&error))
    }
}

/// What an error of the store means here.
pub(super) fn failure(error: &Error) -> SecretStoreError {
    match platform::judge(error) {
        platform::Judgement::Locked => SecretStoreError::Locked,
        platform::Judgement::Missing => SecretStoreError::Missing,
        platform::Judgement::Failed => SecretStoreError::Failed(Box::new(StoreSaid(error.to_string()))),
    }
}

fn foreign() -> SecretStoreError {
    SecretStoreError::Failed(Box::new(ForeignEntry))
}

fn piece_name(name: &str, generation: u32, index: usize) -> String {
    format!("{name}#{generation}.{index}")
}

fn pieces_at(place: &[u8]) -> Option<Head> {
    let (generation, count) = std::str::from_utf8(place).ok()?.split_once(':')?;
    let (generation, count) = (generation.parse().ok()?, count.parse().ok()?);
    (generation < GENERATIONS).then_some(Head::Pieces { generation, count })
}
