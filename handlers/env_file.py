"""The file `.env` in the working directory. Environment variables take precedence over it."""

from pathlib import Path

from dotenv import dotenv_values

PATH = Path(".env")
# Editors on Windows begin a file with a byte order mark.
ENCODING = "utf-8-sig"


def problem() -> str | None:
    """Return an error message if the file exists but cannot be read as text."""
    if not PATH.is_file():
        return None
    try:
        text = PATH.read_text(ENCODING)
    except OSError as error:
        return f".env cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        text = "\0"
    return ".env is not UTF-8 text: save it as such" if "\0" in text else None


def names() -> set[str]:
    """Return the names of the variables in the file."""
    if not PATH.is_file() or problem():
        return set()
    return set(dotenv_values(PATH, encoding=ENCODING, interpolate=False))
