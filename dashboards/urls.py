"""Addresses of the pages: one per route of each page in the list, and the few that stand alone."""

from django.contrib.auth import views as accounts
from django.urls import URLPattern, URLResolver, include, path

from dashboards import assets, docs, door
from dashboards.pages import PAGES

urlpatterns: list[URLPattern | URLResolver] = [
    path("", door.home, name="home"),
    path("login/", accounts.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", accounts.LogoutView.as_view(), name="logout"),
    path("language/", include("django.conf.urls.i18n")),
    path("assets/<str:wanted>/<path:name>", assets.serve, name="asset"),
    path("docs/", docs.index, name="docs"),
    path("docs/<slug:name>/", docs.page, name="docs-page"),
    path("p/<slug:slug>/", door.project, name="project"),
]
for name in PAGES:
    page = PAGES[name]
    urlpatterns += [
        path(f"p/<slug:slug>/{name}/{pattern}", door.door(page, method, template), name=f"{name}-{method}")
        for pattern, method, template in page.paths
    ]
