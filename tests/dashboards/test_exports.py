import csv
import io

import pytest

from dashboards import exports


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_what_a_spreadsheet_would_run_is_kept_as_text(text: str) -> None:
    assert exports.as_csv([{"a": text}]).splitlines()[1].lstrip('"').startswith("'")


def test_numbers_stay_numbers_and_trees_become_json() -> None:
    _, row = csv.reader(
        io.StringIO(exports.as_csv([{"n": -1.5, "x": None, "t": {"长": [1]}}]).lstrip("\ufeff"))
    )
    assert row == ["-1.5", "", '{"长": [1]}']


def test_no_rows_make_no_lines() -> None:
    assert (exports.as_csv([]), exports.as_ndjson([])) == ("\ufeff", "")
