"""What each operation on tasks does, for the person whose tasks they are."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from tests.support.database import run
from tests.support.users import Json, NewPerson, Person, refusal

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
    def test_new_task_is_last_and_location_header_is_its_address(self, person: Person) -> None:
        person.create("first")
        response = person.request("POST", json={"title": "second"})
        assert response.json()["position"] == 1
        assert person.client.get(response.headers["Location"]).json() == response.json()

    def test_create_with_only_a_title_sets_defaults(self, person: Person) -> None:
        task = person.create("Buy milk")
        assert (task["description"], task["completed"]) == (None, False)
        assert task["user_id"] == person.user_id
        assert task["created_at"] == task["updated_at"]

    def test_create_with_every_member_stores_every_member(self, person: Person) -> None:
        task = person.create("Call", description="Soon.", completed=True, position=0)
        assert (task["description"], task["completed"]) == ("Soon.", True)
        assert person.get(task) == task

    @pytest.mark.parametrize(
        ("position", "order"),
        [(0, "NABC"), (1, "ANBC"), (3, "ABCN"), (99, "ABCN"), (2**53 - 1, "ABCN")],
    )
    def test_create_with_position_inserts_there_and_beyond_the_end_appends(
        self, person: Person, position: int, order: str
    ) -> None:
        for title in "ABC":
            person.create(title)
        task = person.create("N", position=position)
        assert "".join(person.titles()) == order
        assert task["position"] == order.index("N")

    @pytest.mark.parametrize("text", TEXTS)
    def test_text_of_any_script_is_stored_unchanged(self, person: Person, text: str) -> None:
        task = person.create(text, description=text)
        assert (task["title"], task["description"]) == (text, text)
        assert person.get(task) == task

    def test_length_limits_count_code_points(self, person: Person) -> None:
        person.create("🥛" * 255, description="🥛" * 1000)
        response = person.request("POST", json={"title": "🥛" * 256, "description": "x" * 1001})
        assert refusal(response) == (422, "validation_error", ["body.title", "body.description"])

    @pytest.mark.parametrize("user_id", ["ü ser", "a%2Fb", "1+1=2?#&", "x" * 255, "日本", "~.-_"])
    def test_location_header_encodes_any_user_id(self, new_person: NewPerson, user_id: str) -> None:
        someone = new_person(user_id)
        response = someone.request("POST", json={"title": "mine"})
        location = response.headers["Location"]
        assert location.startswith(f"/api/{quote(user_id, safe='')}/tasks/")
        assert someone.client.get(location).json()["user_id"] == user_id


class TestListTasks:
    def test_empty_list_returns_an_empty_page(self, person: Person) -> None:
        assert person.page() == {
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
        self, person: Person, query: Json, titles: str, *, has_more: bool
    ) -> None:
        for title in "ABCDE":
            person.create(title)
        page = person.page(**query)
        assert "".join(task["title"] for task in page["data"]) == titles
        expected = {"total": 5, "limit": 1000, "offset": 0, "has_more": has_more, **query}
        assert page["pagination"] == expected

    def test_filter_changes_the_total_and_keeps_positions_of_the_whole_list(
        self, person: Person
    ) -> None:
        for title in "ABCD":
            person.create(title, completed=title in "BD")
        page = person.page(completed="true", limit=1)
        assert [(task["title"], task["position"]) for task in page["data"]] == [("B", 1)]
        assert page["pagination"] == {"total": 2, "limit": 1, "offset": 0, "has_more": True}
        assert person.titles(completed="false") == ["A", "C"]
        assert person.page(completed="true", offset=9)["pagination"]["total"] == 2


class TestGetTask:
    def test_task_has_its_current_position(self, person: Person) -> None:
        task = person.create("mine")
        person.create("above", position=0)
        assert person.get(task) == {**task, "position": 1}

    def test_time_of_a_whole_second_has_six_decimal_places(
        self, person: Person, database_url: str
    ) -> None:
        """All times have one length, so that they sort as text."""
        task = person.create()
        run(
            database_url,
            f"UPDATE tasks SET created_at = '2026-01-02 03:04:05Z' WHERE id = {task['id']}",
        )
        assert person.get(task)["created_at"] == "2026-01-02T03:04:05.000000Z"


class TestUpdateTask:
    def test_update_changes_only_the_members_that_are_sent(self, person: Person) -> None:
        task = person.create("old", description="kept", completed=True)
        changed = person.update(task, title="new")
        assert changed == {**task, "title": "new", "updated_at": changed["updated_at"]}
        assert person.get(task) == changed

    @pytest.mark.parametrize("description", [None, "", "new"])
    def test_description_can_be_changed_to_text_empty_text_and_null(
        self, person: Person, description: str | None
    ) -> None:
        task = person.create(description="old")
        assert person.update(task, description=description)["description"] == description
        assert person.update(task, title="other")["description"] == description

    @pytest.mark.parametrize("body", [{}, {"id": 5}, {"user_id": None, "created_at": ["what"]}])
    def test_update_without_changes_returns_the_task_unchanged(
        self, person: Person, body: Json
    ) -> None:
        task = person.create()
        assert person.update(task, **body) == task

    def test_update_with_a_whole_task_ignores_read_only_members(self, person: Person) -> None:
        person.create("first")
        task = person.create("second")
        changed = person.update(task, **{**task, "title": "renamed"})
        assert changed == {**task, "title": "renamed", "updated_at": changed["updated_at"]}

    def test_each_update_increases_updated_at(self, person: Person) -> None:
        task = person.create()
        times = [task["updated_at"]]
        times += [person.update(task, title="same")["updated_at"] for _ in range(20)]
        assert times == sorted(set(times))
        assert person.get(task)["created_at"] == task["created_at"]

    @pytest.mark.parametrize("start", range(4))
    @pytest.mark.parametrize("end", [0, 1, 2, 3, 4, 1000])
    def test_update_with_position_moves_the_task(
        self, person: Person, start: int, end: int
    ) -> None:
        tasks = [person.create(title) for title in "ABCD"]
        expected = [*"ABCD"]
        expected.insert(end, expected.pop(start))
        moved = person.update(tasks[start], position=end)
        assert person.titles() == expected
        assert moved["position"] == min(end, 3)

    def test_move_keeps_updated_at_of_other_tasks(self, person: Person) -> None:
        tasks = [person.create(title) for title in "ABC"]
        person.update(tasks[2], position=0)
        assert [person.get(task)["updated_at"] for task in tasks[:2]] == [
            task["updated_at"] for task in tasks[:2]
        ]

    def test_update_with_position_and_title_changes_both(self, person: Person) -> None:
        person.create("A")
        task = person.create("B", description="old")
        changed = person.update(task, position=0, title="C", description=None, completed=True)
        assert (changed["position"], changed["title"]) == (0, "C")
        assert (changed["description"], changed["completed"]) == (None, True)

    def test_every_position_sent_in_ascending_order_gives_the_new_order(
        self, person: Person
    ) -> None:
        tasks = {title: person.create(title) for title in "ABCDEF"}
        for index, title in enumerate("FBDACE"):
            person.update(tasks[title], position=index)
        assert "".join(person.titles()) == "FBDACE"

    def test_move_of_unknown_task_gets_404(self, person: Person) -> None:
        response = person.request("PUT", "/9007199254740991", json={"position": 0})
        assert refusal(response) == (404, "not_found", [])

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
        self, person: Person, database_url: str, method: str, rest: str, body: Json | None
    ) -> None:
        task = person.create()
        later = "updated_at = updated_at + interval '1 hour'"
        run(database_url, f"UPDATE tasks SET {later} WHERE id = {task['id']}")
        before = person.get(task)["updated_at"]
        answer = person.request(method, f"/{task['id']}{rest}", json=body)
        assert answer.json()["updated_at"] > before


class TestDeleteTask:
    def test_delete_decreases_the_positions_of_later_tasks(self, person: Person) -> None:
        tasks = [person.create(title) for title in "ABC"]
        assert person.request("DELETE", f"/{tasks[1]['id']}").status_code == 204
        assert [task["position"] for task in person.page()["data"]] == [0, 1]
        assert person.titles() == ["A", "C"]

    def test_deleted_task_gets_404_and_its_id_is_not_reused(self, person: Person) -> None:
        task = person.create()
        person.request("DELETE", f"/{task['id']}")
        for method in ("GET", "DELETE"):
            response = person.request(method, f"/{task['id']}")
            assert refusal(response) == (404, "not_found", [])
        assert person.create()["id"] != task["id"]


class TestToggleTaskCompletion:
    def toggle(self, person: Person, task: Json, **options: object) -> Json:
        response = person.request("PATCH", f"/{task['id']}/complete", **options)
        assert response.status_code == 200, response.text
        toggled: Json = response.json()
        return toggled

    def test_toggle_without_a_body_inverts_completed(self, person: Person) -> None:
        task = person.create()
        assert self.toggle(person, task)["completed"] is True
        # Known clients announce JSON and send none.
        announced = {"Content-Type": "application/json"}
        assert self.toggle(person, task, headers=announced)["completed"] is False

    @pytest.mark.parametrize("completed", [True, False])
    def test_toggle_with_a_body_sets_completed_idempotently(
        self, person: Person, *, completed: bool
    ) -> None:
        task = person.create(completed=not completed)
        for _ in range(2):
            toggled = self.toggle(person, task, json={"completed": completed})
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
        self, person: Person, body: str, place: str
    ) -> None:
        task = person.create()
        announced = {"Content-Type": "application/json"}
        response = person.request(
            "PATCH", f"/{task['id']}/complete", content=body, headers=announced
        )
        assert refusal(response) == (422, "validation_error", [place])
        assert person.get(task) == task

    def test_each_toggle_increases_updated_at(self, person: Person) -> None:
        task = person.create()
        times = [task["updated_at"]]
        times += [self.toggle(person, task)["updated_at"] for _ in range(20)]
        assert times == sorted(set(times))

    def test_concurrent_toggles_are_all_applied(self, person: Person) -> None:
        task = person.create()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: self.toggle(person, task), range(101)))
        assert sum(answer["completed"] for answer in answers) == 51
        assert person.get(task)["completed"] is True


class TestReorderTasks:
    def reorder(self, person: Person, task_ids: list[int]) -> tuple[int, str, list[str]] | None:
        response = person.request("PUT", "/order", json={"task_ids": task_ids})
        return None if response.status_code == 204 else refusal(response)

    def test_reorder_of_the_whole_list_sets_the_new_order(self, person: Person) -> None:
        ids = {title: person.create(title)["id"] for title in "ABCDE"}
        assert self.reorder(person, [ids[title] for title in "DBEAC"]) is None
        assert "".join(person.titles()) == "DBEAC"
        person.create("F")
        person.create("0", position=0)
        assert "".join(person.titles()) == "0DBEACF"

    def test_reorder_of_an_empty_list_accepts_an_empty_order(self, person: Person) -> None:
        assert self.reorder(person, []) is None

    def test_reorder_keeps_updated_at(self, person: Person) -> None:
        tasks = [person.create(title) for title in "AB"]
        self.reorder(person, [tasks[1]["id"], tasks[0]["id"]])
        assert person.get(tasks[0]) == {**tasks[0], "position": 1}

    @pytest.mark.parametrize("wrong", ["one is missing", "one is unknown", "one is a stranger's"])
    def test_reorder_with_other_ids_than_the_list_gets_409_and_changes_nothing(
        self, person: Person, new_person: NewPerson, wrong: str
    ) -> None:
        ids = [person.create(title)["id"] for title in "ABC"][::-1]
        wrong_ids = {
            "one is missing": ids[1:],
            "one is unknown": [*ids[1:], 2**53 - 1],
            "one is a stranger's": [*ids, new_person().create()["id"]],
        }
        assert self.reorder(person, wrong_ids[wrong]) == (409, "conflict", [])
        assert person.titles() == ["A", "B", "C"]

    def test_reorder_with_a_repeated_id_gets_422_with_its_index(self, person: Person) -> None:
        ids = [person.create(title)["id"] for title in "AB"]
        expected = (422, "validation_error", ["body.task_ids.2"])
        assert self.reorder(person, [*ids, ids[0]]) == expected

    def test_reorder_accepts_10000_ids_and_10001_get_422(self, person: Person) -> None:
        response = person.request("PUT", "/order", json={"task_ids": list(range(1, 10_001))})
        assert refusal(response)[0] == 409
        response = person.request("PUT", "/order", json={"task_ids": list(range(1, 10_002))})
        assert refusal(response) == (422, "validation_error", ["body.task_ids"])


class TestHealth:
    def test_liveness_and_readiness_need_no_token(self, person: Person) -> None:
        person.client.headers.pop("Authorization")
        assert person.client.get("/health").json() == {"status": "ok"}
        assert person.client.get("/health/ready").json() == {"status": "ready"}
