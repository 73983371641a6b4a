"""Who uses a card: memory and utilisation by process, with the command a person knows it by.

The driver numbers processes as the host does. Inside a container /proc numbers them anew, so the same number may
be somebody else there; /proc is only believed where it is the host's.
"""

from pathlib import Path
from typing import Any

from monitor.gpu.card import Card, text, whole
from monitor.gpu.nvml import Driver, NoAnswerError
from monitor.gpu.reading import Extra, Sheet

# inode of the first process namespace, the same in every Linux kernel (include/linux/proc_ns.h)
HOST_NAMESPACE = 0xEFFFFFFC
MOST_PROCESSES = 32
MOST_NAMES = 1024
NO_INSTANCE = 2**32 - 1


class Commands:
    """Names of processes, each looked up once while it is listed. ``proc``: the host's /proc, if we see it."""

    def __init__(self, driver: Driver, proc: Path | None = None) -> None:
        self.driver = driver
        self.proc = proc if proc is not None else _own_proc()
        self._known: dict[int, str] = {}

    def of(self, pid: int) -> str:
        if pid not in self._known:
            if len(self._known) > MOST_NAMES:
                self._known.clear()
            self._known[pid] = self._look_up(pid)
        return self._known[pid]

    def keep(self, pids: set[int]) -> None:
        """Forget the others: a number is given again to another process."""
        self._known = {pid: name for pid, name in self._known.items() if pid in pids}

    def _look_up(self, pid: int) -> str:
        if self.proc is not None:
            try:
                name = (self.proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
            except OSError:
                name = ""
            if name:
                return name
        try:
            return Path(text(self.driver.ask(pid, "nvmlSystemGetProcessName", pid))).name
        except NoAnswerError:
            return ""


def _own_proc() -> Path | None:
    try:
        ours = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return None
    return Path("/proc") if ours == HOST_NAMESPACE else None


def processes(card: Card, sheet: Sheet, commands: Commands) -> None:
    """The largest ones, by memory."""
    found: dict[int, tuple[int | None, Extra]] = {}
    for handle, instance in _where(card):
        for row in _listed(card, handle):
            told = getattr(row, "gpuInstanceId", NO_INSTANCE)
            number = instance if instance is not None else told if told != NO_INSTANCE else None
            extra: Extra = () if number is None else (("gpu_instance", str(number)),)
            found[int(row.pid)] = (whole(row.usedGpuMemory), extra)
    most = sorted(found.items(), key=lambda one: -(one[1][0] or 0))[:MOST_PROCESSES]
    for pid, (size, extra) in sorted(most):
        who = (("command", commands.of(pid)), *extra, ("pid", str(pid)))
        sheet.put("gpu_process_memory_bytes", size, who)
    busy = _utilization(card)
    for pid in sorted(pid for pid, _ in most if pid in busy):
        who = (("command", commands.of(pid)), *found[pid][1], ("pid", str(pid)))
        sheet.put("gpu_process_utilization_ratio", busy[pid], who)


def _where(card: Card) -> list[tuple[Any, int | None]]:
    """A partitioned card tells them by instance."""
    if card.partitions:
        return [(one.handle, one.gpu_instance) for one in card.partitions]
    return [(card.handle, None)]


def _listed(card: Card, handle: Any) -> list[Any]:
    rows = []
    for kind in ("Compute", "Graphics"):
        for version in ("_v3", "_v2"):
            try:
                rows += card.driver.ask(card.uuid, f"nvmlDeviceGet{kind}RunningProcesses{version}", handle)
                break
            except NoAnswerError:
                continue
    return rows


def _utilization(card: Card) -> dict[int, float]:
    """Share of time in which each process had kernels running, over the samples that are new."""
    samples = card.get("nvmlDeviceGetProcessUtilization", card.seen_processes_us) or []
    sums: dict[int, list[float]] = {}
    for one in samples:
        # drivers were seen to hand out rows they never filled
        if one.smUtil <= 100 and one.timeStamp > 0:
            sums.setdefault(int(one.pid), []).append(one.smUtil / 100.0)
            card.seen_processes_us = max(card.seen_processes_us, int(one.timeStamp))
    return {pid: sum(shares) / len(shares) for pid, shares in sums.items()}
