//! Expiry alerts: each certificate, threshold and recipient exactly one mail, whatever the clock, the relay or the process does (R7–R9).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration as Wait,
};

use async_trait::async_trait;
use notafter::{
    app::App,
    jobs,
    notifiers::{Accepted, Error, Message, Notifier},
    services::{
        self, Actor,
        alerts::{deliveries, health, identity, preview, recipients, rules, sweep, thresholds},
        certificates::{Options, Source, Upload},
        jobs::View,
        permissions::Role,
    },
    store::{
        Tx,
        alerts::{
            deliveries::{Delivery, Filter},
            rules::AlertRule,
            sweeps,
        },
        certificates::{CertificateId, edit, import},
    },
};
use time::Duration;

use crate::support::{TestApp, app::START, made::actor, pki};

const YEAR: Duration = Duration::days(365);

fn cli() -> Actor {
    Actor::Cli("tester".into())
}

/// A certificate that lived `life` in all and has `left` left at [`START`].
pub struct Wanted<'a> {
    pub name: &'a str,
    pub life: Duration,
    pub left: Duration,
    pub owner: Option<&'a str>,
    pub team: Option<i64>,
}

pub fn wanted(name: &str, left: Duration) -> Wanted<'_> {
    Wanted { name, life: YEAR, left, owner: Some("ann@halden.example"), team: None }
}

pub async fn add(app: &App, wanted: Wanted<'_>) -> i64 {
    let not_after = START + wanted.left;
    let mut sha256 = [0; 32];
    for (place, byte) in sha256.iter_mut().zip(wanted.name.bytes()) {
        *place = byte;
    }
    let entry = import::NewEntry {
        der: vec![0x30],
        sha256,
        sha1: [0; 20],
        spki_sha256: None,
        unreadable: None,
        name: wanted.name.into(),
        subject: format!("CN={}", wanted.name),
        issuer: "CN=Halden CA".into(),
        issuer_name: "Halden CA".into(),
        serial: "4f2a".into(),
        not_before: Some(not_after - wanted.life),
        not_after,
        key: "EC-256".into(),
        signature: "SHA256-ECDSA".into(),
        sans: vec![format!("DNS:{}", wanted.name)],
        names: vec![wanted.name.into()],
        is_ca: false,
        is_self_signed: false,
        authority_key_id: None,
        subject_key_id: None,
        subject_der_sha256: None,
        issuer_der_sha256: None,
        owner: wanted.owner.map(str::to_owned),
        team_id: wanted.team,
        environment: None,
        tags: vec![],
    };
    let mut tx = Tx::begin(&app.pool).await.unwrap();
    let ids = import::insert(&mut tx, &[entry], "import", app.now()).await.unwrap();
    tx.commit(cli().event("certificate.imported", wanted.name)).await.unwrap();
    ids[0].unwrap().0
}

async fn set_state(app: &App, id: i64, state: &str) {
    let mut tx = Tx::begin(&app.pool).await.unwrap();
    edit::set_state(&mut tx, CertificateId(id), state, None, app.now()).await.unwrap();
    tx.commit(cli().event("certificate.changed", "test")).await.unwrap();
}

async fn sql(app: &App, statement: &'static str) {
    sqlx::raw_sql(statement).execute(&app.pool).await.unwrap();
}

async fn with_administrator() -> TestApp {
    let test = TestApp::start().await;
    sql(
        &test.app,
        "insert into users (email, name, role, created_at) values ('root@halden.example', 'Root', 'administrator', clock_timestamp())",
    )
    .await;
    test
}

/// One sweep and everything that follows from it.
async fn work(app: &App) {
    sweep::ask(app).await.unwrap();
    jobs::run_until_empty(app).await.unwrap();
}

async fn all_deliveries(app: &App) -> Vec<Delivery> {
    deliveries::list(app, &cli(), &Filter::default(), 500).await.unwrap()
}

fn headers(message: &Message) -> BTreeMap<&str, &str> {
    message.headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Answers as it is told, and keeps what it was given.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Result<Accepted, Error>>>>,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Error>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().map(Err).collect())), ..Self::default() }
    }

    fn given(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }
}

#[async_trait]
impl Notifier for Scripted {
    async fn send(&self, message: &Message) -> Result<Accepted, Error> {
        self.messages.lock().unwrap().push(message.clone());
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Ok(Accepted { answer: "250 ok".into() }))
    }
}

fn away() -> Error {
    Error::Unreachable { reason: "451 try again".into(), maybe_sent: false }
}

#[tokio::test]
async fn six_days_left_is_one_mail_and_not_again() {
    let test = with_administrator().await;
    add(&test.app, wanted("shop.halden.example", Duration::days(6))).await;
    work(&test.app).await;
    let messages = test.outbox.messages();
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(message.to, "ann@halden.example");
    assert_eq!(message.subject, "[notafter] shop.halden.example expires in 6 days");
    let with = headers(message);
    assert_eq!(with["X-Notafter-Alert-Id"].len(), 64);
    assert_eq!(with["X-Notafter-Severity"], "high");
    assert_eq!(with["Auto-Submitted"], "auto-generated");
    assert!(message.message_id.contains(with["X-Notafter-Alert-Id"]));

    for _ in 0..3 {
        test.advance(Duration::hours(7));
        work(&test.app).await;
    }
    assert_eq!(test.outbox.messages().len(), 1, "no second mail for the same threshold");
    let sent = &all_deliveries(&test.app).await[0];
    assert_eq!((sent.state.as_str(), sent.attempts, sent.threshold), ("sent", 1, 7));

    test.advance(Duration::days(6));
    work(&test.app).await;
    let messages = test.outbox.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1].subject, "[notafter] shop.halden.example has expired");
    assert_ne!(messages[0].message_id, messages[1].message_id);
    assert_eq!(headers(&messages[0])["References"], headers(&messages[1])["References"], "one thread");
}

#[tokio::test]
async fn down_at_day_40_and_up_at_day_13_is_one_mail_that_says_13_days() {
    let test = with_administrator().await;
    add(&test.app, wanted("shop.halden.example", Duration::days(40))).await;
    work(&test.app).await;
    assert!(test.outbox.messages().is_empty());
    test.advance(Duration::days(27));
    work(&test.app).await;
    let messages = test.outbox.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].subject, "[notafter] shop.halden.example expires in 13 days");
    assert_eq!(all_deliveries(&test.app).await[0].threshold, 14);
}

#[tokio::test]
async fn what_was_replaced_revoked_or_retired_is_silent() {
    let test = with_administrator().await;
    for state in ["superseded", "revoked", "retired"] {
        let id = add(&test.app, wanted(state, Duration::days(5))).await;
        set_state(&test.app, id, state).await;
    }
    work(&test.app).await;
    assert!(test.outbox.messages().is_empty());
}

#[tokio::test]
async fn owner_and_team_are_told_and_an_unowned_one_goes_to_the_fallback() {
    let test = with_administrator().await;
    sql(
        &test.app,
        "insert into teams (slug, name, email, created_at) values ('payments', 'Payments', 'payments@halden.example', clock_timestamp()),
                                                                  ('edge', 'Edge', null, clock_timestamp())",
    )
    .await;
    let five = Duration::days(5);
    add(&test.app, Wanted { team: Some(1), ..wanted("both", five) }).await;
    add(&test.app, Wanted { owner: None, team: Some(1), ..wanted("team", five) }).await;
    add(&test.app, Wanted { owner: Some("Payments"), team: Some(2), ..wanted("nobody", five) }).await;
    work(&test.app).await;
    let told = |name: &str| {
        let messages = test.outbox.messages();
        let about = messages.into_iter().filter(|message| message.subject.contains(&format!(" {name} ")));
        let mut to: Vec<String> = about.map(|message| message.to).collect();
        to.sort();
        to
    };
    assert_eq!(told("both"), ["ann@halden.example", "payments@halden.example"]);
    assert_eq!(told("team"), ["payments@halden.example"]);
    assert_eq!(told("nobody"), ["root@halden.example"]);
}

#[tokio::test]
async fn with_nobody_to_tell_the_alert_waits_for_somebody() {
    let test = TestApp::start().await;
    add(&test.app, Wanted { owner: None, ..wanted("shop", Duration::days(5)) }).await;
    work(&test.app).await;
    assert!(test.outbox.messages().is_empty());
    assert_eq!(health::health(&test.app).await.unwrap().unaddressed, 1);
    sql(
        &test.app,
        "insert into users (email, name, role, created_at) values ('root@halden.example', 'Root', 'administrator', clock_timestamp())",
    )
    .await;
    work(&test.app).await;
    assert_eq!(test.outbox.messages().len(), 1);
}

#[tokio::test]
async fn a_clock_that_steps_back_sends_nothing_twice() {
    let test = with_administrator().await;
    for left in [6, 8, 13, 15, 29, 31] {
        add(&test.app, wanted(&format!("left-{left}"), Duration::days(left))).await;
    }
    work(&test.app).await;
    test.advance(Duration::days(2));
    work(&test.app).await;
    let count = test.outbox.messages().len();
    for step in [-2, 2, -4, 4] {
        test.advance(Duration::days(step));
        work(&test.app).await;
    }
    assert_eq!(test.outbox.messages().len(), count);
}

/// Sweeps at odd times over certificates that end at odd times, against a model: a mail exactly when a tighter threshold is crossed.
#[tokio::test]
async fn every_sweep_sends_at_most_one_mail_a_certificate_and_none_is_missing() {
    let test = with_administrator().await;
    let mut lives = Vec::new();
    for (number, left) in (0..48).map(|number| (number, Duration::hours(number * 17 - 40))) {
        for life in [YEAR, Duration::days(47)] {
            let name = format!("{number}-{}", life.whole_days());
            add(&test.app, Wanted { life, ..wanted(&name, left) }).await;
            let not_after = START + left;
            lives.push((
                name,
                thresholds::Life { not_before: Some(not_after - life), not_after, added_at: START },
            ));
        }
    }
    let mut told: BTreeMap<String, i32> = BTreeMap::new();
    let mut before = 0;
    for hours in [0, 1, 30, 5, 100, 3, -60, 60, 200, 24, 400, 24] {
        test.advance(Duration::hours(hours));
        work(&test.app).await;
        let now = test.app.now();
        let mut expected = Vec::new();
        for (name, life) in &lives {
            let Some(threshold) = thresholds::tightest(&[30, 14, 7], true, *life, now) else { continue };
            if told.get(name).is_none_or(|last| threshold < *last) {
                told.insert(name.clone(), threshold);
                expected.push(name.clone());
            }
        }
        let messages = test.outbox.messages();
        let name_of = |message: &Message| message.subject.split(' ').nth(1).unwrap().to_owned();
        let mut sent: Vec<String> = messages[before..].iter().map(name_of).collect();
        before = messages.len();
        sent.sort();
        expected.sort();
        assert_eq!(sent, expected, "after {hours} hours more");
    }
}

#[tokio::test]
async fn a_relay_that_is_away_is_tried_again_with_the_same_message() {
    let mut test = with_administrator().await;
    let lost = Error::Unreachable { reason: "the line broke".into(), maybe_sent: true };
    let misconfigured = Error::Misconfigured("535 no".into());
    let limited = Error::Limited { reason: "450 slow down".into(), wait: Wait::from_secs(60) };
    let relay = Scripted::new([away(), lost, misconfigured, limited]);
    test.app.mail = Some(Arc::new(relay.clone()));
    add(&test.app, wanted("shop", Duration::days(6))).await;
    work(&test.app).await;
    let waiting = &all_deliveries(&test.app).await[0];
    assert_eq!(
        (waiting.state.as_str(), waiting.answer.as_deref()),
        ("queued", Some("unreachable: 451 try again"))
    );
    for _ in 0..8 {
        test.advance(Duration::minutes(2));
        jobs::run_until_empty(&test.app).await.unwrap();
    }
    let given = relay.given();
    assert_eq!(given.len(), 5);
    assert!(given.iter().all(|message| message.message_id == given[0].message_id));
    let sent = &all_deliveries(&test.app).await[0];
    assert_eq!((sent.state.as_str(), sent.attempts), ("sent", 5));
}

#[tokio::test]
async fn a_relay_that_was_away_for_days_sends_only_what_is_right_now() {
    let mut test = with_administrator().await;
    test.app.mail = Some(Arc::new(Scripted::new((0..200).map(|_| away()))));
    add(&test.app, wanted("shop", Duration::days(29))).await;
    work(&test.app).await;
    for _ in 0..10 {
        test.advance(Duration::days(2));
        work(&test.app).await;
    }
    let relay = Scripted::default();
    test.app.mail = Some(Arc::new(relay.clone()));
    test.advance(Duration::days(2));
    work(&test.app).await;
    let given = relay.given();
    assert_eq!(given.len(), 1, "{given:?}");
    assert_eq!(given[0].subject, "[notafter] shop expires in 7 days");
    let states: Vec<_> =
        all_deliveries(&test.app).await.into_iter().map(|one| (one.threshold, one.state)).collect();
    assert_eq!(states, [(7, "sent".into()), (14, "cancelled".into()), (30, "cancelled".into())]);
}

#[tokio::test]
async fn a_refused_address_is_visible_and_the_fallback_is_told() {
    let mut test = with_administrator().await;
    let relay = Scripted::new([Error::Refused("550 no such user".into())]);
    test.app.mail = Some(Arc::new(relay.clone()));
    add(&test.app, wanted("shop", Duration::days(6))).await;
    work(&test.app).await;
    let to: Vec<String> = relay.given().into_iter().map(|message| message.to).collect();
    assert_eq!(to, ["ann@halden.example", "root@halden.example"]);
    let only_failed = ["failed".to_owned()];
    let filter = Filter { states: Some(&only_failed), ..Filter::default() };
    let failed = deliveries::list(&test.app, &cli(), &filter, 10).await.unwrap();
    assert_eq!((failed.len(), failed[0].answer.as_deref()), (1, Some("550 no such user")));
    assert_eq!(deliveries::counts(&test.app, &cli()).await.unwrap().failed, 1);

    deliveries::send_again(&test.app, &cli(), failed[0].id).await.unwrap();
    jobs::run_until_empty(&test.app).await.unwrap();
    assert_eq!(relay.given().len(), 3);
    assert_eq!(relay.given()[2].message_id, relay.given()[0].message_id);
    assert!(deliveries::send_again(&test.app, &cli(), failed[0].id).await.is_err(), "it is sent now");
}

#[tokio::test]
async fn a_mail_whose_job_is_cancelled_stays_unsent_until_a_person_sends_it() {
    let mut test = with_administrator().await;
    let relay = Scripted::new([away()]);
    test.app.mail = Some(Arc::new(relay.clone()));
    add(&test.app, wanted("shop", Duration::days(6))).await;
    work(&test.app).await;
    let waiting = services::jobs::list(&test.app, &cli(), View::Failing, None, 10).await.unwrap();
    services::jobs::cancel(&test.app, &cli(), waiting.jobs[0].id).await.unwrap();
    test.advance(Duration::hours(2));
    work(&test.app).await;
    assert_eq!(relay.given().len(), 1, "no sweep begins what a person stopped");
    let stopped = all_deliveries(&test.app).await.remove(0);
    assert_eq!(
        (stopped.state.as_str(), stopped.answer.as_deref()),
        ("failed", Some("not sent: its job was cancelled"))
    );
    deliveries::send_again(&test.app, &cli(), stopped.id).await.unwrap();
    jobs::run_until_empty(&test.app).await.unwrap();
    assert_eq!(relay.given().len(), 2);
}

/// Takes the mail while a person cancels its job.
struct Cancelling(Mutex<Option<App>>);

#[async_trait]
impl Notifier for Cancelling {
    async fn send(&self, _message: &Message) -> Result<Accepted, Error> {
        let app = self.0.lock().unwrap().take();
        if let Some(app) = app {
            let running = services::jobs::list(&app, &cli(), View::Running, None, 10).await.unwrap();
            services::jobs::cancel(&app, &cli(), running.jobs[0].id).await.unwrap();
        }
        Ok(Accepted { answer: "250 ok".into() })
    }
}

#[tokio::test]
async fn a_mail_whose_job_is_cancelled_on_its_way_may_have_arrived() {
    let mut test = with_administrator().await;
    let relay = Arc::new(Cancelling(Mutex::new(None)));
    test.app.mail = Some(relay.clone());
    *relay.0.lock().unwrap() = Some(test.app.clone());
    add(&test.app, wanted("shop", Duration::days(6))).await;
    work(&test.app).await;
    let stopped = all_deliveries(&test.app).await.remove(0);
    assert_eq!(stopped.state, "failed");
    assert!(stopped.answer.unwrap().ends_with("it may have arrived"));
}

#[tokio::test]
async fn an_alert_belongs_to_the_team_that_has_the_certificate_when_it_is_made() {
    let test = with_administrator().await;
    let (old, new) = (test.team("Payments").await, test.team("Shop").await);
    let id = add(&test.app, Wanted { team: Some(new), ..wanted("shop", Duration::days(6)) }).await;
    let seen_before = sweeps::Candidate {
        id,
        sha256: vec![7; 32],
        name: "shop".into(),
        not_before: None,
        not_after: START,
        owner: None,
        team: Some(old),
        added_at: START,
    };
    let to =
        recipients::Recipient { address: "ann@halden.example".into(), reason: recipients::Reason::Owner };
    let late = identity::delivery(&seen_before, 7, &to, "certs.example");
    let mut tx = Tx::begin(&test.app.pool).await.unwrap();
    let queued = sweeps::insert(&mut tx, &[late], START).await.unwrap();
    assert_eq!(queued[0].team, Some(new));
}

#[tokio::test]
async fn what_was_sent_belongs_to_the_team_that_has_the_certificate_now() {
    let mut test = with_administrator().await;
    test.app.mail = Some(Arc::new(Scripted::new([away()])));
    let (old, new) = (test.team("Payments").await, test.team("Shop").await);
    let id = add(&test.app, Wanted { team: Some(old), ..wanted("vault-nine", Duration::days(6)) }).await;
    work(&test.app).await;
    test.add_person("pia@halden.example", Role::Operator, &[old]).await;
    test.add_person("sam@halden.example", Role::Operator, &[new]).await;
    let (pia, sam) = (test.signed_in("pia@halden.example").await, test.signed_in("sam@halden.example").await);
    pia.get("/alerts").await.expect(200).says("vault-nine");
    pia.get("/jobs").await.expect(200).says("vault-nine");
    let change = services::certificates::Change {
        owner: "ann@halden.example".into(),
        team: "shop".into(),
        environment: String::new(),
        tags: Vec::new(),
        note: String::new(),
        seen: None,
    };
    services::certificates::edit(&test.app, &cli(), CertificateId(id), &change).await.unwrap();
    for page in ["/alerts", "/jobs"] {
        let before = pia.get(page).await.expect(200);
        before.says_not("vault-nine");
        sam.get(page).await.expect(200).says("vault-nine");
    }
    assert_eq!(deliveries::list(&test.app, &cli(), &Filter::default(), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_relay_mails_wait_and_go_out_when_there_is_one() {
    let mut test = with_administrator().await;
    let relay = test.app.mail.take();
    add(&test.app, wanted("shop", Duration::days(6))).await;
    work(&test.app).await;
    assert!(!health::health(&test.app).await.unwrap().relay);
    assert_eq!(deliveries::counts(&test.app, &cli()).await.unwrap().waiting, 1);
    test.app.mail = relay;
    work(&test.app).await;
    assert_eq!(test.outbox.messages().len(), 1);
}

#[tokio::test]
async fn what_changed_between_sweep_and_sending_is_not_sent_and_comes_back_when_it_is_due_again() {
    let test = with_administrator().await;
    let id = add(&test.app, wanted("shop", Duration::days(6))).await;
    sweep::sweep(&test.app, &cli()).await.unwrap();
    set_state(&test.app, id, "superseded").await;
    jobs::run_until_empty(&test.app).await.unwrap();
    assert!(test.outbox.messages().is_empty());
    let cancelled = &all_deliveries(&test.app).await[0];
    assert_eq!(cancelled.answer.as_deref(), Some("not sent: the certificate is superseded"));
    set_state(&test.app, id, "active").await;
    work(&test.app).await;
    assert_eq!(test.outbox.messages().len(), 1);
}

/// Dies with the mail in its hands, once.
struct Dying(Mutex<bool>, Scripted);

#[async_trait]
impl Notifier for Dying {
    async fn send(&self, message: &Message) -> Result<Accepted, Error> {
        let first = std::mem::replace(&mut *self.0.lock().unwrap(), false);
        let answer = self.1.send(message).await;
        assert!(!first, "the process dies here");
        answer
    }
}

#[tokio::test]
async fn a_crash_with_the_mail_on_its_way_sends_the_same_message_again() {
    let mut test = with_administrator().await;
    let relay = Scripted::default();
    test.app.mail = Some(Arc::new(Dying(Mutex::new(true), relay.clone())));
    add(&test.app, wanted("shop", Duration::days(6))).await;
    work(&test.app).await;
    assert_eq!(
        all_deliveries(&test.app).await[0].state,
        "sending",
        "what was about to happen is written down"
    );
    test.advance(Duration::hours(1));
    jobs::run_until_empty(&test.app).await.unwrap();
    let given = relay.given();
    assert_eq!(given.len(), 2);
    assert_eq!(given[0].message_id, given[1].message_id);
    assert_eq!(all_deliveries(&test.app).await[0].state, "sent");
}

#[tokio::test]
async fn a_changed_rule_is_applied_at_once_and_repeats_nothing() {
    let test = with_administrator().await;
    add(&test.app, wanted("near", Duration::days(13))).await;
    add(&test.app, wanted("far", Duration::days(50))).await;
    work(&test.app).await;
    assert_eq!(test.outbox.messages().len(), 1);
    let rule = rules::find(&test.app, &cli()).await.unwrap();
    let wider = AlertRule { thresholds: vec![15, 60], subject_prefix: "[pki]".into(), ..rule };
    rules::change(&test.app, &cli(), wider.clone()).await.unwrap();
    jobs::run_until_empty(&test.app).await.unwrap();
    let messages = test.outbox.messages();
    assert_eq!(messages.len(), 2, "13 days were told, 15 is no news");
    assert_eq!(messages[1].subject, "[pki] far expires in 50 days");
    rules::change(&test.app, &cli(), AlertRule { enabled: false, ..wider }).await.unwrap();
    test.advance(Duration::days(45));
    work(&test.app).await;
    assert_eq!(test.outbox.messages().len(), 2);
}

#[tokio::test]
async fn an_end_long_before_the_import_is_no_news() {
    let test = with_administrator().await;
    add(&test.app, wanted("ancient", -Duration::days(400))).await;
    add(&test.app, wanted("yesterday", -Duration::hours(30))).await;
    work(&test.app).await;
    let subjects: Vec<String> = test.outbox.messages().into_iter().map(|message| message.subject).collect();
    assert_eq!(subjects, ["[notafter] yesterday expired 1 day ago"]);
}

#[tokio::test]
async fn dates_at_the_edge_of_time_do_no_harm() {
    let test = with_administrator().await;
    let end_of_time = time::macros::datetime!(9999-12-31 23:59:59 UTC);
    add(&test.app, wanted("forever", end_of_time - START)).await;
    add(&test.app, wanted("leap", time::macros::datetime!(2028-02-29 00:00 UTC) - START)).await;
    work(&test.app).await;
    assert!(test.outbox.messages().is_empty());
    test.advance(time::macros::datetime!(2028-02-22 00:00 UTC) - START);
    work(&test.app).await;
    assert_eq!(test.outbox.messages()[0].subject, "[notafter] leap expires in 7 days");
}

#[tokio::test]
async fn a_missed_sweep_is_seen_and_one_sweep_heals_it() {
    let test = with_administrator().await;
    work(&test.app).await;
    let missed = async |app: &App| health::health(app).await.unwrap().missed;
    assert!(!missed(&test.app).await);
    test.advance(Duration::hours(25));
    assert!(!missed(&test.app).await);
    test.advance(Duration::SECOND);
    assert!(missed(&test.app).await);
    work(&test.app).await;
    assert!(!missed(&test.app).await);
}

#[tokio::test]
async fn a_test_mail_goes_to_one_address_and_says_what_the_relay_said() {
    let mut test = with_administrator().await;
    let answer = preview::send_test(&test.app, &cli(), "Ann@halden.example").await.unwrap();
    assert_eq!(answer, "250 kept in memory");
    assert_eq!(test.outbox.messages()[0].to, "ann@halden.example");
    test.app.mail = Some(Arc::new(Scripted::new([Error::Refused("550 go away".into())])));
    let refused = preview::send_test(&test.app, &cli(), "ann@halden.example").await.unwrap_err();
    assert!(refused.to_string().contains("550 go away"), "{refused}");
    let told: Vec<String> =
        sqlx::query_scalar("select act from audit_events where act like 'alert.test%' order by id")
            .fetch_all(&test.app.pool)
            .await
            .unwrap();
    assert_eq!(
        told,
        ["alert.test_asked", "alert.test_sent", "alert.test_asked", "alert.test_failed"],
        "what was not sent is not said to be"
    );
    let wrong =
        preview::send_test(&test.app, &cli(), "ann@halden.example, eve@evil.example").await.unwrap_err();
    assert!(matches!(wrong, services::Error::Invalid(_)));
}

#[tokio::test]
async fn whoever_is_limited_to_teams_sends_a_test_to_themselves_or_their_teams_only() {
    let test = with_administrator().await;
    let team = async |name: &str, email: &str| {
        let form = services::teams::TeamForm { name: name.into(), slug: String::new(), email: email.into() };
        services::teams::create(&test.app, &cli(), &form).await.unwrap()
    };
    let mine = team("Payments", "payments@halden.example").await;
    team("Other", "other@halden.example").await;
    let limited = actor(Role::Operator, &[mine]);
    for foreign in ["eve@evil.example", "other@halden.example"] {
        let refused = preview::send_test(&test.app, &limited, foreign).await.unwrap_err();
        assert!(matches!(refused, services::Error::Forbidden(_)), "{refused:?}");
    }
    for own in ["operator@halden.example", "Payments@halden.example"] {
        preview::send_test(&test.app, &limited, own).await.unwrap();
    }
    assert_eq!(test.outbox.messages().len(), 2);
}

#[tokio::test]
async fn ten_test_mails_are_enough_for_one_person() {
    let test = with_administrator().await;
    let (one, to) = (actor(Role::Operator, &[]), "eve@evil.example");
    let mut waits = Vec::new();
    while waits.len() < 13 {
        match preview::send_test(&test.app, &one, to).await {
            Ok(_) => {}
            Err(services::Error::Limited(wait)) => {
                waits.push(wait.as_secs());
                test.advance(Duration::try_from(wait).unwrap());
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((waits[0], waits[1], waits[12]), (1, 2, 3600), "{waits:?}");
    assert_eq!(test.outbox.messages().len(), 10 + 13);
    test.advance(Duration::HOUR * 2);
    preview::send_test(&test.app, &one, to).await.unwrap();
    preview::send_test(&test.app, &one, to).await.unwrap();
}

#[tokio::test]
async fn the_preview_is_the_mail_that_is_sent() {
    let test = with_administrator().await;
    let id = add(&test.app, wanted("shop.halden.example", Duration::days(6))).await;
    add(&test.app, wanted("later.halden.example", Duration::days(60))).await;
    let shown = preview::preview(&test.app, &cli(), None).await.unwrap().unwrap();
    assert_eq!(shown.certificate, id);
    work(&test.app).await;
    let sent = &test.outbox.messages()[0];
    assert_eq!(
        (&sent.subject, &sent.text, sent.html.as_ref()),
        (&shown.mail.subject, &shown.mail.text, Some(&shown.mail.html))
    );
    assert_eq!(shown.recipients[0].address, sent.to);
}

#[tokio::test]
async fn two_sweeps_at_once_insert_each_alert_once() {
    let test = with_administrator().await;
    for number in 0..200 {
        add(&test.app, wanted(&format!("host-{number}"), Duration::days(5))).await;
    }
    let actor = cli();
    let (one, other) = tokio::join!(sweep::sweep(&test.app, &actor), sweep::sweep(&test.app, &actor));
    assert_eq!(one.unwrap().inserted + other.unwrap().inserted, 200);
    jobs::run_until_empty(&test.app).await.unwrap();
    assert_eq!(test.outbox.messages().len(), 200);
}

async fn import(test: &TestApp, name: &str, lived: Duration, left: Duration) {
    let (not_before, not_after) = (START - lived, START + left);
    let pem = pki::leaf(&pki::Leaf { common_name: name, names: &[name], not_before, not_after });
    let upload = Upload { file_name: "a.pem".into(), bytes: pem.into_bytes().into(), password: None };
    let options = Options { owner: "ann@halden.example".into(), ..Options::of(Source::Import) };
    services::certificates::import(&test.app, &cli(), upload, &options).await.unwrap();
}

#[tokio::test]
async fn an_import_with_six_days_left_is_mailed_without_being_asked() {
    let test = with_administrator().await;
    import(&test, "shop.halden.example", Duration::days(84), Duration::days(6)).await;
    jobs::run_until_empty(&test.app).await.unwrap();
    let messages = test.outbox.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].subject, "[notafter] shop.halden.example expires in 6 days");
    import(&test, "shop.halden.example", Duration::DAY, Duration::days(89)).await;
    test.advance(Duration::days(8));
    work(&test.app).await;
    assert_eq!(test.outbox.messages().len(), 1, "the renewal silences the old one");
}

#[tokio::test]
async fn a_new_six_day_certificate_is_told_at_once_and_again_at_its_own_thresholds() {
    let test = with_administrator().await;
    import(&test, "short.halden.example", Duration::ZERO, Duration::days(6)).await;
    jobs::run_until_empty(&test.app).await.unwrap();
    assert_eq!(test.outbox.messages().len(), 1);
    assert_eq!(test.outbox.messages()[0].subject, "[notafter] short.halden.example expires in 6 days");
    test.advance(Duration::hours(4 * 24 + 20));
    work(&test.app).await;
    assert_eq!(test.outbox.messages().len(), 2);
    assert_eq!(test.outbox.messages()[1].subject, "[notafter] short.halden.example expires in 2 days");
}
