//! Work that was given up is told by mail: once, to everybody who can be reached, and never at the cost of more work (R18).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use notafter::{
    app::App,
    jobs::{self, Kind, Outcome, schedule},
    notifiers::{Accepted, Error, Message, Notifier},
    services::{self, Role},
    store::jobs::{NewJob, workers},
};
use serde_json::json;
use time::Duration;

use crate::support::{TestApp, made::leaf};

const TABLE: &[Kind] = &[Kind {
    name: "hopeless",
    handler: |_, _| Box::pin(async { Outcome::Park { cause: "no such relay".into() } }),
}];

fn hopeless(app: &App) -> NewJob {
    NewJob::new("hopeless", json!({}), app.now()).about("vpn.halden.example", None)
}

async fn give_up(app: &App, job: NewJob) -> i64 {
    let mut conn = app.pool.acquire().await.unwrap();
    let id = notafter::store::jobs::enqueue(&mut conn, &job, app.now()).await.unwrap().id();
    drop(conn);
    jobs::drain(app, TABLE).await.unwrap();
    id
}

/// One turn of the timetable and all that follows.
async fn turn(app: &App) {
    schedule::tick(app).await.unwrap();
    jobs::run_until_empty(app).await.unwrap();
}

/// A relay that takes mail for nobody in `full`, and does something once while it has one.
#[derive(Default)]
struct Relay {
    full: Mutex<Vec<&'static str>>,
    meanwhile: Mutex<Option<(App, i64)>>,
    taken: Mutex<Vec<Message>>,
}

impl Relay {
    fn takers(&self) -> Vec<String> {
        self.taken.lock().unwrap().iter().map(|message| message.to.clone()).collect()
    }
}

#[async_trait]
impl Notifier for Relay {
    async fn send(&self, message: &Message) -> Result<Accepted, Error> {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some((app, job)) = meanwhile {
            let person = services::Actor::Cli("tester".into());
            services::jobs::retry(&app, &person, job).await.unwrap();
            jobs::drain(&app, TABLE).await.unwrap();
        }
        if self.full.lock().unwrap().iter().any(|full| message.to.starts_with(full)) {
            return Err(Error::Unreachable { reason: "452 mailbox full".into(), maybe_sent: false });
        }
        self.taken.lock().unwrap().push(message.clone());
        Ok(Accepted { answer: "250 ok".into() })
    }
}

async fn with_relay() -> (TestApp, Arc<Relay>) {
    let mut app = TestApp::start().await;
    app.add_person("ann@halden.example", Role::Administrator, &[]).await;
    app.add_person("zoe@halden.example", Role::Administrator, &[]).await;
    let relay = Arc::new(Relay::default());
    app.app.mail = Some(relay.clone());
    (app, relay)
}

async fn parked(app: &App) -> i64 {
    workers::counts(&app.pool, None).await.unwrap().parked
}

#[tokio::test]
async fn somebody_is_told_once_of_what_was_given_up() {
    let app = TestApp::start().await;
    app.add_person("root@halden.example", Role::Administrator, &[]).await;
    let id = give_up(&app.app, hopeless(&app.app)).await;
    let told = async || {
        jobs::drain(&app.app, TABLE).await.unwrap();
        jobs::run_until_empty(&app.app).await.unwrap();
        schedule::tick(&app.app).await.unwrap();
        jobs::run_until_empty(&app.app).await.unwrap();
        app.outbox.messages().len()
    };
    assert_eq!(told().await, 1);
    let mail = &app.outbox.messages()[0];
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        ("root@halden.example", "[notafter] A background job was given up")
    );
    for said in ["Hopeless vpn.halden.example", "no such relay", &format!("/jobs/{id}")] {
        assert!(
            mail.text.contains(said) && mail.html.as_ref().unwrap().contains(said),
            "{said}: {}",
            mail.text
        );
    }
    app.advance(Duration::hours(2));
    assert_eq!(told().await, 1, "once is enough");
    services::jobs::retry(&app.app, &app.cli(), id).await.unwrap();
    assert_eq!(told().await, 2, "given up again is news");
    let admin = app.signed_in("root@halden.example").await;
    app.import(leaf(&["shop.halden.example"], -1, 90).pem()).await;
    admin.get("/").await.expect(200).says("1 background job was given up.");
}

#[tokio::test]
async fn a_full_mailbox_keeps_nobody_else_from_being_told_and_nobody_is_told_twice() {
    for full in ["ann", "zoe"] {
        let (app, relay) = with_relay().await;
        relay.full.lock().unwrap().push(full);
        give_up(&app.app, hopeless(&app.app)).await;
        for _ in 0..5 {
            turn(&app.app).await;
            app.advance(Duration::HOUR);
        }
        let other = if full == "ann" { "zoe@halden.example" } else { "ann@halden.example" };
        assert_eq!(relay.takers(), [other]);
        assert_eq!(parked(&app.app).await, 1);
    }
}

#[tokio::test]
async fn a_relay_that_is_away_is_asked_again_and_adds_no_work() {
    let (app, relay) = with_relay().await;
    relay.full.lock().unwrap().push("");
    give_up(&app.app, hopeless(&app.app)).await;
    for _ in 0..5 {
        turn(&app.app).await;
        app.advance(Duration::HOUR);
    }
    assert_eq!((relay.takers().len(), parked(&app.app).await), (0, 1));
    relay.full.lock().unwrap().clear();
    turn(&app.app).await;
    assert_eq!(relay.takers(), ["ann@halden.example", "zoe@halden.example"]);
}

#[tokio::test]
async fn what_is_given_up_again_while_the_mail_is_on_its_way_is_told_too() {
    let (app, relay) = with_relay().await;
    let id = give_up(&app.app, hopeless(&app.app)).await;
    *relay.meanwhile.lock().unwrap() = Some((app.app.clone(), id));
    app.advance(Duration::MINUTE);
    turn(&app.app).await;
    app.advance(Duration::HOUR);
    turn(&app.app).await;
    assert_eq!(relay.takers().len(), 4, "both administrators, of both times");
}

#[tokio::test]
async fn what_fails_every_hour_is_told_once_a_day() {
    let (app, relay) = with_relay().await;
    for _ in 0..30 {
        give_up(&app.app, hopeless(&app.app).keyed("timetable")).await;
        turn(&app.app).await;
        app.advance(Duration::HOUR);
    }
    assert_eq!(relay.takers().len(), 4, "both administrators, on both days");
    let last = relay.taken.lock().unwrap().last().unwrap().subject.clone();
    assert!(last.contains("24 background jobs were given up"), "{last}");
}
