from dormouse.compute.environment import (
    BACKEND_OOM_SCORE,
    POSTMASTER_OOM_SCORE,
    child_environment,
    server_environment,
)


def test_nothing_that_libpq_obeys_gets_in() -> None:
    environ = {"PGHOSTADDR": "10.0.0.1", "PGDATA": "/x", "PGOPTIONS": "-c a=b", "LANG": "de_DE"}

    assert child_environment(environ).keys() == {"PATH", "LC_ALL", "TZ"}


def test_what_programs_need_is_kept() -> None:
    environ = {"PATH": "/opt/bin", "HOME": "/home/anna", "TMPDIR": "/t", "LD_LIBRARY_PATH": "/opt/lib"}

    assert child_environment(environ).items() >= environ.items()


def test_there_is_always_a_path() -> None:
    assert "/usr/bin" in child_environment({})["PATH"].split(":")


def test_messages_are_in_english_and_times_in_utc() -> None:
    made = child_environment({"LC_ALL": "de_DE.UTF-8", "TZ": "Europe/Berlin"})

    assert (made["LC_ALL"], made["TZ"]) == ("C", "UTC")


def test_a_backend_goes_before_its_server_and_that_before_the_platform() -> None:
    assert BACKEND_OOM_SCORE > POSTMASTER_OOM_SCORE > 0
    assert server_environment({})["PG_OOM_ADJUST_VALUE"] == str(BACKEND_OOM_SCORE)
