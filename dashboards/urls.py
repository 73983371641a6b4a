"""Addresses of the pages: one per route of each page in the list, and the few that stand alone."""

from allauth.account import views as accounts
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from dashboards import assets, docs, door, newproject
from dashboards.pages import PAGES

urlpatterns: list[URLPattern | URLResolver] = [
    path("", door.home, name="home"),
    path("login/", accounts.login, name="account_login"),
    path("logout/", accounts.logout, name="account_logout"),
    path("account/signup/", RedirectView.as_view(url="/login/"), name="account_signup"),
    path("account/inactive/", accounts.account_inactive, name="account_inactive"),
    path("account/again/", accounts.reauthenticate, name="account_reauthenticate"),
    path("account/password/", accounts.password_change, name="account_change_password"),
    path("account/password/set/", accounts.password_set, name="account_set_password"),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("account/sessions/", include("allauth.usersessions.urls")),
    path("account/connections/", include("allauth.socialaccount.urls")),
    path("account/", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("language/", include("django.conf.urls.i18n")),
    path("assets/<str:wanted>/<path:name>", assets.serve, name="asset"),
    path("docs/", docs.index, name="docs"),
    path("docs/<slug:name>/", docs.page, name="docs-page"),
    path("projects/new/", newproject.view, name="project-new"),
    path("p/<slug:slug>/", door.project, name="project"),
    path("d/<slug:uid>/", door.board, name="board"),
    path("dashboards", door.board, name="boards"),
    path("d/<slug:uid>/<path:rest>", door.board, name="board-named"),
]
for name in PAGES:
    page = PAGES[name]
    urlpatterns += [
        path(f"p/<slug:slug>/{name}/{pattern}", door.door(page, method, template), name=f"{name}-{method}")
        for pattern, method, template in page.paths
    ]
