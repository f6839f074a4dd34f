"""Make a Django site use a Postgres that sleeps, wakes and has replicas, here and on Neon."""
