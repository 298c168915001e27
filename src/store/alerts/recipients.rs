//! Addresses of the people and teams that alerts may go to.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgPool;

use crate::store::Result;

/// Everything that decides where a mail goes, besides the entry's own owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressBook {
    /// Address of each team that has one.
    pub teams: BTreeMap<i64, String>,
    /// Addresses of the administrators who can sign in.
    pub administrators: Vec<String>,
    /// Addresses of people who left: mail to them reaches nobody.
    pub disabled: BTreeSet<String>,
}

/// Reads all of them; few, even in a large organisation.
pub async fn address_book(pool: &PgPool) -> Result<AddressBook> {
    let teams = sqlx::query!(r#"select id, email as "email!" from teams where email is not null"#)
        .fetch_all(pool)
        .await?;
    let people = sqlx::query!(
        "select email, disabled_at
         from users
         where role = 'administrator'
            or disabled_at is not null
         order by id",
    )
    .fetch_all(pool)
    .await?;
    let (gone, administrators): (Vec<_>, Vec<_>) =
        people.into_iter().partition(|person| person.disabled_at.is_some());
    Ok(AddressBook {
        teams: teams.into_iter().map(|team| (team.id, team.email)).collect(),
        administrators: administrators.into_iter().map(|person| person.email).collect(),
        disabled: gone.into_iter().map(|person| person.email).collect(),
    })
}
