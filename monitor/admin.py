"""Table of contents: what ops people edit, by subject."""

from monitor.ingest import admin as ingest_admin

__all__ = ["ingest_admin"]
