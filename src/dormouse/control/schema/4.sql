-- The past: where a branch's data came from, when it had written how much, what was kept of it.

ALTER TABLE branches ADD COLUMN init_source TEXT NOT NULL DEFAULT 'parent-data';
ALTER TABLE branches ADD COLUMN last_reset_at TEXT;
ALTER TABLE branches ADD COLUMN restored_from TEXT;
ALTER TABLE branches ADD COLUMN restored_as TEXT;
ALTER TABLE branches ADD COLUMN restore_status TEXT;

ALTER TABLE plans ADD COLUMN origin TEXT;

-- Without a reference to a branch: an incarnation outlives the record of its branch while it can be brought back.
CREATE TABLE ledger (
    incarnation TEXT NOT NULL,
    lsn INTEGER NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (incarnation, lsn)
) STRICT, WITHOUT ROWID;

CREATE TABLE kept (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects ON DELETE CASCADE,
    branch TEXT NOT NULL,
    copies TEXT NOT NULL,
    endpoints TEXT NOT NULL,
    because TEXT NOT NULL,
    kept_at TEXT NOT NULL,
    kept_until TEXT NOT NULL,
    schedule TEXT,
    preserved_as TEXT
) STRICT;

CREATE TABLE snapshots (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects ON DELETE CASCADE,
    name TEXT NOT NULL,
    source_branch_id TEXT NOT NULL,
    lsn TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    created_at TEXT NOT NULL,
    copies TEXT NOT NULL,
    expires_at TEXT,
    manual INTEGER NOT NULL,
    is_ready INTEGER NOT NULL,
    UNIQUE (project_id, name)
) STRICT;

CREATE TABLE schedules (
    branch_id TEXT PRIMARY KEY REFERENCES branches ON DELETE CASCADE,
    items TEXT NOT NULL,
    next_at TEXT
) STRICT;
