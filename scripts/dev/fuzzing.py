"""A hook of schemathesis, which signs a token for every generated user."""

import os
import time
from typing import Any

import schemathesis
from jose import jwt
from schemathesis import AuthContext, Case

LIFETIME = 3600


@schemathesis.auth(refresh_interval=None)
class TokenOfTheUserInThePath:
    """Signs a token for the user_id of each request's path."""

    def get(self, case: Case[Any], _context: AuthContext) -> str | None:
        user = (case.path_parameters or {}).get("user_id")
        if not isinstance(user, str):
            return None
        claims = {"sub": user, "exp": int(time.time()) + LIFETIME}
        return jwt.encode(claims, os.environ["BETTER_AUTH_SECRET"], algorithm="HS256")

    def set(self, case: Case[Any], data: str | None, _context: AuthContext) -> None:
        if data:
            case.headers["Authorization"] = f"Bearer {data}"
