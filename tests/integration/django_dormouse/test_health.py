"""The health view on a primary and a replica, and beside a compute that sleeps."""

from typing import Any

SETTINGS = {"ROOT_URLCONF": "health_urls"}
SLEEPS = (
    "postgresql://u:hidden-1@ep-a-1.{domain}:{port}/app?hostaddr=127.0.0.1&sslmode=disable&connect_deadline=0.3"
)


def ask(*paths: str) -> Any:
    from django.test import Client

    client = Client(raise_request_exception=False)
    answers = [client.get(path) for path in paths]
    return [[answer.status_code, answer.json(), answer.headers.get("Cache-Control")] for answer in answers]


def ask_until_nothing_is_to_replay(path: str) -> Any:
    import time

    from django.test import Client

    deadline = time.monotonic() + 15
    while True:
        answer = Client().get(path)
        # The primary writes by itself now and then; what is received is replayed a moment later.
        if answer.json()["databases"]["replica"]["lag_bytes"] == 0 or time.monotonic() > deadline:
            return [answer.status_code, answer.json(), answer.headers.get("Cache-Control")]
        time.sleep(0.02)


def test_primary_and_replica(project):
    status, found, cache = project.run(ask_until_nothing_is_to_replay, "/health/", settings=SETTINGS)

    assert (status, found["status"]) == (200, "ok")
    assert "no-store" in cache
    assert found["databases"]["default"] == {
        "state": "up", "role": "primary", "lag_bytes": None, "lag_s": None, "pool": None, "pending_migrations": [],
    }  # fmt: skip
    assert found["databases"]["replica"]["role"] == "replica"
    assert found["databases"]["replica"]["lag_bytes"] == 0


def test_it_reads_only(project, primary):
    [(before,)] = primary.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")

    project.run(ask, "/health/", "/health/?wake=1", settings=SETTINGS, overrides={"atomic_requests": True})

    assert primary.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text") == [(before,)]


def test_migrations_that_are_still_to_run(project):
    settings = SETTINGS | {
        "INSTALLED_APPS": [
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
            "django.contrib.sites", "django_dormouse", "library",
        ]
    }  # fmt: skip

    [[status, found, _]] = project.run(ask, "/health/", settings=settings)

    assert (status, found["status"]) == (200, "degraded")
    assert found["databases"]["default"]["pending_migrations"][0] == "sites.0001_initial"


def test_a_database_that_is_down_and_a_replica_that_is(project, primary):
    down = "postgresql://u:hidden-1@127.0.0.1:1/app?connect_deadline=0.3"

    [[status, found, _]] = project.with_environment(DATABASE_URL=down).run(ask, "/health/", settings=SETTINGS)
    [[half, partly, _]] = project.with_environment(DATABASE_REPLICA_URL=down).run(
        ask, "/health/", settings=SETTINGS
    )

    assert (status, found["status"], found["databases"]["default"]["state"]) == (503, "down", "down")
    assert "hidden-1" not in str(found)
    assert "127.0.0.1" not in str(found)
    assert (half, partly["status"], partly["databases"]["replica"]["state"]) == (200, "degraded", "down")


def test_a_standby_in_place_of_the_primary(project, standby):
    [[status, found, _]] = project.with_environment(DATABASE_URL=standby.url(), DATABASE_REPLICA_URL="").run(
        ask, "/health/", settings=SETTINGS
    )

    assert (status, found["databases"]["default"]["role"]) == (503, "replica")


def test_an_endpoint_is_left_asleep_unless_asked_for(project, relay):
    url = SLEEPS.format(domain="example", port=relay.port).replace("u:hidden-1", "owner")
    ours = project.with_environment(DATABASE_URL=url, DATABASE_REPLICA_URL="")

    [[status, found, _]] = ours.run(ask, "/health/", settings=SETTINGS, overrides={"atomic_requests": True})

    assert (status, found["status"], found["databases"]["default"]["state"]) == (200, "unasked", "unasked")
    assert relay.accepted == 0, "the view connected"

    [[woken, answer, _]] = ours.run(ask, "/health/?wake=1", settings=SETTINGS)
    [[by_setting, _, _]] = ours.run(ask, "/health/", settings=SETTINGS | {"DORMOUSE": {"HEALTH_WAKES": True}})

    assert (woken, answer["status"], by_setting) == (200, "ok", 200)
    assert relay.accepted >= 2


def test_the_numbers_of_a_pool(project):
    def used() -> Any:
        from django.contrib.auth.models import User
        from django.test import Client

        before = Client().get("/health/").json()["databases"]["default"]["pool"]
        User.objects.count()
        return [before, Client().get("/health/").json()["databases"]["default"]["pool"]]

    before, after = project.run(used, settings=SETTINGS, overrides={"pool": {"min_size": 1, "max_size": 2}})

    assert before is None, "the view opened a pool"
    assert (after["pool_min"], after["pool_max"], after["requests_num"]) == (1, 2, 1)


def test_it_is_for_looking_alone(project):
    def post() -> Any:
        from django.test import Client

        return Client().post("/health/").status_code

    assert project.run(post, settings=SETTINGS) == 405
