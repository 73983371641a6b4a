"""Turns a topic into one conversation: a prompt, an answer that may go wrong, documents, token odds. Pure."""

import random
import re
from dataclasses import dataclass

from monitor.management.simulation.phrases import CLAUSES, EVASIONS, FILL, ORDERS, SHOPPING, UNGROUNDED, Topic

SLOT = re.compile(r"\{(\w+)\}")
PIECE = re.compile(r"[一-鿿]|\s*[^\s一-鿿]+")
MOST_TOKENS = 60


@dataclass(frozen=True, slots=True)
class Talk:
    """``ideal`` is the answer that nothing went wrong with; ``number`` the pattern that was asked."""

    prompt: str
    output: str
    ideal: str
    number: int


def talk(topic: Topic, dice: random.Random, *, long: bool, broken: str | None, ungrounded: bool) -> Talk:
    number = dice.randrange(len(topic.questions))
    filling = {name: dice.choice(values) for name, values in FILL.items()}
    prompt = _fill(topic.questions[number], filling)
    if long:
        prompt += "\n\n" + _clauses(dice)
    ideal = _fill(topic.answers[number], filling)
    output = UNGROUNDED[topic.language] if ungrounded else _break(ideal, topic, broken, filling)
    return Talk(prompt, output, ideal, number)


def contexts(topic: Topic, dice: random.Random, said: Talk) -> list[dict[str, object]]:
    """The documents a retriever would find for the question, the right one first."""
    if not topic.facts:
        return []
    others = [fact for place, fact in enumerate(topic.facts) if place != said.number]
    found = [topic.facts[said.number], *dice.sample(others, min(2, len(others)))]
    return [
        {"id": title, "text": text, "score": round(0.92 - 0.17 * place - 0.05 * dice.random(), 3)}
        for place, (title, text) in enumerate(found)
    ]


def tokens(text: str, dice: random.Random, *, sure: bool) -> list[dict[str, object]]:
    """Tokens with their log-probabilities; a version that is not sure has more doubtful ones."""
    doubt = 0.06 if sure else 0.16
    said: list[dict[str, object]] = []
    for piece in PIECE.findall(text)[:MOST_TOKENS]:
        logprob = -dice.expovariate(0.5) if dice.random() < doubt else -dice.expovariate(12)
        said.append({"text": piece, "logprob": round(logprob, 3)})
    return said


def count_tokens(text: str) -> int:
    """About what a tokenizer of a Chinese and English model counts: 4 Latin or 1.5 Chinese characters each."""
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in text)
    return max(1, round(chinese / 1.5 + (len(text) - chinese) / 4))


def _fill(pattern: str, filling: dict[str, str]) -> str:
    return SLOT.sub(lambda match: filling[match[1]], pattern)


def _clauses(dice: random.Random) -> str:
    """The pasted contract: six to eighteen clauses."""
    return "\n".join(
        dice.choice(CLAUSES).replace("{n}", str(number)) for number in range(1, dice.randint(6, 18) + 1)
    )


def _break(ideal: str, topic: Topic, how: str | None, filling: dict[str, str]) -> str:
    match how:
        case "cut":
            return ideal[: max(8, len(ideal) * 2 // 5)].rstrip(" ,.，。；")
        case "evade":
            return EVASIONS[topic.language]
        case "loop":
            end = re.search(r"[.。；]", ideal)
            first = ideal[: end.end()] if end else ideal
            return " ".join([first] * 4)
        case "stray":
            other = SHOPPING if topic.name != "shopping" and topic.language == "zh" else ORDERS
            return _fill(other.answers[-1], filling)
        case _:
            return ideal
