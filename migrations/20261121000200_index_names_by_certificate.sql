-- The names of one entry: when a renewal is compared with it, and when it is removed.
create index certificate_names_certificate_id_idx on certificate_names (certificate_id);
