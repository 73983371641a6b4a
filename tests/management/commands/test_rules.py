from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from monitor.rules import yaml
from monitor.rules.models import Rule, RuleGroup
from tests.fixtures.fix_cast import NOON, Cast
from tests.rules.test_yaml import PADDLE


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rules", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path, cast: Cast) -> Path:
    path = tmp_path / "rules.yml"
    path.write_text(PADDLE, encoding="utf-8")
    return path


def test_what_is_imported_is_exported_again(file: Path) -> None:
    assert run("import", str(file), "--project", "shop") == "1 groups with 3 rules (0 groups replaced)\n"
    assert yaml.load(run("export", "--project", "shop"))[0].rules == yaml.load(PADDLE)[0].rules


def test_importing_again_keeps_the_state_of_rules_that_stayed(file: Path) -> None:
    run("import", str(file), "--project", "shop")
    Rule.objects.filter(name="HighModelLatency").update(state="firing", evaluated_at=NOON)
    file.write_text(
        PADDLE.replace("for: 10m", "for: 11m").replace("LowModelQPS", "LowTraffic"), encoding="utf-8"
    )
    assert "1 groups replaced" in run("import", str(file), "--project", "shop")
    kept = Rule.objects.get(name="HighModelLatency")
    assert (kept.state, kept.for_ms) == ("firing", 660_000)
    assert set(Rule.objects.values_list("name", flat=True)) == {
        "HighModelErrorRate",
        "HighModelLatency",
        "LowTraffic",
    }


def test_a_file_with_one_bad_rule_changes_nothing(file: Path) -> None:
    file.write_text(PADDLE.replace("> 0.5\n", "> > 0.5\n", 1), encoding="utf-8")
    with pytest.raises(CommandError, match=r"line 12: HighModelLatency: line 1, column \d+: parse error"):
        run("import", str(file), "--project", "shop")
    assert not RuleGroup.objects.exists()


def test_the_starter_set_can_be_imported_by_name(cast: Cast) -> None:
    assert "rules" in run("import", "starter", "--project", "shop")


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (("import", "nowhere.yml", "--project", "shop"), "nowhere.yml can't be read"),
        (("export", "--project", "nowhere"), "no project 'nowhere'"),
    ],
)
def test_what_is_not_there_is_named(cast: Cast, arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        run(*arguments)
