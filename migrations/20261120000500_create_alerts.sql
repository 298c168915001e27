-- Expiry alerts: the rule, what was or will be sent to whom, and when the inventory was last looked through.
create table alert_rules (
    id smallint primary key default 1 constraint alert_rules_id_check check (id = 1),
    enabled boolean not null default true,
    -- days before the end; scaled for short lives when they are applied
    thresholds integer[] not null default '{30,14,7}' constraint alert_rules_thresholds_check check (cardinality(thresholds) <= 10),
    expired boolean not null default true,
    -- who is told about an entry that nobody owns; null: every administrator
    fallback text,
    subject_prefix text not null default '[notafter]' constraint alert_rules_subject_prefix_check check (length(subject_prefix) <= 24),
    created_at timestamptz not null default clock_timestamp()
);
insert into alert_rules default values;

-- One row per (certificate, threshold, recipient) for ever: the unique key is what makes a mail happen once (R7). It names the
-- certificate by fingerprint, so it also holds over a removal and a second import; the other facts are copied for the same reason (S36).
create table alert_deliveries (
    id bigint generated always as identity primary key,
    certificate_id bigint references certificates (id) on delete set null,
    certificate_sha256 bytea not null,
    certificate_name text not null,
    not_after timestamptz not null,
    team_id bigint references teams (id) on delete set null,
    -- days before the end, as the rule says it; 0: the end itself
    threshold integer not null constraint alert_deliveries_threshold_check check (threshold >= 0),
    recipient text not null,
    reason text not null constraint alert_deliveries_reason_check check (reason in ('owner', 'team', 'fallback', 'escalated')),
    state text not null default 'queued'
        constraint alert_deliveries_state_check check (state in ('queued', 'sending', 'sent', 'failed', 'cancelled')),
    alert_id text not null,
    message_id text not null,
    attempts integer not null default 0,
    -- the relay's last word, or why nothing was sent
    answer text,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    sent_at timestamptz,
    constraint alert_deliveries_certificate_recipient_threshold_key unique (certificate_sha256, recipient, threshold)
);
create index alert_deliveries_certificate_id_idx on alert_deliveries (certificate_id);
create index alert_deliveries_team_id_idx on alert_deliveries (team_id);
create index alert_deliveries_created_at_idx on alert_deliveries (created_at desc, id desc);
create index alert_deliveries_unsent_idx on alert_deliveries (id) where state in ('queued', 'sending');
create index alert_deliveries_failed_idx on alert_deliveries (id) where state = 'failed';

create table alert_sweeps (
    id bigint generated always as identity primary key,
    started_at timestamptz not null,
    finished_at timestamptz,
    considered bigint not null default 0,
    inserted bigint not null default 0,
    -- entries that are due while there is nobody at all to tell
    unaddressed bigint not null default 0
);
create index alert_sweeps_finished_at_idx on alert_sweeps (finished_at desc) where finished_at is not null;
