//! Who holds how much of what is scarce, be it slots, bodies or connections: no client takes what all others need (S31).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How often the log says that somebody was turned away: a flood must not fill it.
const TELL: Duration = Duration::from_secs(60);

/// A bounded number of something, and a smaller one for each client. Clones count together.
#[derive(Debug, Clone)]
pub struct Shares {
    /// Their name in the log, plural.
    what: &'static str,
    all: usize,
    each: usize,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// By address prefix; whoever holds nothing is not in it.
    of: HashMap<String, usize>,
    told: Option<Instant>,
}

/// One of them, given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    of: Shares,
    client: Option<String>,
}

impl Shares {
    /// `all` of them, at most `each` for one client.
    pub fn new(what: &'static str, all: usize, each: usize) -> Shares {
        Shares { what, all, each, held: Arc::default() }
    }

    /// One for the client of this prefix, if it and all together have room. Without a client only the whole counts.
    pub fn take(&self, client: Option<&str>) -> Option<Share> {
        let mut held = self.held();
        let own = client.and_then(|client| held.of.get(client)).copied().unwrap_or_default();
        if held.all >= self.all || own >= self.each {
            let is_due = held.told.is_none_or(|told| told.elapsed() >= TELL);
            if is_due {
                held.told = Some(Instant::now());
            }
            drop(held);
            if is_due {
                tracing::warn!(client, own, "too many {} at once; some are turned away", self.what);
            }
            return None;
        }
        held.all += 1;
        if let Some(client) = client {
            held.of.insert(client.to_owned(), own + 1);
        }
        Some(Share { of: self.clone(), client: client.map(str::to_owned) })
    }

    /// Nothing is left half done under the lock, so a panic elsewhere does not spoil the numbers.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held();
        held.all = held.all.saturating_sub(1);
        let Some(client) = &self.client else { return };
        match held.of.get_mut(client) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(held.of.remove(client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_cannot_take_it_all_and_what_is_given_back_can_be_had_again() {
        let shares = Shares::new("tests", 3, 2);
        let first = shares.take(Some("a")).unwrap();
        let _second = shares.take(Some("a")).unwrap();
        assert!(shares.take(Some("a")).is_none(), "its own are taken");
        let _third = shares.take(Some("b")).unwrap();
        assert!(shares.take(Some("c")).is_none() && shares.take(None).is_none(), "all are taken");
        drop(first);
        let _again = shares.take(Some("a")).unwrap();
        assert!(shares.take(Some("a")).is_none());
    }

    #[test]
    fn whoever_left_is_forgotten_and_whoever_has_no_bound_takes_what_there_is() {
        let shares = Shares::new("tests", 3, 1);
        drop(shares.take(Some("a")));
        let _all: Vec<Share> = (0..3).map(|_| shares.take(None).unwrap()).collect();
        assert!(shares.held().of.is_empty() && shares.take(None).is_none());
    }
}
