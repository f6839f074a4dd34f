"""Which module may import which: read from the source, those inside functions and under TYPE_CHECKING too."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"

FOUNDATION = {"names", "uri", "errors", "moments", "old_names", "sizes"}

ALLOWED: dict[str, set[str]] = {
    "names": set(),
    "uri": set(),
    "errors": set(),
    "moments": set(),
    "old_names": set(),
    "sizes": set(),
    "log_lines": set(),
    "wire": FOUNDATION,
    "api": FOUNDATION,
    "config": FOUNDATION,
    "storage": FOUNDATION,
    "compute": FOUNDATION | {"storage"},
    "control": FOUNDATION | {"wire", "storage", "compute"},
    # Given `locate`, told of activity: it does not know who wakes a compute.
    "proxy": FOUNDATION | {"wire", "config"},
    "web": FOUNDATION | {"api", "control"},
    "home": FOUNDATION | {"storage", "compute"},
    # What the platform says of itself to HTTP.
    "metrics": {"names"},
    "local": FOUNDATION | {"api", "config", "compute", "control", "metrics"},
    "assembly": FOUNDATION
    | {"api", "config", "storage", "compute", "control", "proxy", "web", "home"}
    | {"metrics", "local"},
    "daemon": FOUNDATION | {"config", "log_lines", "home", "assembly"},
    # The platform is another process, so no verb imports what runs it.
    "cli": FOUNDATION | {"api", "config", "storage", "compute", "home"},
    "__main__": {"cli"},
    "__init__": set(),
    # Of the wire only SCRAM: what a server keeps of a password.
    "django_dormouse": FOUNDATION | {"api", "wire", "django_dormouse"},
}
"""Of each room of `dormouse`, and of the Django package, the other rooms that it may import."""

LIBRARIES: dict[str, set[str]] = {
    "config": {"platformdirs"},
    "compute": {"psutil", "psycopg"},
    "control": {"psycopg"},
    "proxy": {"cryptography"},
    "web": {"fastapi", "jinja2", "pydantic", "starlette"},
    "metrics": {"prometheus_client"},
    "assembly": {"uvicorn"},
    "daemon": {"uvloop"},
    "cli": {"platformdirs", "psycopg", "typer"},
    # Celery and the debug toolbar in the modules that are for them alone.
    "django_dormouse": {"asgiref", "celery", "debug_toolbar", "django", "psycopg", "psycopg_pool"},
}
"""What else a room may import besides the standard library. A room that is not here: nothing."""

PURE = {
    "dormouse.names",
    "dormouse.uri",
    "dormouse.errors",
    "dormouse.moments",
    "dormouse.old_names",
    "dormouse.sizes",
    "dormouse.wire.client_hello",
    "dormouse.wire.messages",
    "dormouse.wire.startup",
    "dormouse.wire.scram",
    "dormouse.wire.extended",
    "dormouse.cli.carrying_over",
    "dormouse.cli.env_file",
    "dormouse.cli.env_rewriting",
    "dormouse.cli.forks",
    "dormouse.cli.hook_script",
    "dormouse.cli.opening",
    "dormouse.cli.schema_diff",
    "dormouse.storage.archive",
    "dormouse.storage.layout",
    "dormouse.storage.sameness",
    "dormouse.compute.conf",
    "dormouse.compute.configuration",
    "dormouse.compute.environment",
    "dormouse.compute.guc",
    "dormouse.compute.label",
    "dormouse.compute.global_objects",
    "dormouse.compute.lifecycle",
    "dormouse.compute.wal",
    "dormouse.control.browsing",
    "dormouse.control.changes",
    "dormouse.control.encoding",
    "dormouse.control.idling",
    "dormouse.control.making",
    "dormouse.control.model",
    "dormouse.control.narrowing",
    "dormouse.control.past",
    "dormouse.control.plane",
    "dormouse.control.planning",
    "dormouse.control.points",
    "dormouse.control.reconciling",
    "dormouse.control.relation_model",
    "dormouse.control.restoring",
    "dormouse.control.rules",
    "dormouse.control.scheduling",
    "dormouse.control.schema_model",
    "dormouse.control.schema_text",
    "dormouse.control.statement_model",
    "dormouse.control.wake_times",
    "dormouse.proxy.cancellation",
    "dormouse.proxy.directory",
    "dormouse.proxy.faults",
    "dormouse.proxy.limits",
    "dormouse.proxy.penalties",
    "dormouse.proxy.refusals",
    "dormouse.proxy.routing",
    "dormouse.proxy.session",
    "dormouse.proxy.tally",
    "dormouse.web.points",
    "dormouse.web.console.answers",
    "dormouse.web.console.branch_views",
    "dormouse.web.console.connection_strings",
    "dormouse.web.console.doors",
    "dormouse.web.console.howto",
    "dormouse.web.console.operation_views",
    "dormouse.web.console.past_points",
    "dormouse.web.console.project_views",
    "dormouse.web.console.side_by_side",
    "dormouse.web.console.states",
    "dormouse.web.console.trends",
    "dormouse.web.console.wording",
    "django_dormouse.advice",
    "django_dormouse.capacity",
    "django_dormouse.hosts",
    "django_dormouse.keys",
    "django_dormouse.parameters",
    "django_dormouse.pgbouncer",
    "django_dormouse.provisioning",
    "django_dormouse.quoting",
    "django_dormouse.backend.errors",
    "django_dormouse.backend.retrying",
    "django_dormouse.backend.statements",
    "django_dormouse.replicas.choosing",
    "django_dormouse.replicas.deciding",
    "django_dormouse.replicas.position",
    "django_dormouse.replicas.rereading",
    "django_dormouse.replicas.waking",
}
"""No I/O, no clock, no chance, no environment."""

IMPURE = {
    "asyncio",
    "concurrent",
    "multiprocessing",
    "os",
    "random",
    "secrets",
    "select",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
}

EXCEPTIONS = {
    # The type of a parameter: whoever calls brings the chance along.
    ("dormouse.names", "random"),
    ("dormouse.control.making", "random"),
}

PAIRS = {
    # Django's seam: a connection has its companions, and each companion knows its connection's type.
    ("django_dormouse.backend.creation", "django_dormouse.backend.base"),
}
"""The arrows that may close a circle, all under TYPE_CHECKING."""

DRAWERS = {"common", "helpers", "misc", "tools", "utils"}


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {name_of(path): path for path in sorted(SOURCE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in PATHS.items()}
MODULES = pytest.mark.parametrize("module", PATHS)


def imports_of(module: str) -> Iterator[tuple[str, str | None]]:
    """Each module that is imported, with the name that is taken from it, if one is."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(module, node)
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                yield (whole, None) if whole in PATHS else (source, alias.name)


def absolute(module: str, node: ast.ImportFrom) -> str:
    package = module.split(".") if PATHS[module].name == "__init__.py" else module.split(".")[:-1]
    above = package[: len(package) - node.level + 1] if node.level else []
    return ".".join([*above, *(node.module or "").split(".")]).strip(".")


def room_of(module: str) -> str:
    package, _, rest = module.partition(".")
    return package if package == "django_dormouse" else rest.partition(".")[0] or "__init__"


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("dormouse", "django_dormouse")


def bound_at_the_top(module: str) -> set[str]:
    """The names that the module's own statements bind, not those that it imports."""
    bound: set[str] = set()
    for node in TREES[module].body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.Assign(targets=targets):
                bound |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                bound.add(name)
            case _:
                pass
    return bound


def promised_by(module: str) -> list[str] | None:
    for node in TREES[module].body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                names: list[str] = ast.literal_eval(value)
                return names
            case _:
                continue
    return None


def test_every_room_has_its_line_in_the_table() -> None:
    assert {room_of(module) for module in PATHS} == ALLOWED.keys()


@MODULES
def test_imports_point_the_one_way(module: str) -> None:
    room = room_of(module)
    wrong = {
        target
        for target, _ in imports_of(module)
        if is_ours(target) and room_of(target) not in {room, *ALLOWED[room]}
    }

    assert not wrong, "forbidden: " + ", ".join(f"{module} -> {target}" for target in sorted(wrong))


@MODULES
def test_foreign_imports_are_those_of_the_room(module: str) -> None:
    known = sys.stdlib_module_names | LIBRARIES.get(room_of(module), set())
    roots = {target.partition(".")[0] for target, _ in imports_of(module) if not is_ours(target)}

    assert roots <= known, f"{module} imports {', '.join(sorted(roots - known))}"


def test_pure_modules_exist() -> None:
    assert PATHS.keys() >= PURE


@pytest.mark.parametrize("module", sorted(PURE & PATHS.keys()))
def test_pure_modules_import_nothing_that_acts(module: str) -> None:
    roots = {target.partition(".")[0] for target, _ in imports_of(module)}
    wrong = {root for root in roots & IMPURE if (module, root) not in EXCEPTIONS}

    assert not wrong, f"{module} is to be pure, and imports {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("module", sorted(PURE & PATHS.keys()))
def test_pure_modules_import_of_ours_only_pure_ones(module: str) -> None:
    wrong = {target for target, _ in imports_of(module) if is_ours(target)} - PURE

    assert not wrong, f"{module} is to be pure, and imports {', '.join(sorted(wrong))}"


def test_no_import_goes_in_a_circle() -> None:
    graph = {
        module: {target for target, _ in imports_of(module) if target in PATHS and (module, target) not in PAIRS}
        for module in PATHS
    }

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


@MODULES
def test_no_module_is_a_drawer(module: str) -> None:
    assert DRAWERS.isdisjoint(module.split("."))


@MODULES
def test_public_names_are_promised(module: str) -> None:
    public = {name for name in bound_at_the_top(module) if not name.startswith("_")}
    # Django finds commands and migrations by their class's name, and nobody imports them.
    if public and not {"management", "migrations"} & set(module.split(".")):
        assert promised_by(module) is not None, f"{module} has no __all__"


@MODULES
def test_what_is_promised_is_there(module: str) -> None:
    imported = {name for node in ast.walk(TREES[module]) for name in names_imported_by(node)}
    promised = promised_by(module) or []

    assert set(promised) <= bound_at_the_top(module) | imported
    assert len(promised) == len(set(promised))


def names_imported_by(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    return set()


@MODULES
def test_what_is_taken_from_a_module_is_promised_by_it(module: str) -> None:
    wrong = {
        f"{target}.{name}"
        for target, name in imports_of(module)
        if name is not None and target in PATHS and name not in (promised_by(target) or [])
    }

    assert not wrong, f"{module} takes what is not in an __all__: {', '.join(sorted(wrong))}"
