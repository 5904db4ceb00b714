"""The documentation page in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support import service
from tests.support.users import User

# Not in conftest.py, because the import of playwright would delay all other tests.
pytest_plugins = ("tests.support.browser",)


class TestDocs:
    def test_docs_page_sends_requests_only_to_the_service(
        self, docs: Page, asked: list[str]
    ) -> None:
        expect(docs.get_by_role("heading", name="To-do API")).to_be_visible()
        expect(docs.locator(".opblock")).to_have_count(9)
        address = docs.url.removesuffix("/docs")
        assert f"{address}/openapi.json" in asked
        assert [url for url in asked if not url.startswith((f"{address}/", "data:"))] == []

    def test_docs_page_executes_operations_with_a_token(self, docs: Page, user: User) -> None:
        authorize(docs, user.client.headers["authorization"].removeprefix("Bearer "))
        assert execute(docs, "create_task", user_id=user.user_id) == "201"
        assert user.page()["pagination"]["total"] == 1
        assert execute(docs, "list_tasks", user_id=user.user_id, offset="0") == "200"
        assert execute(docs, "get_health") == "200"

    def test_docs_page_without_a_token_gets_401(self, docs: Page) -> None:
        assert execute(docs, "list_tasks", user_id="somebody") == "401"


@pytest.fixture
def asked() -> list[str]:
    """Where the browser sends requests."""
    return []


@pytest.fixture
def docs(
    running_service: service.Service,
    new_browser: Callable[[], BrowserContext],
    asked: list[str],
) -> Page:
    page = new_browser().new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{running_service.address}/docs")
    return page


def authorize(docs: Page, token: str) -> None:
    docs.locator(".btn.authorize").first.click()
    dialog = docs.locator(".modal-ux")
    dialog.get_by_role("textbox").fill(token)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close", exact=True).click()


def execute(docs: Page, operation_id: str, **parameters: str) -> str:
    """Execute an operation on the page. Return the status of the answer."""
    operation = docs.locator(f".opblock[id$=-{operation_id}]")
    operation.locator(".opblock-summary-control").click()
    for name, value in parameters.items():
        operation.locator(f"tr[data-param-name={name}] input").fill(value)
    operation.get_by_role("button", name="Execute").click()
    status = operation.locator(".live-responses-table .response-col_status").last
    return status.inner_text().split()[0]
