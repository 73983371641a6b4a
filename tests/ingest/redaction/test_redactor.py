"""What is taken out of texts, what stands in its place, and what must stay."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.redaction import addresses, digits, papers, tokens, written
from monitor.ingest.redaction.finds import Find
from monitor.ingest.redaction.policy import DEFAULT, Mode, Policy, custom, made
from monitor.ingest.redaction.redactor import Redactor, found_in, storable
from tests.ingest.redaction.corpus import luhn

PERSONAL = {
    "phone": [
        "13812345678", "138 1234 5678", "138-1234-5678", "+86 138 1234 5678", "+8613812345678",
        "008613812345678", "+44 20 7946 0958", "+1 415-555-2671", "(415) 555-2671", "010-62781234",
        "(0755) 8888 8888", "１３８１２３４５６７８",
    ],
    "email": ["ada@example.com", "ada.l+tag@mail.example.co.uk", "13812345678@163.com"],
    "resident_id": ["11010519491231002X", "11010519491231002x", "110105 19491231 002X", "11010519491231002Ｘ"],
    "card": [
        "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005",
        "3782 822463 10005", "6222020200112233446",
    ],
    "uscc": ["91350100M000100Y43"],
    "plate": ["京A12345", "粤B·D12345", "沪A1234学"],
    "passport": ["E12345678", "EA1234567"],
    "iban": ["GB29NWBK60161331926819", "GB29 NWBK 6016 1331 9268 19", "DE89370400440532013000"],
    "secret": [
        "sk-proj-abcdefghijklmnop1234", "ghp_" + "a1" * 18, "AKIAIOSFODNN7EXAMPLE",
        "xoxb-123456789012-abcdefghij", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA and cut off", "AIza" + "Sy1" * 11 + "ab",
        "LTAI5tFakeFakeFake1234",
    ],
    "ip": ["192.168.0.1", "2001:db8::8a2e:370:7334", "fe80::1"],
}  # fmt: skip
EACH = [(kind, text) for kind, texts in PERSONAL.items() for text in texts]


def redacted(text: str, policy: Policy = DEFAULT) -> str:
    return Redactor(policy).text(text)


@pytest.mark.parametrize("kind, text", EACH)
def test_a_find_becomes_a_placeholder_of_its_kind(kind: str, text: str) -> None:
    redactor = Redactor()
    assert (redactor.text(text), redactor.found) == (f"‹{kind}:1›", Counter({kind: 1}))


# a private key that was cut off takes the rest of the text with it, a plate may follow any letter but these
@pytest.mark.parametrize("kind, text", [pair for pair in EACH if not pair[1].endswith("cut off")])
def test_chinese_letters_right_next_to_it_hide_nothing(kind: str, text: str) -> None:
    assert redacted(f"我的是{text}谢谢") == f"我的是‹{kind}:1›谢谢"


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
        "订单号 13812345678，价格13812345678元",
        "忘记密码：请点击“找回密码”",
        "def login(password: str) -> None: check(password=password)",
        "最新A10086型号",
        "version 10.15.7.2, section 1.2.3.4, 127.0.0.1",
        "git@github.com:numpy/numpy.git and icon@2x.png",
    ],
)
def test_text_without_personal_data_is_unchanged(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text, left",
    [
        (
            'curl -H "Authorization: Bearer abcdef0123456789abcdef"',
            'curl -H "Authorization: Bearer ‹secret:1›"',
        ),
        ('api_key="0123456789abcdef0123"', 'api_key="‹secret:1›"'),
        ("postgres://vigil:hunter2@db/x", "postgres://vigil:‹secret:1›@db/x"),
        ("password=hunter2&user=ada", "password=‹secret:1›&user=ada"),
        ("密码是Tr0ub4dor，别外传", "密码是‹secret:1›，别外传"),
        ("护照号码：K1234567P", "护照号码：‹passport:1›"),
        ("座机：62781234", "座机：‹phone:1›"),
    ],
)
def test_what_names_a_thing_stays_and_its_value_goes(text: str, left: str) -> None:
    assert redacted(text) == left


def test_the_same_value_has_the_same_number_however_it_is_written() -> None:
    redactor = Redactor()
    assert (
        redactor.text("13812345678, +86 138 1234 5678 or 13912345678") == "‹phone:1›, ‹phone:1› or ‹phone:2›"
    )
    assert redactor.text("again 138-1234-5678") == "again ‹phone:1›"


def test_a_card_in_pieces_goes_from_all_of_them() -> None:
    pieces = ["My card", " is 41", "1111", "111111", "1111", ", no", " 13812345678"]
    assert Redactor().pieces(pieces) == ["My card", " is ‹card:1›", "", "", "", ", no", " ‹phone:1›"]


def test_modes_by_kind() -> None:
    policy = made({"phone": "hash", "email": "drop", "ip": "keep"}, (), b"salt")
    left = redacted("13812345678 ada@example.com 10.1.2.3 4111111111111111", policy)
    assert left == f"‹phone:{policy.pseudonym('phone', '13812345678')}›  10.1.2.3 ‹card:1›"


def test_a_pseudonym_belongs_to_one_project() -> None:
    one, two = made({}, (), b"one"), made({}, (), b"two")
    assert one.pseudonym("phone", "1") == one.pseudonym("phone", "1") != two.pseudonym("phone", "1")


def test_a_pattern_of_ones_own() -> None:
    policy = made(
        {}, (custom("employee", r"EMP-[0-9]{4,6}", "mask"), custom("project", r"Orion\w*", "drop")), b""
    )
    assert redacted("ask EMP-20456 or EMP-1111 about OrionX, tel 13812345678", policy) == (
        "ask ‹employee:1› or ‹employee:2› about , tel ‹phone:1›"
    )


def test_cutting_out_cannot_leave_something_behind() -> None:
    policy = made({"email": "drop"}, (), b"")
    assert redacted("138（a@b.io）12345678", policy) == "‹phone:1›"


def test_nul_is_dropped_and_lone_surrogates_are_replaced() -> None:
    assert storable("a\x00b\ud800c") == "ab\ufffdc"
    assert storable("\ud83d\ude00") == "😀"


def test_nul_inside_a_number_does_not_hide_it() -> None:
    assert redacted("138\x001234\x005678") == "‹phone:1›"


noise = st.text(st.sampled_from("abc 你好,.-+()@:=/0123456789xX\x00\ud800密码"), max_size=30)
cards = st.one_of(
    st.from_regex(r"4[0-9]{14}", fullmatch=True),
    st.from_regex(r"5[1-5][0-9]{13}", fullmatch=True),
    st.from_regex(r"62[0-9]{13,16}", fullmatch=True),
).map(luhn)
strange = st.one_of(
    noise, st.text(max_size=40), st.sampled_from([text for _, text in EACH]), st.sampled_from([" ", "-", "."])
)


@given(st.lists(strange, max_size=6).map("".join))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


@given(
    cards,
    st.sampled_from(["", " ", "-"]),
    st.text("ab 你好,:;!", max_size=9).map(lambda text: text + " "),
    st.text(" 你好,:;!", max_size=9),
)
def test_no_card_survives(card: str, gap: str, before: str, after: str) -> None:
    written = gap.join(card[i : i + 4] for i in range(0, len(card), 4))
    assert redacted(before + written + after) == f"{before}‹card:1›{after}"


@given(
    st.text(
        st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@＠:=\x00-_是为：s"), max_size=200
    )
)
def test_text_without_digits_or_marks_is_unchanged(text: str) -> None:
    assert redacted(text) == text


@given(st.lists(strange, max_size=5).map("".join).map(storable))
def test_the_sieve_holds_whatever_a_finder_finds(text: str) -> None:
    found = [
        one
        for find in (
            digits.find,
            papers.numbered,
            papers.plates,
            tokens.find,
            addresses.emails,
            addresses.networks,
        )
        for one in find(text)
    ]
    assert DEFAULT.sieve.look(text.encode()) is not None or found == []


def test_what_was_blanked_is_not_found_again_for_ever() -> None:
    greedy = Policy(customs=(custom("all", "identified.*"),))
    assert len(found_in("identified by 'abcdef'", greedy)) == 1


def test_kept_finds_are_still_found_and_stay() -> None:
    assert [one.kind for one in found_in("10.1.2.3")] == ["ip"]
    assert redacted("10.1.2.3", Policy({"ip": Mode.KEEP})) == "10.1.2.3"


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1 ",
        "a@",
        "-----BEGIN PRIVATE KEY-----",
        "sk-",
        "a.",
        "key=",
        "://a:",
        "密码=",
        "E1",
        "GB29 ",
        "gb29 abcd ",
        "curl -u a:",
        "cookie=",
        "--token ",
        "token a1",
        "?key=",
        "login a password ",
    ],
)
def test_no_input_makes_it_slow(piece: str) -> None:
    """A hundred thousand characters of the worst kind; a quadratic pattern would take minutes."""
    redacted(piece * (100_000 // len(piece)))


@pytest.mark.parametrize(
    "text, left",
    [
        (r'{"to":"x","text":"Hi\n13812345678\tbye"}', r'{"to":"x","text":"Hi\n‹phone:1›\tbye"}'),
        (r"\n\n11010519491231002X\n", r"\n\n‹resident_id:1›\n"),
        (r'{"text":"an\nada@example.com"}', r'{"text":"an\n‹email:1›"}'),
        (r'{"args":"{\"key\":\"\\nAKIAIOSFODNN7EXAMPLE\"}"}', r'{"args":"{\"key\":\"\\n‹secret:1›\"}"}'),
        (r'{"\u7535\u8bdd":"\u62e813812345678"}', r'{"\u7535\u8bdd":"\u62e8‹phone:1›"}'),
        (r'{"\u8f66\u724c":"\u4eacA12345\u3002"}', r'{"\u8f66\u724c":"‹plate:1›\u3002"}'),
        (r"\u5bc6\u7801\uff1ahunter2xyz\ud83d\ude00", r"\u5bc6\u7801\uff1a‹secret:1›\ud83d\ude00"),
        ("?next=%2Fa%3Fmobile%3D13812345678%26b%3D1", "?next=%2Fa%3Fmobile%3D‹phone:1›%26b%3D1"),
        ("q=%E7%94%B5%E8%AF%9D13812345678&email=ada%40example.com", "q=%E7%94%B5%E8%AF%9D‹phone:1›&email=‹email:1›"),
        ("%25E4%25BA%25ACA12345", "‹plate:1›"),
        ('{"mobile": 13812345678.0}', '{"mobile": ‹phone:1›.0}'),
    ],
)  # fmt: skip
def test_what_stands_escaped_in_json_or_an_address_is_read(text: str, left: str) -> None:
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        r"C:\new\t13\folder",
        "100%25 of 50%ab",
        r"\u4eac and \ud83d alone",
        r"re.sub(r'\n+', '%0A')",
        "%FF%FE13%00",
    ],
)
def test_escaped_text_without_personal_data_is_unchanged(text: str) -> None:
    assert redacted(text) == text


@given(st.text(alphabet="\\un4e8ac %20D135京A\x1e‹", max_size=60))
def test_reading_keeps_the_place_of_every_letter(text: str) -> None:
    reading = written.read(text)
    if reading is not None:
        places = [reading.written(Find("", n, n + 1, "")) for n in range(len(reading.text))]
        assert [one.start for one in places] == [0, *(one.end for one in places[:-1])]
        assert places[-1].end == len(text)
