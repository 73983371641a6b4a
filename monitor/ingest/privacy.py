"""A person asks to be forgotten: found by the id that senders gave, as it is kept (see ``rows``)."""

import datetime as dt

from monitor.ingest import choices
from monitor.ingest.redaction.redactor import Redactor
from monitor.ingest.rows import user_hash
from monitor.store.calls import forgetting
from monitor.store.calls.forgetting import Forgotten


def forget(project_id: int, user: str, *, now: dt.datetime) -> Forgotten:
    """Texts, vectors, reasons and links of every call of ``user`` in the project go; numbers stay."""
    policy = choices.policy_of(project_id, now=now)
    return forgetting.person(project_id, user_hash(user, policy.salt), [user, Redactor(policy).text(user)])
