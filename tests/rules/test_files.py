"""Mounted rule files: taken, taken again when they change, and gone when they are."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.rules import exchange, files, read
from monitor.rules.exchange import Taken, Terms
from monitor.rules.models import Origin, RuleEdit, RuleFile, RuleGroup
from monitor.rules.yaml import GroupSpec
from tests.fixtures.fix_cast import NOON, Cast

RULE = "groups: [{{name: {group}, rules: [{{alert: Slow, expr: p99 > {limit}}}]}}]"
Mount = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def folder(tmp_path: Path, cast: Cast) -> Path:
    write(tmp_path / "a.yml", group="latency", limit=1)
    return tmp_path


def write(path: Path, **content: object) -> None:
    path.write_text(RULE.format(**content))


def run(*patterns: object) -> int:
    return files.run([("shop", str(pattern)) for pattern in patterns], now=NOON)


def groups() -> list[tuple[str, str, str]]:
    rows = RuleGroup.objects.order_by("name", "source")
    return [(row.name, row.rules.get().expr, Path(row.source).name) for row in rows]


def test_the_files_of_a_folder_are_taken_as_read_only_groups(folder: Path) -> None:
    (folder / "README").write_text("not a rule file")
    assert run(folder) == 1
    assert groups() == [("latency", "p99 > 1", "a.yml")]
    assert RuleGroup.objects.get().origin == Origin.FILE


def test_a_file_is_read_again_only_when_it_changed(folder: Path) -> None:
    run(folder)
    assert run(folder) == 0
    write(folder / "a.yml", group="latency", limit=22)
    assert run(folder) == 1
    assert groups() == [("latency", "p99 > 22", "a.yml")]
    assert [(edit.by, edit.before["expr"]) for edit in RuleEdit.objects.exclude(before={})] == [
        (str(folder / "a.yml"), "p99 > 1")
    ]


def test_groups_go_with_their_file(folder: Path) -> None:
    write(folder / "b.yml", group="other", limit=2)
    run(folder)
    (folder / "a.yml").unlink()
    run(folder)
    assert groups() == [("other", "p99 > 2", "b.yml")]


def test_a_group_that_left_its_file_goes(folder: Path) -> None:
    run(folder)
    write(folder / "a.yml", group="renamed", limit=1)
    run(folder)
    assert groups() == [("renamed", "p99 > 1", "a.yml")]


def test_groups_of_the_same_name_in_two_files_stand_side_by_side(folder: Path) -> None:
    write(folder / "b.yml", group="latency", limit=2)
    run(folder / "*.yml")
    assert groups() == [("latency", "p99 > 1", "a.yml"), ("latency", "p99 > 2", "b.yml")]


@pytest.mark.parametrize(
    "content", ["groups: [", "groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]", "- x"]
)
def test_a_broken_file_changes_nothing_and_says_why(folder: Path, content: str) -> None:
    run(folder)
    (folder / "a.yml").write_text(content)
    run(folder)
    assert groups() == [("latency", "p99 > 1", "a.yml")]
    assert "line 1" in RuleFile.objects.get().error


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"groups: [{name: a\0b}]", "line 1: the character U+0000"),
        (b'groups: [{name: g,\n rules: [{alert: "a\\0b", expr: up}]}]', "line 2: `alert` holds a character"),
        (b"groups: [{name: " + b"n" * 201 + b"}]", "is 201 characters long; 200 are the most"),
        (b"groups: [{name: g, rules: [{record: " + b"r" * 201 + b", expr: up}]}]", "is 201 characters long"),
        (b"groups: [{name: g}]\n\n# \xff", "line 3: not UTF-8 text (byte 0xff)"),
        (b"#" * 1_000_001, "larger than 1000000 bytes"),
    ],
    ids=["NUL", "escaped NUL", "long group", "long rule", "latin", "large"],
)
def test_a_file_that_no_table_takes_stops_no_other(folder: Path, content: bytes, complaint: str) -> None:
    (folder / "0.yml").write_bytes(content)
    assert run(folder) == 2
    assert groups() == [("latency", "p99 > 1", "a.yml")]
    assert complaint in RuleFile.objects.get(path=str(folder / "0.yml")).error
    assert run(folder) == 0


def test_a_path_that_no_column_takes_stops_no_other(folder: Path) -> None:
    deep = folder / ("d" * 200) / ("e" * 200)
    deep.mkdir(parents=True)
    write(deep / ("f" * 200 + ".yml"), group="far", limit=1)
    run(folder, deep)
    assert groups() == [("latency", "p99 > 1", "a.yml")]
    (refused,) = RuleFile.objects.exclude(error="")
    assert "longer than 500 characters" in refused.error


def test_a_failure_nobody_thought_of_stops_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "0.yml", group="odd", limit=1)
    whole = exchange.take

    def take(project_id: int, found: list[GroupSpec], terms: Terms) -> Taken:
        if found[0].name == "odd":
            message = "out of the blue"
            raise RuntimeError(message)
        return whole(project_id, found, terms)

    monkeypatch.setattr(exchange, "take", take)
    run(folder)
    assert groups() == [("latency", "p99 > 1", "a.yml")]
    assert RuleFile.objects.get(path=str(folder / "0.yml")).error == "RuntimeError: out of the blue"


def test_what_lies_in_a_folder_that_does_not_open_is_not_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(folder)
    whole = Path.iterdir

    def closed(path: Path) -> Iterator[Path]:
        if path == folder:
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    run(folder)
    assert groups() == [("latency", "p99 > 1", "a.yml")]


def test_a_group_that_people_edit_is_left_alone(folder: Path, cast: Cast) -> None:
    mine = RuleGroup.objects.create(project=cast.project, name="latency")
    run(folder)
    assert RuleGroup.objects.filter(pk=mine.pk, origin=Origin.ADMIN).exists()


def test_pages_say_from_which_file_a_group_comes(folder: Path, cast: Cast) -> None:
    run(folder)
    assert [group.source for group in read.groups(cast.project.id)] == [str(folder / "a.yml")]
    assert [(one.path, one.error) for one in read.files(cast.project.id)] == [(str(folder / "a.yml"), "")]


def test_a_project_that_does_not_exist_stops_nothing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert files.run([("nosuch", str(folder)), ("shop", str(folder))], now=NOON + dt.timedelta(0)) == 1
    assert "nosuch" in caplog.text
