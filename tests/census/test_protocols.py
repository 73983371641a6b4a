"""The recipe of a protocol: a file, a test, a captured payload, a line."""

from pathlib import Path

import pytest

from monitor.ingest import protocols
from monitor.ingest.protocols import PROTOCOLS, base
from tests.kits.protocol import made, payloads

FOLDER = Path(protocols.__file__).parent
TESTS = Path(__file__).parent.parent / "ingest" / "protocols"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_keeps_the_contract(name: str) -> None:
    protocol = made(name)
    assert protocol.paths
    assert all(path.startswith("/") for path in protocol.paths)
    assert all(kind == kind.lower() and ";" not in kind for kind in protocol.content_types)
    assert all(encoding == encoding.lower() for encoding in protocol.unpacks)
    assert callable(protocol.decode)
    assert callable(protocol.answer)


def test_no_path_belongs_to_two_protocols() -> None:
    paths = [path for name in PROTOCOLS for path in PROTOCOLS[name].paths]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_says_what_it_is_for(name: str) -> None:
    assert PROTOCOLS[name].__doc__
    assert PROTOCOLS[name].__doc__ != base.Protocol.__doc__


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_has_its_own_test_and_a_captured_payload(name: str) -> None:
    assert (TESTS / f"test_{name}.py").exists()
    assert payloads(name)


def test_no_file_lies_unregistered() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert files == {path.split(".")[-2] for path in PROTOCOLS.paths.values()}
