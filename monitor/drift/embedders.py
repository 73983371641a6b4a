"""Vectors for prompts: the offline default, and an OpenAI-compatible endpoint by setting. Workers only.

The default hashes letters and pairs of letters. It sees another language, vocabulary or format; it does not
see another meaning in the same words, and two paraphrases look far apart to it. Where meaning matters, set
``VIGIL_EMBEDDING_URL``. Vectors of different embedders are never compared: a change pins a new reference.
"""

import functools
from collections.abc import Sequence
from typing import Any, Protocol

from django.utils.translation import gettext_lazy as _

from monitor.outside import llm
from monitor.outside.llm import Endpoint

DIMENSIONS = 256
LONGEST_TEXT = 8_000
WHAT_HASHING_SEES = _(
    "Vectors are made offline from letters and pairs of letters. They show another language, vocabulary or "
    "format, but not another meaning in the same words. For meaning, set VIGIL_EMBEDDING_URL to an "
    "OpenAI-compatible endpoint."
)


def is_offline(name: str) -> bool:
    """Whether the embedder of this name is the default, which sees letters and no meaning."""
    return name.startswith("hashing-")


class Embedder(Protocol):
    """``name`` is stored with every vector; it changes whenever the vectors would."""

    name: str

    def embed(self, texts: Sequence[str]) -> list[list[float]]: ...


class Hashing:
    """Character 1- and 2-grams, hashed with signs into 256 numbers, at length one. 0.2 ms a text."""

    name = f"hashing-{DIMENSIONS}-v1"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        shortened = [text[:LONGEST_TEXT] for text in texts]
        rows: list[list[float]] = _vectorizer().transform(shortened).toarray().tolist()
        return rows


@functools.cache
def _vectorizer() -> Any:
    """2.5 s and 140 MB to import: only when there is a text to embed, never in a web process."""
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        analyzer="char", ngram_range=(1, 2), n_features=DIMENSIONS, alternate_sign=True, norm="l2"
    )


class Remote:
    """Somebody else's model; raises what ``monitor.outside.llm`` raises."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.name = endpoint.model

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return llm.embed(self.endpoint, [text[:LONGEST_TEXT] for text in texts])


def configured(url: str, model: str, key: str) -> Embedder:
    """The endpoint of the settings, else the offline default."""
    return Remote(Endpoint(url, model, key)) if url else Hashing()
