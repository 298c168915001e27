//! My API tokens: a new one, shown once, and the end of one.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use http::StatusCode;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};
use tower_sessions::Session;

use crate::{
    app::App,
    services::{
        self, FieldError, Scope,
        tokens::{LONGEST, TokenForm, USUAL},
    },
    web::{
        error::Result,
        filters,
        form::{Form, Id, field_errors},
        guard::Visit,
        parts::Field,
        session,
        settings::Tick,
        shell::{Nav, Shell},
        urls,
    },
};

/// What the form sends.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    expires: String,
    #[serde(default)]
    allowed_addresses: String,
}

impl Given {
    fn to_form(&self) -> services::Result<TokenForm> {
        let scopes =
            self.scopes.iter().map(|scope| scope.parse()).collect::<services::Result<Vec<Scope>>>()?;
        let days: u16 = self
            .expires
            .trim()
            .parse()
            .map_err(|_| services::Error::invalid("expires", "give a number of days"))?;
        let allowed_addresses = services::tokens::read_networks(&self.allowed_addresses)?;
        Ok(TokenForm {
            name: self.name.clone(),
            scopes,
            life: Duration::days(days.into()),
            allowed_addresses,
        })
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "account/new_token.html")]
struct NewToken {
    shell: Shell,
    name: Field,
    scopes: Vec<Tick>,
    scopes_error: String,
    expires: Field,
    allowed: Field,
    errors: Vec<FieldError>,
}

impl NewToken {
    fn new(mut shell: Shell, given: &Given, errors: Vec<FieldError>) -> Self {
        shell.path = urls::NEW_TOKEN.to_owned();
        let name = Field::text("name", "What it is for").required().length(1, 120).value(&given.name);
        let expires = Field::input("number", "expires", "Days until it ends")
            .required()
            .between(1, LONGEST.whole_days());
        let allowed = Field::textarea("allowed_addresses", "Only from these addresses", 3)
            .value(&given.allowed_addresses);
        Self {
            shell,
            name: name.placeholder("Deploy job of the shop").errors(&errors),
            scopes: Scope::ALL.into_iter().map(|scope| tick(scope, &given.scopes)).collect(),
            scopes_error: errors
                .iter()
                .find(|e| e.field == "scopes")
                .map(|e| e.message.clone())
                .unwrap_or_default(),
            expires: expires.value(&given.expires).errors(&errors),
            allowed: allowed
                .hint("One address or range per line. Left empty, it works from anywhere.")
                .errors(&errors),
            errors,
        }
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "account/token.html")]
struct Made {
    shell: Shell,
    name: String,
    token: String,
    expires_at: OffsetDateTime,
}

/// Shows the form.
pub async fn get(visit: Visit) -> Result {
    let given = Given {
        name: String::new(),
        scopes: vec![Scope::Read.as_str().to_owned()],
        expires: USUAL.whole_days().to_string(),
        allowed_addresses: String::new(),
    };
    Ok(NewToken::new(visit.shell(Nav::Account), &given, Vec::new()).into_response())
}

/// Makes the token and shows it, this once.
pub async fn post(State(app): State<App>, visit: Visit, Form(given): Form<Given>) -> Result {
    let made = match given.to_form() {
        Ok(form) => services::tokens::create(&app, &visit.actor, &form).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(created) => {
            let mut shell = visit.shell(Nav::Account);
            shell.path = urls::ACCOUNT.to_owned();
            let (token, expires_at) = (created.token.expose().to_owned(), created.expires_at);
            Ok(Made { shell, name: given.name.trim().to_owned(), token, expires_at }.into_response())
        }
        Err(error) => {
            let page = NewToken::new(visit.shell(Nav::Account), &given, field_errors(error)?);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Ends one of my tokens.
pub async fn revoke(State(app): State<App>, session: Session, visit: Visit, Id(id): Id) -> Result {
    services::tokens::revoke_own(&app, &visit.actor, id).await?;
    session::tell(&session, "Token revoked.", "It no longer works anywhere.").await?;
    Ok(Redirect::to(urls::ACCOUNT).into_response())
}

fn tick(scope: Scope, chosen: &[String]) -> Tick {
    let label = match scope {
        Scope::Read => "Read",
        Scope::Request => "Request",
        Scope::Approve => "Approve",
        Scope::Admin => "Admin",
    };
    let value = scope.as_str().to_owned();
    Tick {
        checked: chosen.contains(&value),
        value,
        label: label.to_owned(),
        note: scope.describe().to_owned(),
    }
}
