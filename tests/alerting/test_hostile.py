"""Nothing that people or programs send to a door of alerting is a surprise: it is taken, or refused in words."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.db import transaction
from django.test import Client, RequestFactory

from monitor.alerting import configuration, deliver, exporting
from monitor.alerting.alertmanager_yaml import BadConfigurationError
from monitor.alerting.forms import ContactForm
from monitor.alerting.models import AlertPolicy, Contact, Inhibition, Route, Silence, TimeInterval
from monitor.alerting.receivers import RECEIVERS
from monitor.editing.plugins import form_for
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_cast import NOON, Cast
from tests.kits import receiver as kit

LONG = "x" * 5000
TEXTS = (
    "",
    "\0",
    "a\0b",
    LONG,
    "\n",
    "(",
    '"',
    "null",
    "9" * 5000,
    "9000y",
    "-1",
    "٣d",
    "😀",
    "[" * 3000,
    "*a",
    "a=b",
    "1e999",
    "../../etc",
)
DATES = (
    "", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59+14:00", "1600-01-01T00:00:00Z",
    "2026-13-01T00:00:00Z", "x", LONG, "\0", "12026-01-01T00:00:00Z", "2026-11-18T12:00:00", "2026-02-29T00:00:00Z",
)  # fmt: skip


def alerts() -> Iterator[Any]:
    for odd in TEXTS:
        yield {"labels": {"alertname": odd, "b": "c"}}
        yield {"labels": {odd: "x", "b": "c"}}
        yield {"labels": {"a": "b"}, "annotations": {odd: "x", "summary": odd}, "generatorURL": odd}
    for odd in DATES:
        yield {"labels": {"a": "b"}, "startsAt": odd}
        yield {"labels": {"a": "b"}, "endsAt": odd}
        yield {"labels": {"a": "b"}, "startsAt": odd, "endsAt": odd}


def silences() -> Iterator[Any]:
    good = {
        "matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": "2026-11-18T12:00:00Z", "endsAt": "2027-11-18T12:00:00Z",
        "createdBy": "ada", "comment": "c",
    }  # fmt: skip
    for odd in TEXTS:
        yield from ({**good, key: odd} for key in ("createdBy", "comment", "id"))
        for regex in (True, False):
            yield {**good, "matchers": [{"name": odd, "value": odd, "isRegex": regex}]}
            yield {**good, "matchers": [{"name": "a", "value": odd, "isRegex": regex}]}
    for odd in DATES:
        yield from ({**good, key: odd} for key in ("startsAt", "endsAt"))


def test_the_api_answers_what_it_is_sent(client: Client, pager: Pager) -> None:
    headers = {"authorization": f"Bearer {pager.cast.key}"}

    def sent(path: str, body: Any) -> int:
        with transaction.atomic():
            raw = json.dumps(body)
            return client.post(
                f"/api/v2/{path}", raw, content_type="application/json", headers=headers
            ).status_code

    assert {sent("alerts", [one]) for one in alerts()} == {200, 400}
    assert {sent("silences", one) for one in silences()} == {200, 400, 404}
    for odd in (*TEXTS, *DATES):
        for query in ({"filter": odd}, {"receiver": odd}, {"active": odd}):
            for path in ("alerts", "alerts/groups", "silences"):
                assert client.get(f"/api/v2/{path}", query, headers=headers).status_code in {200, 400}
    deliver.run_due(now=pager.moment(100))


def test_the_pages_show_what_the_api_took(client: Client, pager: Pager) -> None:
    headers = {"authorization": f"Bearer {pager.cast.key}"}
    for path, bodies in (("alerts", alerts()), ("silences", silences())):
        for body in bodies:
            raw = json.dumps([body] if path == "alerts" else body)
            client.post(f"/api/v2/{path}", raw, content_type="application/json", headers=headers)
    client.force_login(pager.cast.ada)
    for zone in ("Asia/Shanghai", "America/Los_Angeles"):
        client.cookies["zone"] = zone
        for page in ("", "silence/?matchers=%00", "routing/"):
            assert client.get(f"/p/{pager.cast.project.slug}/alerts/{page}").status_code == 200
    for page in ("silence", "alert", "contact", "delivery"):
        assert client.get(f"/admin/monitor/{page}/").status_code in {200, 404}


def test_the_page_answers_what_is_typed(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    for odd in TEXTS:
        wishes: list[dict[str, str]] = [
            {"do": "silence", "matchers": odd, "hours": "2", "comment": "c"},
            {"do": "silence", "matchers": 'a="b"', "hours": "2", "comment": odd},
            {"do": "silence", "matchers": 'a="b"', "hours": odd},
            {"do": "end-silence", "id": odd},
            {"do": "import", "text": odd},
            {"do": "import", "text": f"route: {{receiver: {json.dumps(odd)}}}\nreceivers: [{{name: {json.dumps(odd)}}}]"},
        ]  # fmt: skip
        for wish in wishes:
            address = f"/p/{cast.project.slug}/alerts/{'routing/' if wish['do'] == 'import' else 'silence/'}"
            assert client.post(address, wish).status_code in {200, 302}


FILES = (
    "route: {{receiver: {0}}}\nreceivers: [{{name: {0}}}]",
    "route: {{receiver: a, group_by: [{0}]}}\nreceivers: [{{name: a}}]",
    "route: {{receiver: a, group_wait: {0}}}\nreceivers: [{{name: a}}]",
    "route: {{receiver: a, routes: [{{matchers: [{0}], match: {{{0}: {0}}}, match_re: {{a: {0}}}}}]}}\nreceivers: [{{name: a}}]",
    "route: {{receiver: a}}\nreceivers: [{{name: a}}]\ninhibit_rules: [{{equal: [{0}], name: {0}, source_matchers: [{0}]}}]",
    "route: {{receiver: a}}\nreceivers: [{{name: a}}]\ntime_intervals: [{{name: {0}, time_intervals: [{{location: {0}}}]}}]",
    "route: {{receiver: a}}\nreceivers: [{{name: a}}]\nglobal: {{resolve_timeout: {0}}}",
    "route: {{receiver: a}}\nreceivers: [{{name: a, webhook_configs: [{{url: {0}, max_alerts: {0}}}]}}]",
    "route: {{receiver: a}}\nreceivers: [{{name: a, telegram_configs: [{{bot_token: {0}, chat_id: {0}, message_thread_id: {0}}}]}}]",
    "route: {{receiver: a}}\nreceivers: [{{name: a, wechat_configs: [{{corp_id: {0}, api_secret: {0}, agent_id: {0}, to_user: {0}}}]}}]",
    "route: {{receiver: a}}\nreceivers: [{{name: a, email_configs: [{{to: {0}, smarthost: {0}, from: {0}}}]}}]",
)


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_taken_or_refused(cast: Cast, file: str) -> None:
    for odd in TEXTS:
        with transaction.atomic():
            try:
                configuration.take(cast.project.pk, file.format(json.dumps(odd)), now=NOON)
            except BadConfigurationError as error:
                assert len(str(error)) < 500  # noqa: PT017 — it may as well be taken
        assert exporting.give(cast.project.pk)


@pytest.mark.parametrize("kind", RECEIVERS)
def test_a_contacts_form_takes_or_refuses(cast: Cast, kind: str) -> None:
    good = {f"setting_{name}": value for name, value in kit.settings(kind, "https://svc.example").items()}
    good |= {"project": cast.project.pk, "name": "n", "kind": kind, "language": "zh", "receiver": ""}
    for name in good:
        for odd in ("\0", LONG, "9" * 5000, "1e999", "-1", "[" * 3000):
            _save(form_for(ContactForm, kind)({**good, name: odd}, instance=Contact(kind=kind)))


@pytest.mark.parametrize("model", [AlertPolicy, Inhibition, Route, Silence, TimeInterval])
def test_a_form_of_the_admin_takes_or_refuses(cast: Cast, model: Any) -> None:
    request = RequestFactory().get("/")
    request.user = cast.ada
    made = admin.site._registry[model].get_form(request)
    good = {
        "project": cast.project.pk, "name": "n", "position": "0", "matchers": 'a="b"', "source_matchers": 'a="b"', "target_matchers": 'a="b"',
        "spec": "years: [2026]", "resolve_timeout": "5m", "author": "ada", "starts_at_0": "2026-11-18", "starts_at_1": "12:00",
        "ends_at_0": "2027-11-18", "ends_at_1": "12:00", "group_wait": "1s",
    }  # fmt: skip
    for name in made.base_fields:
        for odd in (*TEXTS, *DATES):
            changes = (
                {name: odd, f"{name}_0": odd[:10], f"{name}_1": odd[11:19]}
                if name.endswith("_at")
                else {name: odd}
            )
            _save(made({**good, **changes}))


def _save(form: forms.ModelForm[Any]) -> None:
    """With the columns' own limits; then it is taken back."""
    if not form.is_valid():
        assert form.errors
        return
    with transaction.atomic():
        row = form.save(commit=False)
        row.updated_at = NOON
        row.save()
        form.save_m2m()
        exporting.give(row.project_id)
        transaction.set_rollback(True)
