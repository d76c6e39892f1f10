-- A letter may tell of several dates of a series at once.

ALTER TABLE letter ADD COLUMN dates INTEGER NOT NULL DEFAULT 1;
