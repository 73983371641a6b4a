"""A call as a whole: every door of it, one numbering, and nothing copied when there is nothing to hide."""

import msgspec

from monitor.ingest.envelope import Context, Generation
from monitor.ingest.redaction.calls import MAX_DEPTH, TOO_DEEP, clean, clean_ids
from monitor.ingest.redaction.policy import DEFAULT, custom, made

PHONE, MAIL, CARD = "13812345678", "ada@example.com", "4111111111111111"


def test_every_text_of_a_call_is_looked_at() -> None:
    call = Generation(
        model="m", version=MAIL, prompt=f"call {PHONE}", output=[{"role": "assistant", "content": [{"text": MAIL}]}],
        contexts=[Context(id=MAIL, text=CARD)], attributes={PHONE: {"deep": [MAIL, int(PHONE)]}}, user=MAIL,
        session=PHONE, tenant=CARD, topic=MAIL, template=PHONE, language="en", finish_reason=MAIL, error=MAIL,
        reference=CARD, trace_id=MAIL, span_id=PHONE, tokens=[{"text": "at 138123", "top": [{"text": PHONE}]}, {"text": "45678"}],
    )  # fmt: skip
    found = clean(call, DEFAULT)
    left = msgspec.json.encode(call).decode()
    assert not [value for value in (PHONE, MAIL, CARD, "138123", "45678") if value in left]
    assert set(found) == {"phone", "email", "card"}


def test_one_value_has_one_number_everywhere() -> None:
    call = Generation(
        model="m",
        prompt="not 13912345678",
        output=f"but {PHONE}",
        attributes={"tel": int(PHONE), "alt": float(PHONE), "x": 1e10 / 3},
    )
    clean(call, DEFAULT)
    assert (call.prompt, call.output, call.attributes) == (
        "not ‹phone:1›", "but ‹phone:2›", {"tel": "‹phone:2›", "alt": "‹phone:2›", "x": 1e10 / 3},
    )  # fmt: skip


def test_names_of_series_lose_what_a_project_looks_for_and_what_a_check_digit_proves() -> None:
    policy = made({}, (custom("employee", r"EMP-[0-9]{4}", "mask"),), b"")
    call = Generation(
        model="m",
        version="10.1.2.3",
        route="/of/EMP-2045/91350100M000100Y43",
        provider="GB29NWBK60161331926819",
    )
    clean(call, policy)
    assert (call.version, call.route, call.provider) == ("10.1.2.3", "/of/‹employee:1›/‹uscc:1›", "‹iban:1›")


def test_what_holds_nothing_is_not_copied() -> None:
    prompt, attributes = "nothing to see, order 12345", {"a": [1, 2.5, None, True]}
    call = Generation(
        model="m", version="1.2.3.4", prompt=prompt, attributes=attributes, trace_id="0" * 15 + "138"
    )
    assert not clean(call, DEFAULT)
    assert call.prompt is prompt
    assert call.attributes is attributes
    assert call.version == "1.2.3.4"


def test_a_find_never_reaches_from_one_text_into_the_next() -> None:
    call = Generation(model="m", prompt="138", output="12345678", attributes={"a": "订单号", "b": PHONE})
    clean(call, DEFAULT)
    assert (call.prompt, call.output, call.attributes["b"]) == ("138", "12345678", "‹phone:1›")


def test_texts_that_cannot_be_stored_are_mended_first() -> None:
    call = Generation(model="m\x00", prompt="138\x0012345678", output="\ud800")
    clean(call, DEFAULT)
    assert (call.model, call.prompt, call.output) == ("m", "‹phone:1›", "\ufffd")


def test_nesting_without_end_is_cut() -> None:
    value: object = "deep"
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    call = Generation(model="m", attributes={"a": value, "mail": MAIL})
    clean(call, DEFAULT)
    assert TOO_DEEP in str(call.attributes)
    assert call.attributes["mail"] == "‹email:1›"


def test_ids_of_people_are_not_shown() -> None:
    ids = ["a-1", None, MAIL, "550e8400-e29b-41d4-a716-446655440000"]
    assert clean_ids(ids, DEFAULT) == ["a-1", "", "‹email:1›", ids[3]]
    assert clean_ids(["a\x00b"], DEFAULT) == ["ab"]
