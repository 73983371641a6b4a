"""Pure: what filling templates may cost, so that no text of anybody holds up the evaluation of all others."""

from collections.abc import Mapping
from typing import Any

STEPS, STEPS_EACH = 100_000, 1_000
CHARACTERS, CHARACTERS_EACH = 2_000_000, 20_000
QUESTIONS, QUESTIONS_EACH = 100, 10
# about what one result of a query, or one label, takes when it is printed
_RESULT, _LABEL = 200, 40


class TooCostlyError(ValueError):
    """Templates that do, handle or ask more than a rule may; whoever wrote them makes them shorter."""


class Budget:
    """What is left for the templates of one rule that answers with so many series."""

    def __init__(self, series: int = 1) -> None:
        self.steps = STEPS + STEPS_EACH * series
        self.characters = CHARACTERS + CHARACTERS_EACH * series
        self.questions = QUESTIONS + QUESTIONS_EACH * series

    def step(self, count: int = 1) -> None:
        """Raises TooCostlyError."""
        self.steps -= count
        if self.steps < 0:
            message = f"the templates of the rule take more than {STEPS} steps; go over fewer things"
            raise TooCostlyError(message)

    def handle(self, characters: int) -> None:
        """Raises TooCostlyError."""
        self.characters -= characters
        if self.characters < 0:
            message = f"the templates of the rule handle more than {CHARACTERS} characters; write less"
            raise TooCostlyError(message)

    def ask(self) -> None:
        """Raises TooCostlyError."""
        self.questions -= 1
        if self.questions < 0:
            message = f"the templates of the rule ask more than {QUESTIONS} queries; ask once for all series"
            raise TooCostlyError(message)


def weight(value: Any, *, printed: bool) -> int:
    """About how many characters are handled with a value."""
    match value:
        case str():
            return len(value)
        case Mapping():
            return sum(weight(one, printed=True) + _LABEL for one in value.values()) if printed else 1
        case list() | tuple():
            return len(value) * (_RESULT if printed else 1)
    return 1
