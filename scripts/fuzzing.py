"""What schemathesis needs to know: every generated user has a token."""

import time
from typing import Any

import schemathesis
from jose import jwt
from schemathesis import AuthContext, Case

from tests.support.service import SECRET

LIFETIME = 3600


@schemathesis.auth(refresh_interval=None)
class TokenOfTheUserInThePath:
    """Mints a token for whoever the path names, each time, so that no user has to be fixed."""

    def get(self, case: Case[Any], _context: AuthContext) -> str | None:
        user = (case.path_parameters or {}).get("user_id")
        if not isinstance(user, str):
            return None
        claims = {"sub": user, "exp": int(time.time()) + LIFETIME}
        return jwt.encode(claims, SECRET, algorithm="HS256")

    def set(self, case: Case[Any], data: str | None, _context: AuthContext) -> None:
        if data:
            case.headers["Authorization"] = f"Bearer {data}"
