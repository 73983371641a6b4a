"""A backup taken while the product runs, unpacked into an empty place, is the same product."""

import contextlib
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.store.servers import backup
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


@contextlib.contextmanager
def sending(product: Product) -> Iterator[list[int]]:
    """Calls come, one after the other; how many have been taken."""
    done, taken = threading.Event(), list[int]()

    def send() -> None:
        while not done.is_set():
            call = {"id": f"meanwhile-{len(taken)}", "model": "m"}
            taken.append(product.ask("/api/v1/generations", {"generations": [call]})["accepted"])
            done.wait(0.02)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield taken
    finally:
        done.set()
        sender.join(60)


def test_a_backup_unpacked_elsewhere_is_the_same_product(product: Product, tmp_path: Path) -> None:
    product.ask("/api/v1/generations", {"generations": CALLS})
    file, place = tmp_path / "vigil.backup", tmp_path / "new"
    with sending(product) as meanwhile:
        product.manage("backup", str(file))
    assert file.stat().st_mode & 0o077 == 0
    product.ask("/api/v1/generations", {"generations": [{"id": "later", "model": "m"}]})
    done = manage(place, "restore", str(file))
    assert done.returncode == 0, done.stderr
    again = start(place, free_port())
    again.key = product.key
    try:
        # as of one moment: some of what came meanwhile is in it, and the counts agree with it
        assert 60 <= float(value(again)) <= 60 + len(meanwhile)
        assert "all agree" in again.manage("verify", "--project", product.project)
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


def test_what_is_no_backup_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    file, place = tmp_path / "x", tmp_path / "new"
    file.write_bytes(b"not a tar")
    done = manage(place, "restore", str(file))
    assert (done.returncode, "no backup of Vigil" in done.stderr) == (1, True)
    assert not (place / "postgres").exists()
    for content in (b"", tar_of("manifest.json", b"[]"), tar_of("manifest.json", b"{}"), tar_of("x", b"")):
        file.write_bytes(content)
        with pytest.raises(backup.BackupError, match="no backup of Vigil"):
            backup.read_manifest(file)
    with pytest.raises(backup.BackupError, match="no backup of Vigil"):
        backup.read_manifest(tmp_path / "absent")


def tar_of(name: str, content: bytes) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        about = tarfile.TarInfo(name)
        about.size = len(content)
        tar.addfile(about, io.BytesIO(content))
    return whole.getvalue()
