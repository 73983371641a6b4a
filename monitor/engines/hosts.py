"""Which host's cards an engine runs on. Pure: labels in, a host out, and by which label it was known.

``gpu_host`` on the engine's target decides alone. Otherwise the first of ``LABELS`` whose value names a host that
has cards: whole, or by its short name where only one host is called so. A port is no part of a name.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OVERRIDE, CARDS = "gpu_host", "gpus"
LABELS = ("host", "hostname", "Hostname", "node", "kubernetes_node", "nodename", "instance")


@dataclass(frozen=True, slots=True)
class Place:
    """``host`` empty: no host with cards is known by any label. ``cards`` empty: all of the host."""

    host: str = ""
    label: str = ""
    cards: frozenset[str] = frozenset()


def place_of(labels: Mapping[str, str], gpu_hosts: Sequence[str], own: Sequence[str] = ()) -> Place:
    """Where an engine runs. ``own``: the hosts on which this Vigil polls itself, for engines at localhost."""
    cards = frozenset(one.strip() for one in labels.get(CARDS, "").split(",") if one.strip())
    if told := labels.get(OVERRIDE, ""):
        return Place(_known(told, gpu_hosts) or told, OVERRIDE, cards)
    for label in LABELS:
        name = without_port(labels.get(label, ""))
        if label == "instance" and _loopback(name):
            here = [one for one in gpu_hosts if one in own]
            return Place(here[0], label, cards) if len(here) == 1 else Place(cards=cards)
        if name and (host := _known(name, gpu_hosts)):
            return Place(host, label, cards)
    return Place(cards=cards)


def without_port(name: str) -> str:
    """``gpu-1:8000`` → ``gpu-1``; an IPv6 address keeps its colons and loses its brackets."""
    if name.startswith("["):
        return name[1:].partition("]")[0]
    head, colon, tail = name.rpartition(":")
    return head if colon and tail.isdigit() and ":" not in head else name


def _known(name: str, gpu_hosts: Sequence[str]) -> str:
    same = [one for one in gpu_hosts if one.casefold() == name.casefold()]
    if not same and not _address(name):
        short = _short(name)
        same = [one for one in gpu_hosts if not _address(one) and _short(one) == short and _nested(one, name)]
    return same[0] if len(same) == 1 else ""


def _nested(one: str, other: str) -> bool:
    """A short name fits its own full name; two different full names do not fit each other."""
    return "." not in one or "." not in other


def _short(name: str) -> str:
    return name.partition(".")[0].casefold()


def _address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _loopback(name: str) -> bool:
    return name.casefold() == "localhost" or (_address(name) and ipaddress.ip_address(name).is_loopback)
