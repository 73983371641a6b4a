"""What is taken out of texts, and what must stay."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.redact import ALL_KINDS, MAX_DEPTH, TOO_DEEP, redact, redact_value, storable

PERSONAL = {
    "phone": [
        "13812345678", "138 1234 5678", "138-1234-5678", "+86 138 1234 5678", "+8613812345678",
        "008613812345678", "+44 20 7946 0958", "+1 415-555-2671", "(415) 555-2671", "010-62781234",
        "１３８１２３４５６７８",
    ],
    "email": ["ada@example.com", "ada.l+tag@mail.example.co.uk", "13812345678@163.com"],
    "resident_id": ["11010519491231002X", "11010519491231002x", "110105 19491231 002X", "11010519491231002Ｘ"],
    "card": [
        "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005",
        "3782 822463 10005",
    ],
    "secret": [
        "sk-proj-abcdefghijklmnop1234", "ghp_" + "a1" * 18, "AKIAIOSFODNN7EXAMPLE",
        "xoxb-123456789012-abcdefghij", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA and cut off", "AIza" + "Sy1" * 11 + "ab",
    ],
    "ip": ["192.168.0.1", "2001:db8::8a2e:370:7334", "fe80::1"],
}  # fmt: skip
EACH = [(kind, text) for kind, texts in PERSONAL.items() for text in texts]


@pytest.mark.parametrize("kind, text", EACH)
def test_a_find_becomes_a_mark_that_names_its_kind(kind: str, text: str) -> None:
    assert redact(text, ALL_KINDS) == (f"[REDACTED:{kind}]", Counter({kind: 1}))


# a private key that was cut off takes the rest of the text with it
@pytest.mark.parametrize("kind, text", [pair for pair in EACH if not pair[1].endswith("cut off")])
def test_chinese_letters_right_next_to_it_hide_nothing(kind: str, text: str) -> None:
    assert redact(f"我的是{text}谢谢", ALL_KINDS)[0] == f"我的是[REDACTED:{kind}]谢谢"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words, 中文也一样",
        "order 12345 of 2026-11-18 12:34:56.789 took 0.3333333333333333 s",
        "Unix times 1763467200, 1763467200000 and 1763467200000000000",
        "18 digits that fail the check: 110105194912310021 and a card that fails: 4111111111111112",
        "commit 005a83fd3a86bb, uuid 550e8400-e29b-41d4-a716-446655440000",
        "shapes (128, 256, 512), 10000 20000 30000 rows, v1.2.3.4",
        "the bearer of this token: please read it",
        "risk-averse task-management-systems-overview",
        "PEM files start with BEGIN PRIVATE KEY between dashes",
        "1000000 2000000",
        "https://example.com/a/b:c?d=e",
    ],
)
def test_text_without_personal_data_is_unchanged(text: str) -> None:
    assert redact(text) == (text, Counter())


def test_the_name_of_a_secret_stays_and_its_value_goes() -> None:
    text = 'curl -H "Authorization: Bearer abcdef0123456789abcdef" -d api_key="0123456789abcdef0123"'
    assert redact(text)[0] == (
        'curl -H "Authorization: Bearer [REDACTED:secret]" -d api_key="[REDACTED:secret]"'
    )


def test_the_password_of_an_address_goes() -> None:
    assert redact("postgres://vigil:hunter2@db/x")[0] == "postgres://vigil:[REDACTED:secret]@db/x"


def test_several_finds_in_one_text_are_counted_by_kind() -> None:
    text = "call 13812345678 or 13912345678, mail ada@example.com, card 4111111111111111"
    assert redact(text)[1] == Counter(phone=2, email=1, card=1)


def test_a_resident_id_is_not_called_a_card() -> None:
    both = "110105194912310029"
    assert redact(both, ALL_KINDS)[1].keys() <= {"resident_id", "card"}
    assert redact("11010519491231002X")[1] == Counter(resident_id=1)


def test_addresses_stay_unless_they_are_asked_for() -> None:
    assert redact("host 192.168.0.1 said 10:30:00")[0] == "host 192.168.0.1 said 10:30:00"
    assert redact("host 192.168.0.1 said 10:30:00", ALL_KINDS)[0] == "host [REDACTED:ip] said 10:30:00"


def test_nul_is_dropped_and_lone_surrogates_are_replaced() -> None:
    assert storable("a\x00b\ud800c") == "ab\ufffdc"
    assert storable("\ud83d\ude00") == "😀"


def test_nul_inside_a_number_does_not_hide_it() -> None:
    assert redact("138\x001234\x005678")[0] == "[REDACTED:phone]"


def test_messages_and_attributes_are_walked_keys_and_numbers_too() -> None:
    found: Counter[str] = Counter()
    value = {
        "messages": [{"role": "user", "content": "ada@example.com"}],
        "tel": 13812345678,
        "n": 3,
        "x": None,
    }
    assert redact_value(value, found) == {
        "messages": [{"role": "user", "content": "[REDACTED:email]"}],
        "tel": "[REDACTED:phone]", "n": 3, "x": None,
    }  # fmt: skip
    assert redact_value({"a@b.io": True}, Counter()) == {"[REDACTED:email]": True}
    assert found == Counter(email=1, phone=1)


def test_nesting_without_end_is_cut() -> None:
    value: object = "deep"
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    assert TOO_DEEP in str(redact_value(value, Counter()))


def luhn(digits: str) -> str:
    for check in "0123456789":
        text = digits + check
        total = sum(int(c) for c in text[-1::-2]) + sum(sum(divmod(2 * int(c), 10)) for c in text[-2::-2])
        if total % 10 == 0:
            return text
    raise AssertionError(digits)


noise = st.text(st.sampled_from("abc 你好,.-+()@:=/0123456789xX\x00\ud800"), max_size=30)
cards = st.from_regex(r"[2-9][0-9]{11,17}", fullmatch=True).map(luhn)
strange = st.one_of(
    noise, st.text(max_size=40), st.sampled_from([text for _, text in EACH]), st.sampled_from([" ", "-", "."])
)


@given(st.lists(strange, max_size=6).map("".join))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text, ALL_KINDS)[0]
    assert redact(once, ALL_KINDS) == (once, Counter())


@given(
    cards,
    st.sampled_from(["", " ", "-"]),
    st.text("ab 你好,:;!", max_size=9),
    st.text("ab 你好,:;!", max_size=9),
)
def test_no_card_survives(card: str, gap: str, before: str, after: str) -> None:
    written = gap.join(card[i : i + 4] for i in range(0, len(card), 4))
    assert redact(before + written + after)[0] == f"{before}[REDACTED:card]{after}"


@given(st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@:=\x00-_"), max_size=200))
def test_text_without_digits_or_marks_is_unchanged(text: str) -> None:
    assert redact(text) == (text, Counter())


@pytest.mark.parametrize(
    "piece", ["a", "1", "1 ", "a@", "-----BEGIN PRIVATE KEY-----", "sk-", "a.", "key=", "://a:"]
)
def test_no_input_makes_it_slow(piece: str) -> None:
    """A hundred thousand characters of the worst kind; a quadratic pattern would take minutes."""
    redact(piece * (100_000 // len(piece)), ALL_KINDS)
