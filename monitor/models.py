"""Table of contents: where each subject keeps its tables."""

from monitor.store.models import *  # noqa: F403
