"""Rules as people change them, on the page or in the admin: checked by one form, noted with who and when."""

from collections.abc import Iterable, Mapping, Sequence

from django.db import transaction
from django.utils.html import conditional_escape
from django.utils.translation import gettext as _

from monitor.rules import exchange, history, validate, yaml
from monitor.rules.exchange import Taken
from monitor.rules.forms import RuleForm
from monitor.rules.history import Author
from monitor.rules.models import Origin, Rule, RuleGroup

FIELDS = ("name", "kind", "expr", "for_ms", "keep_firing_for_ms", "labels", "annotations")


class RefusedRuleError(ValueError):
    """What was typed can't be stored; ``fields`` says why, field by field."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__("; ".join(text for texts in fields.values() for text in texts))
        self.fields = fields


def save(project_id: int, typed: Mapping[str, str], author: Author, *, rule_id: int | None = None) -> int:
    """Store a rule, new or changed; its id. ``group`` is the name of a group, which is made if it is not there.

    Raises RefusedRuleError, and LookupError for a rule that is not there.
    """
    with transaction.atomic():
        rule = None if rule_id is None else mine(project_id, rule_id)
        if rule is not None and rule.group.origin == Origin.FILE:
            raise RefusedRuleError({"group": [from_file(rule.group)]})
        try:
            validate.name(typed.get("group", ""))
        except validate.BadRuleError as error:
            raise RefusedRuleError({"group": [conditional_escape(str(error))]}) from error
        before = history.words(rule) if rule else {}
        form = RuleForm(
            {**typed, **_rest(rule), "group": _group(project_id, typed.get("group", ""))}, instance=rule
        )
        if not form.is_valid():
            transaction.set_rollback(True)
            raise RefusedRuleError(_complaints(form))
        saved = form.save()
        history.note(saved, before, author)
    return int(saved.pk)


def mine(project_id: int, rule_id: int) -> Rule:
    """A rule of the project; raises LookupError."""
    row = Rule.objects.select_related("group").filter(pk=rule_id, group__project_id=project_id).first()
    if row is None:
        message = _("There is no such rule in this project.")
        raise LookupError(message)
    return row


def switch(rules: Iterable[Rule], author: Author, *, on: bool) -> int:
    """Rules begin or cease to be asked; how many changed."""
    done = 0
    for rule in rules:
        if rule.enabled == on or rule.group.origin == Origin.FILE:
            continue
        before = history.words(rule)
        rule.enabled = on
        rule.save(update_fields=["enabled"])
        history.note(rule, before, author)
        done += 1
    return done


def clone(rule: Rule, author: Author) -> Rule:
    """A copy beside it, switched off until somebody has changed what should be different."""
    group = rule.group
    if group.origin == Origin.FILE:
        group, _made = RuleGroup.objects.get_or_create(
            project_id=group.project_id, source="", name=group.name,
            defaults={"interval_ms": group.interval_ms, "labels": group.labels},
        )  # fmt: skip
    row = Rule(
        group=group, position=group.rules.count(), kind=rule.kind, name=f"{rule.name}Copy", expr=rule.expr,
        for_ms=rule.for_ms, keep_firing_for_ms=rule.keep_firing_for_ms, labels=rule.labels,
        annotations=rule.annotations, enabled=False,
    )  # fmt: skip
    row.save()
    history.note(row, {}, author)
    return row


def delete(rules: Sequence[Rule], author: Author) -> int:
    """Take rules away; their alerts end at the next evaluation."""
    gone = [rule for rule in rules if rule.group.origin != Origin.FILE]
    with transaction.atomic():
        history.note_end(gone, author)
        for rule in gone:
            rule.delete()
    return len(gone)


def take_text(project_id: int, text: str, author: Author, *, enabled: bool, partly: bool) -> Taken:
    """A rule file that somebody pasted; raises yaml.BadRuleFileError, exchange.RefusedFileError."""
    content = yaml.read(text)
    taken = exchange.take(project_id, content.groups, exchange.Terms(author, enabled=enabled, partly=partly))
    return Taken(taken.groups, taken.rules, taken.replaced, (*content.lost, *taken.lost))


def give_text(project_id: int) -> str:
    """All rules of the project as one rule file."""
    return yaml.dump(exchange.give(project_id))


def from_file(group: RuleGroup) -> str:
    return _("This rule comes from the file %(file)s; change it there, or make a copy.") % {
        "file": group.source
    }


def _complaints(form: RuleForm) -> dict[str, list[str]]:
    """Field by field, safe to be shown: places in expressions are marked with HTML."""
    return {
        name: [conditional_escape(text) for error in errors for text in error.messages]
        for name, errors in form.errors.as_data().items()
    }


def _group(project_id: int, name: str) -> int | None:
    if not name.strip():
        return None
    row, _made = RuleGroup.objects.get_or_create(project_id=project_id, source="", name=name.strip())
    return row.pk


def _rest(rule: Rule | None) -> dict[str, str]:
    """What the page does not ask."""
    enabled = {"enabled": "on"} if rule is None or rule.enabled else {}
    return {"position": str(rule.position if rule else 0), **enabled}
