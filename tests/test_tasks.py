"""What each operation does with the tasks of its own user."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from tests.support.database import run
from tests.support.users import Json, NewUser, User, error_of

TEXTS = [
    "Ünïcödé",
    "買牛乳",
    "اشتر الحليب",
    "🥛👩‍👩‍👧",
    "e\u0301",
    "\u200b x",
    "a\tb\nc",
    " spaces ",
]


class TestCreateTask:
    def test_new_task_is_last_and_location_header_is_its_address(self, user: User) -> None:
        user.create("first")
        response = user.request("POST", json={"title": "second"})
        assert response.json()["position"] == 1
        assert user.client.get(response.headers["Location"]).json() == response.json()

    def test_create_with_only_a_title_sets_defaults(self, user: User) -> None:
        task = user.create("Buy milk")
        assert (task["description"], task["completed"]) == (None, False)
        assert task["user_id"] == user.user_id
        assert task["created_at"] == task["updated_at"]

    def test_create_with_every_member_stores_every_member(self, user: User) -> None:
        task = user.create("Call", description="Soon.", completed=True, position=0)
        assert (task["description"], task["completed"]) == ("Soon.", True)
        assert user.get(task) == task

    @pytest.mark.parametrize(
        ("position", "order"),
        [(0, "NABC"), (1, "ANBC"), (3, "ABCN"), (99, "ABCN"), (2**53 - 1, "ABCN")],
    )
    def test_create_with_position_inserts_there_and_beyond_the_end_appends(
        self, user: User, position: int, order: str
    ) -> None:
        for title in "ABC":
            user.create(title)
        task = user.create("N", position=position)
        assert "".join(user.titles()) == order
        assert task["position"] == order.index("N")

    @pytest.mark.parametrize("text", TEXTS)
    def test_text_of_any_script_is_stored_unchanged(self, user: User, text: str) -> None:
        task = user.create(text, description=text)
        assert (task["title"], task["description"]) == (text, text)
        assert user.get(task) == task

    def test_length_limits_count_code_points(self, user: User) -> None:
        user.create("🥛" * 255, description="🥛" * 1000)
        response = user.request("POST", json={"title": "🥛" * 256, "description": "x" * 1001})
        assert error_of(response) == (422, "validation_error", ["body.title", "body.description"])

    @pytest.mark.parametrize("user_id", ["ü ser", "a%2Fb", "1+1=2?#&", "x" * 255, "日本", "~.-_"])
    def test_location_header_encodes_any_user_id(self, new_user: NewUser, user_id: str) -> None:
        user = new_user(user_id)
        response = user.request("POST", json={"title": "mine"})
        location = response.headers["Location"]
        assert location.startswith(f"/api/{quote(user_id, safe='')}/tasks/")
        assert user.client.get(location).json()["user_id"] == user_id


class TestListTasks:
    def test_empty_list_returns_an_empty_page(self, user: User) -> None:
        assert user.page() == {
            "data": [],
            "pagination": {"total": 0, "limit": 1000, "offset": 0, "has_more": False},
        }

    @pytest.mark.parametrize(
        ("query", "titles", "has_more"),
        [
            ({"limit": 2}, "AB", True),
            ({"limit": 2, "offset": 2}, "CD", True),
            ({"limit": 2, "offset": 4}, "E", False),
            ({"limit": 5}, "ABCDE", False),
            ({"offset": 5}, "", False),
            ({"offset": 2**53 - 1}, "", False),
        ],
    )
    def test_limit_and_offset_select_the_page(
        self, user: User, query: Json, titles: str, *, has_more: bool
    ) -> None:
        for title in "ABCDE":
            user.create(title)
        page = user.page(**query)
        assert "".join(task["title"] for task in page["data"]) == titles
        expected = {"total": 5, "limit": 1000, "offset": 0, "has_more": has_more, **query}
        assert page["pagination"] == expected

    def test_filter_changes_the_total_and_keeps_positions_of_the_whole_list(
        self, user: User
    ) -> None:
        for title in "ABCD":
            user.create(title, completed=title in "BD")
        page = user.page(completed="true", limit=1)
        assert [(task["title"], task["position"]) for task in page["data"]] == [("B", 1)]
        assert page["pagination"] == {"total": 2, "limit": 1, "offset": 0, "has_more": True}
        assert user.titles(completed="false") == ["A", "C"]
        assert user.page(completed="true", offset=9)["pagination"]["total"] == 2


class TestGetTask:
    def test_task_has_its_current_position(self, user: User) -> None:
        task = user.create("mine")
        user.create("above", position=0)
        assert user.get(task) == {**task, "position": 1}

    def test_time_of_a_whole_second_has_six_decimal_places(
        self, user: User, database_url: str
    ) -> None:
        """All times have one length, so that they sort as text."""
        task = user.create()
        run(
            database_url,
            f"UPDATE tasks SET created_at = '2026-01-02 03:04:05Z' WHERE id = {task['id']}",
        )
        assert user.get(task)["created_at"] == "2026-01-02T03:04:05.000000Z"


class TestUpdateTask:
    def test_update_changes_only_the_members_that_are_sent(self, user: User) -> None:
        task = user.create("old", description="kept", completed=True)
        changed = user.update(task, title="new")
        assert changed == {**task, "title": "new", "updated_at": changed["updated_at"]}
        assert user.get(task) == changed

    @pytest.mark.parametrize("description", [None, "", "new"])
    def test_description_can_be_changed_to_text_empty_text_and_null(
        self, user: User, description: str | None
    ) -> None:
        task = user.create(description="old")
        assert user.update(task, description=description)["description"] == description
        assert user.update(task, title="other")["description"] == description

    @pytest.mark.parametrize("body", [{}, {"id": 5}, {"user_id": None, "created_at": ["what"]}])
    def test_update_without_changes_returns_the_task_unchanged(
        self, user: User, body: Json
    ) -> None:
        task = user.create()
        assert user.update(task, **body) == task

    def test_update_with_a_whole_task_ignores_read_only_members(self, user: User) -> None:
        user.create("first")
        task = user.create("second")
        changed = user.update(task, **{**task, "title": "renamed"})
        assert changed == {**task, "title": "renamed", "updated_at": changed["updated_at"]}

    def test_each_update_increases_updated_at(self, user: User) -> None:
        task = user.create()
        times = [task["updated_at"]]
        times += [user.update(task, title="same")["updated_at"] for _ in range(20)]
        assert times == sorted(set(times))
        assert user.get(task)["created_at"] == task["created_at"]

    @pytest.mark.parametrize("start", range(4))
    @pytest.mark.parametrize("end", [0, 1, 2, 3, 4, 1000])
    def test_update_with_position_moves_the_task(self, user: User, start: int, end: int) -> None:
        tasks = [user.create(title) for title in "ABCD"]
        expected = [*"ABCD"]
        expected.insert(end, expected.pop(start))
        moved = user.update(tasks[start], position=end)
        assert user.titles() == expected
        assert moved["position"] == min(end, 3)

    def test_move_keeps_updated_at_of_other_tasks(self, user: User) -> None:
        tasks = [user.create(title) for title in "ABC"]
        user.update(tasks[2], position=0)
        assert [user.get(task)["updated_at"] for task in tasks[:2]] == [
            task["updated_at"] for task in tasks[:2]
        ]

    def test_update_with_position_and_title_changes_both(self, user: User) -> None:
        user.create("A")
        task = user.create("B", description="old")
        changed = user.update(task, position=0, title="C", description=None, completed=True)
        assert (changed["position"], changed["title"]) == (0, "C")
        assert (changed["description"], changed["completed"]) == (None, True)

    def test_every_position_sent_in_ascending_order_gives_the_new_order(self, user: User) -> None:
        tasks = {title: user.create(title) for title in "ABCDEF"}
        for index, title in enumerate("FBDACE"):
            user.update(tasks[title], position=index)
        assert "".join(user.titles()) == "FBDACE"

    def test_move_of_unknown_task_gets_404(self, user: User) -> None:
        response = user.request("PUT", "/9007199254740991", json={"position": 0})
        assert error_of(response) == (404, "not_found", [])

    @pytest.mark.parametrize(
        ("method", "rest", "body"),
        [
            ("PUT", "", {"title": "x"}),
            ("PUT", "", {"position": 0}),
            ("PATCH", "/complete", None),
            ("PATCH", "/complete", {"completed": True}),
        ],
    )
    def test_updated_at_increases_although_the_clock_was_set_back(
        self, user: User, database_url: str, method: str, rest: str, body: Json | None
    ) -> None:
        task = user.create()
        later = "updated_at = updated_at + interval '1 hour'"
        run(database_url, f"UPDATE tasks SET {later} WHERE id = {task['id']}")
        before = user.get(task)["updated_at"]
        answer = user.request(method, f"/{task['id']}{rest}", json=body)
        assert answer.json()["updated_at"] > before


class TestDeleteTask:
    def test_delete_decreases_the_positions_of_later_tasks(self, user: User) -> None:
        tasks = [user.create(title) for title in "ABC"]
        assert user.request("DELETE", f"/{tasks[1]['id']}").status_code == 204
        assert [task["position"] for task in user.page()["data"]] == [0, 1]
        assert user.titles() == ["A", "C"]

    def test_deleted_task_gets_404_and_its_id_is_not_reused(self, user: User) -> None:
        task = user.create()
        user.request("DELETE", f"/{task['id']}")
        for method in ("GET", "DELETE"):
            response = user.request(method, f"/{task['id']}")
            assert error_of(response) == (404, "not_found", [])
        assert user.create()["id"] != task["id"]


class TestToggleTaskCompletion:
    def toggle(self, user: User, task: Json, **options: object) -> Json:
        response = user.request("PATCH", f"/{task['id']}/complete", **options)
        assert response.status_code == 200, response.text
        toggled: Json = response.json()
        return toggled

    def test_toggle_without_a_body_inverts_completed(self, user: User) -> None:
        task = user.create()
        assert self.toggle(user, task)["completed"] is True
        # Some clients send a JSON content type and no body.
        announced = {"Content-Type": "application/json"}
        assert self.toggle(user, task, headers=announced)["completed"] is False

    @pytest.mark.parametrize("completed", [True, False])
    def test_toggle_with_a_body_sets_completed_idempotently(
        self, user: User, *, completed: bool
    ) -> None:
        task = user.create(completed=not completed)
        for _ in range(2):
            toggled = self.toggle(user, task, json={"completed": completed})
            assert toggled["completed"] is completed

    @pytest.mark.parametrize(
        ("body", "place"),
        [
            ("{}", "body.completed"),
            ("null", "body"),
            ('{"completed": null}', "body.completed"),
            ('{"completed": "true"}', "body.completed"),
            ('{"completed": 1}', "body.completed"),
        ],
    )
    def test_toggle_with_an_invalid_body_changes_nothing(
        self, user: User, body: str, place: str
    ) -> None:
        task = user.create()
        announced = {"Content-Type": "application/json"}
        response = user.request("PATCH", f"/{task['id']}/complete", content=body, headers=announced)
        assert error_of(response) == (422, "validation_error", [place])
        assert user.get(task) == task

    def test_each_toggle_increases_updated_at(self, user: User) -> None:
        task = user.create()
        times = [task["updated_at"]]
        times += [self.toggle(user, task)["updated_at"] for _ in range(20)]
        assert times == sorted(set(times))

    def test_concurrent_toggles_are_all_applied(self, user: User) -> None:
        task = user.create()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: self.toggle(user, task), range(101)))
        assert sum(answer["completed"] for answer in answers) == 51
        assert user.get(task)["completed"] is True


class TestReorderTasks:
    def reorder(self, user: User, task_ids: list[int]) -> tuple[int, str, list[str]] | None:
        response = user.request("PUT", "/order", json={"task_ids": task_ids})
        return None if response.status_code == 204 else error_of(response)

    def test_reorder_of_the_whole_list_sets_the_new_order(self, user: User) -> None:
        ids = {title: user.create(title)["id"] for title in "ABCDE"}
        assert self.reorder(user, [ids[title] for title in "DBEAC"]) is None
        assert "".join(user.titles()) == "DBEAC"
        user.create("F")
        user.create("0", position=0)
        assert "".join(user.titles()) == "0DBEACF"

    def test_reorder_of_an_empty_list_accepts_an_empty_order(self, user: User) -> None:
        assert self.reorder(user, []) is None

    def test_reorder_keeps_updated_at(self, user: User) -> None:
        tasks = [user.create(title) for title in "AB"]
        self.reorder(user, [tasks[1]["id"], tasks[0]["id"]])
        assert user.get(tasks[0]) == {**tasks[0], "position": 1}

    @pytest.mark.parametrize(
        "wrong", ["one is missing", "one is unknown", "one belongs to another user"]
    )
    def test_reorder_with_other_ids_than_the_list_gets_409_and_changes_nothing(
        self, user: User, new_user: NewUser, wrong: str
    ) -> None:
        ids = [user.create(title)["id"] for title in "ABC"][::-1]
        wrong_ids = {
            "one is missing": ids[1:],
            "one is unknown": [*ids[1:], 2**53 - 1],
            "one belongs to another user": [*ids, new_user().create()["id"]],
        }
        assert self.reorder(user, wrong_ids[wrong]) == (409, "conflict", [])
        assert user.titles() == ["A", "B", "C"]

    def test_reorder_with_a_repeated_id_gets_422_with_its_index(self, user: User) -> None:
        ids = [user.create(title)["id"] for title in "AB"]
        expected = (422, "validation_error", ["body.task_ids.2"])
        assert self.reorder(user, [*ids, ids[0]]) == expected

    def test_reorder_accepts_10000_ids_and_10001_get_422(self, user: User) -> None:
        response = user.request("PUT", "/order", json={"task_ids": list(range(1, 10_001))})
        assert error_of(response)[0] == 409
        response = user.request("PUT", "/order", json={"task_ids": list(range(1, 10_002))})
        assert error_of(response) == (422, "validation_error", ["body.task_ids"])


class TestHealth:
    def test_liveness_and_readiness_need_no_token(self, user: User) -> None:
        user.client.headers.pop("Authorization")
        assert user.client.get("/health").json() == {"status": "ok"}
        assert user.client.get("/health/ready").json() == {"status": "ready"}
