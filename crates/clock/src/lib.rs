//! Time and randomness as arguments.
//!
//! Everything that depends on the hour or on chance takes a [`Clock`] or a [`Random`], so that a test can decide both.
//! This crate knows nothing about calendars, time zones or what the random bytes are for.

mod manual;
mod random;

pub use manual::ManualClock;
pub use random::{OsRandom, Random, SeededRandom};

/// Milliseconds since 1970-01-01T00:00:00Z, the only time format inside the product.
pub type Millis = i64;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The current time in milliseconds since the Unix epoch.
    fn now(&self) -> Millis;

    /// The current time in whole seconds since the Unix epoch, as JWT claims carry it (RFC 7519 section 2).
    fn now_seconds(&self) -> i64 {
        self.now().div_euclid(1000)
    }
}

/// The clock of the machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read"
    )]
    fn now(&self) -> Millis {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since_epoch.map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }
}
