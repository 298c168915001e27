-- The queue: one row per piece of background work, one row per run of it, the timetable's last ticks, and who is at work.
create table jobs (
    id bigint generated always as identity primary key,
    kind text not null,
    -- at most one queued or running job of a key; a second enqueue joins it
    key text,
    -- what people call the thing it is about
    label text not null default '',
    team_id bigint references teams (id) on delete set null,
    payload jsonb not null constraint jobs_payload_check check (jsonb_typeof(payload) = 'object'),
    state text not null default 'queued'
        constraint jobs_state_check check (state in ('queued', 'running', 'parked', 'done', 'cancelled')),
    priority smallint not null default 0,
    run_at timestamptz not null,
    attempts integer not null default 0,
    max_attempts integer not null constraint jobs_max_attempts_check check (max_attempts > 0),
    -- grows with each claim; whoever writes an outcome must name it
    fence bigint not null default 0,
    worker text,
    -- by the database's clock: the only one that all processes share
    lease_until timestamptz,
    started_at timestamptz,
    -- asked for again while it ran: runs once more afterwards
    rerun_at timestamptz,
    cause text,
    log text not null default '',
    created_at timestamptz not null,
    finished_at timestamptz,
    constraint jobs_lease_check check ((state = 'running') = (lease_until is not null and worker is not null))
);
create unique index jobs_key_key on jobs (kind, key) where state in ('queued', 'running');
create index jobs_runnable_idx on jobs (priority desc, run_at, id) where state = 'queued';
create index jobs_run_at_idx on jobs (run_at, id) where state = 'queued';
create index jobs_failing_idx on jobs (id desc) where state = 'parked' or (state = 'queued' and cause is not null);
create index jobs_state_idx on jobs (state) where state in ('queued', 'running', 'parked');
create index jobs_lease_until_idx on jobs (lease_until) where state = 'running';
create index jobs_finished_idx on jobs (finished_at desc, id desc) where state in ('done', 'cancelled');
create index jobs_team_id_idx on jobs (team_id) where team_id is not null;

create table job_runs (
    id bigint generated always as identity primary key,
    job_id bigint not null references jobs (id) on delete cascade,
    attempt integer not null,
    worker text not null,
    outcome text not null
        constraint job_runs_outcome_check check (outcome in ('done', 'retry', 'parked', 'released', 'lost')),
    cause text,
    log text not null default '',
    started_at timestamptz not null,
    duration_ms bigint not null,
    next_at timestamptz
);
create index job_runs_job_id_idx on job_runs (job_id, id desc);

create table job_schedules (
    kind text primary key,
    last_tick timestamptz not null
);

-- One row per worker process, touched every few seconds by the database's clock: what /readyz looks at.
create table workers (
    id text primary key,
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp()
);
