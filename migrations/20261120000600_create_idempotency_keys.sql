-- Answers of unsafe API calls, kept for a day, so that a repeated Idempotency-Key gets the same answer and acts once (R16).
create table idempotency_keys (
    -- the token's owner: two people may choose the same key
    user_id bigint not null references users (id) on delete cascade,
    key text not null,
    -- SHA-256 over method, address and body: the same key with another request is a mistake
    request_digest bytea not null,
    began_at timestamptz not null,
    -- null while the first call is still running
    status smallint,
    content_type text,
    location text,
    body bytea,
    primary key (user_id, key)
);
create index idempotency_keys_began_at_idx on idempotency_keys (began_at);
