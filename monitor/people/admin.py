"""What ops people edit about projects, and who belongs to them; people, their second factors and sessions.

The models of the last are those of others, the look is ours. What only those libraries need to know (addresses,
tokens, providers) is not shown at all.
"""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from monitor.core import clock
from monitor.editing.pages import BaseAdmin, Inline
from monitor.store.models import Membership, Project
from monitor.store.upkeep import retention


class Members(Inline):
    model = Membership
    autocomplete_fields = ("user",)


@admin.register(Project)
class Projects(BaseAdmin):
    list_display = ("slug", "name", "demo", "created_at", "deleted_at")
    list_filter = ("demo",)
    search_fields = ("slug", "name")
    fields = (
        "slug",
        "name",
        "buckets",
        "raw_days",
        "five_minute_days",
        "hour_days",
        "content_days",
        "embedding_days",
    )
    inlines = (Members,)
    actions = ("mark_deleted",)

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = clock.now()
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """A project's rows are too many for one request: the action marks it, a job removes them."""
        return False

    @admin.action(description=_("Delete with all data"), permissions=["change"])
    def mark_deleted(self, request: HttpRequest, chosen: QuerySet[Project]) -> None:
        for project in chosen:
            retention.mark_deleted(project, now=clock.now())
        messages.success(request, _("Gone from every page; their rows are removed in the background."))


for one in (User, Group, EmailAddress, Authenticator, UserSession, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(one)


@admin.register(User)
class Users(UserAdmin[User], BaseAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    readonly_fields = ("last_login", "date_joined")
    # the double lists cannot be read aloud
    filter_horizontal = ()


@admin.register(Group)
class Groups(GroupAdmin, BaseAdmin):
    filter_horizontal = ()


class Kept(BaseAdmin):
    """Rows that the product makes: looked at and deleted, never written by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Authenticator)
class SecondFactors(Kept):
    """Deleting one lets a person in who lost the device; the secret itself is shown to nobody."""

    fields = ("user", "type", "created_at", "last_used_at")
    list_display = fields
    list_filter = ("type",)


@admin.register(UserSession)
class Sessions(Kept):
    """Deleting one signs its browser out."""

    fields = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    list_display = fields
    search_fields = ("user__username", "ip")

    def delete_model(self, request: HttpRequest, obj: UserSession) -> None:
        obj.end()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> None:
        for one in queryset:
            one.end()


@admin.register(SocialAccount)
class SignedOn(Kept):
    fields = ("user", "provider", "uid", "last_login", "date_joined")
    list_display = fields
    search_fields = ("user__username", "uid")
