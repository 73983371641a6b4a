"""How one call is laid out for reading."""

from hypothesis import given
from hypothesis import strategies as st

from dashboards import reading

seconds = st.none() | st.floats(0, 1e4)


def test_the_time_of_a_call_is_cut_into_queue_prefill_and_decode() -> None:
    lanes = reading.lanes(10.0, 1.0, 3.0, 8.0)
    assert [(lane.name, lane.seconds) for lane in lanes] == [
        ("queue", 1.0),
        ("prefill", 2.0),
        ("decode", 7.0),
    ]


def test_without_a_first_token_only_the_inference_is_known() -> None:
    assert [lane.name for lane in reading.lanes(10.0, 1.0, None, None)] == ["queue", "inference"]


@given(seconds, seconds, seconds, seconds)
def test_lanes_never_leave_the_call(
    duration: float | None, queue: float | None, ttft: float | None, inference: float | None
) -> None:
    lanes = reading.lanes(duration, queue, ttft, inference)
    assert all(0 <= lane.start <= 1 and lane.start + lane.width <= 1 + 1e-9 for lane in lanes)


def test_a_redaction_is_marked() -> None:
    marks = [piece.mark for piece in reading.marked("to ‹email:1› now")]
    assert marks == ["", "redacted", ""]


@given(st.text())
def test_marking_loses_no_letter(text: str) -> None:
    assert "".join(piece.text for piece in reading.marked(text)) == text


def test_words_that_were_sought_are_marked_whatever_their_case() -> None:
    pieces = reading.highlighted("A Refund, refunded (a+b)", ["refund", "(a+b)"])
    assert [(piece.text, piece.mark) for piece in pieces] == [
        ("A ", ""), ("Refund", "found"), (", ", ""), ("refund", "found"), ("ed ", ""), ("(a+b)", "found"),
    ]  # fmt: skip


def test_a_row_begins_shortly_before_what_was_sought() -> None:
    text = "Your return of the kettle reached us and the refund was approved"
    assert reading.from_found(text, ["refund"]) == "…and the refund was approved"
    assert reading.from_found("A refund for the kettle", ["refund"]) == "A refund for the kettle"
    assert reading.from_found("我们已经收到您退回的那只红色水壶，退款将在五天内到账", ["退款"]).startswith(
        "…"
    )
