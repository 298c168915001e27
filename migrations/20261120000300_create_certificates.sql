-- The inventory: derived columns in a narrow table, DER apart, names reversed for suffix search, tags beside their dates.
create extension if not exists pg_trgm;

create table certificates (
    id bigint generated always as identity primary key,
    sha256 bytea not null constraint certificates_sha256_key unique,
    sha1 bytea not null,
    spki_sha256 bytea,
    -- null: parsed; else why only the fingerprint is known
    unreadable text,
    name text not null constraint certificates_name_check check (length(name) <= 300),
    subject text not null,
    issuer text not null,
    -- common name of the issuer, or the whole name: what a person calls it
    issuer_name text not null constraint certificates_issuer_name_check check (length(issuer_name) <= 300),
    serial text not null,
    not_before timestamptz,
    -- an unreadable certificate sorts last: 9999-12-31T23:59:59.999999Z
    not_after timestamptz not null,
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
    state text not null default 'active'
        constraint certificates_state_check check (state in ('active', 'unreadable', 'superseded', 'retired', 'revoked')),
    superseded_by bigint references certificates (id) on delete set null,
    retired_reason text,
    -- lower-case common name and alternative names, a line feed around each
    search text not null,
    added_at timestamptz not null,
    changed_at timestamptz not null
);
-- Lists walk an index in the order of the page; (value, not_after, id) serves a filter and the keyset at once.
create index certificates_not_after_idx on certificates (not_after, id);
create index certificates_state_idx on certificates (state, not_after, id);
create index certificates_owner_idx on certificates (coalesce(owner, ''), not_after, id);
create index certificates_team_id_idx on certificates (team_id, not_after, id);
create index certificates_environment_idx on certificates (coalesce(environment, ''), not_after, id);
create index certificates_issuer_name_idx on certificates (issuer_name, not_after, id);
create index certificates_key_idx on certificates (key, not_after, id);
create index certificates_name_idx on certificates ((lower(name) collate "C"), id);
-- Equality only: a hash index stays small and takes a value of any length.
create index certificates_sha1_idx on certificates using hash (sha1);
create index certificates_spki_sha256_idx on certificates using hash (spki_sha256);
create index certificates_serial_idx on certificates using hash (serial);
create index certificates_search_idx on certificates using gin (search gin_trgm_ops);
create index certificates_tags_idx on certificates using gin (tags);
create index certificates_subject_der_sha256_idx on certificates (subject_der_sha256) where is_ca or is_self_signed;
create index certificates_superseded_by_idx on certificates (superseded_by) where superseded_by is not null;

create table certificate_ders (
    certificate_id bigint primary key references certificates (id) on delete cascade,
    der bytea not null
);

-- One row per DNS name or address: `www.a.example` is kept as `elpmaxe.a.www`, so that a suffix is a range.
create table certificate_names (
    reversed text collate "C" not null,
    certificate_id bigint not null references certificates (id) on delete cascade,
    primary key (reversed, certificate_id)
);

-- The tags of each entry, kept by trigger: the list of a popular tag is read in its order.
create table certificate_tags (
    tag text not null,
    not_after timestamptz not null,
    certificate_id bigint not null references certificates (id) on delete cascade,
    primary key (tag, not_after, certificate_id)
);

-- How many entries each value of a facet has; team 0 is "no team", team -1 all of them together.
create table certificate_counts (
    scope text not null constraint certificate_counts_scope_check check (scope in ('', 'owner', 'environment')),
    scope_value text not null,
    facet text not null
        constraint certificate_counts_facet_check check (facet in ('total', 'owner', 'environment', 'issuer', 'key', 'state', 'tag')),
    value text not null,
    team_id bigint not null,
    n bigint not null,
    primary key (scope, scope_value, facet, team_id, value)
) with (fillfactor = 70);

-- How many entries end on each UTC day.
create table certificate_days (
    state text not null,
    team_id bigint not null,
    day date not null,
    n bigint not null,
    primary key (state, team_id, day)
) with (fillfactor = 70);

-- Private keys that somebody chose to keep from an import, sealed; never anything else.
create table keys (
    id bigint generated always as identity primary key,
    spki_sha256 bytea not null constraint keys_spki_sha256_key unique,
    algorithm text not null,
    sealed bytea not null,
    team_id bigint references teams (id) on delete restrict,
    added_at timestamptz not null
);

-- What page, API and SQL call the status; `soon` is thirty days from `at`.
create function certificate_status(state text, not_after timestamptz, at timestamptz, soon timestamptz) returns text
    language sql immutable parallel safe
    return case
        when state <> 'active' then state
        when not_after < at then 'expired'
        when not_after <= soon then 'expiring'
        else 'valid'
    end;

-- Counts signed rows by (team, facet), and for all teams together by facet within one owner or one environment.
create function certificate_counts_sql(source text) returns text
    language sql immutable
    return format($sql$
        with signed as materialized (
            select sign, coalesce(team_id, 0) as team_id, coalesce(owner, '') as owner, coalesce(environment, '') as environment,
                   issuer_name, key, state, tags
            from (%s) rows
        ), paired as (
            select team_id, owner, environment, issuer_name, key, state, sum(sign) as n,
                   grouping(team_id) = 0 as by_team, grouping(owner) = 0 as by_owner, grouping(environment) = 0 as by_environment,
                   grouping(issuer_name) = 0 as by_issuer, grouping(key) = 0 as by_key, grouping(state) = 0 as by_state
            from signed
            group by grouping sets (
                (team_id), (team_id, owner), (team_id, environment), (team_id, issuer_name), (team_id, key), (team_id, state),
                (owner, environment), (owner, issuer_name), (owner, key), (owner, state),
                (environment, issuer_name), (environment, key), (environment, state))
            having sum(sign) <> 0
        ), tagged as (
            select team_id, owner, environment, tag, sum(sign) as n,
                   grouping(team_id) = 0 as by_team, grouping(owner) = 0 as by_owner
            from signed
            cross join lateral unnest(tags) tag
            group by grouping sets ((team_id, tag), (owner, tag), (environment, tag))
            having sum(sign) <> 0
        ), of_team as (
            select case when by_owner then 'owner' when by_environment then 'environment' when by_issuer then 'issuer'
                        when by_key then 'key' when by_state then 'state' else 'total' end as facet,
                   coalesce(owner, environment, issuer_name, key, state, '') as value, team_id, n
            from paired
            where by_team
            union all
            select 'tag', tag, team_id, n from tagged where by_team
        )
        select '' as scope, '' as scope_value, facet, value, team_id, n::bigint as n from of_team
        union all
        select '', '', facet, value, -1, sum(n)::bigint from of_team group by facet, value
        union all
        select 'owner', owner, case when by_environment then 'environment' when by_issuer then 'issuer' when by_key then 'key' else 'state' end,
               coalesce(environment, issuer_name, key, state), -1, n::bigint
        from paired
        where by_owner and not by_team
        union all
        select 'environment', environment, case when by_owner then 'owner' when by_issuer then 'issuer' when by_key then 'key' else 'state' end,
               coalesce(owner, issuer_name, key, state), -1, n::bigint
        from paired
        where by_environment and not by_team
        union all
        select case when by_owner then 'owner' else 'environment' end, case when by_owner then owner else environment end,
               'tag', tag, -1, n::bigint
        from tagged
        where not by_team
    $sql$, source);

create function certificate_days_sql(source text) returns text
    language sql immutable
    return format($sql$
        with counted as (
            select state, coalesce(team_id, 0) as team_id, (not_after at time zone 'UTC')::date as day, sum(sign) as n
            from (%s) rows
            group by 1, 2, 3
            having sum(sign) <> 0
        )
        select state, team_id, day, n::bigint as n from counted
        union all
        select state, -1, day, sum(n)::bigint from counted group by state, day
    $sql$, source);

-- One writer of the inventory at a time: lineage sees every older entry, counters never deadlock, and of two people who import the same
-- file the second is told that everything is known.
create function lock_inventory() returns trigger
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(20261120);
    return null;
end $$;

create function count_certificates() returns trigger
    language plpgsql as $$
declare
    source text := case tg_op
        when 'INSERT' then 'select 1 as sign, * from new_rows'
        when 'DELETE' then 'select -1 as sign, * from old_rows'
        else 'select 1 as sign, * from new_rows union all select -1 as sign, * from old_rows'
    end;
begin
    execute 'insert into certificate_counts as kept (scope, scope_value, facet, value, team_id, n)
        select scope, scope_value, facet, value, team_id, n from (' || certificate_counts_sql(source) || ') fresh
        where n <> 0
        on conflict (scope, scope_value, facet, team_id, value) do update set n = kept.n + excluded.n';
    execute 'insert into certificate_days as kept (state, team_id, day, n)
        select state, team_id, day, n from (' || certificate_days_sql(source) || ') fresh
        where n <> 0
        on conflict (state, team_id, day) do update set n = kept.n + excluded.n';
    return null;
end $$;

create function tag_new_certificates() returns trigger
    language plpgsql as $$
begin
    insert into certificate_tags (tag, not_after, certificate_id)
    select tag, not_after, id from new_rows, unnest(tags) tag
    on conflict do nothing;
    return null;
end $$;

create function tag_changed_certificates() returns trigger
    language plpgsql as $$
begin
    delete from certificate_tags kept
    using new_rows, old_rows, unnest(old_rows.tags) tag
    where new_rows.id = old_rows.id
      and new_rows.tags <> old_rows.tags
      and kept.tag = tag.tag
      and kept.not_after = old_rows.not_after
      and kept.certificate_id = old_rows.id;
    insert into certificate_tags (tag, not_after, certificate_id)
    select tag, new_rows.not_after, new_rows.id
    from new_rows
    join old_rows on old_rows.id = new_rows.id
    cross join lateral unnest(new_rows.tags) tag
    where new_rows.tags <> old_rows.tags
    on conflict do nothing;
    return null;
end $$;

create trigger certificates_lock before insert or update or delete on certificates
    for each statement execute function lock_inventory();
create trigger certificates_count_insert after insert on certificates
    referencing new table as new_rows for each statement execute function count_certificates();
create trigger certificates_count_update after update on certificates
    referencing old table as old_rows new table as new_rows for each statement execute function count_certificates();
create trigger certificates_count_delete after delete on certificates
    referencing old table as old_rows for each statement execute function count_certificates();
create trigger certificates_tag_insert after insert on certificates
    referencing new table as new_rows for each statement execute function tag_new_certificates();
create trigger certificates_tag_update after update on certificates
    referencing old table as old_rows new table as new_rows for each statement execute function tag_changed_certificates();

-- How many counters differ from what the table says; one statement, hence one snapshot, and no lock.
create function certificate_drift() returns bigint
    language plpgsql as $$
declare
    counts bigint;
    days bigint;
begin
    execute 'select count(*) from (' || certificate_counts_sql('select 1 as sign, * from certificates') || ') fresh
        full join (select * from certificate_counts where n <> 0) kept using (scope, scope_value, facet, team_id, value)
        where fresh.n is distinct from kept.n' into counts;
    execute 'select count(*) from (' || certificate_days_sql('select 1 as sign, * from certificates') || ') fresh
        full join (select * from certificate_days where n <> 0) kept using (state, team_id, day)
        where fresh.n is distinct from kept.n' into days;
    return counts + days;
end $$;

-- Counts everything anew and says how many counters were wrong before.
create function reconcile_certificates() returns bigint
    language plpgsql as $$
declare
    drift bigint;
begin
    perform pg_advisory_xact_lock(20261120);
    drift := certificate_drift();
    delete from certificate_counts;
    execute 'insert into certificate_counts (scope, scope_value, facet, value, team_id, n)
        select scope, scope_value, facet, value, team_id, n from ('
        || certificate_counts_sql('select 1 as sign, * from certificates') || ') fresh where n <> 0';
    delete from certificate_days;
    execute 'insert into certificate_days (state, team_id, day, n)
        select state, team_id, day, n from ('
        || certificate_days_sql('select 1 as sign, * from certificates') || ') fresh where n <> 0';
    return drift;
end $$;
