-- Settings and deletion of projects, points and expiry of branches, keys, and whom a project is shared with.

ALTER TABLE projects ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE projects ADD COLUMN deleted_at TEXT;

ALTER TABLE branches ADD COLUMN parent_lsn TEXT NOT NULL DEFAULT '';
ALTER TABLE branches ADD COLUMN parent_timestamp TEXT;
ALTER TABLE branches ADD COLUMN expires_at TEXT;
ALTER TABLE branches ADD COLUMN ttl_interval_seconds INTEGER;

ALTER TABLE roles ADD COLUMN no_login INTEGER NOT NULL DEFAULT 0;

CREATE TABLE permissions (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects ON DELETE CASCADE,
    granted_to_email TEXT NOT NULL,
    granted_at TEXT NOT NULL,
    UNIQUE (project_id, granted_to_email)
) STRICT;

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    last_used_at TEXT
) STRICT;

-- A plan may be for a whole project.
CREATE TABLE plans_2 (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    project_id TEXT NOT NULL,
    branch_id TEXT,
    endpoint_id TEXT,
    done INTEGER NOT NULL
) STRICT;
INSERT INTO plans_2 SELECT id, replace(replace(kind, 'undo project', 'remove project'), 'undo replica', 'remove endpoint'),
    project_id, branch_id, endpoint_id, 0 FROM plans;
DROP TABLE plans;
ALTER TABLE plans_2 RENAME TO plans;
