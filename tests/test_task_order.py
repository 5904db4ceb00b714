"""The order of a list: a plain Python list says what it must be, one request at a time and many."""

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
from tests.support.users import Json, NewPerson, Person

POSITIONS = st.none() | st.integers(0, 8) | st.just(2**53 - 1)
PEOPLE = st.integers(0, 1)
PICKS = st.integers(0, 1000)


class Model:
    """What one person's list must be: the tasks as they were last answered, in their order."""

    def __init__(self, person: Person) -> None:
        self.person = person
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
    """Two people use every operation, in any order; neither ever sees anything but their own."""

    new_person: ClassVar[NewPerson]

    @initialize()
    def begin(self) -> None:
        self.models = [Model(type(self).new_person()) for _ in range(2)]

    @rule(who=PEOPLE, position=POSITIONS, completed=st.booleans())
    def create(self, who: int, position: int | None, *, completed: bool) -> None:
        model = self.models[who]
        members = {} if position is None else {"position": position}
        task = model.person.create(str(len(model.tasks)), completed=completed, **members)
        model.insert(dict(task), position)
        assert task == model.tasks[task["position"]]

    @rule(who=PEOPLE, pick=PICKS, position=POSITIONS, title=st.sampled_from("xyz"))
    def update(self, who: int, pick: int, position: int | None, title: str) -> None:
        model = self.models[who]
        if task := model.pick(pick):
            members = (
                {"title": title} if position is None else {"title": title, "position": position}
            )
            answer = model.person.update(task, **members)
            assert answer["updated_at"] > task["updated_at"]
            if position is not None:
                model.tasks.remove(task)
                model.insert(task, position)
            task.update(title=title, updated_at=answer["updated_at"])
            assert answer == task

    @rule(who=PEOPLE, pick=PICKS, sets=st.none() | st.booleans())
    def toggle(self, who: int, pick: int, *, sets: bool | None) -> None:
        model = self.models[who]
        if task := model.pick(pick):
            options: Json = {} if sets is None else {"json": {"completed": sets}}
            answer = model.person.request("PATCH", f"/{task['id']}/complete", **options).json()
            assert answer["updated_at"] > task["updated_at"]
            task["completed"] = not task["completed"] if sets is None else sets
            task["updated_at"] = answer["updated_at"]
            assert answer == task

    @rule(who=PEOPLE, pick=PICKS)
    def delete(self, who: int, pick: int) -> None:
        model = self.models[who]
        if task := model.pick(pick):
            assert model.person.request("DELETE", f"/{task['id']}").status_code == 204
            model.tasks.remove(task)
            model.renumber()

    @rule(who=PEOPLE, order=st.randoms(use_true_random=False))
    def reorder(self, who: int, order: random.Random) -> None:
        model = self.models[who]
        order.shuffle(model.tasks)
        model.renumber()
        ids = [task["id"] for task in model.tasks]
        assert model.person.request("PUT", "/order", json={"task_ids": ids}).status_code == 204

    @rule(who=PEOPLE, pick=PICKS, method=st.sampled_from(["GET", "PUT", "DELETE"]))
    def reach_for_a_strangers_task(self, who: int, pick: int, method: str) -> None:
        if task := self.models[1 - who].pick(pick):
            options: Json = {"json": {"title": "stolen"}} if method == "PUT" else {}
            response = self.models[who].person.request(method, f"/{task['id']}", **options)
            assert response.status_code == 404

    @rule(
        who=PEOPLE,
        completed=st.none() | st.booleans(),
        limit=st.integers(1, 4),
        offset=st.integers(0, 9),
    )
    def page(self, who: int, limit: int, offset: int, *, completed: bool | None) -> None:
        model = self.models[who]
        matches = [task for task in model.tasks if completed in (None, task["completed"])]
        query: Json = {} if completed is None else {"completed": str(completed).lower()}
        page = model.person.page(**query, limit=limit, offset=offset)
        assert page["data"] == matches[offset : offset + limit]
        assert page["pagination"]["total"] == len(matches)
        assert page["pagination"]["has_more"] == (len(matches) > offset + limit)

    @invariant()
    def lists_are_what_they_must_be(self) -> None:
        for model in self.models:
            assert model.person.page()["data"] == model.tasks


def test_random_operations_match_a_python_list(new_person: NewPerson) -> None:
    TwoLists.new_person = new_person
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
    def test_300_moves_into_the_same_gap_keep_the_order(self, person: Person) -> None:
        first, last = person.create("first"), person.create("last")
        expected = [person.create(str(number), position=1)["id"] for number in range(100)][::-1]
        for number in range(300):
            task_id = expected.pop(number % 7)
            answer = person.request("PUT", f"/{task_id}", json={"position": 1 + number % 3})
            expected.insert(number % 3, task_id)
            assert answer.json()["position"] == 1 + number % 3
        order = [task["id"] for task in person.page()["data"]]
        assert order == [first["id"], *expected, last["id"]]

    def test_repeated_swaps_of_neighbours_keep_the_order(self, person: Person) -> None:
        tasks = [person.create(title) for title in "ABC"]
        for number in range(120):
            person.update(tasks[number % 2 + 1], position=1)
        assert person.titles() == ["A", "C", "B"]


class TestEqualSortKeys:
    """No request makes them, but a database may have them, and the order is the ids' then."""

    @pytest.fixture
    def tasks(self, person: Person, database_url: str) -> list[Json]:
        # Written once more, the first stands behind the others in the table.
        tasks = [person.create(title) for title in "ABCDE"]
        person.update(tasks[0], description="written again")
        run(database_url, f"UPDATE tasks SET sort_key = 7 WHERE user_id = '{person.user_id}'")
        person.update(tasks[1], description="written again")
        return tasks

    def test_tasks_with_equal_sort_keys_are_ordered_by_id(
        self, person: Person, tasks: list[Json]
    ) -> None:
        assert person.titles() == [*"ABCDE"]
        pages = [person.page(limit=2, offset=offset)["data"] for offset in (0, 2, 4)]
        found = [task for page in pages for task in page]
        assert [task["title"] for task in found] == [*"ABCDE"]
        assert [task["position"] for task in found] == [0, 1, 2, 3, 4]
        assert [person.get(task)["position"] for task in tasks] == [0, 1, 2, 3, 4]

    def test_task_can_be_moved_between_equal_sort_keys(
        self, person: Person, tasks: list[Json]
    ) -> None:
        person.create("N", position=2)
        person.update(tasks[4], position=1)
        assert person.titles() == [*"AEBNCD"]


class TestConcurrency:
    CLIENTS = 16

    @pytest.fixture
    def people(self, person: Person, new_person: NewPerson) -> list[Person]:
        """Sixteen clients of one person."""
        return [new_person(person.user_id) for _ in range(self.CLIENTS)]

    @pytest.fixture
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(self.CLIENTS) as pool:
            yield pool

    def test_concurrent_creates_get_different_positions(
        self, people: list[Person], pool: ThreadPoolExecutor
    ) -> None:
        def create(client: Person) -> list[int]:
            return [client.create()["position"] for _ in range(10)]

        positions = [position for found in pool.map(create, people) for position in found]
        assert sorted(positions) == list(range(10 * self.CLIENTS))
        tasks = people[0].page()["data"]
        assert [task["position"] for task in tasks] == list(range(10 * self.CLIENTS))
        # Ids are given in the order of creation, as are the places at the end.
        assert [task["id"] for task in tasks] == sorted(task["id"] for task in tasks)

    def test_concurrent_changes_lose_no_task_and_leave_no_gap_in_positions(
        self, people: list[Person], pool: ThreadPoolExecutor
    ) -> None:
        ids = [people[0].create(str(number))["id"] for number in range(20)]

        def work(seed: int) -> tuple[set[int], set[int]]:
            client, chance = people[seed], random.Random(seed)
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
        page = people[0].page()
        assert {task["id"] for task in page["data"]} == (set(ids) | created) - deleted
        assert [task["position"] for task in page["data"]] == list(
            range(page["pagination"]["total"])
        )

    def test_concurrent_moves_into_the_same_gap_lose_no_task(
        self, people: list[Person], pool: ThreadPoolExecutor
    ) -> None:
        tasks = [people[0].create(str(number)) for number in range(self.CLIENTS)]

        def drop(number: int) -> None:
            for _ in range(15):
                people[number].update(tasks[number], position=1)

        list(pool.map(drop, range(self.CLIENTS)))
        found = people[0].page()["data"]
        assert {task["id"] for task in found} == {task["id"] for task in tasks}
        assert [task["position"] for task in found] == list(range(self.CLIENTS))
