//! Whether a person can be looking at the window.
//!
//! The window's own page says when a request is in view; a page that lies must not be enough. So this is measured here, from what the
//! window system says.

use std::sync::{Mutex, PoisonError};

use countersign_clock::{Clock, Millis};
use tauri::{Runtime, WebviewWindow};

/// A window that has only just come to the front may have caught a click that was meant for another one.
const SETTLE: Millis = 700;

/// Since when the window has had the focus, without a break.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<Option<Millis>>);

impl Presence {
    /// The window got the focus.
    pub(crate) fn came(&self, now: Millis) {
        self.since().get_or_insert(now);
    }

    /// The window lost the focus or is gone.
    pub(crate) fn left(&self) {
        *self.since() = None;
    }

    /// Whether `window` is visible and has had the focus for long enough to decide in it.
    pub(crate) fn allows<R: Runtime>(&self, window: &WebviewWindow<R>, clock: &dyn Clock) -> bool {
        self.judge(self.in_front(window).unwrap_or(false), clock.now())
    }

    fn in_front<R: Runtime>(&self, window: &WebviewWindow<R>) -> tauri::Result<bool> {
        // Android's window answers no to every question; it only tells when it gets and loses the focus.
        if cfg!(target_os = "android") {
            return Ok(self.was_told());
        }
        Ok(window.is_focused()? && window.is_visible()? && !window.is_minimized()?)
    }

    /// Whether the window told that it came to the front, and has not told since that it left.
    fn was_told(&self) -> bool {
        self.since().is_some()
    }

    fn judge(&self, in_front: bool, now: Millis) -> bool {
        let mut since = self.since();
        if !in_front {
            *since = None;
            return false;
        }
        // A window that never told it came to the front starts to count now.
        now - *since.get_or_insert(now) >= SETTLE
    }

    fn since(&self) -> std::sync::MutexGuard<'_, Option<Millis>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_just_got_the_focus_cannot_approve_yet() {
        let presence = Presence::default();
        presence.came(1_000);
        assert!(!presence.judge(true, 1_699), "S-072: 699 ms after the focus");
        assert!(presence.judge(true, 1_700), "S-072: 700 ms after the focus");
        presence.came(1_700);
        assert!(
            presence.judge(true, 1_700),
            "a repeated focus event starts nothing anew"
        );
    }

    #[test]
    fn losing_the_focus_starts_from_nothing() {
        let presence = Presence::default();
        presence.came(0);
        presence.left();
        assert!(!presence.judge(true, 5_000), "S-032: the break counts");
        assert!(presence.judge(true, 5_700), "S-032: and then the time in front");
    }

    #[test]
    fn a_window_that_can_only_tell_counts_from_what_it_told() {
        let presence = Presence::default();
        assert!(
            !presence.judge(presence.was_told(), 60_000),
            "S-032: it never came to the front"
        );
        presence.came(60_000);
        assert!(!presence.judge(presence.was_told(), 60_699), "S-032");
        assert!(presence.judge(presence.was_told(), 60_700), "S-032");
        presence.left();
        assert!(!presence.judge(presence.was_told(), 120_000), "S-032: it left");
    }

    #[test]
    fn a_hidden_window_never_approves() {
        let presence = Presence::default();
        presence.came(0);
        assert!(!presence.judge(false, 60_000), "V-029: whatever the page claims");
        assert!(!presence.judge(true, 60_000), "V-029: and being hidden was a break");
    }
}
