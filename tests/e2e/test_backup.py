"""A backup taken while the product runs, unpacked into an empty place, is the same product."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.fix_product import ROOT, Product, environment, free_port, start

pytestmark = pytest.mark.processes
CALLS = [
    {
        "id": f"c{number}",
        "model": "m",
        "version": "v1",
        "duration_seconds": 1.5,
        "prompt": f"What is {number}?",
    }
    for number in range(60)
]
ASKED = "/api/v1/query?query=sum(llm_requests_total)"


def manage(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment(data), check=False, capture_output=True,
        text=True,
    )  # fmt: skip


def value(product: Product) -> Any:
    return product.ask(ASKED)["data"]["result"][0]["value"][1]


def test_a_backup_unpacked_elsewhere_is_the_same_product(product: Product, tmp_path: Path) -> None:
    product.ask("/api/v1/generations", {"generations": CALLS})
    file, place = tmp_path / "vigil.backup", tmp_path / "new"
    product.manage("backup", str(file))
    assert file.stat().st_mode & 0o077 == 0
    product.ask("/api/v1/generations", {"generations": [{"id": "later", "model": "m"}]})
    done = manage(place, "restore", str(file))
    assert done.returncode == 0, done.stderr
    again = start(place, free_port())
    again.key = product.key
    try:
        assert value(again) == "60"
        assert "all agree" in again.manage("verify", "--project", "shop")
        # what was stored before is known, what came after the backup is new
        answer = again.ask(
            "/api/v1/generations", {"generations": [*CALLS[:5], {"id": "later", "model": "m"}]}
        )
        assert (answer["accepted"], answer["duplicates"]) == (1, 5)
        assert (place / "secrets" / "secret_key").read_text() == (
            product.data / "secrets" / "secret_key"
        ).read_text()
    finally:
        again.stop()
    refused = manage(place, "restore", str(file))
    assert (refused.returncode, "already" in refused.stderr) == (1, True)


@pytest.mark.parametrize("content", [b"", b"not a tar", None])
def test_what_is_no_backup_is_refused_and_nothing_is_made(tmp_path: Path, content: bytes | None) -> None:
    file, place = tmp_path / "x", tmp_path / "new"
    if content is not None:
        file.write_bytes(content)
    done = manage(place, "restore", str(file))
    assert (done.returncode, "no backup of Vigil" in done.stderr) == (1, True)
    assert not (place / "postgres").exists()
