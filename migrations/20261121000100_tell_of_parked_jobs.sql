-- When somebody was told by mail that a job was given up; null: nobody yet.
alter table jobs add column told_at timestamptz;
