//! A private key found in an import: not stored, unless somebody who may chose so; then sealed before it reaches a row (S17).

use serde_json::json;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    crypto::seal::{KeyRing, Place, seal},
    services::{Actor, Result},
    store::{Tx, audit::Event, certificates::keys as rows},
    x509::private_key::Description,
};

use super::report::KeyOutcome;

/// A key as it was found.
pub(super) struct Found {
    pub(super) der: Zeroizing<Vec<u8>>,
    pub(super) description: Description,
    pub(super) encrypted: bool,
}

/// What was chosen for the keys of an import, and by whom.
pub(super) struct Choice<'a> {
    pub(super) ring: &'a KeyRing,
    pub(super) actor: &'a Actor,
    pub(super) keep: bool,
    pub(super) team: Option<i64>,
    pub(super) now: OffsetDateTime,
}

/// Keeps the key if that was chosen and is possible; the event is there exactly when a row was written.
pub(super) async fn keep(
    tx: &mut Tx,
    choice: &Choice<'_>,
    key: Found,
) -> Result<(KeyOutcome, Option<Event>)> {
    if !choice.keep {
        return Ok((KeyOutcome::NotStored, None));
    }
    if key.encrypted {
        let advice =
            key.description.format.advice().unwrap_or("it is encrypted; give its password with the import");
        return Ok((KeyOutcome::CannotStore(advice.to_owned()), None));
    }
    let Some(spki_sha256) = key.description.spki_sha256 else {
        let reason = "its public half cannot be computed, so no certificate could be matched to it";
        return Ok((KeyOutcome::CannotStore(reason.to_owned()), None));
    };
    let id = rows::reserve(tx).await?;
    let sealed = seal(choice.ring, &Place::new("keys", "sealed", id), &key.der);
    let algorithm = key.description.algorithm.unwrap_or_default();
    if !rows::insert(tx, id, &spki_sha256, &algorithm, &sealed, choice.team, choice.now).await? {
        return Ok((KeyOutcome::Known, None));
    }
    let event = choice.actor.event("key.imported", algorithm).on(id).of_team(choice.team);
    Ok((KeyOutcome::Stored, Some(event.with(json!({ "spki_sha256": hex::encode(spki_sha256) })))))
}
