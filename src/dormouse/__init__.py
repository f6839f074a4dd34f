"""Dormouse: serverless Postgres on one machine, speaking the API of Neon."""
