"""`dormouse new`: a project that works at once, against the platform."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fix_platform import Made, Platform

from dormouse.cli.new_project import make_project, module_name
from dormouse.errors import UserError

TEMPLATE = Path(__file__).parents[3] / "src" / "django_dormouse" / "project_template"


def environment(**more: str) -> dict[str, str]:
    ours = ("PG", "DB_", "DATABASE_", "DJANGO_", "DORMOUSE_", "NEON_", "SECRET_KEY", "ALLOWED_HOSTS", "GIT_")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)} | more


def run(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", *arguments],
        cwd=cwd, env=environment(**more), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
    )  # fmt: skip


@pytest.fixture(scope="module")
def database(platform: Platform) -> Made:
    """Where the project's data are to be."""
    return platform.create()


@pytest.fixture(scope="module")
def made(platform: Platform, database: Made) -> Iterator[Path]:
    """A project of `dormouse new` on a database of the platform, migrated."""
    url = platform.run(
        "env", "--project", database.project, "--format", "verify-full", "--local", "-q"
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        done = run("-m", "dormouse", "new", "my-shop", "--url", url, cwd=Path(folder))
        assert done.returncode == 0, done.stderr
        shop = Path(folder) / "my-shop"
        assert done.stdout.strip() == str(shop)
        migrated = run("manage.py", "migrate", cwd=shop)
        assert migrated.returncode == 0, migrated.stderr
        yield shop


def test_nothing_is_left_to_render_and_nothing_is_missing(made: Path) -> None:
    files = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}

    assert {name for name in files if "__pycache__" not in name} == {
        "manage.py", "pyproject.toml", "README.md", "Dockerfile", ".env", ".env.example", ".gitignore",
        ".dockerignore", ".github/workflows/test.yml", "config/__init__.py", "config/urls.py", "config/wsgi.py",
        "config/asgi.py", "config/tests.py", "config/settings/__init__.py", "config/settings/base.py",
        "config/settings/local.py", "config/settings/production.py",
    }  # fmt: skip
    for name in files:
        if "__pycache__" not in name:
            assert "{{" not in (made / name).read_text().replace("${{", ""), name
    assert 'name = "my_shop"' in (made / "pyproject.toml").read_text()
    assert os.access(made / "manage.py", os.X_OK)


def test_git_sees_no_secret(made: Path) -> None:
    assert (made / ".env").stat().st_mode & 0o777 == 0o600
    secret = (made / ".env").read_text().partition("SECRET_KEY='")[2].partition("'")[0]
    assert len(secret) > 50
    subprocess.run(["git", "init", "--quiet"], cwd=made, env=environment(), check=True)

    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=made, env=environment(), check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip

    assert ".env.example" in listed
    assert ".env" not in listed
    for name in listed:
        assert secret not in (made / name).read_text(), name


def test_its_own_tests_pass(made: Path) -> None:
    done = run("manage.py", "test", "--noinput", cwd=made)

    assert done.returncode == 0, done.stderr[-3000:]
    assert "Ran 3 tests" in done.stderr


def test_check_deploy_passes_with_production_settings(made: Path) -> None:
    production = {"DJANGO_SETTINGS_MODULE": "config.settings.production"}

    done = run(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", "--database", "default",
        cwd=made, ALLOWED_HOSTS="shop.example", **production,
    )  # fmt: skip
    unset = run("manage.py", "check", cwd=made, **production)

    assert done.returncode == 0, done.stderr
    assert unset.returncode == 1
    assert "ALLOWED_HOSTS is not set" in unset.stderr


def test_sql_is_logged_in_development(made: Path) -> None:
    ask = "from django.contrib.auth.models import User; print(User.objects.count())"

    loud = run("manage.py", "shell", "-c", ask, cwd=made)
    quiet = run("manage.py", "shell", "-c", ask, cwd=made, LOG_SQL="false")

    assert loud.returncode == 0, loud.stderr
    assert 'FROM "auth_user"' in loud.stderr
    assert 'FROM "auth_user"' not in quiet.stderr


def test_the_health_page_answers_in_production(made: Path) -> None:
    ask = (
        "from django.test import Client; a = Client().get('/health/?wake=1', headers={'host': 'shop.example'}); "
        "print(a.status_code, a.json()['status'])"
    )

    done = run(
        "manage.py", "shell", "-v0", "-c", ask,
        cwd=made, ALLOWED_HOSTS="shop.example", DJANGO_SETTINGS_MODULE="config.settings.production",
    )  # fmt: skip

    assert done.stdout.strip() == "200 ok", done.stderr


def test_dbdoctor_says_what_a_wake_takes(made: Path, platform: Platform, database: Made) -> None:
    platform.put_to_sleep(database)

    done = run("manage.py", "dbdoctor", cwd=made, LOG_SQL="false")

    assert re.search(r"connect +[\d.]+ ms, with the wake if it slept; awake [\d.]+ ms", done.stdout), done.stdout
    assert platform.state(database, database.primary) == "active"


LISTS = """
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import TestCase, override_settings
from django.urls import path

def page(request):
    return HttpResponse(str([list(user.groups.all()) for user in User.objects.all()]))

urlpatterns = [path("list/", page)]

@override_settings(ROOT_URLCONF=__name__)
class Lists(TestCase):
    def test_the_list(self):
        for name in "ab":
            User.objects.create(username=name)
        self.client.get("/list/")
"""


def test_a_query_for_each_row_fails_a_test(made: Path) -> None:
    (made / "config" / "lists.py").write_text(LISTS)
    try:
        done = run("manage.py", "test", "--noinput", "config.lists", cwd=made)
    finally:
        (made / "config" / "lists.py").unlink()

    assert done.returncode == 1
    assert "NPlusOneError: N+1 detected on auth.User.groups" in done.stderr, done.stderr[-2000:]


def test_a_project_without_zeal_works_too(made: Path) -> None:
    hide = "import sys; sys.modules['zeal'] = None; "
    show = "from config.settings import local; print('zeal' in local.INSTALLED_APPS, local.MIDDLEWARE[0])"

    without = run("-c", hide + show, cwd=made)

    assert without.stdout.split() == ["False", "django_dormouse.replicas.Middleware"], without.stderr


def test_django_admin_takes_the_template_too(tmp_path: Path) -> None:
    done = run(
        "-m", "django", "startproject", "stall", "--template", str(TEMPLATE),
        "--extension", "py,toml,md,yml", "--name", "Dockerfile", "--exclude", "__pycache__",
        cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "stall" / ".github" / "workflows" / "test.yml").is_file()
    checked = run("manage.py", "check", cwd=tmp_path / "stall", DATABASE_URL="postgresql:///stall")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("1shop", "begin with a letter"),
        ("class", "begin with a letter"),
        ("django", "conflicts"),
        ("here", "already"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "here").mkdir()

    done = run("-m", "dormouse", "new", name, cwd=tmp_path)

    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_without_a_database_it_says_how_to_get_one(tmp_path: Path) -> None:
    done = run("-m", "dormouse", "new", "shop", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "dormouse project create shop --use" in done.stderr
    assert "DATABASE_URL=''" in (tmp_path / "shop" / ".env").read_text()
    nothing = run("manage.py", "check", cwd=tmp_path / "shop")
    assert "No database is configured" in nothing.stderr


def test_names() -> None:
    assert module_name("My-Shop 2") == "my_shop_2"
    with pytest.raises(UserError):
        module_name("größe")
    with pytest.raises(UserError, match="cannot be made"):
        make_project(Path("/proc/shop"), None, {})
