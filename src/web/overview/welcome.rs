//! The overview of an empty inventory: the three steps from nothing to the first alert.

use crate::{
    app::App,
    services::{Actor, Permission},
    web::{parts::Action, urls},
};

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it is.
    pub title: &'static str,
    /// What it is for, and how it stands.
    pub text: &'static str,
    /// Where it is done, if this person may do it.
    pub action: Option<Action>,
    /// Whether it is done.
    pub is_done: bool,
}

/// Import, people, mail.
pub(super) fn steps(app: &App, actor: &Actor) -> Vec<Step> {
    let may_write = actor.may(Permission::CertificatesWrite);
    let may_invite = actor.may(Permission::UsersWrite);
    let mail = if app.mail.is_some() {
        "A mail relay is set, so alerts can leave."
    } else {
        "No mail relay is set, so nobody is told. Set NOTAFTER_SMTP_URL and NOTAFTER_MAIL_FROM and start the console again."
    };
    vec![
        Step {
            title: "Import certificates",
            text: "Paste them, or drop files: PEM, DER, PKCS #7, PKCS #12, Java key stores. Nothing on your servers is changed.",
            action: may_write.then(|| Action::new(urls::IMPORT, "Import certificates")),
            is_done: false,
        },
        Step {
            title: "Say whose they are",
            text: "Teams own certificates and hear about them in time. A certificate can also have one owner of its own.",
            action: may_invite.then(|| Action::new(urls::TEAMS, "Set up teams")),
            is_done: false,
        },
        Step { title: "Let alerts leave", text: mail, action: None, is_done: app.mail.is_some() },
    ]
}
