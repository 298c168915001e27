//! The page for what went wrong: what happened, what to do, and a reference that the log holds too.

use askama::Template;
use askama_web::WebTemplate;
use axum::http::StatusCode;

use super::parts::Action;

/// A whole page, in the plain frame, since a fault may come before anybody is known to be signed in.
#[derive(Template, WebTemplate)]
#[template(path = "errors/error.html")]
pub struct ErrorPage {
    status: u16,
    title: String,
    happened: String,
    /// What to do, and what is safe.
    pub advice: String,
    /// Ways on; the first is the likely one.
    pub actions: Vec<Action>,
    /// Under which the log tells more.
    pub reference: Option<String>,
    /// Words to offer a search for: the last part of a path that leads nowhere.
    pub search: Option<String>,
}

impl ErrorPage {
    /// A page that says `title` and `happened`, with the way back to the overview.
    pub fn new(status: StatusCode, title: impl Into<String>, happened: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            title: title.into(),
            happened: happened.into(),
            advice: String::new(),
            actions: vec![Action::new("/", "Go to the overview")],
            reference: None,
            search: None,
        }
    }

    /// The same with what to do.
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// The same with other ways on.
    pub fn with_actions(mut self, actions: Vec<Action>) -> Self {
        self.actions = actions;
        self
    }

    /// The same with the reference of the request.
    pub fn with_reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// The same with a search for `words`.
    pub fn with_search(mut self, words: impl Into<String>) -> Self {
        self.search = Some(words.into());
        self
    }
}
