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
create index audit_events_actor_name_idx on audit_events (lower(actor_name), at desc, id desc);
create index audit_events_act_idx on audit_events (act text_pattern_ops, at desc, id desc);
create index audit_events_object_id_idx on audit_events (object_id, at desc, id desc) where object_id is not null;
create index audit_events_team_id_idx on audit_events (team_id, at desc, id desc) where team_id is not null;
create index audit_events_xid_idx on audit_events (xid, id);

-- hash = SHA-256 (previous || canonical JSON of the event); the first previous is 32 zero bytes.
create table audit_seals (
    seq bigint constraint audit_seals_pkey primary key,
    event_id bigint not null constraint audit_seals_event_id_key unique,
    previous bytea not null constraint audit_seals_previous_check check (length(previous) = 32),
    hash bytea not null constraint audit_seals_hash_check check (length(hash) = 32),
    sealed_at timestamptz not null default clock_timestamp()
);

-- Events that no running transaction can still precede, not sealed yet. The last sealed event bounds the search from below; after a restore
-- into a new cluster, whose transaction numbers start low again, that bound means nothing and is not used.
create view audit_sealable as
select event.id, event.xid
from audit_events event
where event.xid < pg_snapshot_xmin(pg_current_snapshot())
    and event.xid >= coalesce(
        (
            select case when sealed.xid < pg_snapshot_xmin(pg_current_snapshot()) then sealed.xid end
            from audit_seals seal
            join audit_events sealed on sealed.id = seal.event_id
            order by seal.seq desc
            limit 1
        ),
        '0'::xid8
    )
    and not exists (select 1 from audit_seals seal where seal.event_id = event.id);

-- The second lock: also the owner changes nothing by mistake, and not as a replica either.
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only: % on % refused', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_events_append_only before update or delete or truncate on audit_events
    for each statement execute function refuse_audit_change();
create trigger audit_seals_append_only before update or delete or truncate on audit_seals
    for each statement execute function refuse_audit_change();
alter table audit_events enable always trigger audit_events_append_only;
alter table audit_seals enable always trigger audit_seals_append_only;

-- The first lock, where the application has a role of its own; with a single role the triggers stand alone.
do $$
begin
    if exists (select 1 from pg_roles where rolname = 'app_rw') then
        revoke all on audit_events, audit_seals, audit_sealable from app_rw;
        grant select on audit_events, audit_seals, audit_sealable to app_rw;
        -- neither id, time nor transaction can be forged
        grant insert (actor_kind, actor_id, actor_name, address, request_id, act, object_id, object, team_id, detail)
            on audit_events to app_rw;
        grant insert (seq, event_id, previous, hash) on audit_seals to app_rw;
    end if;
end $$;
