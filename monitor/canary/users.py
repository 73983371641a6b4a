"""Users who differ: how many times more an arm's sums vary than those of as many independent calls. Pure.

Users are known as 25 groups. What one group has above its share, of all groups' excess, says how much the figure
rests on who the users happen to be. A group is compared with the others in the same minutes, so shared trends and
bad minutes cancel; where users change between the versions, what they bring along cancels between the arms.
"""

from dataclasses import dataclass

import numpy as np

from monitor.core.stats import Floats

# users who weigh as much as fewer groups of alike size say too little about other users
LEAST_GROUPS = 10.0


@dataclass(frozen=True, slots=True)
class Split:
    """One arm by row and user group (R, G): how many calls, and their sum. Empty groups are zero."""

    n: Floats
    total: Floats

    def part(self, rows: slice) -> "Split":
        return Split(self.n[rows], self.total[rows])


@dataclass(frozen=True, slots=True)
class Excess:
    """One arm, summed up to each row (R, G): its excess, what a common offset adds to it, its variance by chance."""

    excess: Floats
    base: Floats
    chance: Floats

    def left(self) -> Floats:
        """The excess without the arm's own offset, made unbiased (R, G)."""
        whole = self.base.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(whole > 0, self.base / whole, 0.0)
        left = self.excess - share * self.excess.sum(axis=1, keepdims=True)
        found: Floats = left / np.sqrt(np.maximum(1.0 - share, 1e-9))
        return found


def level(arms: tuple[Split, Split]) -> tuple[Floats, Floats]:
    """For each row and group the mean of all calls of the other groups, and how many those are (R, G)."""
    n = arms[0].n + arms[1].n
    total = arms[0].total + arms[1].total
    others = n.sum(axis=1, keepdims=True) - n
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(others > 0, (total.sum(axis=1, keepdims=True) - total) / others, 0.0)
    return mean, others


def of_rates(stable: Split, canary: Split, used: np.ndarray) -> Floats:
    """By how much the ratio of two rates varies more than by chance, after each row (R,); at least 1.

    ``used``: the rows that count. A better or worse version multiplies the rate of all its groups alike.
    """
    mean, others = level((stable, canary))
    known = (others > 0) & used[:, None]
    arms, scales = [], []
    for arm in (stable, canary):
        n = np.where(known, arm.n, 0.0)
        events = np.cumsum(np.where(known, arm.total, 0.0), axis=0)
        base = np.cumsum(n * mean, axis=0)
        # the noise of the level itself comes on top
        noisy = n * mean * (1.0 + n / np.maximum(others, 1.0))
        scales.append(events.sum(axis=1))
        times = (scales[-1] / np.maximum(base.sum(axis=1), 1e-12))[:, None]
        chance = times * np.cumsum(noisy, axis=0) - times**2 * np.cumsum(noisy * mean, axis=0)
        arms.append(Excess(events - base, base, np.maximum(chance, 0.0)))
    return inflation((arms[0], arms[1]), (scales[0], scales[1]))


def inflation(arms: tuple[Excess, Excess], scales: tuple[Floats, Floats]) -> Floats:
    """The spread between groups of the difference of both arms, over what chance alone makes (R,); at least 1.

    ``scales``: what each arm's sums are divided by.
    """
    spread, chance = np.zeros(arms[0].excess.shape), np.zeros(scales[0].size)
    for sign, arm, scale in zip((-1.0, 1.0), arms, scales, strict=True):
        size = np.where(scale > 0, scale, np.inf)
        spread += sign * arm.left() / size[:, None]
        chance += arm.chance.sum(axis=1) / size**2
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(chance > 0, (spread**2).sum(axis=1) / chance, 1.0)
    unfloored: Floats = np.maximum(found, 1.0)
    return unfloored


def few(arm: Split) -> np.ndarray:
    """After each row (R,): whether the arm's calls come from too few groups of users. Unknown users are not few."""
    n = np.cumsum(arm.n, axis=0)
    squares = (n**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        groups = np.where(squares > 0, n.sum(axis=1) ** 2 / squares, np.inf)
    found: np.ndarray = groups < LEAST_GROUPS
    return found
