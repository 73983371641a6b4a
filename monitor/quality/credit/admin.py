"""Engines that can score, as ops people edit them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold import widgets

from monitor.editing.pages import BaseForm, ProjectAdmin
from monitor.quality.credit.models import ScoringEngine


class EngineForm(BaseForm):
    """The key is never shown; an empty field keeps the stored one."""

    class Meta:
        model = ScoringEngine
        fields = (
            "project", "name", "url", "served_model", "api_key", "model", "usd_per_million_tokens",
            "timeout_seconds", "enabled",
        )  # fmt: skip
        labels = {
            "project": _("Project"), "name": _("Name"), "url": _("Address"), "served_model": _("Served model"),
            "api_key": _("API key"), "model": _("Model"), "usd_per_million_tokens": _("Dollars per million tokens"),
            "timeout_seconds": _("Time-out in seconds"), "enabled": _("Enabled"),
        }  # fmt: skip
        widgets = {"api_key": widgets.UnfoldAdminPasswordWidget()}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        stored = ScoringEngine.objects.filter(pk=self.instance.pk).first()
        if stored is not None and not cleaned.get("api_key"):
            if stored.api_key and cleaned.get("url") != stored.url:
                message = _("The address has changed: give the key again, it was meant for the old one.")
                raise forms.ValidationError(message)
            cleaned["api_key"] = stored.api_key
        return cleaned

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip()
        if not url.startswith(("http://", "https://")):
            message = _("Write an address like http://vllm:8000/v1.")
            raise forms.ValidationError(message)
        return url


@admin.register(ScoringEngine)
class ScoringEngines(ProjectAdmin):
    form = EngineForm
    list_display = ("name", "project", "url", "served_model", "model", "enabled")
    list_filter = ("project", "enabled")
    search_fields = ("name", "url")
