//! The state of the list as its address: read from a query, written into links, so that it can be reloaded, shared and exported.

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::{
    services::certificates::ListRequest,
    store::certificates::{Facet, Sort},
    web::urls,
};

/// Values of one facet on a page that says what is wrong with a list.
const LONGEST: usize = 20;

/// The query as a browser sends it; a name may come several times, and an empty value stands for nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    status: Vec<String>,
    expires: String,
    owner: Vec<String>,
    team: Vec<String>,
    env: Vec<String>,
    issuer: Vec<String>,
    key: Vec<String>,
    tag: Vec<String>,
    sort: String,
    after: String,
    before: String,
}

impl From<Asked> for ListRequest {
    fn from(asked: Asked) -> Self {
        let given = |values: Vec<String>| -> Vec<String> {
            let mut kept: Vec<String> = Vec::new();
            for value in values {
                if !value.is_empty() && !kept.contains(&value) {
                    kept.push(value);
                }
            }
            kept
        };
        ListRequest {
            q: asked.q.trim().to_owned(),
            status: given(asked.status),
            expires: asked.expires,
            owner: given(asked.owner),
            team: given(asked.team),
            env: given(asked.env),
            issuer: given(asked.issuer),
            key: given(asked.key),
            tag: given(asked.tag),
            sort: asked.sort,
            after: asked.after,
            before: asked.before,
            limit: None,
        }
    }
}

/// The values of one facet that are asked for.
pub(super) fn values(request: &ListRequest, facet: Facet) -> &[String] {
    match facet {
        Facet::Status => &request.status,
        Facet::Owner => &request.owner,
        Facet::Team => &request.team,
        Facet::Environment => &request.env,
        Facet::Issuer => &request.issuer,
        Facet::Key => &request.key,
        Facet::Tag => &request.tag,
    }
}

fn values_mut(request: &mut ListRequest, facet: Facet) -> &mut Vec<String> {
    match facet {
        Facet::Status => &mut request.status,
        Facet::Owner => &mut request.owner,
        Facet::Team => &mut request.team,
        Facet::Environment => &mut request.env,
        Facet::Issuer => &mut request.issuer,
        Facet::Key => &mut request.key,
        Facet::Tag => &mut request.tag,
    }
}

/// The same list from its first page.
pub(super) fn from_start(request: &ListRequest) -> ListRequest {
    ListRequest { after: String::new(), before: String::new(), ..request.clone() }
}

/// The same list without one facet.
pub(super) fn without(request: &ListRequest, facet: Facet) -> ListRequest {
    let mut wider = from_start(request);
    values_mut(&mut wider, facet).clear();
    wider
}

/// The same list without one value of a facet.
pub(super) fn without_value(request: &ListRequest, facet: Facet, value: &str) -> ListRequest {
    let mut wider = from_start(request);
    values_mut(&mut wider, facet).retain(|other| other != value);
    wider
}

/// The same with so few values of each facet that a page can show them, each with the link that takes it away.
pub(super) fn shortened(request: &ListRequest) -> ListRequest {
    let mut short = request.clone();
    for facet in Facet::ALL {
        values_mut(&mut short, facet).truncate(LONGEST);
    }
    short
}

/// Whether every entry is asked for, in whatever order.
pub(super) fn is_everything(request: &ListRequest) -> bool {
    let rest = ListRequest { sort: String::new(), limit: None, ..from_start(request) };
    rest == ListRequest::default()
}

/// The order that is asked for; a word that is none counts as the usual one, and the list itself refuses it.
pub(super) fn sort(request: &ListRequest) -> Sort {
    Sort::parse(&request.sort).unwrap_or_default()
}

/// Name and value of everything in the query, in a fixed order, without what is empty.
pub(super) fn pairs(request: &ListRequest) -> Vec<(&'static str, String)> {
    let mut pairs = vec![("q", request.q.clone()), ("expires", request.expires.clone())];
    for facet in Facet::ALL {
        pairs.extend(values(request, facet).iter().map(|value| (facet.parameter(), value.clone())));
    }
    pairs.extend([
        ("sort", request.sort.clone()),
        ("after", request.after.clone()),
        ("before", request.before.clone()),
    ]);
    pairs.retain(|(_, value)| !value.is_empty());
    pairs
}

/// The list's address.
pub fn href(request: &ListRequest) -> String {
    with_query(urls::CERTIFICATES, request)
}

/// The address of the same list as CSV, all pages of it.
pub(super) fn csv(request: &ListRequest) -> String {
    with_query("/certificates.csv", &from_start(request))
}

fn with_query(path: &str, request: &ListRequest) -> String {
    let query = Serializer::new(String::new()).extend_pairs(pairs(request)).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_everything_and_nothing_empty() {
        let request = ListRequest {
            q: "a&b".into(),
            status: vec!["expired".into(), "expiring".into()],
            owner: vec!["none".into()],
            ..ListRequest::default()
        };
        assert_eq!(href(&request), "/certificates?q=a%26b&status=expired&status=expiring&owner=none");
        assert_eq!(
            href(&without_value(&request, Facet::Status, "expired")),
            "/certificates?q=a%26b&status=expiring&owner=none"
        );
        assert_eq!(href(&ListRequest::default()), "/certificates");
    }

    #[test]
    fn an_order_is_no_filter() {
        let sorted = ListRequest { sort: "-name".into(), after: "x".into(), ..ListRequest::default() };
        assert!(is_everything(&sorted));
        assert!(!is_everything(&ListRequest { q: "x".into(), ..sorted }));
    }
}
