from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from monitor.alerting import alertmanager_yaml
from monitor.alerting.models import Contact
from tests.fixtures.fix_cast import Cast

FILE = "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://h/x', timeout: 3s}]}]\n"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("alertmanager", *arguments, "--project", "shop", stdout=out)
    return out.getvalue()


def test_a_file_is_imported_with_a_word_on_what_is_lost(cast: Cast, tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(FILE)
    assert run("import", str(path)).splitlines() == [
        "1 routes, 1 contacts, 0 inhibitions, 0 time intervals",
        "lost: receivers[0].webhook_configs[0].timeout: not taken over",
    ]


def test_an_export_shows_secrets_only_if_asked(cast: Cast) -> None:
    Contact.objects.create(
        project=cast.project, name="a", kind="webhook", settings={"url": "http://h/s3cr3t"}
    )
    assert "s3cr3t" not in run("export")
    assert "s3cr3t" in run("export", "--secrets")
    assert alertmanager_yaml.load(run("export")).contacts


def test_a_file_that_can_not_be_taken_is_refused(cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("route: {}")
    with pytest.raises(CommandError, match=r"bad\.yml: route"):
        run("import", str(tmp_path / "bad.yml"))
    with pytest.raises(CommandError, match="can't be read"):
        run("import", str(tmp_path / "none.yml"))
