"""Variables are read or refused, never guessed."""

from pathlib import Path

import pytest

from monitor.core.env import BadSettingError, Env


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(" hidden\n")
    assert Env({"KEY_FILE": str(tmp_path / "s")}).text("KEY") == "hidden"


def test_an_unreadable_file_is_fatal_and_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettingError, match=r"KEY_FILE=.*can't be read"):
        Env({"KEY_FILE": str(tmp_path / "none")}).text("KEY")


def test_two_sources_are_refused() -> None:
    with pytest.raises(BadSettingError, match="both set"):
        Env({"KEY": "a", "KEY_FILE": "b"}).text("KEY")


@pytest.mark.parametrize(("text", "value"), [("1", True), ("off", False), ("", True), ("TRUE", True)])
def test_flags(text: str, value: bool) -> None:
    assert Env({"F": text}).flag("F", default=True) is value


@pytest.mark.parametrize("text", ["maybe", "2"])
def test_a_flag_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(BadSettingError, match="not a yes or no"):
        Env({"F": text}).flag("F", default=True)


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "0"])
def test_a_number_below_or_beside_is_refused(text: str) -> None:
    with pytest.raises(BadSettingError, match="whole number of at least 1"):
        Env({"N": text}).number("N", 5, least=1)


@pytest.mark.parametrize(("text", "pair"), [("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:8000", ("::1", 8000))])
def test_addresses(text: str, pair: tuple[str, int]) -> None:
    assert Env({"A": text}).address("A", "") == pair


@pytest.mark.parametrize("text", ["8000", "host", "h:99999", ":1"])
def test_an_address_without_both_parts_is_refused(text: str) -> None:
    with pytest.raises(BadSettingError, match="HOST:PORT"):
        Env({"A": text}).address("A", "")


def test_pairs_are_read_and_a_broken_one_is_named() -> None:
    assert Env({"X": "a=1, b=c=d"}).pairs("X") == [("a", "1"), ("b", "c=d")]
    with pytest.raises(BadSettingError, match="X: 'b' is not KEY=VALUE"):
        Env({"X": "a=1,b"}).pairs("X")
