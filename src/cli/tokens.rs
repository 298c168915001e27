//! `notafter tokens`: API tokens from the shell, as the operating system's user.

use clap::{Args, Subcommand};
use serde_json::json;
use time::{Duration, format_description::well_known::Rfc3339};

use crate::{
    app::App,
    services::{
        self, Actor, Scope,
        tokens::{LONGEST, TokenForm},
    },
    x509::text::visible,
};

use super::Out;

/// Make, list and revoke API tokens.
#[derive(Debug, Args)]
pub struct Tokens {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token for somebody and print it, this once
    Create(Create),
    /// Print every token, never its secret
    List(List),
    /// End a token
    Revoke(Revoke),
}

/// What to make.
#[derive(Debug, Args)]
struct Create {
    /// Address of the owner
    #[arg(long, value_name = "EMAIL")]
    user: String,
    /// What it is for
    #[arg(long)]
    name: String,
    /// What it may do at most; several with commas
    #[arg(long, value_delimiter = ',', default_value = "read", long_help = scopes())]
    scopes: Vec<String>,
    /// How long it works, such as 12h, 90d or 8w; at most 366d
    #[arg(long, default_value = "90d")]
    expires: String,
    /// Address or range it works from; may be given several times
    #[arg(long = "from", value_name = "CIDR")]
    from: Vec<String>,
    /// Print JSON: id, token
    #[arg(long)]
    json: bool,
}

/// Each scope in words, for `--help`.
fn scopes() -> String {
    let lines = Scope::ALL.map(|scope| format!("  {:<8} {}", scope.as_str(), scope.describe()));
    format!("What it may do at most, never more than its owner; several with commas:\n{}", lines.join("\n"))
}

/// How to print.
#[derive(Debug, Args)]
struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which to end.
#[derive(Debug, Args)]
struct Revoke {
    /// Its id, as `tokens list` prints it
    id: i64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs a command.
pub async fn run(app: &App, actor: &Actor, command: Tokens, out: Out<'_>) -> anyhow::Result<()> {
    match command.command {
        Command::Create(create) => add(app, actor, create, out).await,
        Command::List(list) => print(app, actor, list.json, out).await,
        Command::Revoke(revoke) => {
            services::tokens::revoke(app, actor, revoke.id).await?;
            if revoke.json {
                writeln!(out, "{}", json!({ "id": revoke.id }))?;
            } else {
                writeln!(out, "token {} no longer works", revoke.id)?;
            }
            Ok(())
        }
    }
}

async fn add(app: &App, actor: &Actor, create: Create, out: Out<'_>) -> anyhow::Result<()> {
    let scopes =
        create.scopes.iter().map(|scope| scope.trim().parse()).collect::<services::Result<Vec<Scope>>>()?;
    let form = TokenForm {
        name: create.name,
        scopes,
        life: read_life(&create.expires)?,
        allowed_addresses: services::tokens::read_networks(&create.from.join(" "))?,
    };
    let owner = services::users::id_of(app, actor, &create.user).await?;
    let created = services::tokens::create_for(app, actor, owner, &form).await?;
    let (token, expires_at) = (created.token.expose(), created.expires_at.format(&Rfc3339)?);
    if create.json {
        writeln!(out, "{}", json!({ "id": created.id, "token": token, "expires_at": expires_at }))?;
    } else {
        writeln!(out, "{token}")?;
    }
    Ok(())
}

async fn print(app: &App, actor: &Actor, as_json: bool, out: Out<'_>) -> anyhow::Result<()> {
    let tokens = services::tokens::list_all(app, actor).await?;
    if as_json {
        let mut list = Vec::new();
        for token in &tokens {
            list.push(json!({
                "id": token.id, "public_id": token.public_id, "owner": token.email, "name": token.name,
                "scopes": token.scopes, "allowed_addresses": token.allowed_addresses,
                "expires_at": token.expires_at.format(&Rfc3339)?,
                "last_used_at": token.last_used_at.map(|at| at.format(&Rfc3339)).transpose()?,
                "revoked_at": token.revoked_at.map(|at| at.format(&Rfc3339)).transpose()?,
            }));
        }
        writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
        return Ok(());
    }
    for token in tokens {
        let ends = match token.revoked_at {
            Some(_) => "revoked".to_owned(),
            None => token.expires_at.format(&Rfc3339)?,
        };
        let (scopes, name) = (token.scopes.join(","), visible(&token.name));
        writeln!(out, "{:>6}  {:<40}  {scopes:<14}  {ends:<30}  {name}", token.id, token.email)?;
    }
    Ok(())
}

/// `12h`, `90d`, `8w`.
fn read_life(text: &str) -> services::Result<Duration> {
    let wrong =
        || services::Error::invalid("expires", format!("`{text}` is not a time such as 12h, 90d or 8w"));
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u16 = text.strip_suffix(unit).and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    let life = match unit {
        'h' => Duration::hours(number.into()),
        'd' => Duration::days(number.into()),
        'w' => Duration::weeks(number.into()),
        _ => return Err(wrong()),
    };
    if life > LONGEST {
        return Err(services::Error::invalid(
            "expires",
            format!("a token works for at most {} days", LONGEST.whole_days()),
        ));
    }
    Ok(life)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_a_number_and_a_unit() {
        assert_eq!(read_life("12h").unwrap(), Duration::hours(12));
        assert_eq!(read_life("90d").unwrap(), Duration::days(90));
        assert_eq!(read_life("8w").unwrap(), Duration::weeks(8));
        for bad in ["", "d", "90", "-1d", "1.5d", "2y", "367d", "99999999d", "9é"] {
            assert!(read_life(bad).is_err(), "{bad}");
        }
    }
}
