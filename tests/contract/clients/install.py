"""Bring Neon's own clients and its specification into `.conformance`, once; afterwards no network is needed.

What cannot be had is not an error: the reason stands in `.conformance/<what>.missing`, and the tests that need it
are skipped with it. An old reason is forgotten when the next attempt goes well.

python tests/contract/clients/install.py
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".conformance"
MODULES = FOLDER / "node_modules"
VENV = FOLDER / "venv"

NODE = (20, 19)
NEONCTL = ("neonctl", "5.0.1")
NEON_API = ("neon-api", "0.3.0")
# The package carries the OpenAPI document, which is not ours to ship. js-yaml turns it into JSON.
API_CLIENT = ("@neondatabase/api-client", "2.7.3")
JS_YAML = ("js-yaml", "4.1.0")
DOCUMENT = FOLDER / "neon-openapi.json"

# A registry that does not answer shall not eat the time of the tests.
PATIENCE_S = 120


class MissingError(Exception):
    """Why something cannot be had, in one line."""


def main() -> None:
    """Get what is not there, and say what could not be got."""
    FOLDER.mkdir(exist_ok=True)
    for what, install in (("neonctl", neonctl), ("openapi", document), ("neon-api", neon_api)):
        reason = FOLDER / f"{what}.missing"
        try:
            install()
        except MissingError as missing:
            reason.write_text(f"{missing}\n", "utf-8")
            print(f"conformance: no {what}: {missing}", file=sys.stderr)
        else:
            reason.unlink(missing_ok=True)


def neonctl() -> None:
    """The command line, from npm."""
    if not is_installed(NEONCTL):
        npm_install(NEONCTL)


def document() -> None:
    """The OpenAPI document, as JSON."""
    if DOCUMENT.exists():
        return
    if not is_installed(API_CLIENT):
        npm_install(API_CLIENT, JS_YAML)
    source = MODULES / API_CLIENT[0] / "public-v2-for-users.gen.yaml"
    if not source.exists():
        raise MissingError(f"{API_CLIENT[0]} {API_CLIENT[1]} holds no {source.name}")
    text = run(str(MODULES / ".bin" / "js-yaml"), str(source))
    beside = DOCUMENT.with_suffix(".new")
    beside.write_text(json.dumps(json.loads(text)), "utf-8")
    beside.rename(DOCUMENT)


def neon_api() -> None:
    """The Python client, in an environment of its own: its pydantic is not ours."""
    python = VENV / "bin" / "python"
    wanted = "==".join(NEON_API)
    probe = f"import importlib.metadata as m; raise SystemExit(m.version('{NEON_API[0]}') != '{NEON_API[1]}')"
    if python.exists() and subprocess.run([python, "-c", probe], capture_output=True).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    uv = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".uv" / "bin"))
    if uv is not None:
        run(uv, "venv", "--quiet", "--python", sys.executable, str(VENV))
        run(uv, "pip", "install", "--quiet", "--python", str(python), wanted)
    else:
        run(sys.executable, "-m", "venv", str(VENV))
        run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted)


def is_installed(package: tuple[str, str]) -> bool:
    """Whether this very version lies in the folder."""
    name, version = package
    manifest = MODULES / name / "package.json"
    return manifest.exists() and json.loads(manifest.read_text("utf-8"))["version"] == version


def at_least(version: tuple[int, int]) -> str:
    """In words."""
    return ".".join(map(str, version)) + " or later"


def npm_install(*packages: tuple[str, str]) -> None:
    """Install below the folder, nowhere else."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise MissingError(f"{program} is not on the PATH (neonctl wants Node {at_least(NODE)})")
    version = run("node", "--version").strip().removeprefix("v")
    if tuple(map(int, version.split(".")[:2])) < NODE:
        raise MissingError(f"Node is {version}; neonctl wants {at_least(NODE)}")
    wanted = [f"{name}@{version}" for name, version in packages]
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    run("npm", "install", "--prefix", str(FOLDER), *quiet, *wanted)


def run(*command: str) -> str:
    """What it printed. Raises MissingError with the last words of a command that failed."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, env={**os.environ, "CI": "1"}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"{command[0]} {command[1]}: {type(error).__name__}") from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise MissingError(f"{command[0]} {command[1]}: exit {done.returncode}, {words[0][:200]}")
    return done.stdout


if __name__ == "__main__":
    main()
