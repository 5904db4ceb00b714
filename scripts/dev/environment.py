"""The virtual environment that every script runs in, made and kept current by the first to run.

Uses the standard library alone, since nothing else is installed yet. Progress goes to standard
error: what a script prints on standard output may be read by a program.
"""

import ast
import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOCK = ROOT / "scripts" / "requirements-dev.txt"
# What the environment holds: the Python it was made with, and the lock file that was installed.
INSTALLED = ENVIRONMENT / "installed.txt"

# These make a Python read another one's files.
MISLEADING = ("PYTHONHOME", "PYTHONPATH", "PYTHONPLATLIBDIR", "__PYVENV_LAUNCHER__")
# The pip settings that say where packages come from. Others, such as `user` and `target`, would
# install them elsewhere.
SOURCES = {
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "keyring-provider"),
    *("proxy", "cert", "client-cert", "timeout", "default-timeout", "retries"),
    *("cache-dir", "no-cache-dir"),
}


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # It was deleted.
        return ROOT


CALLER = _working_directory()


def path(given: str) -> Path:
    """Return the path that a caller means, who may be in another folder than the project's."""
    return CALLER / given


def enter() -> None:
    """Continue inside the project's environment, in the project's folder, as the same script."""
    if sys.version_info < (3, 11):  # noqa: UP036 - older Pythons do start this file.
        sys.exit(
            "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". "
            "Run the script with a newer one, such as: python3.12 scripts/serve"
        )
    is_inside = Path(sys.prefix) == ENVIRONMENT
    if not _is_current(_version() if is_inside else _version_of_environment()):
        _install()
        is_inside = False
    if not is_inside:
        _restart()
    os.chdir(ROOT)


def _restart() -> None:
    # A relative name is meant from the caller's folder, which is still the working directory.
    script = str(Path(sys.argv[0]).resolve())
    os.execve(PYTHON, [str(PYTHON), script, *sys.argv[1:]], _environment())  # noqa: S606


def _version() -> str:
    return f"Python {sys.version_info[0]}.{sys.version_info[1]}"


def _version_of_environment() -> "str | None":
    """Return the version of the environment's Python, or None if that does not start."""
    program = "import sys; print(f'Python {sys.version_info[0]}.{sys.version_info[1]}')"
    try:
        asked = subprocess.run(
            [PYTHON, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return asked.stdout.strip() or None


def _is_current(version: "str | None") -> bool:
    return version is not None and _installed() == f"{version}\n{LOCK.read_text()}"


def _installed() -> str:
    return INSTALLED.read_text() if INSTALLED.is_file() else ""


def _install() -> None:
    # Two scripts may find the environment missing at once.
    with LOCK.open() as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        if _is_current(_version_of_environment()):
            return
        _say("Installing the dependencies into .venv, once, for about a minute ...")
        try:
            _create_unless_usable()
            _bring()
            INSTALLED.write_text(f"{_version_of_environment()}\n{LOCK.read_text()}")
        except OSError as error:
            sys.exit(f".venv cannot be written: {error}")
        except KeyboardInterrupt:
            sys.exit("The installation was interrupted: run this again.")


def _create_unless_usable() -> None:
    version = _version_of_environment()
    is_usable = version is not None and _installed().startswith(f"{version}\n")
    # An installation that is interrupted leaves no mark, so the next one starts from nothing.
    INSTALLED.unlink(missing_ok=True) if ENVIRONMENT.is_dir() else None
    if not is_usable:
        _create()


def _create() -> None:
    if not find_spec("venv") or not find_spec("ensurepip"):
        sys.exit(
            f"{sys.executable} cannot make a virtual environment, as it has no ensurepip.\n"
            "On Debian and Ubuntu: apt-get install python3-venv; "
            "elsewhere, run this with another Python."
        )
    if ENVIRONMENT.is_symlink() or (ENVIRONMENT.exists() and not ENVIRONMENT.is_dir()):
        sys.exit(f"{ENVIRONMENT} is not a folder of this project's own: remove it.")
    # The one that an environment was made with: its own Python is about to be deleted.
    python = getattr(sys, "_base_executable", sys.executable)
    failure = "The virtual environment could not be made"
    _run(failure, [python, "-m", "venv", "--clear", ENVIRONMENT], _environment())


def _bring() -> None:
    failure = "The dependencies could not be installed"
    pip = ("pip", "--disable-pip-version-check", "install", "-qq", "--progress-bar=on")
    environment = _environment_of_pip()
    _run(failure, [PYTHON, "-I", "-m", *pip, "--requirement", LOCK], environment)
    # What an earlier lock file brought, and this one does not, is removed.
    _run(failure, [PYTHON, "-I", "-m", "piptools", "sync", "--quiet", LOCK], environment)


def _run(failure: str, command: "Sequence[str | Path]", environment: "dict[str, str]") -> None:
    if subprocess.run(command, env=environment, stdout=2, check=False).returncode:
        sys.exit(f"{failure}: see the message above, and run this again.")


def _environment() -> "dict[str, str]":
    return {name: value for name, value in os.environ.items() if name not in MISLEADING}


def _environment_of_pip() -> "dict[str, str]":
    """Return the user's environment with those settings of pip alone that are in SOURCES."""
    environment = _environment()
    variables = {name: environment.pop(name) for name in os.environ if name.startswith("PIP_")}
    given = {_setting(name): value for name, value in variables.items()}
    file = {name: value for name, value in variables.items() if name == "PIP_CONFIG_FILE"}
    settings = _configured(environment | file) | given
    sources = {_variable(name): settings[name] for name in SOURCES & settings.keys()}
    return environment | sources | {"PIP_CONFIG_FILE": os.devnull}


def _setting(variable: str) -> str:
    return variable[len("PIP_") :].lower().replace("_", "-")


def _variable(setting: str) -> str:
    return "PIP_" + setting.upper().replace("-", "_")


def _configured(environment: "dict[str, str]") -> "dict[str, str]":
    """Return the settings in the user's pip.conf."""
    listed = subprocess.run(
        [PYTHON, "-I", "-m", "pip", "config", "list"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = (line.partition("=") for line in listed.stdout.splitlines() if "=" in line)
    return {name.rpartition(".")[2]: ast.literal_eval(value) for name, _, value in lines}


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
