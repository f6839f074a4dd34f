import pytest

from dormouse.compute.conf import FIXED
from dormouse.compute.guc import acceptable, fatal_of, parse_description, refusal

DESCRIBED = (
    "work_mem\tuser\tResource Usage / Memory\tINTEGER\t0\t64\t2147483647\tSets the maximum memory.\t\n"
    "DateStyle\tuser\tClient Connection Defaults\tSTRING\tISO, MDY\t\t\tSets the display format.\tAlso.\n"
    "segment_size\tinternal\tPreset Options\tINTEGER\t0\t1\t2\tShows the number of pages.\t\n"
    "a line of another form\n"
    "\n"
)
KNOWN = parse_description(DESCRIBED)
CONTRIB = ("pg_prewarm", "pg_stat_statements", "pg_trgm")


def test_the_description_is_read_by_name_in_lower_case() -> None:
    assert set(KNOWN) == {"work_mem", "datestyle", "segment_size"}
    assert (KNOWN["datestyle"].name, KNOWN["datestyle"].context) == ("DateStyle", "user")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("work_mem", "8MB"),
        ("WORK_MEM", "8MB"),
        ("datestyle", "ISO, DMY"),
        ("auto_explain.log_min_duration", "1s"),
        ("app.user_id", ""),
        ("shared_preload_libraries", ""),
        ("shared_preload_libraries", 'pg_stat_statements, "auto_explain"'),
    ],
)
def test_what_is_a_users_may_be_set(name: str, value: str) -> None:
    assert refusal(name, value, KNOWN, CONTRIB) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((name, "share it for their life") for name in FIXED),
        *(
            (name, "the platform sets it")
            for name in [
                "listen_addresses",
                "PORT",
                "unix_socket_directories",
                "archive_command",
                "restore_command",
                "primary_conninfo",
                "wal_level",
                "hot_standby_feedback",
                "data_directory",
                "config_file",
                "hba_file",
                "ssl_cert_file",
                "cluster_name",
                "log_destination",
                "password_encryption",
                "full_page_writes",
                "recovery_target_time",
                "synchronous_standby_names",
                "neon.timeline_id",
            ]
        ),
        ("segment_size", "cannot be changed"),
        ("work_memory", "unrecognized configuration parameter"),
        ("app.", "unrecognized configuration parameter"),
        (".x", "unrecognized configuration parameter"),
    ],
)
def test_what_is_not_says_its_name_and_why(name: str, why: str) -> None:
    said = refusal(name, "1", KNOWN, CONTRIB)

    assert said is not None
    assert f'"{name}"' in said
    assert why in said


@pytest.mark.parametrize(
    ("value", "extensions", "library", "offered"),
    [
        ("evil", CONTRIB, "evil", "auto_explain, pg_stat_statements, pg_prewarm"),
        ("pg_stat_statements,/tmp/x", CONTRIB, "/tmp/x", "auto_explain"),
        ("pg_stat_statements", (), "pg_stat_statements", "none: this Postgres comes without contrib"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_named(
    value: str, extensions: tuple[str, ...], library: str, offered: str
) -> None:
    said = refusal("shared_preload_libraries", value, KNOWN, extensions)

    assert said is not None
    assert f'cannot load "{library}"' in said
    assert offered in said


def test_what_was_kept_unchecked_is_left_out_of_a_start() -> None:
    kept = {"Work_Mem": "8MB", "port": "1", "nonsense": "1", "app.x": "1"}

    assert acceptable(kept, KNOWN) == {"work_mem": "8MB", "app.x": "1"}


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            '2026-01-01 [1] FATAL:  invalid value for parameter "a": "x"\n2026-01-01 [1] HINT:  Available: b.\n',
            'invalid value for parameter "a": "x" (Available: b.)',
        ),
        (
            '2026-01-01 [1] FATAL:  parameter "jit" requires a Boolean value\n',
            'parameter "jit" requires a Boolean value',
        ),
        ("Segmentation fault", ""),
    ],
)
def test_postgres_words_are_passed_on(output: str, told: str) -> None:
    assert fatal_of(output) == told
