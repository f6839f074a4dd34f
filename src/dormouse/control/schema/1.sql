-- The records, one table for each kind; the journal of plans; and what the proxy checks passwords with.
-- Times are ISO 8601 in UTC. A change to this file is a new version: see catalog.py.

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    pg_version INTEGER NOT NULL,
    region_id TEXT NOT NULL,
    store_passwords INTEGER NOT NULL,
    history_retention_seconds INTEGER NOT NULL,
    default_endpoint_settings TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE branches (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects ON DELETE CASCADE,
    name TEXT NOT NULL,
    incarnation TEXT NOT NULL,
    state TEXT NOT NULL,
    "default" INTEGER NOT NULL,
    protected INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    parent_id TEXT REFERENCES branches,
    stopped_cleanly INTEGER NOT NULL,
    config_pending INTEGER NOT NULL,
    end_of_wal TEXT NOT NULL,
    last_active TEXT,
    UNIQUE (project_id, name)
) STRICT;

CREATE TABLE endpoints (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects ON DELETE CASCADE,
    branch_id TEXT NOT NULL REFERENCES branches ON DELETE CASCADE,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    autoscaling_limit_min_cu REAL NOT NULL,
    autoscaling_limit_max_cu REAL NOT NULL,
    suspend_timeout_seconds INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    current_state TEXT NOT NULL,
    pending_state TEXT,
    last_active TEXT,
    started_at TEXT,
    suspended_at TEXT
) STRICT;

CREATE TABLE roles (
    branch_id TEXT NOT NULL REFERENCES branches ON DELETE CASCADE,
    name TEXT NOT NULL,
    password TEXT,
    protected INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (branch_id, name)
) STRICT;

CREATE TABLE databases (
    id INTEGER PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches ON DELETE CASCADE,
    name TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (branch_id, name)
) STRICT;

-- What pg_authid held when it was last read: passwords are checked with it while the compute sleeps.
CREATE TABLE verifiers (
    branch_id TEXT NOT NULL REFERENCES branches ON DELETE CASCADE,
    role TEXT NOT NULL,
    verifier TEXT NOT NULL,
    PRIMARY KEY (branch_id, role)
) STRICT;

CREATE TABLE operations (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects ON DELETE CASCADE,
    branch_id TEXT,
    endpoint_id TEXT,
    action TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    failures_count INTEGER NOT NULL,
    total_duration_ms INTEGER NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX operations_newest ON operations (project_id, created_at DESC);

-- Plans that are not finished; a plan's id is that of the operation it carries out.
CREATE TABLE plans (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    project_id TEXT NOT NULL,
    branch_id TEXT NOT NULL,
    endpoint_id TEXT,
    done INTEGER NOT NULL
) STRICT;
