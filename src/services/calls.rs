//! Idempotent API calls: the same key twice is one act and one answer (R16).

use crate::{
    app::App,
    crypto::seal::{Place, open, seal},
    store::idempotency::{self, Answer, Seen},
};

use super::{Actor, Error, Result};

/// The longest key a client may choose.
const KEY: usize = 255;

/// What to do with a call that carries a key.
pub enum Begun {
    /// Act, then say how it ended with [`end`].
    Act,
    /// Answer this again.
    Again(Answer),
}

/// Claims the key for this call.
///
/// # Errors
/// `Conflict` while the first call runs, `Invalid` when the key was used for another request or is not printable ASCII.
pub async fn begin(app: &App, actor: &Actor, key: &str, digest: &[u8]) -> Result<Begun> {
    if key.is_empty() || key.len() > KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid(
            "Idempotency-Key",
            "must be 1 to 255 printable characters without spaces",
        ));
    }
    let Some(user) = actor.user() else { return Ok(Begun::Act) };
    match idempotency::begin(&app.pool, user, key, digest, app.now()).await? {
        Seen::First => Ok(Begun::Act),
        Seen::Answered(answer) => {
            let body = open(&app.keys, &place(user, key), &answer.body).map_err(Error::internal)?;
            Ok(Begun::Again(Answer { body: body.to_vec(), ..answer }))
        }
        Seen::Running => Err(Error::Conflict(
            "the first call with this Idempotency-Key is still running; ask again in a moment".into(),
        )),
        Seen::Differs => {
            Err(Error::invalid("Idempotency-Key", "this key was used for another request; choose a new one"))
        }
    }
}

/// Remembers the answer, or frees the key when the failure is ours (5xx) and the caller should try again.
pub async fn end(app: &App, actor: &Actor, key: &str, answer: &Answer) -> Result<()> {
    let Some(user) = actor.user() else { return Ok(()) };
    if answer.status >= 500 {
        idempotency::forget(&app.pool, user, key).await?;
    } else {
        // An answer may hold a link that works once: it is sealed like every secret in a row (S17).
        let sealed = seal(&app.keys, &place(user, key), &answer.body);
        idempotency::keep(&app.pool, user, key, &Answer { body: sealed, ..answer.clone() }).await?;
    }
    Ok(())
}

fn place(user: i64, key: &str) -> Place {
    Place::new("idempotency_keys", "body", format!("{user} {key}"))
}
