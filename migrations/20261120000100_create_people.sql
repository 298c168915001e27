-- Who may use the console: teams own certificates, users hold one role, sessions and links are kept by digest only.
create table teams (
    id bigint generated always as identity primary key,
    slug text not null constraint teams_slug_key unique constraint teams_slug_check check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text not null constraint teams_name_check check (length(name) between 1 and 120),
    email text,
    created_at timestamptz not null
);

create table users (
    id bigint generated always as identity primary key,
    email text not null constraint users_email_check check (email = lower(email) and length(email) between 3 and 254),
    name text not null,
    role text not null constraint users_role_check check (role in ('administrator', 'operator', 'approver', 'auditor', 'viewer')),
    -- true: the role holds only over what the user's teams own
    limited_to_teams boolean not null default false,
    password_hash text,
    password_changed_at timestamptz,
    theme text not null default 'system' constraint users_theme_check check (theme in ('system', 'light', 'dark')),
    disabled_at timestamptz,
    last_sign_in_at timestamptz,
    created_at timestamptz not null,
    constraint users_email_key unique (email)
);

create table team_members (
    team_id bigint not null references teams (id) on delete cascade,
    user_id bigint not null references users (id) on delete cascade,
    primary key (team_id, user_id)
);
create index team_members_user_id_idx on team_members (user_id);

create table sessions (
    id_digest bytea primary key,
    user_id bigint references users (id) on delete cascade,
    record jsonb not null,
    address inet,
    agent text,
    confirmed_at timestamptz,
    created_at timestamptz not null,
    seen_at timestamptz not null,
    idle_until timestamptz not null,
    absolute_until timestamptz not null
);
create index sessions_user_id_idx on sessions (user_id);
create index sessions_idle_until_idx on sessions (idle_until);

-- Set-up and set-a-password links: shown once, work once.
create table links (
    digest bytea primary key,
    purpose text not null constraint links_purpose_check check (purpose in ('setup', 'password')),
    user_id bigint references users (id) on delete cascade,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);

-- Counters of wrong tries; shared by all processes and kept over a restart (S2).
create table throttles (
    key text primary key,
    failures integer not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    blocked_until timestamptz
);

create table tokens (
    id bigint generated always as identity primary key,
    public_id text not null constraint tokens_public_id_key unique,
    user_id bigint not null references users (id) on delete cascade,
    name text not null,
    digest bytea not null,
    scopes text[] not null,
    allowed_addresses inet[] not null default '{}',
    created_at timestamptz not null,
    expires_at timestamptz not null,
    last_used_at timestamptz,
    last_used_address inet,
    revoked_at timestamptz
);
create index tokens_user_id_idx on tokens (user_id);

-- Facts about this installation that must outlive a restart: set-up done, check value of the master key, alert rules.
create table settings (
    name text primary key,
    value jsonb not null,
    changed_at timestamptz not null
);
