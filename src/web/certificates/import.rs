//! `/certificates/import`: paste, choose or drop certificates.
//!
//! A successful import answers 200 with its report instead of leading on: the report also tells about things that were not stored, which
//! no later page could show, and it is not kept. Reloading it sends the form once more, which changes nothing: everything is known by then.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::{Multipart, State, multipart::MultipartRejection},
    response::{IntoResponse, Response},
};
use http::StatusCode;

use crate::{
    app::App,
    services::{Error, FieldError, Permission, certificates, teams},
    web::{
        error::{Result, sentence},
        guard::Visit,
        parts::{Field, Notice, Tone},
        shell::{Nav, Shell},
    },
};

use super::{
    ownership::{self, TeamChoice},
    report,
    upload::{Given, Unreadable},
};

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "certificates/import.html")]
pub struct Page {
    shell: Shell,
    text: Field,
    password: Field,
    fields: Vec<Field>,
    /// Drawn only for whoever may keep private keys.
    keep_keys: Option<Field>,
    errors: Vec<FieldError>,
    files_error: Option<String>,
    /// A form that comes back comes without its files.
    files_again: Option<Notice>,
}

impl Page {
    fn new(visit: &Visit, teams: &[TeamChoice], given: &Given, errors: Vec<FieldError>) -> Self {
        let typed = ownership::Typed {
            owner: &given.owner,
            team: &given.team,
            environment: &given.environment,
            tags: &given.tags,
        };
        let may_keep = visit.actor.may(Permission::KeysImport);
        let keep = Field::check("keep_keys", "Keep private keys that are found", given.keeps_keys()).hint(
            "Off, a private key in a file is told about and thrown away. On, it is sealed at once and kept beside its certificate.",
        );
        Self {
            shell: visit.shell(Nav::Certificates),
            text: Field::textarea("text", "Paste certificates", 8)
                .code()
                .placeholder("-----BEGIN CERTIFICATE-----")
                .hint("PEM text in any mix. What stands between the blocks is passed over.")
                .value(&given.text),
            password: Field::password("password", "Password", "off")
                .hint("Only for PKCS #12, Java key stores and encrypted keys. It is used once and not kept."),
            fields: ownership::fields(typed, teams, visit.actor.reach().as_sql().is_some(), &errors),
            keep_keys: may_keep.then_some(keep),
            files_error: errors
                .iter()
                .find(|error| error.field == "files")
                .map(|error| error.message.clone()),
            files_again: given.had_files.then(|| {
                Notice::new(Tone::Info, "Choose the files again.", "They do not come back with the form.")
            }),
            errors,
        }
    }
}

/// Shows the form.
pub async fn get(State(app): State<App>, visit: Visit) -> Result {
    let teams = ownership::choices(teams::list(&app, &visit.actor).await?);
    Ok(Page::new(&visit, &teams, &Given::default(), Vec::new()).into_response())
}

/// Imports everything or nothing.
pub async fn post(
    State(app): State<App>,
    visit: Visit,
    multipart: std::result::Result<Multipart, MultipartRejection>,
) -> Result {
    let read = match multipart {
        Ok(multipart) => Given::read(multipart).await,
        Err(_) => Err(Unreadable::Broken),
    };
    let mut given = match read {
        Ok(given) => given,
        Err(reason) => return refused(&app, &visit, &Given::lost(), unread(reason)).await,
    };
    if given.is_empty() {
        let nothing = FieldError::new("files", "Nothing was given. Paste a certificate, or choose a file.");
        return refused(&app, &visit, &given, (StatusCode::UNPROCESSABLE_ENTITY, vec![nothing])).await;
    }
    let uploads = given.uploads();
    match certificates::import_all(&app, &visit.actor, uploads, &given.options()).await {
        Ok(done) => Ok(report::Page::new(&visit, &done).into_response()),
        Err(Error::Invalid(errors)) => {
            let errors = errors.into_iter().map(told).collect();
            refused(&app, &visit, &given, (StatusCode::UNPROCESSABLE_ENTITY, errors)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// An error as a sentence. One about a file begins with the file's name, which stays as it is written.
fn told(error: FieldError) -> FieldError {
    let message = match error.field {
        "files" => format!("{}.", error.message),
        _ => sentence(&error.message),
    };
    FieldError { message, ..error }
}

fn unread(reason: Unreadable) -> (StatusCode, Vec<FieldError>) {
    let (status, sentence) = match reason {
        Unreadable::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "This is more than the 10 MiB that one import takes, so nothing was imported. \
             The command line takes any number: notafter certificates import FILE.",
        ),
        Unreadable::Broken => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "The form did not arrive whole, so nothing was imported. Send it once more.",
        ),
    };
    (status, vec![FieldError::new("files", sentence)])
}

/// The form once more, with the typed text in place; files have to be chosen again, as browsers want it.
async fn refused(
    app: &App,
    visit: &Visit,
    given: &Given,
    (status, errors): (StatusCode, Vec<FieldError>),
) -> Result<Response> {
    let teams = ownership::choices(teams::list(app, &visit.actor).await?);
    Ok((status, Page::new(visit, &teams, given, errors)).into_response())
}
