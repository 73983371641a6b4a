#!/usr/bin/env python
"""The only script: up, demo, simulate, key, project, verify, docs, and Django's own commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
    from monitor.core.env import BadSettingError

    try:
        _run(sys.argv)
    except BadSettingError as error:
        sys.exit(f"bad setting: {error}")


def _run(words: list[str]) -> None:
    if words[1:2] == ["up"] and "--help" not in words:
        _up(words)
        return
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        execute_from_command_line(words)
    except OperationalError as error:
        sys.exit(f"PostgreSQL does not answer: {error}\nStart it with `make up`, or set DATABASE_URL.")


def _up(words: list[str]) -> None:
    """The supervisor without Django around it: it lives as long as Vigil runs and should stay small."""
    from monitor.management import supervisor
    from monitor.store.servers.embedded import EmbeddedServerError

    bind = words[words.index("--bind") + 1] if "--bind" in words[:-1] else None
    try:
        supervisor.run(bind)
    except (EmbeddedServerError, supervisor.AlreadyRunningError, supervisor.PortTakenError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
