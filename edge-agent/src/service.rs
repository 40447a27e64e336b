//! What the service manager is told (systemd's `Type=notify`).
//!
//! Here: the three words. Not here: when they are said: READY when the configuration is right and the outbox is
//! open (`agent`), the watchdog's by core alone, so that a core that hangs is noticed.
//! Invariant: outside of systemd nothing happens.

use sd_notify::{NotifyState, notify};

/// The service is up.
pub fn ready() {
    say(NotifyState::Ready);
}

/// Core goes round.
pub fn alive() {
    say(NotifyState::Watchdog);
}

/// The service is about to end.
pub fn stopping() {
    say(NotifyState::Stopping);
}

fn say(state: NotifyState<'_>) {
    if let Err(e) = notify(&[state]) {
        tracing::debug!(error = %e, "the service manager does not listen");
    }
}
