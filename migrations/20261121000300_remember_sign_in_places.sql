-- Where an account signed in: from there its owner comes in while strangers guess at its password elsewhere (S2).
-- The key is a digest of address and network, as in throttles; a stranger's tries leave nothing here.
create table sign_in_places (
    key text primary key,
    seen_at timestamptz not null
);
create index sign_in_places_seen_at_idx on sign_in_places (seen_at);
