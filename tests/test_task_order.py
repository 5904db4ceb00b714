"""The order of tasks, compared with a Python list, and under concurrency."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.support.database import run
from tests.support.users import Json, NewUser, User

POSITIONS = st.none() | st.integers(0, 8) | st.just(2**53 - 1)
USERS = st.integers(0, 1)
PICKS = st.integers(0, 1000)


class Model:
    """The expected list of a user: the tasks of the last answers in their order."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.tasks: list[Json] = []

    def pick(self, number: int) -> Json | None:
        return self.tasks[number % len(self.tasks)] if self.tasks else None

    def insert(self, task: Json, position: int | None) -> None:
        self.tasks.insert(len(self.tasks) if position is None else position, task)
        self.renumber()

    def renumber(self) -> None:
        for position, task in enumerate(self.tasks):
            task["position"] = position


class TwoLists(RuleBasedStateMachine):
    """Two users send random operations, and each list must match its model."""

    new_user: ClassVar[NewUser]

    @initialize()
    def begin(self) -> None:
        self.models = [Model(type(self).new_user()) for _ in range(2)]

    @rule(owner=USERS, position=POSITIONS, completed=st.booleans())
    def create(self, owner: int, position: int | None, *, completed: bool) -> None:
        model = self.models[owner]
        members = {} if position is None else {"position": position}
        task = model.user.create(str(len(model.tasks)), completed=completed, **members)
        model.insert(dict(task), position)
        assert task == model.tasks[task["position"]]

    @rule(owner=USERS, pick=PICKS, position=POSITIONS, title=st.sampled_from("xyz"))
    def update(self, owner: int, pick: int, position: int | None, title: str) -> None:
        model = self.models[owner]
        if task := model.pick(pick):
            members = (
                {"title": title} if position is None else {"title": title, "position": position}
            )
            answer = model.user.update(task, **members)
            assert answer["updated_at"] > task["updated_at"]
            if position is not None:
                model.tasks.remove(task)
                model.insert(task, position)
            task.update(title=title, updated_at=answer["updated_at"])
            assert answer == task

    @rule(owner=USERS, pick=PICKS, sets=st.none() | st.booleans())
    def toggle(self, owner: int, pick: int, *, sets: bool | None) -> None:
        model = self.models[owner]
        if task := model.pick(pick):
            options: Json = {} if sets is None else {"json": {"completed": sets}}
            answer = model.user.request("PATCH", f"/{task['id']}/complete", **options).json()
            assert answer["updated_at"] > task["updated_at"]
            task["completed"] = not task["completed"] if sets is None else sets
            task["updated_at"] = answer["updated_at"]
            assert answer == task

    @rule(owner=USERS, pick=PICKS)
    def delete(self, owner: int, pick: int) -> None:
        model = self.models[owner]
        if task := model.pick(pick):
            assert model.user.request("DELETE", f"/{task['id']}").status_code == 204
            model.tasks.remove(task)
            model.renumber()

    @rule(owner=USERS, order=st.randoms(use_true_random=False))
    def reorder(self, owner: int, order: random.Random) -> None:
        model = self.models[owner]
        order.shuffle(model.tasks)
        model.renumber()
        ids = [task["id"] for task in model.tasks]
        assert model.user.request("PUT", "/order", json={"task_ids": ids}).status_code == 204

    @rule(owner=USERS, pick=PICKS, method=st.sampled_from(["GET", "PUT", "DELETE"]))
    def request_task_of_another_user(self, owner: int, pick: int, method: str) -> None:
        if task := self.models[1 - owner].pick(pick):
            options: Json = {"json": {"title": "stolen"}} if method == "PUT" else {}
            response = self.models[owner].user.request(method, f"/{task['id']}", **options)
            assert response.status_code == 404

    @rule(
        owner=USERS,
        completed=st.none() | st.booleans(),
        limit=st.integers(1, 4),
        offset=st.integers(0, 9),
    )
    def page(self, owner: int, limit: int, offset: int, *, completed: bool | None) -> None:
        model = self.models[owner]
        matches = [task for task in model.tasks if completed in (None, task["completed"])]
        query: Json = {} if completed is None else {"completed": str(completed).lower()}
        page = model.user.page(**query, limit=limit, offset=offset)
        assert page["data"] == matches[offset : offset + limit]
        assert page["pagination"]["total"] == len(matches)
        assert page["pagination"]["has_more"] == (len(matches) > offset + limit)

    @invariant()
    def lists_match_the_models(self) -> None:
        for model in self.models:
            assert model.user.page()["data"] == model.tasks


def test_random_operations_match_a_python_list(new_user: NewUser) -> None:
    TwoLists.new_user = new_user
    run_state_machine_as_test(
        TwoLists,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class TestSortKeyGaps:
    def test_300_moves_into_the_same_gap_keep_the_order(self, user: User) -> None:
        first, last = user.create("first"), user.create("last")
        expected = [user.create(str(number), position=1)["id"] for number in range(100)][::-1]
        for number in range(300):
            task_id = expected.pop(number % 7)
            answer = user.request("PUT", f"/{task_id}", json={"position": 1 + number % 3})
            expected.insert(number % 3, task_id)
            assert answer.json()["position"] == 1 + number % 3
        order = [task["id"] for task in user.page()["data"]]
        assert order == [first["id"], *expected, last["id"]]

    def test_repeated_swaps_of_neighbours_keep_the_order(self, user: User) -> None:
        tasks = [user.create(title) for title in "ABC"]
        for number in range(120):
            user.update(tasks[number % 2 + 1], position=1)
        assert user.titles() == ["A", "C", "B"]


class TestEqualSortKeys:
    """Only a manual change of the database creates equal sort keys. The ID decides the order."""

    @pytest.fixture
    def tasks(self, user: User, database_url: str) -> list[Json]:
        # The updated row is stored behind the others in the table.
        tasks = [user.create(title) for title in "ABCDE"]
        user.update(tasks[0], description="written again")
        run(database_url, f"UPDATE tasks SET sort_key = 7 WHERE user_id = '{user.user_id}'")
        user.update(tasks[1], description="written again")
        return tasks

    def test_tasks_with_equal_sort_keys_are_ordered_by_id(
        self, user: User, tasks: list[Json]
    ) -> None:
        assert user.titles() == [*"ABCDE"]
        pages = [user.page(limit=2, offset=offset)["data"] for offset in (0, 2, 4)]
        found = [task for page in pages for task in page]
        assert [task["title"] for task in found] == [*"ABCDE"]
        assert [task["position"] for task in found] == [0, 1, 2, 3, 4]
        assert [user.get(task)["position"] for task in tasks] == [0, 1, 2, 3, 4]

    def test_task_can_be_moved_between_equal_sort_keys(self, user: User, tasks: list[Json]) -> None:
        user.create("N", position=2)
        user.update(tasks[4], position=1)
        assert user.titles() == [*"AEBNCD"]


class TestConcurrency:
    CLIENTS = 16

    @pytest.fixture
    def users(self, user: User, new_user: NewUser) -> list[User]:
        """Sixteen clients of one user."""
        return [new_user(user.user_id) for _ in range(self.CLIENTS)]

    @pytest.fixture
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(self.CLIENTS) as pool:
            yield pool

    def test_concurrent_creates_get_different_positions(
        self, users: list[User], pool: ThreadPoolExecutor
    ) -> None:
        def create(client: User) -> list[int]:
            return [client.create()["position"] for _ in range(10)]

        positions = [position for found in pool.map(create, users) for position in found]
        assert sorted(positions) == list(range(10 * self.CLIENTS))
        tasks = users[0].page()["data"]
        assert [task["position"] for task in tasks] == list(range(10 * self.CLIENTS))
        # IDs and appended positions are both in the order of creation.
        assert [task["id"] for task in tasks] == sorted(task["id"] for task in tasks)

    def test_concurrent_changes_lose_no_task_and_leave_no_gap_in_positions(
        self, users: list[User], pool: ThreadPoolExecutor
    ) -> None:
        ids = [users[0].create(str(number))["id"] for number in range(20)]

        def work(seed: int) -> tuple[set[int], set[int]]:
            client, chance = users[seed], random.Random(seed)
            created: set[int] = set()
            deleted: set[int] = set()
            for _ in range(25):
                action = chance.choice(["create", "insert", "move", "delete", "reorder", "toggle"])
                if action in ("create", "insert"):
                    members: Json = {}
                    if action == "insert":
                        members["position"] = chance.randrange(30)
                    created.add(client.create(**members)["id"])
                elif action == "reorder":
                    order = [task["id"] for task in client.page()["data"]]
                    chance.shuffle(order)
                    answer = client.request("PUT", "/order", json={"task_ids": order})
                    assert answer.status_code in (204, 409)
                else:
                    task_id = chance.choice(ids)
                    if action == "delete":
                        answer = client.request("DELETE", f"/{task_id}")
                        deleted |= {task_id} if answer.status_code == 204 else set()
                    elif action == "toggle":
                        answer = client.request("PATCH", f"/{task_id}/complete")
                    else:
                        position = chance.randrange(30)
                        answer = client.request("PUT", f"/{task_id}", json={"position": position})
                    assert answer.status_code in (200, 204, 404)
            return created, deleted

        done = list(pool.map(work, range(self.CLIENTS)))
        created = set().union(*(created for created, _ in done))
        deleted = set().union(*(deleted for _, deleted in done))
        assert sum(len(found) for _, found in done) == len(deleted)
        page = users[0].page()
        assert {task["id"] for task in page["data"]} == (set(ids) | created) - deleted
        assert [task["position"] for task in page["data"]] == list(
            range(page["pagination"]["total"])
        )

    def test_concurrent_moves_into_the_same_gap_lose_no_task(
        self, users: list[User], pool: ThreadPoolExecutor
    ) -> None:
        tasks = [users[0].create(str(number)) for number in range(self.CLIENTS)]

        def drop(number: int) -> None:
            for _ in range(15):
                users[number].update(tasks[number], position=1)

        list(pool.map(drop, range(self.CLIENTS)))
        found = users[0].page()["data"]
        assert {task["id"] for task in found} == {task["id"] for task in tasks}
        assert [task["position"] for task in found] == list(range(self.CLIENTS))
