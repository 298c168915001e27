//! Callers with a role: people who were invited, set their password and signed in, and their tokens.

use notafter::services::{
    self, Actor, Origin, Role, Scope,
    tokens::TokenForm,
    users::{Invitation, Newcomer},
};
use secrecy::SecretString;
use time::Duration;

use super::{Client, TestApp};

/// The password of every person in the tests.
pub const PASSWORD: &str = "violet harbour 92 tin";

impl TestApp {
    /// The command line, which may do everything and is asked for no password.
    pub fn cli(&self) -> Actor {
        Actor::Cli("tester".into())
    }

    /// Invites somebody who has not set a password yet.
    pub async fn invite(&self, email: &str, role: Role, teams: &[i64]) -> Invitation {
        let newcomer = Newcomer {
            email: email.into(),
            name: email.split('@').next().unwrap().into(),
            role,
            limited_to_teams: !teams.is_empty(),
            teams: teams.to_vec(),
        };
        services::users::create(&self.app, &self.cli(), &newcomer).await.unwrap()
    }

    /// Adds somebody with [`PASSWORD`]; limited to `teams` unless there are none. Answers their id.
    pub async fn add_person(&self, email: &str, role: Role, teams: &[i64]) -> i64 {
        let invitation = self.invite(email, role, teams).await;
        let (link, password) = (invitation.link.expose(), SecretString::from(PASSWORD));
        services::account::set_password(&self.app, link, &password, &Origin::default()).await.unwrap();
        invitation.user
    }

    /// A browser in which this person just signed in.
    pub async fn signed_in(&self, email: &str) -> Client {
        let client = self.anonymous();
        client.post("/login", &[("email", email), ("password", PASSWORD)]).await.expect(303);
        client
    }

    /// A new person of this role, signed in: `viewer@halden.example` and so on.
    pub async fn person(&self, role: Role) -> Client {
        let email = format!("{role}@halden.example");
        self.add_person(&email, role, &[]).await;
        self.signed_in(&email).await
    }

    /// An administrator, signed in just now.
    pub async fn admin(&self) -> Client {
        self.person(Role::Administrator).await
    }

    /// A viewer, signed in.
    pub async fn viewer(&self) -> Client {
        self.person(Role::Viewer).await
    }

    /// A team; answers its id.
    pub async fn team(&self, name: &str) -> i64 {
        let form = services::teams::TeamForm { name: name.into(), slug: String::new(), email: String::new() };
        services::teams::create(&self.app, &self.cli(), &form).await.unwrap()
    }

    /// A token of this person.
    pub async fn token_of(&self, user: i64, scopes: &[Scope]) -> String {
        let form = TokenForm {
            name: "ci".into(),
            scopes: scopes.to_vec(),
            life: Duration::days(90),
            allowed_addresses: Vec::new(),
        };
        let created = services::tokens::create_for(&self.app, &self.cli(), user, &form).await.unwrap();
        created.token.expose().to_owned()
    }
}

/// Ways in that only a test has.
impl TestApp {
    /// Somebody who is not signed in, at this address.
    pub fn anonymous_from(&self, address: &str) -> Client {
        self.anonymous().at(address.parse().unwrap())
    }

    /// Somebody who is not signed in, talking to another process on the same database.
    pub fn second_process(&self) -> Client {
        Client::anonymous(notafter::server::router(&self.app.clone()))
    }

    /// The database as an attacker or an operator with full access sees it.
    pub async fn superuser(&self) -> sqlx::PgPool {
        sqlx::PgPool::connect_with(self.database.superuser.clone()).await.unwrap()
    }
}
