"""Projects, branches, endpoints, roles and operations."""
