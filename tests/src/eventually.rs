//! Bounded, level-triggered waiting.

use std::time::{Duration, Instant};

/// Asks `condition` until it answers, at most for `limit`.
///
/// # Panics
/// When the time is over; `what` says what was waited for.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(answer) = condition().await {
            return answer;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
