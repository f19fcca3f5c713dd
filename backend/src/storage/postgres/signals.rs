use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};

use super::{StorageError, connect};

const CHANNEL: &str = "countersign";
/// A signal that cannot be told soon is not worth telling: sweeps are faster.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells other nodes of the same database short texts, and hears theirs, by `NOTIFY` and `LISTEN`. Nothing is kept: who does not listen does not hear.
pub struct PostgresSignals {
    /// Apart from the store's connections, so that neither waits for the other. One listens as long as the node lives.
    pool: PgPool,
}

/// Hears what other nodes tell. Its own node's texts are among them.
pub struct SignalListener {
    listener: PgListener,
}

impl PostgresSignals {
    /// The longest text that can be told, bytes.
    pub const MAX_LEN: usize = 7_900;

    /// Uses the database at `url`, which is reached at the first call.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when `url` cannot be read. It is not repeated.
    pub fn new(url: &str) -> Result<Self, StorageError> {
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(connect::options(url)?);
        Ok(Self { pool })
    }

    /// Tells `text` to whoever listens. At most [`Self::MAX_LEN`] bytes.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tell(&self, text: &str) -> Result<(), StorageError> {
        sqlx::query("select pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(text)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// When the database cannot be reached, or something between does not let us listen.
    pub async fn listen(&self) -> Result<SignalListener, StorageError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        // Whoever uses this reconnects by itself, because what was missed meanwhile matters.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(SignalListener { listener })
    }
}

impl SignalListener {
    /// The next text. None when the connection is gone, and texts may have been missed: listen anew.
    ///
    /// # Errors
    /// When the database says something that cannot be read.
    pub async fn heard(&mut self) -> Result<Option<String>, StorageError> {
        let notification = self.listener.try_recv().await?;
        Ok(notification.map(|notification| notification.payload().to_owned()))
    }
}
