"""Users of the service, each with a token and a separate list."""

import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
from jose import jwt

from tests.support import conformance, service

Json = dict[str, Any]


class User:
    """A user with a token and a new list."""

    def __init__(self, address: str, user_id: str | None = None, token: str | None = None) -> None:
        self.user_id = user_id or f"user-{secrets.token_hex(8)}"
        self.path = f"/api/{quote(self.user_id, safe='')}/tasks"
        self.client = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token or token_for(self.user_id)}"},
            event_hooks={"response": [conformance.check]},
            timeout=30,
            verify=service.TLS,
        )

    def request(self, method: str, path: str = "", **options: Any) -> httpx.Response:
        """Send a request for the list of this user. `path` is relative to the list."""
        return self.client.request(method, f"{self.path}{path}", **options)

    def create(self, title: str = "Buy milk", **members: Any) -> Json:
        response = self.request("POST", json={"title": title, **members})
        assert response.status_code == httpx.codes.CREATED, response.text
        task: Json = response.json()
        return task

    def update(self, task: Json, **members: Any) -> Json:
        response = self.request("PUT", f"/{task['id']}", json=members)
        assert response.status_code == httpx.codes.OK, response.text
        changed: Json = response.json()
        return changed

    def get(self, task: Json) -> Json:
        response = self.request("GET", f"/{task['id']}")
        assert response.status_code == httpx.codes.OK, response.text
        found: Json = response.json()
        return found

    def page(self, **query: Any) -> Json:
        response = self.request("GET", params=query)
        assert response.status_code == httpx.codes.OK, response.text
        page: Json = response.json()
        return page

    def titles(self, **query: Any) -> list[str]:
        return [task["title"] for task in self.page(**query)["data"]]


NewUser = Callable[..., User]


def token_for(user_id: object, secret: str = service.SECRET, **claims: Any) -> str:
    """Sign a token with the shared secret. A claim of None is left out."""
    now = int(time.time())
    all_claims = {"sub": user_id, "iat": now, "exp": now + 600, **claims}
    given = {name: value for name, value in all_claims.items() if value is not None}
    return jwt.encode(given, secret, algorithm="HS256")


def error_of(response: httpx.Response) -> tuple[int, str, list[str]]:
    """Return the status, the code and the locations of an error response."""
    body = response.json()
    places = [detail["location"] for detail in body["details"]]
    return response.status_code, body["code"], places
