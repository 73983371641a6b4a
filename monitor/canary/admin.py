"""Releases, their actions and policies as ops people edit them."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from monitor.canary import opening, wishes
from monitor.canary.actions import ACTIONS
from monitor.canary.models import (
    LIVELY,
    Mode,
    Release,
    ReleaseEvidence,
    ReleaseGate,
    ReleasePolicy,
    ReleaseStage,
    RolloutAction,
    Verdict,
)
from monitor.core import clock
from monitor.editing.pages import BaseForm, Inline, ProjectAdmin, labelled
from monitor.editing.plugins import PluginAdmin, PluginForm

# what was counted is of these two versions since then; who means others opens another release
FIXED = ("project", "model", "stable", "canary", "started_at")
WISHED = ("model", "stable", "canary", "owner", "note", "mode", "stratify", "alpha", "deadline_hours")
VERDICTS = {"pass": "success", "fail": "danger", "undecided": "info"}


class GateForm(BaseForm):
    class Meta:
        model = ReleaseGate
        fields = ("kind", "about", "tolerance", "margin", "needed", "pass_when", "fail_when")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        names = ("kind", "about", "tolerance", "margin", "needed", "pass_when", "fail_when")
        if not self.errors:
            try:
                wishes.check_gate(wishes.GateWish(**{name: cleaned.get(name) for name in names}))  # type: ignore[arg-type] # cleaned by the form
            except wishes.BadReleaseError as error:
                raise ValidationError(str(error)) from None
        return cleaned


class ReleaseForm(BaseForm):
    class Meta:
        model = Release
        fields = (
            "project", "model", "stable", "canary", "owner", "note", "mode", "started_at", "stratify", "alpha",
            "deadline_hours",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self._check(cleaned)
            except wishes.BadReleaseError as error:
                raise ValidationError(str(error)) from None
        return cleaned

    def _check(self, cleaned: dict[str, Any]) -> None:
        """As over HTTP; of one that is on its way what was said at first is not said again."""
        now, known = clock.now(), self.instance
        given = {name: cleaned.get(name, getattr(known, name)) for name in WISHED}
        started = cleaned.get("started_at") or now
        wishes.check_wish(wishes.Wish(**given, started_at=started), [wishes.StageWish(1.0)], now)
        if given["mode"] == Mode.AUTOMATIC and known.state in LIVELY:
            project = cleaned.get("project") or known.project
            opening.check_alone(project.pk, given["model"], given["canary"])


class StageSet(BaseInlineFormSet[Any, Any, Any]):
    """The stages of a release, checked together; those that have begun stay."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        forms = [form for form in self.forms if form.cleaned_data]
        for form in forms:
            gone = form.cleaned_data.get("DELETE")
            if form.instance.began_at is not None and (gone or "position" in form.changed_data):
                message = _(
                    "A stage that has begun stays where it is; close the release and open another one."
                )
                raise ValidationError(message)
        rows = sorted(
            (form.cleaned_data for form in forms if not form.cleaned_data.get("DELETE")),
            key=lambda row: int(row["position"]),
        )
        try:
            if rows:
                wishes.check_stages(
                    [wishes.StageWish(row["share"], row["least_minutes"], row["least_calls"]) for row in rows]
                )
        except wishes.BadReleaseError as error:
            raise ValidationError(str(error)) from None


class Stages(Inline):
    model = ReleaseStage
    formset = StageSet
    fields = ("position", "share", "least_minutes", "least_calls")


class Gates(Inline):
    model = ReleaseGate
    form = GateForm


@admin.register(Release)
class Releases(ProjectAdmin):
    form = ReleaseForm
    fields = (
        "project", "model", "stable", "canary", "owner", "note", "mode", "started_at", "stratify", "alpha",
        "deadline_hours", "state", "verdict", "last_ok", "last_error", "last_duration",
    )  # fmt: skip
    readonly_fields = ("state", "verdict", "last_ok", "last_error", "last_duration")
    list_display = ("model", "stable", "canary", "project", "mode", "state", "verdict_shown", "started_at")
    list_filter = ("project", "state", "mode")
    search_fields = ("model", "stable", "canary", "owner")
    inlines = (Stages, Gates)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.readonly_fields if obj is None else (*FIXED, *self.readonly_fields)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_changeform_initial_data(request), "started_at": clock.now()}

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """A release without stages or gates gets the usual ones; what its gates count is counted anew."""
        super().save_related(request, form, formsets, change)
        release: Release = form.instance
        opening.complete(release)
        if any(formset.has_changed() for formset in formsets) or "stratify" in form.changed_data:
            ReleaseEvidence.objects.filter(release=release).delete()
            release.body.pop("strata", None)
            release.looked = ""
            release.save(update_fields=["body", "looked"])

    @labelled(_("Verdict"), {Verdict(name).label: colour for name, colour in VERDICTS.items()})
    def verdict_shown(self, row: Release) -> str:
        return str(Verdict(row.verdict).label)


class ActionForm(PluginForm):
    plugins = ACTIONS

    class Meta:
        model = RolloutAction
        fields = ("project", "name", "kind", "model", "enabled")


@admin.register(RolloutAction)
class Actions(PluginAdmin):
    plugin_form = ActionForm
    intro = _("Whom to tell of a decision, so that the traffic really moves.")
    common = ("name", "model", "enabled")
    list_display = ("name", "kind", "project", "model", "enabled", "last_ok", "last_error")
    list_filter = ("project", "kind", "enabled")
    search_fields = ("name",)


class PolicyForm(BaseForm):
    class Meta:
        model = ReleasePolicy
        fields = ("project", "notice", "stages", "deploy_mode")

    def clean_stages(self) -> str:
        typed: str = self.cleaned_data["stages"]
        try:
            wishes.stages_of(typed)
        except wishes.BadReleaseError as error:
            raise ValidationError(str(error)) from None
        return typed


@admin.register(ReleasePolicy)
class Policies(ProjectAdmin):
    form = PolicyForm
    list_display = ("project", "notice", "stages", "deploy_mode")
