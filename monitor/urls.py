"""Every door, by its path. Wiring only."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from monitor.api import (
    alertmanager,
    errors,
    federate,
    generations,
    health,
    ingest,
    metadata,
    metrics,
    openapi,
    prometheus,
    releases,
    rules,
    status,
    targets,
)

# the admin is entered by the one door that limits tries and asks for the second factor
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign] # as the library documents it

handler500 = errors.broken

urlpatterns: list[URLPattern | URLResolver] = [
    *alertmanager.urlpatterns,
    *federate.urlpatterns,
    *generations.urlpatterns,
    *health.urlpatterns,
    *ingest.urlpatterns,
    *metadata.urlpatterns,
    *metrics.urlpatterns,
    *openapi.urlpatterns,
    *prometheus.urlpatterns,
    *releases.urlpatterns,
    *rules.urlpatterns,
    *status.urlpatterns,
    *targets.urlpatterns,
    re_path(r"^(?:api|v1)/", errors.unknown_path),
    path("admin/", admin.site.urls),
    path("", include("dashboards.urls")),
]
