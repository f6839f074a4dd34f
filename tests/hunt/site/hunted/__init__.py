"""What the staleness hunt adds to the example site: entries with versions, by page, by API, by task."""
