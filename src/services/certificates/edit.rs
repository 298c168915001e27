//! Changing what the organisation says about a certificate, taking it out of use, and bringing it back.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    app::App,
    services::{Actor, Error, Permission, Result},
    store::{
        Tx,
        alerts::{deliveries, sweeps},
        certificates::{
            self, CertificateId, State,
            edit::{self as rows, Editable},
        },
    },
};

use super::fields::{self, Typed};

/// The longest reason for retiring.
const MAX_REASON: usize = 500;

/// What a form sends: all editable fields as typed, and the row as it was when the form was shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Mail address; empty = none.
    pub owner: String,
    /// Slug; empty = none.
    pub team: String,
    /// Empty = none.
    pub environment: String,
    /// Free labels.
    pub tags: Vec<String>,
    /// Free text.
    pub note: String,
    /// `changed_at` of the entry that the form showed; `None` overwrites whatever is there.
    pub seen: Option<OffsetDateTime>,
}

/// Writes owner, team, environment, tags and note of an entry within reach.
///
/// # Errors
/// `Conflict` when somebody changed the entry since `seen`; `Invalid` names each wrong field.
pub async fn edit(app: &App, actor: &Actor, id: CertificateId, change: &Change) -> Result<()> {
    actor.require(Permission::CertificatesWrite)?;
    let typed = Typed {
        owner: &change.owner,
        team: &change.team,
        environment: &change.environment,
        tags: &change.tags,
        note: &change.note,
    };
    // First whether there is such an entry: a foreign id must look missing whatever the form says.
    // The team is looked up before the lock is taken: waiting for a second connection while holding it would hold up everybody.
    certificates::find(&app.pool, actor.reach().as_sql(), id).await?.ok_or(Error::NotFound("certificate"))?;
    let fields = fields::check(app, actor, typed).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    let before = locked(&mut tx, actor, id).await?;
    if change.seen.is_some_and(|seen| seen != before.changed_at) {
        return Err(Error::Conflict(
            "somebody else changed this certificate meanwhile; look at it again, then change it".to_owned(),
        ));
    }
    let after = Editable {
        owner: fields.owner,
        team_id: fields.team_id,
        environment: fields.environment,
        tags: fields.tags,
        note: fields.note,
        ..before.clone()
    };
    if after == before {
        return Ok(());
    }
    rows::save(&mut tx, id, &after, app.now()).await?;
    if after.team_id != before.team_id {
        deliveries::hand_over(&mut tx, id.0, after.team_id).await?;
    }
    let detail = json!({ "before": said(&before), "after": said(&after) });
    let event = actor.event("certificate.edited", after.name.clone());
    sweeps::enqueue(tx.conn(), app.now()).await?;
    Ok(tx.commit(event.on(id.0).of_team(after.team_id.or(before.team_id)).with(detail)).await?)
}

/// Takes an entry out of use: its alerts fall silent, and it stays in the inventory.
pub async fn retire(app: &App, actor: &Actor, id: CertificateId, reason: &str) -> Result<()> {
    actor.require(Permission::CertificatesWrite)?;
    let mut tx = Tx::begin(&app.pool).await?;
    let before = locked(&mut tx, actor, id).await?;
    let reason = reason.trim();
    if reason.chars().count() > MAX_REASON || reason.contains('\0') {
        return Err(Error::invalid("reason", format!("a reason has at most {MAX_REASON} characters")));
    }
    if before.state == State::Retired.as_str() {
        return Err(Error::Conflict("this certificate is retired already".to_owned()));
    }
    let kept = Some(reason).filter(|reason| !reason.is_empty());
    rows::set_state(&mut tx, id, State::Retired.as_str(), kept, app.now()).await?;
    let detail = json!({ "before": before.state, "after": "retired", "reason": reason });
    let event = actor.event("certificate.retired", before.name);
    Ok(tx.commit(event.on(id.0).of_team(before.team_id).with(detail)).await?)
}

/// Brings a retired or superseded entry back into use: its alerts sound again.
pub async fn restore(app: &App, actor: &Actor, id: CertificateId) -> Result<()> {
    actor.require(Permission::CertificatesWrite)?;
    let mut tx = Tx::begin(&app.pool).await?;
    let before = locked(&mut tx, actor, id).await?;
    if ![State::Retired.as_str(), State::Superseded.as_str()].contains(&before.state.as_str()) {
        return Err(Error::Conflict(format!("this certificate is {}, not retired", before.state)));
    }
    let state = if before.unreadable.is_some() { State::Unreadable } else { State::Active };
    rows::set_state(&mut tx, id, state.as_str(), None, app.now()).await?;
    let detail = json!({ "before": before.state, "after": state.as_str() });
    let event = actor.event("certificate.restored", before.name);
    sweeps::enqueue(tx.conn(), app.now()).await?;
    Ok(tx.commit(event.on(id.0).of_team(before.team_id).with(detail)).await?)
}

async fn locked(tx: &mut Tx, actor: &Actor, id: CertificateId) -> Result<Editable> {
    rows::lock(tx, actor.reach().as_sql(), id).await?.ok_or(Error::NotFound("certificate"))
}

/// The fields as the audit log keeps them.
fn said(entry: &Editable) -> Value {
    json!({
        "owner": entry.owner,
        "team_id": entry.team_id,
        "environment": entry.environment,
        "tags": entry.tags,
        "note": entry.note,
    })
}
