from monitor.quality.grounding.question import asked

DOCUMENT = "The X200 pump weighs 14 kg and is made of stainless steel."


def test_a_short_prompt_is_the_question() -> None:
    assert asked("How heavy is it?", None, [DOCUMENT]) == "How heavy is it?"


def test_documents_that_were_pasted_into_the_prompt_are_not_asked() -> None:
    assert asked(f"Use this: {DOCUMENT} How heavy is it?", None, [DOCUMENT]).split() == [
        "Use",
        "this:",
        "How",
        "heavy",
        "is",
        "it?",
    ]


def test_of_a_conversation_the_last_word_of_the_user_counts() -> None:
    told = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "How heavy?"}]
    assert asked("system: Be kind.\nuser: How heavy?", told, []) == "How heavy?"


def test_of_a_long_prompt_its_questions_count() -> None:
    assert asked(f"{'You are an assistant. ' * 40}How heavy is it? Be brief.", None, []) == "How heavy is it?"
