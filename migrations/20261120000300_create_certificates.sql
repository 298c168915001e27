-- The inventory: derived columns in a narrow table, DER apart (PERFORMANCE.md), names reversed for suffix search.
create extension if not exists pg_trgm;

create table certificates (
    id bigint generated always as identity primary key,
    sha256 bytea not null constraint certificates_sha256_key unique,
    sha1 bytea not null,
    spki_sha256 bytea,
    -- null: parsed; else why only the fingerprint is known
    unreadable text,
    name text not null,
    subject text not null,
    issuer text not null,
    -- common name of the issuer, or the whole name: what a person calls it
    issuer_name text not null,
    serial text not null,
    not_before timestamptz,
    not_after timestamptz,
    key text not null,
    signature text not null,
    sans text[] not null,
    is_ca boolean not null,
    is_self_signed boolean not null,
    authority_key_id bytea,
    subject_key_id bytea,
    subject_der_sha256 bytea,
    issuer_der_sha256 bytea,
    owner text,
    team_id bigint references teams (id) on delete restrict,
    environment text,
    tags text[] not null default '{}',
    note text not null default '',
    source text not null constraint certificates_source_check check (source in ('import', 'api', 'cli', 'scan', 'issued')),
    state text not null default 'active' constraint certificates_state_check check (state in ('active', 'superseded', 'retired', 'revoked')),
    superseded_by bigint references certificates (id) on delete set null,
    retired_reason text,
    search text not null,
    added_at timestamptz not null,
    changed_at timestamptz not null
);

create table certificate_ders (
    certificate_id bigint primary key references certificates (id) on delete cascade,
    der bytea not null
);
