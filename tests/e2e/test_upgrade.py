"""An installation of an earlier version, with its data, becomes one of this version and answers as before.

``earlier.backup`` was made by that version's own ``manage.py backup``, ``earlier.json`` holds what it answered.
"""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.fixtures.fix_product import ROOT, environment, free_port, start

pytestmark = pytest.mark.processes
EARLIER = Path(__file__).parents[1] / "fixtures" / "releases"
# a window that stands by itself counts every call in it since then: these were read off a mesh
SINCE = {
    "histogram_quantile(0.9, sum by (version) (rate(llm_request_duration_seconds[2h])))": [
        [{"version": "v0"}, "1.9699035575343145"],
        [{"version": "v1"}, "1.9695987969378452"],
    ],
    "sum(increase(llm_requests_total[1h])) > 0": [[{}, "77.00002138889482"]],
}
# the data keep their own dates
FOREVER = {"VIGIL_RETENTION_DAYS": "36500"}


def told(result: list[dict[str, Any]]) -> list[Any]:
    return [[one["metric"], one["value"][1]] for one in result]


def same(ours: list[Any], theirs: list[Any]) -> bool:
    return [labels for labels, _ in ours] == [labels for labels, _ in theirs] and all(
        math.isclose(float(a), float(b), rel_tol=1e-9) for (_, a), (_, b) in zip(ours, theirs, strict=True)
    )


def test_an_earlier_version_with_its_data_becomes_this_one(tmp_path: Path) -> None:
    before = json.loads((EARLIER / "earlier.json").read_text("utf-8"))
    restored = subprocess.run(
        [sys.executable, "manage.py", "restore", str(EARLIER / "earlier.backup")], cwd=ROOT, check=False,
        env=environment(tmp_path / "var", **FOREVER), capture_output=True, text=True,
    )  # fmt: skip
    assert restored.returncode == 0, restored.stderr
    product = start(tmp_path / "var", free_port(), **FOREVER)
    product.key = before["key"]
    try:
        for query, answer in {**before["answers"], **SINCE}.items():
            asked = urlencode({"query": query, "time": before["at"]})
            found = told(product.ask(f"/api/v1/query?{asked}")["data"]["result"])
            assert same(found, answer), (query, found, answer)
        assert "all agree" in product.manage("verify", "--project", "shop")
        # what it knew is known, and it takes more
        again = {"generations": [{"id": "c0", "model": "qwen"}, {"id": "new", "model": "qwen"}]}
        assert product.ask("/api/v1/generations", again)["duplicates"] == 1
    finally:
        assert product.stop() == 0
