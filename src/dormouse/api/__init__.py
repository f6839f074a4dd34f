"""The Neon API as a promise: typed records, and a client on the standard library alone."""
