"""Table of contents: what ops people edit, by subject."""

from monitor.alerting import admin as alerting_admin
from monitor.canary import admin as canary_admin
from monitor.drift import admin as drift_admin
from monitor.gpu import admin as gpu_admin
from monitor.ingest import admin as ingest_admin
from monitor.ingest.scraping import admin as scraping_admin
from monitor.people import admin as people_admin
from monitor.quality import admin as quality_admin
from monitor.quality.credit import admin as credit_admin
from monitor.rules import admin as rules_admin

__all__ = [
    "alerting_admin",
    "canary_admin",
    "credit_admin",
    "drift_admin",
    "gpu_admin",
    "ingest_admin",
    "people_admin",
    "quality_admin",
    "rules_admin",
    "scraping_admin",
]
