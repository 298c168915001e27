//! What the pages of this folder show. Each is built from what was typed and what was wrong with it, so that a failed form
//! comes back with its words in place and every password empty.

use askama::Template;
use askama_web::WebTemplate;

use crate::web::parts::{Action, Field, FieldError, Notice};

/// `GET /login`, and its answer to a wrong try (401, or 429 with a notice).
#[derive(Template, WebTemplate)]
#[template(path = "auth/login.html")]
pub struct Login {
    email: Field,
    password: Field,
    /// What was wrong; the same for an unknown address and a wrong password.
    pub errors: Vec<FieldError>,
    /// Something to say first: signed out, session ended, too many tries.
    pub notice: Option<Notice>,
    /// The page that was asked for, sent back as `next`; empty for the overview. The handler checks that it is a path of ours.
    pub next: String,
    /// Which console this is: its public host.
    pub console: String,
}

impl Login {
    /// The form as `POST /login` takes it: `email`, `password`, `next`.
    pub fn new(email: &str, next: &str, console: &str, errors: Vec<FieldError>) -> Self {
        let address = Field::email("email", "Email").autocomplete("username").required().value(email);
        let secret = Field::password("password", "Password", "current-password").required();
        let (address, secret) = match (email.is_empty(), errors.is_empty()) {
            (_, false) => (address, secret),
            (true, true) => (address.autofocus(), secret),
            (false, true) => (address, secret.autofocus()),
        };
        Self {
            email: address.errors(&errors),
            password: secret.errors(&errors),
            errors,
            notice: None,
            next: next.to_owned(),
            console: console.to_owned(),
        }
    }

    /// The same with something to say first.
    pub fn with_notice(mut self, notice: Notice) -> Self {
        self.notice = Some(notice);
        self
    }
}

/// The first administrator, through the link that the console printed at its start.
#[derive(Template, WebTemplate)]
#[template(path = "auth/setup.html")]
pub struct Setup {
    name: Field,
    email: Field,
    password: Field,
    /// What was wrong.
    pub errors: Vec<FieldError>,
    /// The secret of the link, sent back as `token`.
    pub token: String,
}

impl Setup {
    /// The form as `POST /setup` takes it: `token`, `name`, `email`, `password`.
    pub fn new(token: &str, name: &str, email: &str, min_length: usize, errors: Vec<FieldError>) -> Self {
        let shown =
            Field::text("name", "Your name").autocomplete("name").required().length(1, 200).value(name);
        let shown = if errors.is_empty() { shown.autofocus() } else { shown };
        let address = Field::email("email", "Email").autocomplete("username").required().value(email);
        let address = address.hint("You sign in with it, and alerts that have no other recipient go there.");
        Self {
            name: shown.errors(&errors),
            email: address.errors(&errors),
            password: new_password(min_length).errors(&errors),
            errors,
            token: token.to_owned(),
        }
    }
}

/// A password chosen through a one-time link: an invitation, or a lost password.
#[derive(Template, WebTemplate)]
#[template(path = "auth/password.html")]
pub struct Password {
    password: Field,
    /// Whose password it is.
    pub email: String,
    /// Where the form goes, with the secret of the link in its path.
    pub action: String,
    /// What was wrong.
    pub errors: Vec<FieldError>,
}

impl Password {
    /// The form as `POST {action}` takes it: `password`.
    pub fn new(action: &str, email: &str, min_length: usize, errors: Vec<FieldError>) -> Self {
        let secret = new_password(min_length);
        let secret = if errors.is_empty() { secret.autofocus() } else { secret };
        let (email, action) = (email.to_owned(), action.to_owned());
        Self { password: secret.errors(&errors), email, action, errors }
    }
}

/// The password once more, before a sensitive act (S5).
#[derive(Template, WebTemplate)]
#[template(path = "auth/step_up.html")]
pub struct StepUp {
    password: Field,
    /// Who is signed in.
    pub email: String,
    /// Where the form goes.
    pub action: String,
    /// The page to go on to, sent back as `next`.
    pub next: String,
    /// What will be done, as the end of "You are about to …": `change who may sign in`.
    pub purpose: String,
    /// The way back without doing it.
    pub back: Action,
    /// What was wrong.
    pub errors: Vec<FieldError>,
}

impl StepUp {
    /// The form as `POST {action}` takes it: `password`, `next`.
    pub fn new(action: &str, email: &str, purpose: &str, next: &str, back: Action) -> Self {
        let password = Field::password("password", "Password", "current-password").required().autofocus();
        let [action, email, purpose, next] = [action, email, purpose, next].map(str::to_owned);
        Self { password, email, action, next, purpose, back, errors: Vec::new() }
    }

    /// The same after a wrong try.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.password.autofocus = errors.is_empty();
        self.password = self.password.errors(&errors);
        self.errors = errors;
        self
    }
}

fn new_password(min_length: usize) -> Field {
    let hint = format!(
        "At least {min_length} characters. A few unrelated words are easier to remember than signs, and as good."
    );
    Field::password("password", "Password", "new-password").required().length(min_length, 128).hint(hint)
}
