import pytest
from pydantic import ValidationError

from dormouse.control.model import (
    AuditLogLevel,
    EndpointDefaults,
    EndpointSettings,
    MaintenanceWindow,
    PreloadLibraries,
    ProjectSettings,
    Quota,
)
from dormouse.web.settings import DefaultEndpointSettings, EndpointSettingsBody, ProjectSettingsBody

WINDOW = MaintenanceWindow(weekdays=(1, 7), start_time="23:00", end_time="00:30")
KEPT = ProjectSettings(
    quota=Quota(active_time_seconds=5, logical_size_bytes=6),
    maintenance_window=WINDOW,
    hipaa=True,
    audit_log_level=AuditLogLevel.BASE,
    preload_libraries=PreloadLibraries(use_defaults=False, enabled_libraries=("auto_explain",)),
)


def settings(text: str) -> ProjectSettings:
    return ProjectSettingsBody.model_validate_json(text).over(KEPT)


def test_settings_of_which_nothing_is_said_stay() -> None:
    assert settings("{}") == KEPT
    assert ProjectSettingsBody().over(ProjectSettings()) == ProjectSettings()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"quota": {"active_time_seconds": 0}}', {"quota": Quota(active_time_seconds=0, logical_size_bytes=6)}),
        ('{"hipaa": false}', {"hipaa": False}),
        ('{"audit_log_level": "full"}', {"audit_log_level": AuditLogLevel.FULL}),
        (
            '{"maintenance_window": {"weekdays": [], "start_time": "00:00", "end_time": "23:59"}}',
            {"maintenance_window": MaintenanceWindow(weekdays=(), start_time="00:00", end_time="23:59")},
        ),
        (
            '{"preload_libraries": {"enabled_libraries": []}}',
            {"preload_libraries": PreloadLibraries(use_defaults=False)},
        ),
    ],
)
def test_what_is_given_goes_over_what_holds(text: str, meant: dict[str, object]) -> None:
    found = settings(text)

    assert {name: getattr(found, name) for name in meant} == meant
    untouched = ProjectSettings.__slots__ - meant.keys()
    assert {name: getattr(found, name) for name in untouched} == {name: getattr(KEPT, name) for name in untouched}


@pytest.mark.parametrize(
    "text",
    [
        '{"quota": {"active_time_seconds": -1}}',
        '{"quota": {"logical_size_bytes": 9223372036854775808}}',
        '{"quota": {"written_data_bytes": 1.5}}',
        '{"maintenance_window": {"weekdays": [1]}}',
        '{"maintenance_window": {"weekdays": [0], "start_time": "00:00", "end_time": "01:00"}}',
        '{"maintenance_window": {"weekdays": [8], "start_time": "00:00", "end_time": "01:00"}}',
        '{"maintenance_window": {"weekdays": [1], "start_time": "24:00", "end_time": "01:00"}}',
        '{"maintenance_window": {"weekdays": [1], "start_time": "1:00", "end_time": "01:00"}}',
        '{"hipaa": "yes"}',
        '{"audit_log_level": "loud"}',
        '{"preload_libraries": {"enabled_libraries": ["../evil"]}}',
        '{"preload_libraries": {"enabled_libraries": [""]}}',
        '{"preload_libraries": ["auto_explain"]}',
    ],
)
def test_settings_that_cannot_be(text: str) -> None:
    with pytest.raises(ValidationError):
        settings(text)


def test_settings_of_postgres_are_given_whole() -> None:
    usual = EndpointDefaults(autoscaling_limit_max_cu=2, pg_settings={"work_mem": "4MB", "jit": "off"})
    given = DefaultEndpointSettings.model_validate_json('{"pg_settings": {"auto_explain.log_min_duration": "1s"}}')
    of_one = EndpointSettingsBody.model_validate_json('{"pg_settings": {}}')

    assert given.over(usual).pg_settings == {"auto_explain.log_min_duration": "1s"}
    assert DefaultEndpointSettings().over(usual) == usual
    assert of_one.over(EndpointSettings(pg_settings=usual.pg_settings)) == EndpointSettings()
    assert EndpointSettingsBody().over(EndpointSettings(pg_settings={"jit": "on"})).pg_settings == {"jit": "on"}


@pytest.mark.parametrize(
    "text",
    [
        '{"pg_settings": {"work mem": "4MB"}}',
        '{"pg_settings": {"": "4MB"}}',
        '{"pg_settings": {"work_mem": 4}}',
        '{"pg_settings": {"work_mem": "4MB\\nshared_preload_libraries = evil"}}',
        '{"pg_settings": {"work_mem": null}}',
        '{"pg_settings": []}',
    ],
)
def test_settings_of_postgres_that_cannot_be(text: str) -> None:
    for kind in (DefaultEndpointSettings, EndpointSettingsBody):
        with pytest.raises(ValidationError):
            kind.model_validate_json(text)
