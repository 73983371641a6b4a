"""Every door, by its path. Wiring only."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from monitor.api import health, ingest

urlpatterns: list[URLPattern | URLResolver] = [
    *health.urlpatterns,
    *ingest.urlpatterns,
    path("admin/", admin.site.urls),
]
