//! `/certificates`: the inventory with its views, filters and pages. Everything that shapes it is in the address, and a number beside a
//! filter is the length of the list behind it.

use std::collections::HashMap;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use crate::{
    app::App,
    services::{
        self, Error, Permission,
        certificates::{self, ListRequest, Listing},
    },
    store::certificates::{Count, Sort},
    web::{
        error::{Result, sentence},
        form::Query,
        guard::Visit,
        parts::{Chip, Choice, Column, Facet, Notice, Order, Pager, Tab, Tone},
        phrases,
        shell::{Nav, Shell},
        urls,
    },
};

use super::{
    address::{self, Asked},
    facets,
    row::Row,
};

/// The orders offered where a table has no head to click.
const ORDERS: [(&str, &str); 8] = [
    ("", "Soonest end"),
    ("-expires", "Latest end"),
    ("name", "Name"),
    ("owner", "Owner"),
    ("issuer", "Issuer"),
    ("env", "Environment"),
    ("key", "Key"),
    ("-added", "Newest here"),
];

/// The spans offered as links: within so many days.
const SPANS: [u16; 4] = [7, 14, 30, 90];

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "certificates/list.html")]
pub struct List {
    shell: Shell,
    tabs: Vec<Tab>,
    facets: Vec<Facet>,
    chosen: usize,
    /// Links that narrow the list to what ends soon.
    spans: Vec<Tab>,
    chips: Vec<Chip>,
    q: String,
    /// What the search form carries along.
    search_keeps: Vec<(&'static str, String)>,
    /// What the filter form carries along.
    filter_keeps: Vec<(&'static str, String)>,
    orders: Vec<Choice>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    caption: String,
    pager: Pager,
    export: String,
    problem: Option<Notice>,
    is_untouched: bool,
    may_write: bool,
}

/// What the store says about a list.
struct Loaded {
    tabs: Vec<Tab>,
    facets: Vec<Facet>,
    listing: Option<Listing>,
    /// Names of the listed teams, by slug.
    teams: HashMap<String, String>,
    count: Count,
    is_untouched: bool,
}

impl List {
    fn new(visit: &Visit, request: &ListRequest, loaded: Loaded) -> Self {
        let start = address::from_start(request);
        let entries = loaded.listing.as_ref().map(|listing| listing.entries.as_slice()).unwrap_or_default();
        let now = loaded.listing.as_ref().map(|listing| listing.now);
        let previous = loaded.listing.as_ref().and_then(|listing| listing.previous.clone());
        let next = loaded.listing.as_ref().and_then(|listing| listing.next.clone());
        let total = total(loaded.count);
        let noun = if total == "1" { "certificate" } else { "certificates" };
        Self {
            shell: visit.shell(Nav::Certificates),
            chips: facets::chips(request, &loaded.facets),
            chosen: loaded.facets.iter().map(Facet::chosen).sum(),
            spans: spans(&start),
            tabs: loaded.tabs,
            facets: loaded.facets,
            q: request.q.clone(),
            search_keeps: keeps(&start, &["q", "sort"]),
            filter_keeps: address::pairs(&start)
                .into_iter()
                .filter(|(name, _)| ["q", "expires", "sort"].contains(name))
                .collect(),
            orders: orders(&request.sort),
            columns: columns(&start),
            rows: now
                .map(|now| entries.iter().map(|entry| Row::new(entry, now).called(&loaded.teams)).collect())
                .unwrap_or_default(),
            caption: format!("{total} {noun}"),
            pager: Pager {
                shown: format!("{} of {total}", phrases::thousands(&entries.len())),
                first: (start != *request).then(|| address::href(&start)),
                previous: previous.map(|before| address::href(&ListRequest { before, ..start.clone() })),
                next: next.map(|after| address::href(&ListRequest { after, ..start.clone() })),
            },
            export: address::csv(request),
            problem: None,
            is_untouched: loaded.is_untouched,
            may_write: visit.actor.may(Permission::CertificatesWrite),
        }
    }

    fn with_problem(mut self, problem: Notice) -> Self {
        self.problem = Some(problem);
        self
    }
}

/// Shows one page of the list.
pub async fn get(State(app): State<App>, visit: Visit, Query(asked): Query<Asked>) -> Result {
    let request = ListRequest::from(asked);
    match load(&app, &visit, &request).await {
        Ok(loaded) => Ok(List::new(&visit, &request, loaded).into_response()),
        Err(error @ (Error::Invalid(_) | Error::Unavailable(_))) => {
            not_understood(&app, &visit, &request, &error).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn load(app: &App, visit: &Visit, request: &ListRequest) -> services::Result<Loaded> {
    let listing = certificates::list(app, &visit.actor, request).await?;
    let count = certificates::count(app, &visit.actor, request).await?;
    let is_untouched = listing.entries.is_empty()
        && address::is_everything(request)
        && address::from_start(request) == *request;
    let mut slugs: Vec<String> = listing.entries.iter().filter_map(|entry| entry.team.clone()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    Ok(Loaded {
        teams: services::teams::names(app, &visit.actor, &slugs).await?,
        tabs: tabs(app, visit, request).await?,
        facets: facets::load(app, &visit.actor, request).await?,
        listing: Some(listing),
        count,
        is_untouched,
    })
}

/// The page with what was typed, and what is wrong with it.
async fn not_understood(app: &App, visit: &Visit, request: &ListRequest, error: &Error) -> Result {
    let request = &address::shortened(request);
    let (status, strong) = match error {
        Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "The search was given up."),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "This cannot be looked for."),
    };
    let loaded = Loaded {
        tabs: tabs(app, visit, request).await?,
        facets: Vec::new(),
        listing: None,
        teams: HashMap::new(),
        count: Count { n: 0, capped: false },
        is_untouched: false,
    };
    let problem = Notice::new(Tone::Warn, strong, sentence(&error.to_string()))
        .with_action(urls::CERTIFICATES, "Show all certificates");
    let page = List::new(visit, request, loaded).with_problem(problem);
    let mut response: Response = (status, page).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("5"));
    }
    Ok(response)
}

/// The views everybody needs, each with the length of its list.
async fn tabs(app: &App, visit: &Visit, request: &ListRequest) -> services::Result<Vec<Tab>> {
    let of_status = |status: &str| ListRequest { status: vec![status.to_owned()], ..ListRequest::default() };
    let views = [
        ("All", ListRequest::default(), Tone::Mute),
        ("Expired", of_status("expired"), Tone::Crit),
        ("Expiring", of_status("expiring"), Tone::Mute),
        (
            "Without owner",
            ListRequest { owner: vec!["none".to_owned()], ..ListRequest::default() },
            Tone::Mute,
        ),
        ("Unreadable", of_status("unreadable"), Tone::Mute),
    ];
    let asked = ListRequest { sort: String::new(), ..address::from_start(request) };
    let mut tabs = Vec::new();
    for (text, view, tone) in views {
        let count = certificates::count(app, &visit.actor, &view).await?;
        let is_current = view == asked;
        if count.n == 0 && !is_current && text == "Unreadable" {
            continue;
        }
        let tab = Tab { count: Some(total(count)), ..Tab::new(address::href(&view), text, is_current) };
        tabs.push(if tone == Tone::Crit && count.n > 0 { tab.with_tone(tone) } else { tab });
    }
    Ok(tabs)
}

/// `7 days`, `14 days` … and any time, with everything else as it is asked for.
fn spans(start: &ListRequest) -> Vec<Tab> {
    let to = |expires: String, text: String| {
        let is_current = expires == start.expires;
        Tab::new(address::href(&ListRequest { expires, ..start.clone() }), text, is_current)
    };
    let soon = SPANS.iter().map(|days| to(format!("{days}d"), format!("{days} days")));
    soon.chain([to(String::new(), "Any time".to_owned())]).collect()
}

/// A number as it is read; one that was not counted to its end says so.
pub(super) fn total(count: Count) -> String {
    let more = if count.capped { "+" } else { "" };
    format!("{}{more}", phrases::thousands(&count.n))
}

fn keeps(request: &ListRequest, without: &[&str]) -> Vec<(&'static str, String)> {
    let mut pairs = address::pairs(request);
    pairs.retain(|(name, _)| !without.contains(name));
    pairs
}

fn orders(asked: &str) -> Vec<Choice> {
    let asked = if asked == "expires" { "" } else { asked };
    let mut orders: Vec<Choice> = ORDERS
        .iter()
        .map(|(value, label)| Choice {
            value: (*value).to_owned(),
            label: (*label).to_owned(),
            selected: *value == asked,
        })
        .collect();
    if !orders.iter().any(|order| order.selected) {
        let label = "As the table's head says".to_owned();
        orders.push(Choice { value: asked.to_owned(), label, selected: true });
    }
    orders
}

fn columns(start: &ListRequest) -> Vec<Column> {
    let current = address::sort(start);
    let column = |label: &str, class: &'static str, word: &str| {
        let Some(sort) = Sort::parse(word) else { return Column::new(label, class) };
        let is_current = sort.by == current.by;
        let turned = Sort { descending: is_current && !current.descending, ..sort };
        let order = if current.descending { Order::Descending } else { Order::Ascending };
        let href = address::href(&ListRequest { sort: turned.to_string(), ..start.clone() });
        Column::new(label, class).sorting(href, is_current.then_some(order))
    };
    vec![
        column("Name", "", "name"),
        Column::new("Status", "p1"),
        column("Ends", "num", "expires"),
        column("Owner", "p1", "owner"),
        column("Env", "p2", "env"),
        column("Key", "p3", "key"),
    ]
}
