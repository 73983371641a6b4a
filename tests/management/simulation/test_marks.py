import pytest

from monitor.management.simulation.marks import mark, supported

ASKED = "Where is my order A1027? I bought a kettle."
GOOD = "Your order A1027 with the kettle is on its way."


def test_the_same_texts_get_the_same_mark() -> None:
    assert mark(ASKED, GOOD) == mark(ASKED, GOOD)


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("no answer", "  "),
        ("declines", "I'm sorry, I can't help with that at the moment."),
        ("declines", "抱歉，这个问题我暂时无法回答。"),
        ("breaks off", "Your order A1027 with the kettle is on"),
        ("repeats", "Your order has the kettle. Your order has the kettle. Your order has the kettle."),
        ("hardly speaks", "Bananas are yellow."),
        ("evades", "That depends on the order and on the kettle."),
    ],
)
def test_a_fault_costs_points_and_is_named(fault: str, answer: str) -> None:
    given = mark(ASKED, answer)
    assert fault in given.reason
    assert 0 <= given.score < mark(ASKED, GOOD).score


def test_chinese_is_compared_by_pairs_of_characters() -> None:
    assert mark("年假可以顺延到明年吗？", "可以，年假可以顺延到明年三月。").score >= 4


def test_a_statement_is_supported_by_documents_that_hold_its_words() -> None:
    documents = "[1] The compressor needs synthetic oil of grade ISO VG 46."
    assert supported("The compressor needs synthetic oil.", documents)
    assert not supported("Bananas grow in warm countries.", documents)
