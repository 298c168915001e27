//! Who may do what: roles, permissions, and the actor that every service is given.
//!
//! A role grants permissions over the whole inventory, or, when the user is limited to teams, over what those teams own. The limit is
//! part of each SQL statement (`team_id = any($scope)`), so a foreign id looks exactly like a missing one (S7).

use std::{fmt, net::IpAddr, str::FromStr};

use time::{Duration, OffsetDateTime};

use crate::store::audit::{Event, Who};

use super::error::Error;

/// How long a password given again counts for sensitive acts (S5).
pub const STEP_UP_WINDOW: Duration = Duration::minutes(5);

/// What a person is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Everything, including people and settings.
    Administrator,
    /// Imports, edits and retires certificates; runs alerts and jobs.
    Operator,
    /// Decides requests; reads the inventory.
    Approver,
    /// Reads everything, the audit log included; writes nothing (S8).
    Auditor,
    /// Reads the inventory.
    Viewer,
}

impl Role {
    /// All roles, the strongest first.
    pub const ALL: [Role; 5] =
        [Role::Administrator, Role::Operator, Role::Approver, Role::Auditor, Role::Viewer];

    /// The word used in the database, the API and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Operator => "operator",
            Role::Approver => "approver",
            Role::Auditor => "auditor",
            Role::Viewer => "viewer",
        }
    }

    /// One line for the page where a role is chosen.
    pub fn describe(self) -> &'static str {
        match self {
            Role::Administrator => "Everything, including people and settings",
            Role::Operator => "Imports, edits and retires certificates, runs alerts and jobs",
            Role::Approver => "Decides requests, reads the inventory",
            Role::Auditor => "Reads everything with the audit log, changes nothing",
            Role::Viewer => "Reads the inventory",
        }
    }

    /// The roles that hold `permission`, the strongest first.
    pub fn granting(permission: Permission) -> Vec<Role> {
        Role::ALL.into_iter().filter(|role| role.grants(permission)).collect()
    }

    /// Whether the role holds `permission`.
    pub fn grants(self, permission: Permission) -> bool {
        use Permission::*;
        let granted = match self {
            Role::Administrator => true,
            Role::Operator => {
                !matches!(permission, UsersRead | UsersWrite | SettingsWrite | AuditRead | KeysImport)
            }
            Role::Auditor => {
                matches!(permission, CertificatesRead | AlertsRead | JobsRead | AuditRead | UsersRead)
            }
            Role::Approver | Role::Viewer => matches!(permission, CertificatesRead | AlertsRead | OwnTokens),
        };
        granted || permission == OwnAccount
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            Error::invalid(
                "role",
                format!("`{text}` is no role; roles are administrator, operator, approver, auditor, viewer"),
            )
        })
    }
}

/// One kind of act. Every route names the one it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See the inventory and download certificates.
    CertificatesRead,
    /// Import, edit, retire.
    CertificatesWrite,
    /// Keep a private key found in an import (S17).
    KeysImport,
    /// See rules and deliveries.
    AlertsRead,
    /// Change rules, send a test mail, send again.
    AlertsWrite,
    /// See background work.
    JobsRead,
    /// Retry or cancel background work.
    JobsWrite,
    /// Read, export and verify the audit log.
    AuditRead,
    /// See people and teams.
    UsersRead,
    /// Add, change, disable people and teams.
    UsersWrite,
    /// Change what an administrator sets.
    SettingsWrite,
    /// Change one's own password, sessions and display.
    OwnAccount,
    /// Make and revoke one's own API tokens.
    OwnTokens,
}

/// What an API token may do at most; never more than its owner (S8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything that only reads.
    Read,
    /// Reading, importing and changing certificates, submitting requests.
    Request,
    /// Reading and deciding requests.
    Approve,
    /// Everything its owner may.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Scope; 4] = [Scope::Read, Scope::Request, Scope::Approve, Scope::Admin];

    /// The word used in the database, the API and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Request => "request",
            Scope::Approve => "approve",
            Scope::Admin => "admin",
        }
    }

    /// One line for wherever a scope is chosen.
    pub fn describe(self) -> &'static str {
        match self {
            Scope::Read => "read what its owner may read: certificates, alerts, jobs, people, the audit log",
            Scope::Request => "read, and import, edit, retire and restore certificates",
            Scope::Approve => "read, and decide requests",
            Scope::Admin => "everything that its owner may do",
        }
    }

    /// The scopes that let `permission` through, the least first.
    pub fn allowing(permission: Permission) -> Vec<Scope> {
        Scope::ALL.into_iter().filter(|scope| scope.allows(permission)).collect()
    }

    /// Whether the scope lets `permission` through.
    pub fn allows(self, permission: Permission) -> bool {
        use Permission::*;
        let reads = matches!(permission, CertificatesRead | AlertsRead | JobsRead | AuditRead | UsersRead);
        match self {
            Scope::Read | Scope::Approve => reads,
            Scope::Request => reads || matches!(permission, CertificatesWrite),
            Scope::Admin => true,
        }
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            Error::invalid(
                "scopes",
                format!("`{text}` is no scope; scopes are read, request, approve, admin"),
            )
        })
    }
}

/// Which certificates an actor can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All of them, the unowned too.
    All,
    /// Those owned by these teams.
    Teams(Vec<i64>),
}

impl Reach {
    /// The bound parameter of `($n::bigint[] is null or team_id = any($n))`.
    pub fn as_sql(&self) -> Option<&[i64]> {
        match self {
            Reach::All => None,
            Reach::Teams(ids) => Some(ids),
        }
    }
}

/// Who acts. Given to every service; named in every audit event.
#[derive(Debug, Clone)]
pub enum Actor {
    /// A signed-in person.
    User(Caller),
    /// A person's API token.
    Token {
        /// Whose token it is, with their present role.
        caller: Caller,
        /// Its id.
        token: i64,
        /// Its name.
        name: String,
        /// What it may do at most.
        scopes: Vec<Scope>,
    },
    /// The command line, as the operating system's user of this name.
    Cli(String),
    /// The worker.
    System,
}

/// A person, as checked for this very request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Their id.
    pub user: i64,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their role now.
    pub role: Role,
    /// What they can reach.
    pub reach: Reach,
    /// When they last gave their password.
    pub confirmed_at: Option<OffsetDateTime>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// Id of the request, for the log and the audit event.
    pub request_id: Option<String>,
}

impl Actor {
    /// Whether this act is allowed.
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Actor::User(caller) => caller.role.grants(permission),
            Actor::Token { caller, scopes, .. } => {
                caller.role.grants(permission) && scopes.iter().any(|scope| scope.allows(permission))
            }
            Actor::Cli(_) | Actor::System => true,
        }
    }

    /// Refuses with the roles that would be allowed.
    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        if self.may(permission) {
            return Ok(());
        }
        let roles: Vec<&str> = Role::granting(permission).into_iter().map(Role::as_str).collect();
        Err(Error::Forbidden(match self {
            Actor::Token { caller, name, scopes, .. } if caller.role.grants(permission) => {
                let has: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
                let least = Scope::allowing(permission).first().map_or("admin", |scope| scope.as_str());
                format!("the token {name} has {}; this needs {least}", has.join(", "))
            }
            _ => format!("this needs the role {}", roles.join(" or ")),
        }))
    }

    /// Refuses whoever is limited to teams: what they would change or learn concerns every team.
    pub fn require_everything(&self) -> Result<(), Error> {
        match self.reach() {
            Reach::All => Ok(()),
            Reach::Teams(_) => {
                Err(Error::Forbidden("this concerns every team, and your role is limited to yours".into()))
            }
        }
    }

    /// Refuses unless the person gave their password within [`STEP_UP_WINDOW`]. A token or the command line cannot step up and need not.
    pub fn require_step_up(&self, now: OffsetDateTime) -> Result<(), Error> {
        match self {
            Actor::User(caller) => match caller.confirmed_at {
                Some(at) if now - at <= STEP_UP_WINDOW => Ok(()),
                _ => Err(Error::StepUp),
            },
            _ => Ok(()),
        }
    }

    /// Which certificates the actor can reach.
    pub fn reach(&self) -> &Reach {
        match self {
            Actor::User(caller) | Actor::Token { caller, .. } => &caller.reach,
            Actor::Cli(_) | Actor::System => &Reach::All,
        }
    }

    /// The person behind the act, if any.
    pub fn caller(&self) -> Option<&Caller> {
        match self {
            Actor::User(caller) | Actor::Token { caller, .. } => Some(caller),
            Actor::Cli(_) | Actor::System => None,
        }
    }

    /// Who acted, as the audit log keeps it.
    pub fn who(&self) -> Who {
        let of = |kind, id, name: &str, caller: Option<&Caller>| Who {
            kind,
            id,
            name: name.to_owned(),
            address: caller.and_then(|caller| caller.address),
            request_id: caller.and_then(|caller| caller.request_id.clone()),
        };
        match self {
            Actor::User(caller) => of("user", Some(caller.user), &caller.email, Some(caller)),
            Actor::Token { caller, token, name, .. } => {
                of("token", Some(*token), &format!("{} (token {name})", caller.email), Some(caller))
            }
            Actor::Cli(user) => of("cli", None, user, None),
            Actor::System => of("system", None, "worker", None),
        }
    }

    /// Begins the record of an act on `object`.
    pub fn event(&self, act: &'static str, object: impl Into<String>) -> Event {
        Event::new(self.who(), act, object)
    }

    /// The person's id, if any.
    pub fn user(&self) -> Option<i64> {
        self.caller().map(|caller| caller.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITES: [Permission; 6] = [
        Permission::CertificatesWrite,
        Permission::KeysImport,
        Permission::AlertsWrite,
        Permission::JobsWrite,
        Permission::UsersWrite,
        Permission::SettingsWrite,
    ];

    #[test]
    fn an_auditor_writes_nothing_and_reads_the_log() {
        assert!(WRITES.iter().all(|permission| !Role::Auditor.grants(*permission)));
        assert!(!Role::Auditor.grants(Permission::OwnTokens));
        assert!(Role::Auditor.grants(Permission::AuditRead));
    }

    #[test]
    fn a_read_scope_never_writes_even_for_an_administrator() {
        assert!(WRITES.iter().all(|permission| !Scope::Read.allows(*permission)));
    }

    #[test]
    fn only_administrators_touch_people() {
        assert_eq!(Role::granting(Permission::UsersWrite), [Role::Administrator]);
    }
}
