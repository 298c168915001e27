//! Which certificates a command is about: the filters of the page's address as options.

use clap::Args;

use crate::services::certificates::ListRequest;

/// Values of one option are alternatives; options narrow each other.
#[derive(Debug, Default, Args)]
pub struct Filters {
    /// valid, expiring, expired, revoked, superseded, retired or unreadable
    #[arg(long, value_name = "S")]
    status: Vec<String>,
    /// Ends within days such as 14d, on a day such as 2026-12-01, or from..to
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Mail address; none = without owner
    #[arg(long, value_name = "E")]
    owner: Vec<String>,
    /// Slug; none = without team
    #[arg(long, value_name = "T")]
    team: Vec<String>,
    /// Such as production; none = without
    #[arg(long, visible_alias = "env", value_name = "X")]
    environment: Vec<String>,
    /// Issuer as the list shows it
    #[arg(long, value_name = "I")]
    issuer: Vec<String>,
    /// Key such as EC-256 or RSA-2048
    #[arg(long, value_name = "K")]
    key: Vec<String>,
    /// Tag, all of those given; none = without
    #[arg(long, value_name = "T")]
    tag: Vec<String>,
    /// Free text, serial, fingerprint, owner or *.example.com
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    q: Option<String>,
    /// expires, name, owner, issuer, env, key or added; - in front turns it round
    #[arg(long, value_name = "ORDER", allow_hyphen_values = true)]
    sort: Option<String>,
}

impl Filters {
    /// Whether any was given.
    pub fn is_empty(&self) -> bool {
        self.request() == ListRequest::default()
    }

    /// As the services take them.
    pub fn request(&self) -> ListRequest {
        ListRequest {
            q: self.q.clone().unwrap_or_default(),
            status: self.status.clone(),
            expires: self.expires.clone().unwrap_or_default(),
            owner: self.owner.clone(),
            team: self.team.clone(),
            env: self.environment.clone(),
            issuer: self.issuer.clone(),
            key: self.key.clone(),
            tag: self.tag.clone(),
            sort: self.sort.clone().unwrap_or_default(),
            ..ListRequest::default()
        }
    }
}
