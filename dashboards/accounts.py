"""Signing in: our words around the account library. Nobody signs up by himself; single sign-on may bring people."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.shortcuts import render
from django.utils.translation import gettext as _

from monitor.people import signon


class SignIn(LoginForm):  # type: ignore[misc] # the library has no types
    """The library's form under the field name that browsers and password managers know."""

    def add_prefix(self, field_name: str) -> str:
        return "username" if field_name == "login" else str(super().add_prefix(field_name))


class Accounts(DefaultAccountAdapter):  # type: ignore[misc] # the library has no types
    """People are made by admins."""

    def is_open_for_signup(self, *_: Any) -> bool:
        return False


class SignOn(DefaultSocialAccountAdapter):  # type: ignore[misc] # the library has no types
    """Whoever the identity provider knows may come in, if its claim earns a role somewhere."""

    def is_open_for_signup(self, *_: Any) -> bool:
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """A person who came before: roles follow the claim of today, before the session begins."""
        if sociallogin.is_existing:
            self._keep_in_step(request, sociallogin, sociallogin.user)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        self._keep_in_step(request, sociallogin, user)
        return user

    def _keep_in_step(self, request: HttpRequest, sociallogin: SocialLogin, user: User) -> None:
        told = sociallogin.account.extra_data
        claims = {**told.get("id_token", {}), **told.get("userinfo", {})}
        held = signon.values(claims, settings.VIGIL_OIDC_CLAIM)
        earned = signon.keep_in_step(user, signon.grants(settings.VIGIL_OIDC_ROLES), held)
        if not earned and not user.memberships.exists() and not user.is_superuser:
            claim = settings.VIGIL_OIDC_CLAIM
            message = _("Your account has no role here: the claim “%(claim)s” matches no rule. Ask an admin.")
            context = {"message": message % {"claim": claim}}
            raise ImmediateHttpResponse(render(request, "account/no_role.html", context, status=403))
