//! Proves the log: every link, in order, then what stands beside the chain, then the anchors.

use std::collections::HashMap;

use crate::{
    app::App,
    services::{Actor, Permission, Result},
    store::audit::{
        records::GENESIS,
        seals::{self, Link},
    },
};

use super::anchors::{self, Anchor};

/// Links read at a time.
const STEP: i64 = 2_000;

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// Records whose seal is right.
    pub checked: i64,
    /// The first record that is not as it was written.
    pub first_broken: Option<Broken>,
    /// Records too young to be sealed; nothing is known about them yet.
    pub unsealed_tail: i64,
    /// Digest of the chain's end, hex; empty while nothing is sealed.
    pub head: String,
    /// Genuine anchors that were compared.
    pub anchors: usize,
    /// Lines of the anchor file that are not as they were written.
    pub altered_anchors: Vec<usize>,
}

/// Where the log is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Broken {
    /// The place in the chain.
    pub seq: i64,
    /// The record's id, when there is one to name.
    pub event_id: Option<i64>,
    /// A sentence for people.
    pub reason: String,
}

impl Verdict {
    /// Nothing was changed, removed, added or moved, as far as chain and anchors can tell.
    pub fn is_unbroken(&self) -> bool {
        self.first_broken.is_none() && self.altered_anchors.is_empty()
    }
}

/// Checks the whole log. Reads only; a record that is being written meanwhile counts as unsealed.
pub async fn verify(app: &App, actor: &Actor) -> Result<Verdict> {
    actor.require(Permission::AuditRead)?;
    let noted = anchors::read(app)?;
    let mut walk = Walk::new(&noted.genuine);
    while walk.broken.is_none() {
        let links = seals::links(&app.pool, walk.seq, STEP).await?;
        if links.is_empty() {
            break;
        }
        for link in &links {
            walk.step(link);
        }
    }
    if walk.broken.is_none() {
        walk.broken = walk.missing_tail(&noted.genuine);
    }
    if walk.broken.is_none() {
        walk.broken = seals::stray(&app.pool).await?.map(|id| Broken {
            seq: walk.seq,
            event_id: Some(id),
            reason: format!("record {id} was put in beside the chain: it has no seal, but later ones have"),
        });
    }
    Ok(Verdict {
        checked: walk.checked,
        unsealed_tail: seals::unsealed(&app.pool).await?,
        head: if walk.checked == 0 { String::new() } else { hex::encode(&walk.previous) },
        first_broken: walk.broken,
        anchors: noted.genuine.len(),
        altered_anchors: noted.altered,
    })
}

/// The chain, as far as it was followed.
struct Walk<'a> {
    seq: i64,
    previous: Vec<u8>,
    checked: i64,
    /// Several of one place where more than one was noted: each must fit.
    anchors: HashMap<i64, Vec<&'a Anchor>>,
    broken: Option<Broken>,
}

impl<'a> Walk<'a> {
    fn new(anchors: &'a [Anchor]) -> Self {
        let mut by_place: HashMap<i64, Vec<&Anchor>> = HashMap::new();
        for anchor in anchors {
            by_place.entry(anchor.seq).or_default().push(anchor);
        }
        Self { anchors: by_place, seq: 0, previous: GENESIS.to_vec(), checked: 0, broken: None }
    }

    fn step(&mut self, link: &Link) {
        if self.broken.is_some() {
            return;
        }
        match self.fault(link) {
            Some(reason) => {
                let seq = if link.seq == self.seq + 1 { link.seq } else { self.seq + 1 };
                let event_id = (link.seq == seq).then_some(link.event_id);
                self.broken = Some(Broken { seq, event_id, reason });
            }
            None => {
                self.seq = link.seq;
                self.previous.clone_from(&link.hash);
                self.checked += 1;
            }
        }
    }

    fn fault(&self, link: &Link) -> Option<String> {
        let expected = self.seq + 1;
        if link.seq != expected {
            return Some(format!(
                "the seal at place {expected} was removed; the next one is at place {}",
                link.seq
            ));
        }
        if link.previous != self.previous {
            return Some(format!("the seal at place {expected} does not follow the one before it"));
        }
        let Some(record) = &link.record else {
            return Some(format!("record {} was removed", link.event_id));
        };
        if record.hash(&self.previous).as_slice() != link.hash {
            return Some(format!("record {} is not what was sealed", link.event_id));
        }
        let hash = hex::encode(&link.hash);
        let other = self.anchors.get(&link.seq)?.iter().find(|anchor| anchor.hash != hash);
        other.map(|anchor| {
            format!(
                "the log up to place {expected} was written anew: an anchor of {} says otherwise",
                anchor.at
            )
        })
    }

    /// The anchor that reaches furthest, when the chain does not reach that far any more.
    fn missing_tail(&self, anchors: &[Anchor]) -> Option<Broken> {
        let furthest =
            anchors.iter().max_by_key(|anchor| anchor.seq).filter(|anchor| anchor.seq > self.seq)?;
        let (first, last) = (self.seq + 1, furthest.seq);
        Some(Broken {
            seq: first,
            event_id: None,
            reason: format!(
                "the records at places {first} to {last} were cut off: an anchor of {} names the last",
                furthest.at
            ),
        })
    }
}
