from dashboards.sparks import spark


def test_a_gap_lifts_the_pen() -> None:
    assert spark([1, 2, None, 3, 4]).count("M") == 2


def test_one_known_value_makes_no_line() -> None:
    assert spark([None, 1.0, None]) == ""


def test_a_flat_line_stands_in_the_middle() -> None:
    assert "11.0" in spark([5, 5, 5])
