//! Requests while the database dies and comes back: each gets its answer or 503 with Retry-After, and nothing is done by halves.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

use http::Method;
use notafter::services::{Role, Scope};

use crate::support::{Client, TestApp, made::leaf, pki::Folder, postgres::Database};

use super::{PrivateServer, Settings, stop_hard, store};

/// What came of the requests.
#[derive(Default)]
struct Tally {
    imported: AtomicUsize,
    refused: AtomicUsize,
}

/// Imports one certificate and reads the list, again and again.
async fn load(client: &Client, number: usize, stop: &AtomicBool, tally: &Tally) {
    for turn in 0.. {
        if stop.load(Relaxed) {
            return;
        }
        let pem = leaf(&[&format!("n{number}-{turn}.halden.example")], -1, 90).pem();
        let import =
            client.send(Method::POST, "/api/v1/certificates", Some("application/x-pem-file"), pem.into());
        for (answer, counter) in
            [(import.await, Some(&tally.imported)), (client.get("/api/v1/certificates").await, None)]
        {
            match answer.status.as_u16() {
                200 => drop(counter.map(|counter| counter.fetch_add(1, Relaxed))),
                503 => {
                    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
                    tally.refused.fetch_add(1, Relaxed);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                other => panic!("{other}: {}", answer.text()),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_requests_outlive_a_hard_stop_of_the_database() {
    let folder = Folder::new();
    let settings = || Settings::new(folder.0.join("data"));
    let mut server = PrivateServer::start(settings()).await.unwrap();
    store::migrate(server.owner_options()).await.unwrap();
    let database = Database {
        name: "notafter".to_owned(),
        owner: server.owner_options(),
        app: server.app_options(),
        superuser: server.superuser_options("notafter"),
    };
    let app = TestApp::on(database, &[]);
    let person = app.add_person("ops@halden.example", Role::Administrator, &[]).await;
    let client = app.anonymous().with_token(&app.token_of(person, &[Scope::Admin]).await);

    let (stop, tally) = (AtomicBool::new(false), Tally::default());
    let storm = async {
        for _ in 0..2 {
            let before = tally.imported.load(Relaxed);
            while tally.imported.load(Relaxed) < before + 5 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            server = stop_hard(server, settings()).await;
            let back = Instant::now();
            let before = tally.imported.load(Relaxed);
            while tally.imported.load(Relaxed) < before + 5 {
                assert!(
                    back.elapsed() < Duration::from_secs(10),
                    "nothing works {:?} after the restart",
                    back.elapsed()
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        stop.store(true, Relaxed);
        server
    };
    let ((), (), (), server) = tokio::join!(
        load(&client, 0, &stop, &tally),
        load(&client, 1, &stop, &tally),
        load(&client, 2, &stop, &tally),
        storm
    );
    let (imported, refused) = (tally.imported.load(Relaxed), tally.refused.load(Relaxed));
    println!("{imported} imports, {refused} requests told to come back");
    assert!(refused > 0, "the stops were felt");
    let list = client.get("/api/v1/certificates?limit=200").await.expect(200).json();
    // A commit whose answer was lost may have happened: such a request was told 503.
    let there = list["items"].as_array().unwrap().len();
    assert!(
        (imported..=imported + refused).contains(&there) || list["next"].is_string(),
        "{imported} {there}"
    );
    app.app.pool.close().await;
    server.stop().await.unwrap();
}
