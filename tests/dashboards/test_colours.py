from dashboards import colours


def test_a_version_keeps_its_colour_when_newer_ones_arrive() -> None:
    assert colours.assign(["v1", "v2", "v3"])["v2"] == colours.assign(["v1", "v2"])["v2"]


def test_a_name_given_twice_takes_one_slot() -> None:
    assert colours.assign(["a", "a", "b"])["b"] == colours.slot(1)
