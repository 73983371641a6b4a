"""The sets of rules that come with the product: ``starter`` for the services, ``watcher`` for Vigil itself; and
those for whoever asks for them: ``wasserstein``, a rule that people know from articles.
"""

from collections.abc import Sequence
from pathlib import Path

from monitor.rules import exchange, yaml
from monitor.rules.exchange import Taken, Terms
from monitor.rules.history import Author

SETS = ("starter", "watcher")
ON_DEMAND = ("wasserstein",)


def text(name: str) -> str:
    """The rule file of a set."""
    return Path(__file__).with_name(f"{name}.yml").read_text(encoding="utf-8")


def place(project_id: int, author: Author, *, on: bool, names: Sequence[str] = SETS) -> Taken:
    """Give a project some of them; ``on``: they are asked from now on."""
    groups = [group for name in names for group in yaml.load(text(name))]
    return exchange.take(project_id, groups, Terms(author, enabled=on))
