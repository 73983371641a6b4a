from monitor.quality.credit.prompts import cost, variants

ONE, TWO = "The pump weighs 14 kg.", "Claims take five days."
HELD = [{"role": "user", "content": f"Use these: {ONE} {TWO} How heavy is it?"}]


def test_each_document_is_left_out_once_and_all_of_them_once() -> None:
    found = variants("", HELD, [ONE, TWO])
    assert not found.rebuilt
    assert [ONE in one[0]["content"] for one in found.all] == [True, False, False, True]
    assert [TWO in one[0]["content"] for one in found.all] == [True, False, True, False]


def test_one_document_takes_two_requests() -> None:
    assert len(variants("", HELD, [ONE]).all) == 2


def test_a_prompt_without_its_documents_is_given_them() -> None:
    found = variants("How heavy is it?", None, [ONE])
    assert found.rebuilt
    assert ONE in found.whole[0]["content"]
    assert ONE not in found.without_all[0]["content"]


def test_the_cost_is_known_before_it_starts() -> None:
    found = cost(variants("", HELD, [ONE, TWO]), "14 kg", 2.0)
    assert found.requests == 4
    assert found.usd == found.tokens * 2e-6
    assert cost(variants("", HELD, [ONE]), "", None).usd is None
