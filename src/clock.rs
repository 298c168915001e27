//! The one source of "now". Services ask it once at their top and pass `now` down; tests move it by hand.

use std::sync::{Arc, Mutex};

use time::{Duration, OffsetDateTime};

/// Tells the time in UTC.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, UTC.
    fn now(&self) -> OffsetDateTime;

    /// How far it stands ahead of the operating system's; zero but in tests. What goes by the database's clock adds it.
    fn ahead(&self) -> Duration {
        self.now() - SystemClock.now()
    }
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn ahead(&self) -> Duration {
        Duration::ZERO
    }
}

/// A clock that starts at a given instant and then runs with the system's (`NOTAFTER_TEST_NOW`).
#[derive(Debug, Clone, Copy)]
pub struct OffsetClock {
    ahead: Duration,
}

impl OffsetClock {
    /// Starts at `start` now.
    pub fn starting_at(start: OffsetDateTime) -> Self {
        Self { ahead: start - SystemClock.now() }
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> OffsetDateTime {
        SystemClock.now().saturating_add(self.ahead)
    }

    fn ahead(&self) -> Duration {
        self.ahead
    }
}

/// A clock that stands still until told to move; clones share the same hand.
#[derive(Debug, Clone)]
pub struct FixedClock {
    now: Arc<Mutex<OffsetDateTime>>,
}

impl FixedClock {
    /// Stands at `now`.
    pub fn at(now: OffsetDateTime) -> Self {
        Self { now: Arc::new(Mutex::new(now)) }
    }

    /// Moves forward, or back when `by` is negative.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.saturating_add(by);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
