//! `/account`: the page with everything about oneself; its forms answer here as well when something is wrong with them.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::IntoResponse};
use time::OffsetDateTime;
use tower_sessions::Session;

use crate::{
    app::App,
    services::{self, FieldError, Permission, passwords},
    store::sessions::Device,
    web::{
        error::Result,
        filters,
        guard::Visit,
        parts::Field,
        session,
        shell::{Nav, Shell},
        tokens::Row,
        urls,
    },
};

#[derive(Template, WebTemplate)]
#[template(path = "account/show.html")]
pub(super) struct Show {
    shell: Shell,
    email: String,
    role: String,
    name: Field,
    theme: Field,
    present: Field,
    new_password: Field,
    devices: Vec<Seen>,
    tokens: Vec<Row>,
    may_have_tokens: bool,
    errors: Vec<FieldError>,
    now: OffsetDateTime,
}

/// A session as the page tells it.
struct Seen {
    agent: String,
    address: String,
    began_at: OffsetDateTime,
    seen_at: OffsetDateTime,
    is_this: bool,
}

impl From<Device> for Seen {
    fn from(device: Device) -> Self {
        Self {
            agent: device.agent.unwrap_or_else(|| "Unknown browser".to_owned()),
            address: device
                .address
                .map_or_else(|| "Unknown address".to_owned(), |net| net.addr().to_string()),
            began_at: device.began_at,
            seen_at: device.seen_at,
            is_this: device.is_this,
        }
    }
}

/// Shows the page.
pub async fn get(State(app): State<App>, session: Session, visit: Visit) -> Result {
    Ok(page(&app, &session, &visit, None, Vec::new()).await?.into_response())
}

/// The page, with what was typed as the name and what was wrong, if it is the answer to a form.
pub(super) async fn page(
    app: &App,
    session: &Session,
    visit: &Visit,
    typed: Option<&str>,
    errors: Vec<FieldError>,
) -> Result<Show> {
    let user = services::account::find(app, &visit.actor).await?;
    let this = session::digest(session).unwrap_or_default();
    let devices = services::sessions::list(app, &visit.actor, &this).await?;
    let tokens = services::tokens::list_own(app, &visit.actor).await?;
    let now = app.now();
    let mut shell = visit.shell(Nav::Account);
    shell.path = urls::ACCOUNT.to_owned();
    let theme = Field::select("theme", "Colours").value(&user.theme).option("system", "Match system");
    let new_password = Field::password("new_password", "New password", "new-password")
        .required()
        .length(passwords::LEAST, 128)
        .hint(format!("At least {} characters; a few unrelated words do well.", passwords::LEAST));
    Ok(Show {
        shell,
        role: user.role,
        name: Field::text("name", "Name")
            .required()
            .length(1, 200)
            .value(typed.unwrap_or(&user.name))
            .errors(&errors),
        theme: theme.option("light", "Light").option("dark", "Dark"),
        present: Field::password("password", "Present password", "current-password")
            .required()
            .errors(&errors),
        new_password: new_password.errors(&errors),
        devices: devices.into_iter().map(Seen::from).collect(),
        tokens: tokens.into_iter().map(|token| Row::own(token, now)).collect(),
        may_have_tokens: visit.actor.may(Permission::OwnTokens),
        email: user.email,
        errors,
        now,
    })
}
