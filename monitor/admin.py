"""Table of contents: what ops people edit, by subject."""

from monitor.alerting import admin as alerting_admin
from monitor.ingest import admin as ingest_admin
from monitor.rules import admin as rules_admin

__all__ = ["alerting_admin", "ingest_admin", "rules_admin"]
