"""What each operation on tasks does, for the person whose tasks they are."""

from tests.conftest import Person


class TestCreateTask:
    def test_a_new_task_goes_to_the_end_and_its_location_leads_to_it(self, person: Person) -> None:
        person.create("first")
        response = person.request("POST", json={"title": "second"})
        assert response.json()["position"] == 1
        assert person.client.get(response.headers["Location"]).json() == response.json()
