//! Private keys that somebody chose to keep from an import: sealed before they reach a row, found by their public half (S17).

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{CertificateId, Reach, Result};
use crate::store::Tx;

/// Takes the id of a key's row before there is one, because the seal names the row (S18).
pub async fn reserve(tx: &mut Tx) -> Result<i64> {
    Ok(sqlx::query_scalar!("select nextval(pg_get_serial_sequence('keys', 'id')) as \"id!\"")
        .fetch_one(tx.conn())
        .await?)
}

/// Keeps a sealed key; `false` when a key of this public half is kept already.
pub async fn insert(
    tx: &mut Tx,
    id: i64,
    spki_sha256: &[u8],
    algorithm: &str,
    sealed: &[u8],
    team: Option<i64>,
    now: OffsetDateTime,
) -> Result<bool> {
    let done = sqlx::query!(
        "insert into keys (id, spki_sha256, algorithm, sealed, team_id, added_at) overriding system value
         values ($1, $2, $3, $4, $5, $6)
         on conflict on constraint keys_spki_sha256_key do nothing",
        id,
        spki_sha256,
        algorithm,
        sealed,
        team,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a key of this public half is kept.
pub async fn is_kept(pool: &PgPool, reach: Reach<'_>, spki_sha256: &[u8]) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        "select exists (
             select from keys
             where spki_sha256 = $1 and ($2::bigint[] is null or team_id = any($2))
         ) as \"kept!\"",
        spki_sha256,
        reach,
    )
    .fetch_one(pool)
    .await?)
}

/// Ids and names of other entries with the same public key, the longest lasting first.
pub async fn certificates(
    pool: &PgPool,
    reach: Reach<'_>,
    spki_sha256: &[u8],
    except: CertificateId,
) -> Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        "select id, name
         from certificates
         where spki_sha256 = $1 and id <> $2 and ($3::bigint[] is null or team_id = any($3))
         order by not_after desc, id desc
         limit 20",
        spki_sha256,
        except.0,
        reach,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
