"""The Postgres protocol as bytes and events; no sockets."""
