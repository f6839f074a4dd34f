import os
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dormouse.compute.account import Account
from dormouse.compute.conf import SOCKET_NAME
from dormouse.errors import AlreadyRunning, HomeError
from dormouse.home import (
    PlatformFile,
    api_key_of,
    locked,
    prepare_home,
    read_platform_file,
    socket_root,
    sweep,
    write_platform_file,
)
from dormouse.storage.layout import Layout

SERVES = PlatformFile(
    pid=41,
    started_at="2026-01-01T00:00:00Z",
    version="0.1",
    http_url="http://127.0.0.1:55433",
    pg_host="127.0.0.1",
    pg_port=55432,
)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    made = Layout(tmp_path_factory.mktemp("h") / "100% o'clock ☃")
    prepare_home(made, None)
    return made


def test_home_is_closed_to_others(layout: Layout) -> None:
    folders = [layout.home, layout.run, layout.templates, layout.spares, layout.building, layout.projects]

    assert [mode_of(folder) for folder in folders] == [0o700] * 6


def test_preparing_again_keeps_what_is_there_and_closes_it(layout: Layout) -> None:
    (layout.projects / "shop").mkdir()
    layout.home.chmod(0o755)

    prepare_home(layout, None)

    assert (layout.projects / "shop").is_dir()
    assert mode_of(layout.home) == 0o700
    assert {path.name for path in layout.home.iterdir()} == {"run", "templates", "spares", "building", "projects"}


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(HomeError, match=r"the home .*/file cannot be used") as caught:
        prepare_home(Layout(tmp_path / "file"), None)

    assert "DORMOUSE_HOME" in caught.value.hint


def test_one_platform_at_a_time_holds_the_home(layout: Layout) -> None:
    write_platform_file(layout, SERVES)

    with locked(layout), pytest.raises(AlreadyRunning, match="pid 41, http"), locked(layout):
        pass


def test_the_lock_ends_with_the_block_and_its_file_stays(layout: Layout) -> None:
    with pytest.raises(KeyError), locked(layout):
        raise KeyError

    with locked(layout):
        assert layout.lock.exists()
    assert layout.lock.exists()


def test_sweeping_removes_what_was_half_built_alone(layout: Layout) -> None:
    (layout.building / "spare-1" / "data").mkdir(parents=True)
    (layout.projects / "shop").mkdir()
    write_platform_file(layout, SERVES)
    sockets = socket_root(layout, None, None)
    (sockets / "a-killed-one").mkdir()

    sweep(layout, sockets)

    assert list(sockets.iterdir()) == []
    assert list(layout.building.iterdir()) == []
    assert not layout.platform_json.exists()
    assert (layout.projects / "shop").is_dir()


def test_sweeping_a_clean_home(layout: Layout) -> None:
    sweep(layout, socket_root(layout, None, None))

    assert layout.building.is_dir()


def test_sockets_lie_in_a_short_home() -> None:
    with TemporaryDirectory(dir="/tmp") as short:
        layout = Layout(Path(short) / "o'clock ☃")
        prepare_home(layout, None)
        folder = socket_root(layout, None, None)

        assert folder == layout.run / "s"
        assert mode_of(folder) == 0o700
        assert socket_root(layout, None, None) == folder


def test_sockets_of_a_long_home_lie_in_the_runtime_folder(tmp_path: Path) -> None:
    runtime = tmp_path.parent
    folder = socket_root(Layout(tmp_path / ("long" * 25)), None, str(runtime))

    assert folder.parent == runtime
    assert mode_of(folder) == 0o700
    assert len(os.fsencode(folder / "template" / SOCKET_NAME)) < 100


def test_a_runtime_folder_that_is_long_itself_is_of_no_use(tmp_path: Path) -> None:
    runtime = tmp_path / ("long" * 25)
    runtime.mkdir()

    folder = socket_root(Layout(tmp_path / ("home" * 25)), None, str(runtime))
    folder.rmdir()

    assert folder.parent == Path("/tmp")


def test_two_long_homes_have_two_socket_folders(tmp_path: Path) -> None:
    runtime = str(tmp_path.parent)

    first = socket_root(Layout(tmp_path / ("a" * 100)), None, runtime)
    assert first != socket_root(Layout(tmp_path / ("b" * 100)), None, runtime)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_socket_folder_of_somebody_else_is_refused(kind: str, tmp_path: Path) -> None:
    layout = Layout(tmp_path / ("long" * 25))
    folder = socket_root(layout, None, str(tmp_path.parent))
    folder.rmdir()
    if kind == "file":
        folder.touch()
    else:
        folder.symlink_to(tmp_path)

    with pytest.raises(HomeError, match="is not ours"):
        socket_root(layout, None, str(tmp_path.parent))


def test_the_key_is_made_once_and_is_secret(layout: Layout) -> None:
    key = api_key_of(layout)

    assert key.startswith("napi_")
    assert len(key) > 40
    assert api_key_of(layout) == key
    assert mode_of(layout.api_key) == 0o600


def test_an_empty_key_file_is_no_key(layout: Layout) -> None:
    layout.api_key.write_text("\n")

    assert api_key_of(layout).startswith("napi_")


def test_what_the_platform_says_of_itself_is_read_back(layout: Layout) -> None:
    write_platform_file(layout, SERVES)

    assert read_platform_file(layout) == SERVES


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"{}", b'{"pid": 1}', b'{"pid": 1, "unknown": 2}', b"\xff"]
)
def test_an_unreadable_platform_file_is_none(content: bytes, layout: Layout) -> None:
    layout.platform_json.write_bytes(content)

    assert read_platform_file(layout) is None


def test_no_platform_file(layout: Layout) -> None:
    assert read_platform_file(layout) is None


def test_root_shares_the_way_to_the_sockets(tmp_path: Path) -> None:
    account = Account(name="postgres", uid=os.geteuid(), gid=os.getegid())

    folder = socket_root(Layout(tmp_path), account, str(tmp_path))
    found = mode_of(folder)
    folder.rmdir()

    assert (folder.parent, found) == (Path("/tmp"), 0o711)
