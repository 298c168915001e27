//! The audit log: append-only for everyone, chained in commit order, and a verdict that names the first broken record.

use notafter::{
    services::{
        Actor, Caller, Reach, Role,
        audit::{self, Filter, verify::Verdict},
    },
    store::{self, Tx, audit::Event},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, postgres::PgConnectOptions};

use crate::support::TestApp;

/// Acts that leave one record each.
async fn act(app: &TestApp, objects: impl IntoIterator<Item = String>) {
    for object in objects {
        let tx = Tx::begin(&app.app.pool).await.unwrap();
        tx.commit(Actor::System.event("test.done", object)).await.unwrap();
    }
}

/// Ten records, sealed.
async fn ten_sealed() -> TestApp {
    let app = TestApp::start().await;
    act(&app, (1..=10).map(|n| format!("thing {n}"))).await;
    app.seal_all().await;
    app
}

async fn verdict(app: &TestApp) -> Verdict {
    audit::verify::verify(&app.app, &Actor::System).await.unwrap()
}

/// Runs statements over one connection; answers the SQL state of the refusal, if any.
async fn sql(options: &PgConnectOptions, statements: &str) -> Option<String> {
    let mut conn = PgConnection::connect_with(options).await.unwrap();
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut conn).await;
    conn.close().await.unwrap();
    done.err().map(|error| error.as_database_error().unwrap().code().unwrap().into_owned())
}

/// As a superuser who takes the locks off first.
async fn tamper(app: &TestApp, statements: &str) {
    let unlocked = format!(
        "alter table audit_events disable trigger all; alter table audit_seals disable trigger all; {statements};
         alter table audit_events enable always trigger audit_events_append_only;
         alter table audit_seals enable always trigger audit_seals_append_only;"
    );
    assert_eq!(sql(&app.database.superuser, &unlocked).await, None);
}

/// Place, record and reason of the first break.
fn broken(verdict: &Verdict) -> (i64, Option<i64>, &str) {
    let broken = verdict.first_broken.as_ref().expect("the break is found");
    (broken.seq, broken.event_id, &broken.reason)
}

#[tokio::test]
async fn the_application_can_only_append() {
    let app = ten_sealed().await;
    for statement in [
        "update audit_events set object = 'x'",
        "delete from audit_events",
        "truncate audit_events",
        "drop table audit_events",
        "alter table audit_events disable trigger all",
        "insert into audit_events (at, actor_kind, actor_name, act, object, detail) values ('2020-01-01', 'system', 'a', 'b', 'c', '{}')",
        "insert into audit_events (xid, actor_kind, actor_name, act, object, detail) values ('1', 'system', 'a', 'b', 'c', '{}')",
        "insert into audit_events (id, actor_kind, actor_name, act, object, detail) overriding system value values (99, 'system', 'a', 'b', 'c', '{}')",
        "update audit_seals set seq = seq + 1",
        "delete from audit_seals",
        "truncate audit_seals, audit_events",
        "create table mine (id bigint)",
    ] {
        assert_eq!(sql(&app.database.app, statement).await.as_deref(), Some("42501"), "{statement}");
    }
    assert!(verdict(&app).await.is_unbroken());
}

#[tokio::test]
async fn the_owner_and_the_superuser_meet_the_second_lock() {
    let app = ten_sealed().await;
    for options in [&app.database.owner, &app.database.superuser] {
        for statement in [
            "update audit_events set object = 'x'",
            "delete from audit_events",
            "truncate audit_events",
            "delete from audit_seals",
            "truncate audit_seals",
        ] {
            assert_eq!(sql(options, statement).await.as_deref(), Some("42501"), "{statement}");
        }
    }
    let as_replica = "set session_replication_role = replica; delete from audit_events";
    assert_eq!(sql(&app.database.superuser, as_replica).await.as_deref(), Some("42501"));
}

#[tokio::test]
async fn an_unbroken_log_is_called_so() {
    let app = ten_sealed().await;
    act(&app, ["young".to_owned()]).await;
    let verdict = verdict(&app).await;
    assert!(verdict.is_unbroken());
    assert_eq!((verdict.checked, verdict.unsealed_tail), (10, 1));
}

#[tokio::test]
async fn each_changed_field_names_its_record() {
    for change in [
        "object = 'thing 44'",
        "actor_name = 'nobody'",
        "actor_id = 7",
        "address = '192.0.2.1'",
        "act = 'test.undone'",
        "detail = '{\"n\": 1}'",
        "team_id = 3",
        "at = at + interval '1 microsecond'",
        "request_id = 'r'",
        "object_id = 1",
    ] {
        let app = ten_sealed().await;
        tamper(&app, &format!("update audit_events set {change} where id = 4")).await;
        let verdict = verdict(&app).await;
        assert_eq!(broken(&verdict), (4, Some(4), "record 4 is not what was sealed"), "{change}");
        app.database.drop().await;
    }
}

#[tokio::test]
async fn a_removed_record_is_named_with_and_without_its_seal() {
    let app = ten_sealed().await;
    tamper(&app, "delete from audit_events where id = 6").await;
    assert_eq!(broken(&verdict(&app).await), (6, Some(6), "record 6 was removed"));
    tamper(&app, "delete from audit_seals where event_id = 6").await;
    let verdict = verdict(&app).await;
    assert_eq!(broken(&verdict), (6, None, "the seal at place 6 was removed; the next one is at place 7"));
}

#[tokio::test]
async fn a_record_put_in_later_is_named() {
    let app = ten_sealed().await;
    tamper(
        &app,
        "insert into audit_events (id, xid, at, actor_kind, actor_name, act, object, detail) overriding system value
         select 500, xid, at, 'system', 'worker', 'test.done', 'never happened', '{}' from audit_events where id = 3",
    )
    .await;
    let verdict = verdict(&app).await;
    assert_eq!(broken(&verdict).1, Some(500));
    assert_eq!(audit::seal(&app.app).await.unwrap(), 0, "the sealer does not bless it");
}

#[tokio::test]
async fn records_that_changed_places_are_named() {
    let app = ten_sealed().await;
    tamper(
        &app,
        "update audit_seals set event_id = -event_id where event_id in (3, 4);
         update audit_seals set event_id = case event_id when -3 then 4 else 3 end where event_id < 0",
    )
    .await;
    assert_eq!(broken(&verdict(&app).await).0, 3);
}

#[tokio::test]
async fn a_tail_that_was_cut_off_shows_against_the_anchor() {
    let app = ten_sealed().await;
    assert!(audit::anchors::note(&app.app).await.unwrap());
    assert!(!audit::anchors::note(&app.app).await.unwrap(), "an unmoved head is noted once");
    tamper(&app, "delete from audit_seals where seq > 7; delete from audit_events where id > 7").await;
    let verdict = verdict(&app).await;
    assert_eq!(broken(&verdict).0, 8);
    assert!(broken(&verdict).2.starts_with("the records at places 8 to 10 were cut off"));
}

#[tokio::test]
async fn a_log_written_anew_shows_against_the_anchor() {
    let app = ten_sealed().await;
    audit::anchors::note(&app.app).await.unwrap();
    tamper(&app, "update audit_events set object = 'thing 0' where id = 2; truncate audit_seals").await;
    app.seal_all().await;
    // The hourly note must not vouch for it.
    assert!(!audit::anchors::note(&app.app).await.unwrap());
    let verdict = verdict(&app).await;
    assert_eq!(broken(&verdict).0, 10);
    assert!(broken(&verdict).2.contains("written anew"));
}

#[tokio::test]
async fn an_anchor_that_was_altered_shows_by_its_line() {
    let app = ten_sealed().await;
    audit::anchors::note(&app.app).await.unwrap();
    let path = audit::anchors::path(&app.app);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"seq\":10", "\"seq\":9")).unwrap();
    let verdict = verdict(&app).await;
    assert_eq!((verdict.is_unbroken(), verdict.altered_anchors), (false, vec![1]));
}

#[tokio::test]
async fn eight_writers_and_two_sealers_make_one_unbroken_chain() {
    let app = TestApp::start().await;
    let writers = (0..8).map(|writer| {
        let pool = app.app.pool.clone();
        tokio::spawn(async move {
            for n in 0..40 {
                let tx = Tx::begin(&pool).await.unwrap();
                let event = |part| Actor::System.event("test.done", format!("{writer} {n} {part}"));
                match n % 5 {
                    0 => drop(tx),
                    _ => tx.commit_all(event(0), &[event(1)]).await.unwrap(),
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let sealers: Vec<_> = (0..2)
        .map(|_| {
            let app = app.app.clone();
            tokio::spawn(async move {
                loop {
                    audit::seal(&app).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    sealers.iter().for_each(tokio::task::JoinHandle::abort);
    app.seal_all().await;
    let verdict = verdict(&app).await;
    assert_eq!((verdict.first_broken, verdict.checked), (None, 8 * 32 * 2));
}

#[tokio::test]
async fn an_open_transaction_holds_the_chain_back_so_that_nothing_comes_before_a_sealed_record() {
    let app = TestApp::start().await;
    let mut early = Tx::begin(&app.app.pool).await.unwrap();
    sqlx::raw_sql("select pg_current_xact_id()").execute(early.conn()).await.unwrap();
    act(&app, ["late".to_owned()]).await;
    assert_eq!(audit::seal(&app.app).await.unwrap(), 0);
    early.commit(Actor::System.event("test.done", "early")).await.unwrap();
    app.seal_all().await;
    let links = store::audit::seals::links(&app.app.pool, 0, 10).await.unwrap();
    let order: Vec<String> = links.into_iter().map(|link| link.record.unwrap().object).collect();
    assert_eq!(order, ["early", "late"]);
}

#[tokio::test]
async fn an_act_whose_record_cannot_be_written_does_not_happen() {
    let app = TestApp::start().await;
    let mut tx = Tx::begin(&app.app.pool).await.unwrap();
    sqlx::raw_sql("insert into settings (name, value, changed_at) values ('x', '1', '2026-01-01')")
        .execute(tx.conn())
        .await
        .unwrap();
    let mut event = Actor::System.event("test.done", "x");
    event.who.kind = "stranger";
    assert!(tx.commit(event).await.is_err());
    let left = sqlx::raw_sql("select count(*) from settings where name = 'x'")
        .fetch_one(&app.app.pool)
        .await
        .unwrap();
    assert_eq!(left.get::<i64, _>(0), 0);
}

#[tokio::test]
async fn the_filter_finds_and_a_team_sees_its_own_only() {
    let app = TestApp::start().await;
    for (team, object) in
        [(None, "100% _odd_ name"), (Some(7), "vpn.halden.example"), (Some(8), "other.example")]
    {
        let tx = Tx::begin(&app.app.pool).await.unwrap();
        let event: Event = Actor::Cli("root".into()).event("certificate.imported", object).of_team(team);
        tx.commit(event).await.unwrap();
    }
    act(&app, ["a\0b".to_owned()]).await;
    let found = async |actor: &Actor, filter: Filter| {
        let page = audit::list(&app.app, actor, &filter, None, 10).await.unwrap();
        page.records.into_iter().map(|record| record.object).collect::<Vec<_>>()
    };
    let all = |filter| found(&Actor::System, filter);
    assert_eq!(all(Filter { text: Some("100% _".into()), ..Filter::default() }).await, ["100% _odd_ name"]);
    assert_eq!(all(Filter { text: Some("VPN".into()), ..Filter::default() }).await, ["vpn.halden.example"]);
    assert_eq!(all(Filter { actor: Some("ROOT".into()), ..Filter::default() }).await.len(), 3);
    assert_eq!(all(Filter { act: Some("test.".into()), ..Filter::default() }).await, ["a\u{fffd}b"]);
    assert_eq!(audit::acts(&app.app, &Actor::System).await.unwrap(), ["certificate.imported", "test.done"]);

    let auditor = |reach, role| {
        Actor::User(Caller {
            user: 1,
            email: "a@halden.example".into(),
            name: "A".into(),
            role,
            reach,
            confirmed_at: None,
            address: None,
            request_id: None,
        })
    };
    let of_seven = auditor(Reach::Teams(vec![7]), Role::Auditor);
    assert_eq!(found(&of_seven, Filter::default()).await, ["vpn.halden.example"]);
    let viewer = auditor(Reach::All, Role::Viewer);
    assert!(audit::list(&app.app, &viewer, &Filter::default(), None, 10).await.is_err());
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_double() {
    let app = TestApp::start().await;
    act(&app, (0..23).map(|n| format!("{n:02}"))).await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = audit::list(&app.app, &Actor::System, &Filter::default(), after, 5).await.unwrap();
        seen.extend(page.records.into_iter().map(|record| record.object));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..23).rev().map(|n| format!("{n:02}")).collect::<Vec<_>>());
}
