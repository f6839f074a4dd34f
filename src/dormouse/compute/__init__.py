"""One Postgres, from asleep to awake."""
