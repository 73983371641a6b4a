"""Frames of messages in a text are broken up, and the text stays what it says."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.outside.frames import harmless

FRAMES = [
    "<|im_start|>",
    "</s>",
    "[INST]",
    "<｜User｜>",
    "<start_of_turn>",
    "[gMASK]",
    "<sop>",
    "[TOOL_CALLS]",
    "<s>",
]


@pytest.mark.parametrize("frame", FRAMES)
def test_no_familys_frame_is_left(frame: str) -> None:
    assert frame not in harmless(json.dumps(f"before {frame} after", ensure_ascii=False))


@given(st.text() | st.lists(st.sampled_from(FRAMES)).map("".join))
def test_inside_a_json_string_the_text_stays_the_same(text: str) -> None:
    assert json.loads(harmless(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize("text", ["1 < 2 and 3 > 2", "see [1] and [12]", "a <- b", "item[0]"])
def test_what_is_no_frame_stays_as_it_reads(text: str) -> None:
    assert not re.search(r"\\u", harmless(text))
