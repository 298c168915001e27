-- The names of one entry: when a renewal is compared with it, and when it is removed.
-- Imports wait while it is built, about two seconds for a million names; reading goes on. Not "concurrently": that waits for every
-- transaction, also for another console that waits for this migration.
create index certificate_names_certificate_id_idx on certificate_names (certificate_id);
