"""The secret and the tokens of development."""

import os
import secrets
import sys
import time

from jose import jwt

from scripts.dev import env_file

NAME = "BETTER_AUTH_SECRET"


def secret() -> str:
    """Return the shared secret; generate a missing secret, and write the secret to .env."""
    env_file.load()
    if not os.environ.get(NAME):
        os.environ[NAME] = secrets.token_urlsafe(32)
        try:
            env_file.write(NAME, os.environ[NAME])
        except OSError as error:
            sys.exit(f"Set {NAME}: the generated secret cannot be kept in .env ({error}).")
    return os.environ[NAME]


def token(user: str, *, hours: float = 24) -> str:
    """Sign a token for this user."""
    now = int(time.time())
    claims = {"sub": user, "iat": now, "exp": now + int(hours * 3600)}
    return jwt.encode(claims, secret(), algorithm="HS256")
