import pytest

from dormouse import errors
from dormouse.proxy import refusals
from dormouse.proxy.refusals import Refusal, notice, passed_on, refusal_for, wrong_password
from dormouse.wire.messages import ErrorResponse, NoticeResponse, ProtocolViolation, parse_backend, split
from dormouse.wire.startup import UnsupportedProtocol


def read(data: bytes) -> dict[str, str]:
    cut = split(data, 10_000)
    assert cut is not None
    message = parse_backend(cut[0])
    assert isinstance(message, ErrorResponse | NoticeResponse)
    return dict(message.fields)


def test_the_profile_postgres_says_fatal_and_a_sqlstate() -> None:
    said = read(Refusal("28P01", "no", "because").encode("postgres"))

    assert said == {"S": "FATAL", "V": "FATAL", "C": "28P01", "M": "no", "D": "because"}


def test_the_profile_neon_says_error_and_xx000() -> None:
    assert read(Refusal("28P01", "no", "because").encode("neon")) == {"S": "ERROR", "C": "XX000", "M": "no"}


def test_the_texts_are_neons() -> None:
    texts = {
        "connection is insecure (try using `sslmode=require`)": refusals.INSECURE,
        "Parameter 'user' is missing in startup packet.": refusals.USER_MISSING,
        "The requested endpoint could not be found, or you don't have access to it. "
        "Please check the provided ID and try again.": refusals.ENDPOINT_NOT_FOUND,
        "The endpoint has been disabled. Enable it using the API and retry.": refusals.ENDPOINT_DISABLED,
        "Authentication timed out": refusals.AUTHENTICATION_TIMED_OUT,
        "Couldn't connect to compute node": refusals.COMPUTE_UNREACHABLE,
        "Too many connections to this endpoint. Please try again later.": refusals.TOO_MANY_TO_ENDPOINT,
        "password authentication failed for user 'neondb_owner'": wrong_password("neondb_owner"),
    }

    assert {text: refusal.message for text, refusal in texts.items()} == {text: text for text in texts}


@pytest.mark.parametrize(
    ("error", "sqlstate", "message"),
    [
        (ProtocolViolation("bad bytes"), "08P01", "bad bytes"),
        (UnsupportedProtocol("2.0"), "0A000", "2.0"),
        (errors.EndpointNotFound("x"), "08004", refusals.ENDPOINT_NOT_FOUND.message),
        (errors.NotFound("x"), "08004", refusals.ENDPOINT_NOT_FOUND.message),
        (errors.EndpointDisabled("x"), "28000", refusals.ENDPOINT_DISABLED.message),
        (errors.Locked("x"), "57P03", "Control plane request failed"),
        (errors.RuleViolation("x"), "57P03", "Control plane request failed"),
        (errors.RequestError("changed"), "28P01", "password authentication failed for user 'me'"),
        (errors.StartFailed("x"), "57P03", "Couldn't connect to compute node"),
        (errors.StorageError("x"), "57P03", "Couldn't connect to compute node"),
        (errors.DormouseError("x"), "57P03", "Control plane request failed"),
    ],
)
def test_what_a_client_is_told_of_an_error(error: errors.DormouseError, sqlstate: str, message: str) -> None:
    refusal = refusal_for(error, "me")

    assert (refusal.sqlstate, refusal.message) == (sqlstate, message)


def test_a_failed_start_gives_its_reason_and_not_its_log() -> None:
    refusal = refusal_for(errors.StartFailed("disk full", log_tail="SECRET"))

    assert refusal.detail == "disk full"
    assert b"SECRET" not in refusal.encode("postgres")


FIELDS = {"S": "FATAL", "V": "FATAL", "C": "3D000", "M": 'database "foo" does not exist', "F": "postinit.c"}


def test_an_error_of_the_compute_is_passed_on_untouched() -> None:
    assert read(passed_on(FIELDS, "postgres", pooled=False)) == FIELDS


def test_an_error_of_the_compute_is_flattened_as_neon_does() -> None:
    said = read(passed_on(FIELDS, "neon", pooled=False))

    assert said == {"S": "ERROR", "C": "XX000", "M": 'database "foo" does not exist'}


def test_the_poolers_refusal_of_a_parameter_gets_neons_advice() -> None:
    said = read(passed_on({"S": "FATAL", "M": "unsupported startup parameter: options"}, "neon", pooled=True))

    assert said["M"].startswith("unsupported startup parameter: options. Please use unpooled connection or")


def test_a_notice() -> None:
    assert read(notice("served direct")) == {"S": "NOTICE", "V": "NOTICE", "C": "00000", "M": "served direct"}
