"""The virtual environment of the commands, created and updated by the first command.

This module imports the standard library alone, because packages are not installed yet. Progress
goes to standard error: programs may read the standard output of a command.
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
# Records the version of Python and the lock file of the last installation.
INSTALLED = ENVIRONMENT / "installed.txt"

# These variables make Python read files of another installation.
MISLEADING = ("PYTHONHOME", "PYTHONPATH", "PYTHONPLATLIBDIR", "__PYVENV_LAUNCHER__")
# The settings of pip for the source of packages. Other settings, such as `user` and `target`,
# change the destination.
SOURCES = {
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "keyring-provider"),
    *("proxy", "cert", "client-cert", "timeout", "default-timeout", "retries"),
    *("cache-dir", "no-cache-dir"),
}


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # The folder was deleted.
        return ROOT


CALLER = _working_directory()


def path(given: str) -> Path:
    """Resolve a path against the folder in which the command was started."""
    return CALLER / given


def enter() -> None:
    """Restart the command in the virtual environment, and change to the project's folder."""
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
    # The working directory is still the caller's, so a relative name resolves.
    script = str(Path(sys.argv[0]).resolve())
    os.execve(PYTHON, [str(PYTHON), script, *sys.argv[1:]], _environment())  # noqa: S606


def _version() -> str:
    return f"Python {sys.version_info[0]}.{sys.version_info[1]}"


def _version_of_environment() -> "str | None":
    """Return the version of the environment's Python, or None if Python does not start."""
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
    # Two commands may start an installation at the same time.
    with LOCK.open() as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        if _is_current(_version_of_environment()):
            return
        _print_progress("Installing the dependencies into .venv, once, for about a minute ...")
        try:
            _create_unless_usable()
            _install_packages()
            INSTALLED.write_text(f"{_version_of_environment()}\n{LOCK.read_text()}")
        except OSError as error:
            sys.exit(f".venv cannot be written: {error}")
        except KeyboardInterrupt:
            sys.exit("The installation was interrupted: run this again.")


def _create_unless_usable() -> None:
    version = _version_of_environment()
    is_usable = version is not None and _installed().startswith(f"{version}\n")
    # After an interrupted installation the file is missing, so the next command starts again.
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
    # The base Python: `--clear` deletes the environment's own Python.
    python = getattr(sys, "_base_executable", sys.executable)
    failure = "The virtual environment could not be made"
    _run(failure, [python, "-m", "venv", "--clear", ENVIRONMENT], _environment())


def _install_packages() -> None:
    failure = "The dependencies could not be installed"
    pip = ("pip", "--disable-pip-version-check", "install", "-qq", "--progress-bar=on")
    environment = _environment_of_pip()
    _run(failure, [PYTHON, "-I", "-m", *pip, "--requirement", LOCK], environment)
    # Removes packages of an earlier lock file.
    _run(failure, [PYTHON, "-I", "-m", "piptools", "sync", "--quiet", LOCK], environment)


def _run(failure: str, command: "Sequence[str | Path]", environment: "dict[str, str]") -> None:
    if subprocess.run(command, env=environment, stdout=2, check=False).returncode:
        sys.exit(f"{failure}: see the message above, and run this again.")


def _environment() -> "dict[str, str]":
    return {name: value for name, value in os.environ.items() if name not in MISLEADING}


def _environment_of_pip() -> "dict[str, str]":
    """Return the environment; of pip's settings, only SOURCES."""
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
    """Return the settings in pip's configuration files."""
    listed = subprocess.run(
        [PYTHON, "-I", "-m", "pip", "config", "list"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = (line.partition("=") for line in listed.stdout.splitlines() if "=" in line)
    return {name.rpartition(".")[2]: ast.literal_eval(value) for name, _, value in lines}


def _print_progress(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
