"""The bits never deny a text that is there, whatever its language, and deny most that are not."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.store.calls import grams

words = st.text(st.sampled_from("abcdefgXYZ 退货政策合同ばヴアالإلغاءéÉЖжＡＢａｂẾếΣσςⅣ🙂"), max_size=40)


def groups_of(bits: bytes, text: str) -> list[int]:
    held = [bits[n * grams.SLICE_BYTES : (n + 1) * grams.SLICE_BYTES] for n in grams.slices([text])]
    return grams.groups(held) if held else list(range(grams.GROUPS))


@settings(max_examples=40, deadline=None)
@given(st.lists(words, min_size=1, max_size=40), st.data())
def test_a_piece_of_a_text_is_never_denied(texts: list[str], data: st.DataObject) -> None:
    bits = grams.signature([text.encode() for text in texts])
    row = data.draw(st.integers(0, len(texts) - 1))
    start = data.draw(st.integers(0, len(texts[row])))
    piece = texts[row][start : start + data.draw(st.integers(0, 20))]
    for written in (piece, piece.upper() if len(piece.upper()) == len(piece) else piece):
        if written.lower() in texts[row].lower():
            assert row // grams.GROUP in groups_of(bits, written)


def test_a_text_that_is_nowhere_is_denied_nearly_everywhere() -> None:
    dice = random.Random(3)
    texts = [
        " ".join(dice.choices(["退货", "政策", "answer", "contract", "42", "vollständig"], k=150))
        for _ in range(4096)
    ]
    bits = grams.signature([text.encode() for text in texts])
    assert groups_of(bits, "zebrafish quokka") == []
    assert groups_of(bits, "斑马鱼") == []


@pytest.mark.parametrize(
    "row, sought",
    [
        ("订单ＡＢＣＤ号", "ＡＢＣＤ"),
        ("ẾẼẸ tieng", "ẾẼẸ"),
        ("ΟΔΟΣΗΣ", "ΟΔΟΣ"),
        ("ａｂｃｄ", "ＡＢＣＤ"),
        ("🙂🙃", "🙂"),
    ],
)
def test_letters_that_fold_now_and_then_deny_nothing(row: str, sought: str) -> None:
    assert groups_of(grams.signature([row.encode()]), sought)[:1] == [0]


def test_short_texts_say_nothing() -> None:
    assert grams.slices(["abc"]) == []
    assert grams.slices(["退货"]) != []
