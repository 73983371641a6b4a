"""Why the store does not answer, in words that say what to do."""

from psycopg import errors

# what PostgreSQL says by code, or where the connection never came about by the words it refuses with
_BY_CODE = {
    errors.DiskFull.sqlstate: "the disk of PostgreSQL is full: give it room, or lower VIGIL_RETENTION_DAYS",
    errors.TooManyConnections.sqlstate: "all connections of PostgreSQL are taken",
    errors.CannotConnectNow.sqlstate: "PostgreSQL is starting or stopping",
    errors.AdminShutdown.sqlstate: "PostgreSQL is stopping",
    errors.CrashShutdown.sqlstate: "PostgreSQL had to start anew",
    errors.QueryCanceled.sqlstate: "PostgreSQL took longer than it may",
    errors.LockNotAvailable.sqlstate: "others hold what this needs",
    errors.ReadOnlySqlTransaction.sqlstate: "PostgreSQL takes no writes: it is a standby or was set read-only",
    errors.InvalidPassword.sqlstate: "PostgreSQL refuses our password: see DATABASE_URL",
}
_BY_WORDS = {
    "No space left on device": _BY_CODE[errors.DiskFull.sqlstate],
    "too many clients": _BY_CODE[errors.TooManyConnections.sqlstate],
    "remaining connection slots": _BY_CODE[errors.TooManyConnections.sqlstate],
    "the database system is": _BY_CODE[errors.CannotConnectNow.sqlstate],
    "in recovery mode": _BY_CODE[errors.CannotConnectNow.sqlstate],
    "No such file": "PostgreSQL is not running",
    "Connection refused": "PostgreSQL is not running",
    "authentication failed": _BY_CODE[errors.InvalidPassword.sqlstate],
}


def told(error: Exception) -> str:
    """What is wrong; the kind of error where nobody has put it into words. No address and no statement is told."""
    cause = error.__cause__ or error
    known = _BY_CODE.get(getattr(cause, "sqlstate", None) or "")
    text = str(error)
    return known or next(
        (words for part, words in _BY_WORDS.items() if part in text),
        f"PostgreSQL does not answer ({type(error).__name__})",
    )
