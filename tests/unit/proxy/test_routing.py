import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.proxy.refusals import ENDPOINT_MISSING, USER_MISSING, USER_UNREADABLE, Refusal
from dormouse.proxy.routing import Request, Target, compute_parameters, options_of, read_startup, split_password

SUFFIX = "dormouse.localhost"
EP = "ep-calm-hill-a5x6y7z8"
TARGET = Target(EP)  # type: ignore[arg-type]
POOLED = Target(EP, pooled=True)  # type: ignore[arg-type]


def target_of(server_name: str | None, options: str = "") -> Target | Refusal | None:
    request = read_startup({"user": "owner", "options": options}, server_name, SUFFIX)
    return request.target if isinstance(request, Request) else request


@pytest.mark.parametrize(
    ("server_name", "options", "target"),
    [
        (f"{EP}.{SUFFIX}", "", TARGET),
        (f"{EP.upper()}.{SUFFIX.upper()}.", "", TARGET),
        (f"{EP}-pooler.{SUFFIX}", "", POOLED),
        (f"{EP}.{SUFFIX}", f"endpoint={EP}", TARGET),
        (f"{EP}-pooler.{SUFFIX}", f"endpoint={EP}", POOLED),
        (f"{EP}.{SUFFIX}", "-c geqo=off", TARGET),
        ("localhost", f"endpoint={EP}", TARGET),
        ("localhost", f"project={EP}", TARGET),
        (None, f"endpoint={EP}-pooler", POOLED),
        (None, rf"-c search_path=a\ b endpoint={EP} -c geqo=off", TARGET),
        (None, f"endpoint={EP} project={EP}", None),  # exactly one, as at Neon
        (f"{EP}.{SUFFIX}", "endpoint=a endpoint=b", TARGET),
        (None, "", None),
        ("localhost", "", None),
        (f"{EP}.elsewhere.example", "", None),
        (f"a.{EP}.{SUFFIX}", "", None),
    ],
)
def test_the_endpoint_stands_in_the_name_or_in_the_options(
    server_name: str | None, options: str, target: Target | None
) -> None:
    assert target_of(server_name, options) == target


@pytest.mark.parametrize(
    ("server_name", "options", "message"),
    [
        (
            f"{EP}.{SUFFIX}",
            "endpoint=other",
            f"Inconsistent project name inferred from SNI ('{EP}') and project option ('other').",
        ),
        (None, "endpoint=a_b", "Project name ('a_b') must contain only alphanumeric characters and hyphen."),
        (None, "project=", "Project name ('') must contain only alphanumeric characters and hyphen."),
        (
            f"{EP}.{SUFFIX}",
            "project=ä",
            "Project name ('ä') must contain only alphanumeric characters and hyphen.",
        ),
        (
            None,
            "project=-pooler",
            "Project name ('-pooler') must contain only alphanumeric characters and hyphen.",
        ),
    ],
)
def test_names_that_contradict_each_other_or_cannot_be(
    server_name: str | None, options: str, message: str
) -> None:
    refusal = target_of(server_name, options)

    assert isinstance(refusal, Refusal)
    assert refusal.message == message


@pytest.mark.parametrize("parameters", [{}, {"user": ""}, {"database": "a"}])
def test_a_startup_packet_without_user(parameters: dict[str, str]) -> None:
    assert read_startup(parameters, f"{EP}.{SUFFIX}", SUFFIX) is USER_MISSING


def test_a_user_that_is_not_utf8() -> None:
    assert read_startup({"user": "caf\udce9"}, f"{EP}.{SUFFIX}", SUFFIX) is USER_UNREADABLE


@pytest.mark.parametrize(
    ("given_", "passed_on"),
    [
        ({}, {"client_encoding": "UTF8"}),
        ({"client_encoding": "LATIN1"}, {"client_encoding": "LATIN1"}),
        (
            {"database": "db", "application_name": "a", "replication": "database"},
            {"database": "db", "application_name": "a", "replication": "database", "client_encoding": "UTF8"},
        ),
        ({"DateStyle": "ISO", "search_path": "a", "_pq_.x": "1"}, {"client_encoding": "UTF8"}),
        ({"options": f"endpoint={EP}"}, {"client_encoding": "UTF8"}),
        (
            {"options": rf" -c  geqo=off endpoint={EP} neon_lsn:0/1 -c search_path=a\ b\\ "},
            {"client_encoding": "UTF8", "options": r"-c geqo=off -c search_path=a\ b\\"},
        ),
        (
            {"options": "neon_proxy_params_compat:true", "search_path": "a", "_pq_.x": "1"},
            {"client_encoding": "UTF8", "search_path": "a"},
        ),
        ({"options": "-c neon.timeline_id=x"}, {"client_encoding": "UTF8", "options": "-c neon.timeline_id=x"}),
    ],
)
def test_what_the_compute_gets_to_see(given_: dict[str, str], passed_on: dict[str, str]) -> None:
    assert compute_parameters({"user": "owner"} | given_) == {"user": "owner"} | passed_on


def test_the_names_of_dropped_parameters_are_kept_for_the_log() -> None:
    request = read_startup({"user": "a", "options": "endpoint=x", "jit": "off"}, None, SUFFIX)

    assert isinstance(request, Request)
    assert request.dropped == ("jit",)


@given(st.text(max_size=40))
def test_tokens_lose_nothing_but_blanks(options: str) -> None:
    kept = "".join(options_of(options))

    assert "".join(kept.split()) == "".join(options.split())


@pytest.mark.parametrize(
    ("password", "split"),
    [
        (f"endpoint={EP};secret", (TARGET, "secret")),
        (f"project={EP};secret", (TARGET, "secret")),
        (f"endpoint={EP}$secret", (TARGET, "secret")),
        (f"endpoint={EP}-pooler$secret", (POOLED, "secret")),
        (f"endpoint={EP};a;b$c", (TARGET, "a;b$c")),
        (f"endpoint={EP};", (TARGET, "")),
        (f"endpoint={EP}$a;b", Refusal),  # `;` is tried first, and finds no id before it
        ("secret", ENDPOINT_MISSING),
        ("", ENDPOINT_MISSING),
        (";endpoint=x", ENDPOINT_MISSING),
        ("endpoint=;x", Refusal),
    ],
)
def test_the_endpoint_before_a_password(password: str, split: object) -> None:
    found = split_password(password)

    assert isinstance(found, split) if isinstance(split, type) else found == split


def test_options_say_which_kind_of_compute_is_meant() -> None:
    options = {"user": "a", "options": "neon_endpoint_type:read_write -c jit=off neon_endpoint_type:read_only"}

    request = read_startup(options, f"br-soft-sun-a1b2c3d4.{SUFFIX}", SUFFIX)

    assert isinstance(request, Request)
    assert request.target == Target("br-soft-sun-a1b2c3d4", kind="read_only")  # type: ignore[arg-type]
    assert request.parameters["options"] == "-c jit=off"


@pytest.mark.parametrize(
    ("options", "moment"),
    [
        ("", ""),
        ("neon_lsn:0/1FA22C0", "neon_lsn:0/1FA22C0"),
        ("-c jit=off neon_timestamp:2026-12-01T00:00:00Z", "neon_timestamp:2026-12-01T00:00:00Z"),
        ("neon_lsn:0/1 neon_lsn:0/2", "neon_lsn:0/2"),
        ("neon_proxy_params_compat:true", ""),
    ],
)
def test_options_say_which_moment_of_a_branch_is_meant(options: str, moment: str) -> None:
    request = read_startup({"user": "a", "options": options}, f"br-soft-sun-a1b2c3d4.{SUFFIX}", SUFFIX)

    assert isinstance(request, Request)
    assert request.target == Target("br-soft-sun-a1b2c3d4", moment=moment)  # type: ignore[arg-type]
    assert "neon_" not in request.parameters.get("options", "")
