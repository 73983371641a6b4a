from monitor.drift.stages import FULL, Maturity, Pin, Reference, next_change, reference_at

NONE = Pin()


def test_nothing_is_normal_in_the_first_six_hours() -> None:
    assert reference_at(1005, "v1", {"v1": 1000}, NONE, shared=False) is None


def test_the_reference_grows_in_steps_and_is_then_pinned() -> None:
    ends = [
        reference_at(1000 + age, "v1", {"v1": 1000}, NONE, shared=False) for age in (6, 30, 60, 400, 4000)
    ]
    assert [one.end - one.first for one in ends if one] == [6, 24, 48, FULL, FULL]
    assert [one.maturity for one in ends if one] == [
        Maturity.YOUNG, Maturity.YOUNG, Maturity.GROWING, Maturity.FULL, Maturity.FULL,
    ]  # fmt: skip


def test_inputs_are_measured_by_what_came_before_the_version() -> None:
    found = reference_at(1500, "v2", {"v1": 1000, "v2": 1450}, NONE, shared=True)
    assert found == Reference("v1", 1000, 1000 + FULL)


def test_outputs_of_a_young_version_are_measured_by_the_one_before_and_then_by_its_own() -> None:
    firsts = {"v1": 1000, "v2": 1450}
    young = reference_at(1460, "v2", firsts, NONE, shared=False)
    older = reference_at(1450 + 100, "v2", firsts, NONE, shared=False)
    assert young == Reference("v1", 1450 - FULL, 1450)
    assert older == Reference("v2", 1450, 1450 + 96)


def test_a_new_normal_begins_where_people_set_it() -> None:
    pin = Pin(first=2000)
    assert reference_at(2003, "v1", {"v1": 1000}, pin, shared=False) is None
    assert reference_at(2030, "v1", {"v1": 1000}, pin, shared=False) == Reference("v1", 2000, 2024)


def test_a_stretch_set_by_people_stays_as_it_is() -> None:
    pin = Pin("v1", 1000, 1200)
    found = reference_at(9000, "v2", {"v1": 1000, "v2": 3000}, pin, shared=False)
    assert found == Reference("v1", 1000, 1200)


def test_a_walk_knows_when_to_look_for_another_reference() -> None:
    assert next_change(1006, Reference("v1", 1000, 1006), 1000) == 1012
    assert next_change(9000, Reference("v1", 1000, 1336), 1000) == 9000 + FULL
