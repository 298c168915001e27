//! Roles, databases and rights on the private server: `app_owner` migrates, `app_rw` serves, nobody else gets in.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::error::{Error, sql};

/// Owns the databases and runs the migrations.
pub(super) const OWNER: &str = "app_owner";

/// Reads and writes rows, and changes no table.
pub(super) const APP: &str = "app_rw";

/// Who may connect: only over the socket, only by the system's word for who it is.
pub(super) const HBA: &str = "local all postgres peer map=cluster\nlocal all app_owner,app_rw peer map=app\n";

/// Root and the user of the server may act as each role; both could read the files anyway.
pub(super) fn ident(account: &str) -> String {
    let quoted = format!("\"{}\"", account.replace('"', "\"\""));
    let mut lines = String::new();
    for user in ["root", quoted.as_str()] {
        for (map, role) in [("cluster", "postgres"), ("app", OWNER), ("app", APP)] {
            lines.push_str(&format!("{map} {user} {role}\n"));
        }
    }
    lines
}

/// Makes what every private server has; repeating it changes nothing.
pub(super) async fn prepare(server: &mut PgConnection) -> Result<(), Error> {
    for role in [OWNER, APP] {
        let exists: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
            .bind(role)
            .fetch_one(&mut *server)
            .await
            .map_err(sql("list its roles"))?;
        if !exists {
            let statement = format!("create role {role} login nosuperuser nocreatedb nocreaterole");
            run(server, statement, &format!("create the role {role}")).await?;
        }
    }
    let statement = "revoke connect on database postgres, template1 from public";
    run(server, statement.to_owned(), "close its own databases").await
}

/// Makes the database unless it exists, and sets the rights in it; `inside` reaches it as the superuser.
pub(super) async fn ensure_database(
    server: &mut PgConnection,
    inside: PgConnectOptions,
    name: &str,
    template: Option<&str>,
) -> Result<(), Error> {
    check_name(name)?;
    let template = template.unwrap_or("template0");
    check_name(template)?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut *server)
        .await
        .map_err(sql("list its databases"))?;
    if !exists {
        let statement = format!("create database \"{name}\" owner {OWNER} template \"{template}\"");
        run(server, statement, &format!("create the database {name}")).await?;
    }
    let rights = format!(
        "revoke all on database \"{name}\" from public;
         grant connect on database \"{name}\" to {APP};"
    );
    run(server, rights, &format!("set the rights on {name}")).await?;
    let mut connection = inside.connect().await.map_err(sql(format!("open {name}")))?;
    let rights = format!(
        "revoke all on schema public from public;
         alter schema public owner to {OWNER};
         grant usage on schema public to {APP};
         alter default privileges for role {OWNER} in schema public
           grant select, insert, update, delete on tables to {APP};
         alter default privileges for role {OWNER} in schema public
           grant usage, select on sequences to {APP};"
    );
    run(&mut connection, rights, &format!("set the rights in {name}")).await?;
    connection.close().await.map_err(sql(format!("close {name}")))
}

/// Removes a database and ends the sessions in it.
pub(super) async fn drop_database(server: &mut PgConnection, name: &str) -> Result<(), Error> {
    check_name(name)?;
    let statement = format!("drop database if exists \"{name}\" with (force)");
    run(server, statement, &format!("drop the database {name}")).await
}

/// Runs statements made of our own words and of names that [`check_name`] let through.
async fn run(connection: &mut PgConnection, statements: String, act: &str) -> Result<(), Error> {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await.map(|_done| ()).map_err(sql(act))
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let begins_well = name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    match is_plain && begins_well && name.len() <= 63 {
        true => Ok(()),
        false => Err(Error::BadName { name: name.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_with_odd_letters_cannot_add_a_line() {
        let lines = ident("corp\\al \"ice");
        assert!(lines.contains("app \"corp\\al \"\"ice\" app_rw\n"), "{lines}");
        assert_eq!(lines.lines().count(), 6);
    }

    #[test]
    fn only_plain_names_become_databases() {
        assert!(check_name("t_0123456789abcdef").is_ok());
        for bad in ["", "1a", "a-b", "A", "a\"; drop", "ä", &"a".repeat(64)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
