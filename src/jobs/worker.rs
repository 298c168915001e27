//! The loop: claims in batches, runs side by side, renews leases, keeps the timetable, and outlives any fault of the database.
//!
//! Woken by LISTEN for latency, and by a slow poll so that a lost notification costs a second and no more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout},
};

use crate::{
    app::App,
    store::{
        self,
        jobs::{
            Lease,
            claims::{self, Claimed},
            workers,
        },
    },
};

use super::{KINDS, Kind, attempt, schedule, sealing};

/// A worker's measures. The defaults are what a console uses; tests make them small.
#[derive(Clone)]
pub struct Worker {
    /// What it can do.
    pub kinds: &'static [Kind],
    /// Jobs at once.
    pub slots: usize,
    /// How long a claim holds without being renewed; renewed three times in that span.
    pub lease: Duration,
    /// How often to look without being told.
    pub poll: Duration,
    /// How long a stop waits for running jobs before it gives them back.
    pub grace: Duration,
    /// Its name in rows and logs.
    pub name: String,
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            kinds: KINDS,
            slots: 8,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(15),
            name: format!("{}-{}", std::process::id(), uuid::Uuid::new_v4().simple()),
        }
    }
}

/// What this process holds at the moment.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<HashMap<Lease, Holding>>>);

struct Holding {
    task: AbortHandle,
    renewed: Instant,
}

impl Held {
    fn with<T>(&self, change: impl FnOnce(&mut HashMap<Lease, Holding>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn leases(&self) -> Vec<Lease> {
        self.with(|held| held.keys().copied().collect())
    }

    fn older_than(&self, age: Duration) -> Vec<Lease> {
        self.with(|held| {
            let old = held.iter().filter(|(_, holding)| holding.renewed.elapsed() >= age);
            old.map(|(lease, _)| *lease).collect()
        })
    }

    fn renewed(&self, leases: &[Lease], at: Instant) {
        self.with(|held| {
            for lease in leases {
                if let Some(holding) = held.get_mut(lease) {
                    holding.renewed = at;
                }
            }
        });
    }

    fn abort(&self, leases: &[Lease]) {
        self.with(|held| {
            for holding in leases.iter().filter_map(|lease| held.remove(lease)) {
                holding.task.abort();
            }
        });
    }
}

impl Worker {
    /// Works until `stopped` turns true; then takes nothing new, waits for what runs, and gives the rest back.
    pub async fn run(self, app: App, mut stopped: watch::Receiver<bool>) {
        let wake = Arc::new(Notify::new());
        let held = Held::default();
        // Ends with this function, however it ends.
        let mut beside = JoinSet::new();
        beside.spawn(listen(app.clone(), wake.clone(), self.poll));
        beside.spawn(self.clone().renew(app.clone(), held.clone()));
        beside.spawn(self.clone().beat(app.clone()));
        beside.spawn(schedule::keep(app.clone()));
        beside.spawn(sealing::keep(app.clone()));

        let mut running = JoinSet::new();
        let mut fault = Fault::default();
        let mut look_for_orphans = Instant::now();
        while !*stopped.borrow() {
            while running.try_join_next().is_some() {}
            let looked = async {
                if look_for_orphans <= Instant::now() {
                    // Whatever is claimed from now on is held for a lease at least.
                    let next = claims::reclaim(&app.queue_pool, app.now()).await?;
                    look_for_orphans = Instant::now() + next.map_or(self.lease, |next| next.min(self.lease));
                }
                self.claim(&app, &held, &mut running).await
            };
            let full = fault.note(looked.await).unwrap_or(false);
            let pause = fault
                .wait()
                .unwrap_or_else(|| look_for_orphans.duration_since(Instant::now()).min(self.poll));
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => {}
                _ = running.join_next(), if full => {}
                _ = wake.notified(), if running.len() < self.slots => {}
                _ = sleep(pause) => {}
            }
        }
        self.wind_down(&app, &held, running).await;
    }

    /// Fills the free slots. Answers whether there is probably more than fitted.
    async fn claim(&self, app: &App, held: &Held, running: &mut JoinSet<()>) -> store::Result<bool> {
        let free = self.slots.saturating_sub(running.len());
        if free == 0 {
            return Ok(true);
        }
        let names: Vec<String> = self.kinds.iter().map(|kind| kind.name.to_owned()).collect();
        let limit = i64::try_from(free).unwrap_or(1);
        let asked = Instant::now();
        let jobs = claims::claim(&app.queue_pool, &self.name, &names, limit, self.lease, app.now()).await?;
        let full = jobs.len() == free;
        for job in jobs {
            self.start(app, held, running, job, asked);
        }
        Ok(full)
    }

    fn start(&self, app: &App, held: &Held, running: &mut JoinSet<()>, job: Claimed, renewed: Instant) {
        let (app, kinds, name, ours) = (app.clone(), self.kinds, self.name.clone(), held.clone());
        let lease = job.lease;
        // The holding is noted before the task can end and remove it.
        held.with(|map| {
            let task = running.spawn(async move {
                match attempt::run(&app, kinds, &name, &job).await {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::warn!(job = lease.job, "outcome not kept: the job has another holder")
                    }
                    Err(error) => {
                        tracing::warn!(job = lease.job, %error, "outcome not kept: the job will run again")
                    }
                }
                ours.with(|held| held.remove(&lease));
            });
            map.insert(lease, Holding { task, renewed });
        });
    }

    /// Renews what is held. A job that went to somebody else, or whose lease could not be renewed in time, is broken off: its next
    /// holder may start at any moment.
    async fn renew(self, app: App, held: Held) {
        let pace = self.lease / 3;
        let mut pause = pace;
        loop {
            sleep(pause).await;
            held.abort(&held.older_than(self.lease * 4 / 5));
            let leases = held.leases();
            if leases.is_empty() {
                pause = pace;
                continue;
            }
            let asked = Instant::now();
            pause = match timeout(pace / 2, claims::renew(&app.queue_pool, &leases, self.lease)).await {
                Ok(Ok(renewal)) => {
                    held.renewed(&renewal.renewed, asked);
                    held.abort(&renewal.lost);
                    pace
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "leases not renewed");
                    pace / 4
                }
                Err(_) => {
                    tracing::warn!("leases not renewed in time");
                    pace / 4
                }
            };
        }
    }

    async fn beat(self, app: App) {
        loop {
            if let Err(error) = workers::heartbeat(&app.queue_pool, &self.name).await {
                tracing::debug!(%error, "no heartbeat");
            }
            sleep(Duration::from_secs(5)).await;
        }
    }

    async fn wind_down(&self, app: &App, held: &Held, mut running: JoinSet<()>) {
        let drained = timeout(self.grace, async { while running.join_next().await.is_some() {} }).await;
        let rest = held.leases();
        if drained.is_err() {
            tracing::info!(jobs = rest.len(), "stopping: jobs are given back unfinished");
        }
        running.shutdown().await;
        let farewell = async {
            claims::release(&app.queue_pool, &rest, app.now()).await?;
            workers::farewell(&app.queue_pool, &self.name).await
        };
        match timeout(Duration::from_secs(3), farewell).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "leases not given back; they run out by themselves"),
            Err(_) => tracing::warn!("leases not given back in time; they run out by themselves"),
        }
        if timeout(Duration::from_secs(1), sealing::last(app)).await.is_err() {
            tracing::warn!("the audit log's end was not anchored in time; the next start does it");
        }
    }
}

/// Wakes the loop when somebody enqueues. Never ends: a lost connection is made again.
async fn listen(app: App, wake: Arc<Notify>, pause: Duration) {
    loop {
        if let Err(error) = workers::listen(&app.queue_pool, || wake.notify_one()).await {
            tracing::debug!(%error, "listening broke off; polling goes on");
        }
        sleep(pause).await;
    }
}

/// A run of database faults: logged once at its start and end, waited out longer and longer.
#[derive(Default)]
struct Fault {
    times: u32,
}

impl Fault {
    fn note<T>(&mut self, looked: store::Result<T>) -> Option<T> {
        match looked {
            Ok(value) => {
                if self.times > 0 {
                    tracing::info!(tries = self.times, "the queue can be read again");
                }
                self.times = 0;
                Some(value)
            }
            Err(error) => {
                if self.times == 0 {
                    tracing::warn!(%error, "the queue cannot be read; trying until it can");
                }
                self.times = self.times.saturating_add(1);
                None
            }
        }
    }

    fn wait(&self) -> Option<Duration> {
        (self.times > 0).then(|| Duration::from_millis(100 << self.times.min(5)))
    }
}
