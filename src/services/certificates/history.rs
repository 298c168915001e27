//! What happened to one certificate, for everybody who may see it.

use crate::{
    app::App,
    services::{Actor, Error, Permission, Result},
    store::certificates::{self as rows, CertificateId, history::Act},
};

/// The acts on an entry within reach, newest first. Acts of a time when another team owned it stay with that team.
pub async fn history(app: &App, actor: &Actor, id: CertificateId) -> Result<Vec<Act>> {
    actor.require(Permission::CertificatesRead)?;
    let reach = actor.reach().as_sql();
    rows::find(&app.pool, reach, id).await?.ok_or(Error::NotFound("certificate"))?;
    Ok(rows::history::history(&app.pool, reach, id).await?)
}
