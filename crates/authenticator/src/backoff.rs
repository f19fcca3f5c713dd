//! Waits between tries: full jitter, so that many devices do not come back at once.

use std::time::Duration;

use crate::core::Core;

/// A random wait before try number `failures` + 1: between nothing and the first wait doubled with each failure, at most the
/// longest.
pub(crate) fn full_jitter(core: &Core, failures: u32) -> Duration {
    let timing = &core.options.timing;
    let most = timing
        .backoff_first
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(timing.backoff_most);
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    let mut bytes = [0; 8];
    core.random.fill(&mut bytes);
    let drawn = (u128::from(u64::from_le_bytes(bytes)) * (u128::from(most) + 1)) >> 64;
    Duration::from_millis(u64::try_from(drawn).unwrap_or(most))
}
