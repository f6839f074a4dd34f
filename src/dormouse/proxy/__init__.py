"""From a TLS client to the right compute."""
