"""The frontend in a real browser, with a real Better Auth server and the real service."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import (
    APIResponse,
    BrowserContext,
    Locator,
    Page,
    Route,
    expect,
)

from tests.frontend import frontend_server
from tests.support import service

# Not in conftest.py, because the import of playwright would delay all other tests.
pytest_plugins = ("tests.support.browser",)
ROOT = service.ROOT
# The service lets clocks differ by thirty seconds, so this token is good for three.
ALMOST_OVER = "-27s"
TOKEN_TIMEOUT = 40
# Enough time for the page to show a received answer.
TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass
class Frontend:
    """The address of a frontend and of the service that it calls."""

    address: str
    service: str


@contextmanager
def running_frontend(database_url: str, **settings: str) -> Iterator[Frontend]:
    subprocess.run([ROOT / "scripts" / "client"], check=True)
    address = frontend_server.free_address()
    with (
        service.running(
            DATABASE_URL=database_url, BETTER_AUTH_URL=address, FRONTEND_URL=address
        ) as running,
        frontend_server.running(address, API_URL=running.address, **settings),
    ):
        yield Frontend(address, running.address)


@pytest.fixture(scope="module")
def frontend(database_url: str) -> Iterator[Frontend]:
    with running_frontend(database_url) as running:
        yield running


@pytest.fixture
def page(frontend: Frontend, new_browser: Callable[[], BrowserContext]) -> Iterator[Page]:
    """The page of a new account, which must log no error."""
    page = new_browser().new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    sign_up(page, frontend)
    yield page
    # The browser logs each error response.
    assert not [error for error in errors if not error.startswith("Failed to load resource")]


def sign_up(page: Page, frontend: Frontend, email: str = "") -> str:
    """Create an account. Return its e-mail address."""
    email = email or f"{time.monotonic_ns()}@example.com"
    page.goto(frontend.address)
    fill_in(page, email)
    page.get_by_role("button", name="Create an account").click()
    expect(page.get_by_label("New task")).to_be_visible()
    return email


def fill_in(page: Page, email: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(frontend_server.PASSWORD)


def add(page: Page, *titles: str) -> None:
    for title in titles:
        page.get_by_label("New task").fill(title)
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_label("New task")).to_have_value("")


def titles(page: Page) -> list[str]:
    shown: list[str] = page.locator("#list .title").evaluate_all("all => all.map(one => one.value)")
    return shown


def expect_titles(page: Page, *titles: str) -> None:
    shown = page.locator("#list .title")
    expect(shown).to_have_count(len(titles))
    for index, title in enumerate(titles):
        expect(shown.nth(index)).to_have_value(title)


def expect_settled(page: Page) -> None:
    """Wait until the page shows the list of the service."""
    expect(page.locator("#tasks")).to_have_attribute("aria-busy", "false")


def drag(page: Page, title: str, onto: str) -> None:
    """Drag a task by its handle above another task."""
    expect_settled(page)
    start = page.get_by_role("button", name=f"Move {title}").bounding_box()
    end = page.get_by_role("button", name=f"Move {onto}").bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + 1, steps=10)
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.mouse.up()


def completed(page: Page, title: str) -> Locator:
    return page.get_by_role("checkbox", name=f"{title} is done")


@pytest.mark.usefixtures("browser")
class TestPage:
    def test_task_dragged_to_the_top_is_first_after_reload(self, page: Page) -> None:
        add(page, "first", "second", "third")
        drag(page, "third", onto="first")
        expect_titles(page, "third", "first", "second")
        page.reload()
        expect_titles(page, "third", "first", "second")

    def test_task_dragged_down_has_its_new_place_after_reload(self, page: Page) -> None:
        add(page, "first", "second", "third")
        drag(page, "first", onto="third")
        expect_titles(page, "second", "first", "third")
        page.reload()
        expect_titles(page, "second", "first", "third")

    def test_completed_task_is_completed_after_reload(self, page: Page) -> None:
        add(page, "Buy milk", "Call the plumber")
        with page.expect_response(lambda answer: answer.request.method == "PATCH"):
            completed(page, "Buy milk").check()
        expect(page.get_by_text("1 of 2 to do")).to_be_visible()
        page.reload()
        expect(completed(page, "Buy milk")).to_be_checked()
        expect(completed(page, "Call the plumber")).not_to_be_checked()

    def test_title_and_note_can_be_changed_and_a_note_removed(self, page: Page) -> None:
        add(page, "Buy milk")
        change(page, "Note on Buy milk", "Two litres.")
        change(page, "Title of Buy milk", "Buy oat milk")
        page.reload()
        expect_titles(page, "Buy oat milk")
        expect(page.get_by_label("Note on Buy oat milk")).to_have_value("Two litres.")
        change(page, "Note on Buy oat milk", "")
        page.reload()
        expect(page.get_by_label("Note on Buy oat milk")).to_have_value("")

    def test_escape_restores_the_title(self, page: Page) -> None:
        add(page, "Buy milk")
        title = page.get_by_label("Title of Buy milk")
        title.fill("Something else")
        title.press("Escape")
        expect(title).to_have_value("Buy milk")
        page.reload()
        expect_titles(page, "Buy milk")

    def test_blank_title_is_replaced_by_the_old_title(self, page: Page) -> None:
        add(page, "Buy milk")
        title = page.get_by_label("Title of Buy milk")
        title.fill("  ")
        title.press("Enter")
        expect(title).to_have_value("Buy milk")

    def test_list_of_another_user_is_not_shown(
        self, page: Page, frontend: Frontend, new_browser: Callable[[], BrowserContext]
    ) -> None:
        add(page, "mine")
        other = new_browser().new_page()
        sign_up(other, frontend)
        expect(other.get_by_text("Nothing to do.")).to_be_visible()
        expect_titles(other)

    def test_keyboard_alone_can_create_move_complete_and_delete(self, page: Page) -> None:
        keyboard = page.keyboard
        page.get_by_label("New task").focus()
        for title in ("first", "second", "third"):
            keyboard.type(title)
            keyboard.press("Enter")
            expect(page.get_by_label("New task")).to_have_value("")
        page.get_by_role("button", name="Move third").focus()
        keyboard.press("ArrowUp")
        keyboard.press("ArrowUp")
        expect(page.get_by_role("status")).to_have_text("third is now at place 1 of 3.")
        expect(page.get_by_role("button", name="Move third")).to_be_focused()
        expect_titles(page, "third", "first", "second")
        keyboard.press("Tab")
        with page.expect_response(lambda answer: answer.request.method == "PATCH"):
            keyboard.press("Space")
        for _ in range(3):
            keyboard.press("Tab")
        keyboard.press("Enter")
        expect_titles(page, "first", "second")
        expect(page.get_by_role("button", name="Delete first")).to_be_focused()
        page.reload()
        expect_titles(page, "first", "second")

    def test_quick_moves_are_sent_in_order(self, page: Page) -> None:
        titles = [f"task {number}" for number in range(8)]
        add(page, *titles)
        page.get_by_role("button", name="Move task 0").focus()
        for _ in range(6):
            page.keyboard.press("ArrowDown")
        moved = [*titles[1:7], titles[0], titles[7]]
        expect_titles(page, *moved)
        expect_settled(page)
        page.reload()
        expect_titles(page, *moved)

    def test_late_list_response_does_not_revert_a_move(self, page: Page) -> None:
        add(page, "first", "second", "third")
        expect_settled(page)
        late: list[tuple[Route, APIResponse]] = []
        shown: list[list[str]] = []

        def keep_the_first_list(route: Route) -> None:
            if late:
                route.continue_()
                return
            late.append((route, route.fetch()))
            page.keyboard.press("ArrowUp")

        def send_it_before_the_second_move(route: Route) -> None:
            if late:
                kept, answer = late[0]
                kept.fulfill(response=answer)
                page.evaluate(TWO_FRAMES)
                shown.append(titles(page))
            route.continue_()

        page.route("**/tasks?offset=0", keep_the_first_list)
        page.route("**/tasks/*", send_it_before_the_second_move)
        page.get_by_role("button", name="Move third").press("ArrowUp")
        expect(page.get_by_role("status")).to_have_text("third is now at place 1 of 3.")
        expect_settled(page)
        assert [*shown, titles(page)] == [["third", "first", "second"]] * 2
        expect(page.get_by_role("button", name="Move third")).to_be_focused()

    def test_error_response_is_shown_as_text(self, page: Page) -> None:
        add(page, "Buy milk")
        with page.expect_response(lambda answer: answer.status == httpx.codes.NOT_FOUND):
            delete_elsewhere(page)
            page.get_by_role("button", name="Delete Buy milk").click()
        expect(page.get_by_role("alert")).to_contain_text("This task is gone")
        expect_titles(page)

    def test_sign_out_removes_all_tasks_from_the_page(self, page: Page) -> None:
        add(page, "secret")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("E-mail")).to_be_visible()
        assert "secret" not in page.content()


def change(page: Page, label: str, text: str) -> None:
    page.get_by_label(label).fill(text)
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.get_by_label(label).press("Enter")


def delete_elsewhere(page: Page) -> None:
    """Delete the only task in a second tab."""
    tab = page.context.new_page()
    tab.goto(page.url)
    tab.get_by_role("button", name="Delete").click()
    expect_titles(tab)
    tab.close()


@pytest.mark.usefixtures("browser")
class TestTokens:
    def test_expired_token_is_renewed_without_an_alert(
        self, short_lived: Frontend, new_browser: Callable[[], BrowserContext]
    ) -> None:
        page = new_browser().new_page()
        token = first_token(page, short_lived)
        wait_until_refused(short_lived, token)
        add(page, "late")
        expect_titles(page, "late")
        expect(page.get_by_role("alert")).to_be_empty()

    def test_expired_token_after_the_session_asks_to_sign_in(
        self, short_lived: Frontend, new_browser: Callable[[], BrowserContext]
    ) -> None:
        context = new_browser()
        page = context.new_page()
        email = sign_up(page, short_lived)
        add(page, "early")
        token = first_token(page, short_lived, reload=True)
        sign_out_elsewhere(context, short_lived)
        wait_until_refused(short_lived, token)
        page.get_by_label("New task").fill("late")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("alert")).to_have_text("Your session has ended. Sign in again.")
        expect_titles(page)
        fill_in(page, email)
        page.get_by_role("button", name="Sign in").click()
        expect_titles(page, "early")
        # The entered text is kept.
        expect(page.get_by_label("New task")).to_have_value("late")
        page.get_by_role("button", name="Add").click()
        expect_titles(page, "early", "late")


@pytest.fixture(scope="module")
def short_lived(database_url: str) -> Iterator[Frontend]:
    with running_frontend(database_url, TOKEN_LIFETIME=ALMOST_OVER) as running:
        yield running


def first_token(page: Page, frontend: Frontend, *, reload: bool = False) -> str:
    """Sign up or reload the page. Return the token that the page sends."""
    with page.expect_request(lambda request: "authorization" in request.headers) as sent:
        if reload:
            page.reload()
        else:
            sign_up(page, frontend)
    return sent.value.headers["authorization"]


def sign_out_elsewhere(context: BrowserContext, frontend: Frontend) -> None:
    """Sign out in a second tab of the same browser."""
    tab = context.new_page()
    tab.goto(frontend.address)
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_label("E-mail")).to_be_visible()
    tab.close()


def wait_until_refused(frontend: Frontend, authorization: str) -> None:
    until = time.monotonic() + TOKEN_TIMEOUT
    while time.monotonic() < until:
        headers = {"Authorization": authorization}
        answer = httpx.get(f"{frontend.service}/api/somebody/tasks", headers=headers)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            return
        time.sleep(0.2)
    raise AssertionError("The token does not expire.")


@pytest.mark.usefixtures("browser")
class TestOrigins:
    def test_browser_blocks_an_origin_that_is_not_configured(
        self, frontend: Frontend, new_browser: Callable[[], BrowserContext]
    ) -> None:
        with frontend_server.running(API_URL=frontend.service) as other:
            page = new_browser().new_page()
            lines: list[str] = []
            page.on("console", lambda line: lines.append(line.text))
            sign_up(page, Frontend(other.address, frontend.service))
            expect(page.get_by_role("alert")).to_have_text(
                "The service cannot be reached from here."
            )
            page.get_by_label("New task").fill("forbidden")
            page.get_by_role("button", name="Add").click()
            expect(page.get_by_label("New task")).to_have_value("forbidden")
            expect_titles(page)
        assert any("blocked by CORS policy" in line for line in lines)
