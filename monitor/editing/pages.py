"""What every admin page shares: the look, and that people who are not superusers stay in their projects.

A subject's ``admin.py`` builds on ``ProjectAdmin``; the model needs a ``project`` field (or ``scope`` a path
to one).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField, ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from monitor.store import access
from monitor.store.models import Project, Role

if TYPE_CHECKING:
    # unfold has no types; its classes are Django's with another look
    BaseAdmin = admin.ModelAdmin[Any]
    BaseInline = admin.TabularInline[Any, Any]
    BaseForm = ModelForm[Any]
else:
    from unfold.admin import ModelAdmin as BaseAdmin
    from unfold.admin import TabularInline as BaseInline

    BaseForm = ModelForm


F = TypeVar("F", bound=Callable[..., str | tuple[str, Any]])


def labelled(description: Any, colours: Mapping[str, str], ordering: str | None = None) -> Callable[[F], F]:
    """A column whose words carry a colour (and stay words); a pair is the key of the colour and the word."""
    decorate: Callable[[F], F] = display(description=description, label=dict(colours), ordering=ordering)
    return decorate


class Inline(BaseInline):
    """Rows of another table on the same page."""

    extra = 0


class ProjectAdmin(BaseAdmin):
    """Rows that belong to a project: people see and change only those of projects they may edit."""

    scope = "project"
    least = Role.EDITOR
    compressed_fields = True
    list_filter_submit = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows = super().get_queryset(request)
        return (
            rows if request.user.is_superuser else rows.filter(**{f"{self.scope}__in": self._mine(request)})
        )

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any]":
        if db_field.related_model is Project:
            kwargs["label"] = _("Project")
            kwargs["queryset"] = Project.objects.filter(
                pk__in=[project.pk for project in self._mine(request)]
            )
        found = super().formfield_for_foreignkey(db_field, request, **kwargs)
        assert found is not None
        return found

    def _mine(self, request: HttpRequest) -> list[Project]:
        mine = access.projects_for(request.user)
        return [project for project in mine if access.may(request.user, project, self.least)]
