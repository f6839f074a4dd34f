"""The web console: pages for people, over the same control plane as the API."""
