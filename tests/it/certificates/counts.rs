//! A number shown is the length of the list behind it, and pages walk every entry once.

use std::collections::HashSet;

use notafter::{
    jobs,
    services::{
        Actor, Role,
        certificates::{self, ListRequest},
    },
    store::certificates::{Facet, days},
};
use time::{Duration, macros::datetime};

use super::random::{self, Chance, ISSUERS, KEYS, OWNERS, PLACES, TAGS};
use crate::support::{
    TestApp,
    app::START,
    made::{actor, params, self_signed},
};

/// Follows the pages to the end, and back; every entry once, and the way back is the same.
async fn walk(app: &TestApp, actor: &Actor, request: &ListRequest) -> Vec<i64> {
    let mut request = ListRequest { limit: Some(17), ..request.clone() };
    let mut pages: Vec<Vec<i64>> = Vec::new();
    let mut back = loop {
        let page = certificates::list(&app.app, actor, &request).await.unwrap();
        assert_eq!(page.previous.is_some(), !pages.is_empty(), "only the first page has none before it");
        pages.push(page.entries.iter().map(|entry| entry.id).collect());
        match page.next {
            Some(next) => request.after = next,
            None => break page.previous,
        }
    };
    request.after.clear();
    for expected in pages.iter().rev().skip(1) {
        request.before = back.expect("a way back");
        let page = certificates::list(&app.app, actor, &request).await.unwrap();
        let found: Vec<i64> = page.entries.iter().map(|entry| entry.id).collect();
        assert_eq!(&found, expected, "{request:?}");
        assert!(page.next.is_some());
        back = page.previous;
    }
    assert_eq!(back, None);
    let ids = pages.concat();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "an entry came twice: {request:?}");
    ids
}

async fn length(app: &TestApp, actor: &Actor, request: &ListRequest) -> i64 {
    i64::try_from(walk(app, actor, request).await.len()).unwrap()
}

fn none(value: &str) -> Vec<String> {
    vec![if value.is_empty() { "none".to_owned() } else { value.to_owned() }]
}

/// A request with up to three random conditions.
fn request(chance: &mut Chance) -> ListRequest {
    let mut request = ListRequest::default();
    for _ in 0..chance.below(4) {
        match chance.below(9) {
            0 => request.owner = none(chance.pick(&OWNERS)),
            1 => request.env = none(chance.pick(&PLACES)),
            2 => request.issuer = vec![chance.pick(&ISSUERS).to_owned()],
            3 => request.key = vec![chance.pick(&KEYS).to_owned()],
            4 => request.tag = none(chance.pick(&[TAGS[0], TAGS[1], "none"])),
            5 => {
                request.status =
                    vec![chance.pick(&["valid", "expiring", "expired", "retired", "unreadable"]).to_owned()]
            }
            6 => {
                request.expires =
                    chance.pick(&["14d", "30d", "2026-12-05", "2026-11-20..2027-01-01"]).to_owned()
            }
            7 => {
                request.q =
                    chance.pick(&["www", "*.a.example", "api b.example", "0000000a", "%", "_"]).to_owned()
            }
            _ => request.team = vec![chance.pick(&["one", "two", "none", "missing"]).to_owned()],
        }
    }
    request
}

#[tokio::test]
async fn every_count_is_the_length_of_its_list() {
    let app = TestApp::start().await;
    let (one, two) = (app.team("one").await, app.team("two").await);
    random::fill(&app, 0, 300, &[0, one, two]).await;
    random::stir(&app, 3).await;
    let readers = [
        app.cli(),
        actor(Role::Viewer, &[one]),
        actor(Role::Viewer, &[one, two]),
        actor(Role::Viewer, &[-9]),
    ];
    let mut chance = Chance::of(7);
    for n in 0..60 {
        let reader = &readers[n % readers.len()];
        let asked = request(&mut chance);
        let count = certificates::count(&app.app, reader, &asked).await.unwrap();
        assert_eq!(count.n, length(&app, reader, &asked).await, "{asked:?}");
        assert!(!count.capped);
    }
}

#[tokio::test]
async fn the_first_and_the_last_day_of_all_are_counted() {
    let app = TestApp::start().await;
    let mut never = params(&["never.example"], -1, 90);
    never.not_after = datetime!(9999-12-31 23:59:59 UTC);
    let mut long_ago = params(&["long-ago.example"], -1, 90);
    (long_ago.not_before, long_ago.not_after) =
        (datetime!(0100-01-01 0:00 UTC), datetime!(0101-01-01 0:00 UTC));
    app.import(format!("{}{}", self_signed(never).pem(), self_signed(long_ago).pem())).await;
    let of = |status: &str, expires: &str| ListRequest {
        status: Some(status.to_owned()).into_iter().filter(|word| !word.is_empty()).collect(),
        expires: expires.to_owned(),
        ..ListRequest::default()
    };
    for asked in [of("expired", ""), of("valid", ""), of("", "9999-12-31"), of("", "2026-01-01..9999-12-31")]
    {
        assert_eq!(length(&app, &app.cli(), &asked).await, 1, "{asked:?}");
        assert_eq!(certificates::count(&app.app, &app.cli(), &asked).await.unwrap().n, 1, "{asked:?}");
    }
}

#[tokio::test]
async fn every_facet_leads_to_a_list_of_its_length() {
    let app = TestApp::start().await;
    let (one, two) = (app.team("one").await, app.team("two").await);
    random::fill(&app, 0, 200, &[0, one, two]).await;
    random::stir(&app, 5).await;
    let readers = [app.cli(), actor(Role::Viewer, &[one, two])];
    let mut chance = Chance::of(11);
    let plain = [
        ListRequest::default(),
        ListRequest { owner: none("web@halden.example"), ..ListRequest::default() },
        ListRequest { env: none("test"), ..ListRequest::default() },
        ListRequest { env: none("test"), team: none("one"), ..ListRequest::default() },
    ];
    let asked = plain.into_iter().chain((0..6).map(|_| request(&mut chance)));
    for (n, asked) in asked.enumerate() {
        let reader = &readers[n % 2];
        for choice in certificates::facets(&app.app, reader, &asked).await.unwrap() {
            let mut narrowed = asked.clone();
            let value = vec![choice.value.clone()];
            match choice.facet {
                Facet::Status => narrowed.status = value,
                Facet::Owner => narrowed.owner = value,
                Facet::Team => narrowed.team = value,
                Facet::Environment => narrowed.env = value,
                Facet::Issuer => narrowed.issuer = value,
                Facet::Key => narrowed.key = value,
                Facet::Tag => narrowed.tag.extend(value),
            }
            assert_eq!(choice.count, Some(length(&app, reader, &narrowed).await), "{asked:?} {choice:?}");
        }
    }
}

#[tokio::test]
async fn counters_never_drift_and_a_wrong_one_is_found() {
    let app = TestApp::start().await;
    let team = app.team("one").await;
    for round in 0..4 {
        random::fill(&app, round * 1_000, 120, &[0, team]).await;
        random::stir(&app, i64::try_from(round).unwrap()).await;
        assert_eq!(days::drift(&app.app.pool).await.unwrap(), 0, "round {round}");
    }
    let tags: (i64, i64) = sqlx::query_as(
        "select (select count(*) from certificate_tags), (select coalesce(sum(cardinality(tags)), 0)::bigint from certificates)",
    )
    .fetch_one(&app.app.pool)
    .await
    .unwrap();
    assert_eq!(tags.0, tags.1);
    sqlx::query_scalar::<_, i64>(
        "update certificate_counts set n = n + 1 where facet = 'total' and team_id = -1",
    )
    .fetch_optional(&app.app.pool)
    .await
    .unwrap();
    // The nightly job puts it right: the clock of the tests starts at noon.
    app.advance(Duration::DAY);
    jobs::schedule::tick(&app.app).await.unwrap();
    jobs::run_until_empty(&app.app).await.unwrap();
    assert_eq!(days::drift(&app.app.pool).await.unwrap(), 0);
}

#[tokio::test]
async fn pages_walk_every_entry_once_in_every_order() {
    let app = TestApp::start().await;
    random::fill(&app, 0, 150, &[0]).await;
    let mut all = walk(&app, &app.cli(), &ListRequest::default()).await;
    all.sort_unstable();
    for sort in ["expires", "name", "owner", "issuer", "env", "key", "added"] {
        let forward = ListRequest { sort: sort.to_owned(), ..ListRequest::default() };
        let backward = ListRequest { sort: format!("-{sort}"), ..ListRequest::default() };
        let (forward, mut backward) =
            (walk(&app, &app.cli(), &forward).await, walk(&app, &app.cli(), &backward).await);
        backward.reverse();
        assert_eq!(forward, backward, "{sort}");
        let mut ids = forward;
        ids.sort_unstable();
        assert_eq!(ids, all, "{sort}");
    }
    for (limit, shown) in [(-5, 1), (0, 1), (1_000_000_000, 150)] {
        let request = ListRequest { limit: Some(limit), ..ListRequest::default() };
        assert_eq!(certificates::list(&app.app, &app.cli(), &request).await.unwrap().entries.len(), shown);
    }
    let foreign = ListRequest { sort: "name".into(), after: "bm9uc2Vuc2U".into(), ..ListRequest::default() };
    assert!(certificates::list(&app.app, &app.cli(), &foreign).await.is_err());
    let page = ListRequest { limit: Some(60), ..ListRequest::default() };
    let first = certificates::list(&app.app, &app.cli(), &page).await.unwrap();
    let both = ListRequest {
        after: first.next.clone().unwrap(),
        before: first.next.unwrap(),
        ..ListRequest::default()
    };
    assert!(certificates::list(&app.app, &app.cli(), &both).await.is_err());
    // Ahead of the tenth row lie nine: that is the first page, and it is shown whole.
    let tenth = ListRequest { limit: Some(10), ..ListRequest::default() };
    let tenth = certificates::list(&app.app, &app.cli(), &tenth).await.unwrap();
    let second =
        ListRequest { after: tenth.next.clone().unwrap(), limit: Some(60), ..ListRequest::default() };
    let second = certificates::list(&app.app, &app.cli(), &second).await.unwrap();
    let early = ListRequest { before: second.previous.unwrap(), ..page };
    let early = certificates::list(&app.app, &app.cli(), &early).await.unwrap();
    assert_eq!((early.entries, early.previous), (first.entries, None));
}

#[tokio::test]
async fn days_of_the_histogram_lead_to_lists_of_their_length() {
    let app = TestApp::start().await;
    random::fill(&app, 0, 200, &[0]).await;
    let first = START.date() - Duration::days(60);
    let days =
        certificates::histogram(&app.app, &app.cli(), first, first + Duration::days(400)).await.unwrap();
    assert!(days.len() > 5);
    for day in days {
        let request = ListRequest { expires: day.day.to_string(), ..ListRequest::default() };
        assert_eq!(length(&app, &app.cli(), &request).await, day.n, "{}", day.day);
    }
}
