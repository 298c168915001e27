-- The audit log: inserted with the act, sealed into a chain in commit order, append-only for the application's role (S22).
create table audit_events (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    xid xid8 not null default pg_current_xact_id(),
    actor_kind text not null constraint audit_events_actor_kind_check check (actor_kind in ('user', 'token', 'cli', 'system', 'link')),
    actor_id bigint,
    actor_name text not null,
    address inet,
    request_id text,
    act text not null,
    object_id bigint,
    object text not null,
    team_id bigint,
    -- canonical text, so that its hash does not depend on how a server prints jsonb
    detail text not null
);
create index audit_events_at_idx on audit_events (at desc, id desc);
