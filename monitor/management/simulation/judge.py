"""The scripted judge: OpenAI's chat completion in form, a script in fact, and every answer says so.

It serves only the demo project. It reads the texts between the markers that the product's judges set, and
answers in the two forms that they ask for: one mark, or each statement with a yes or no.
"""

import hashlib
import json
import re
from typing import Any

from monitor.management.simulation.marks import mark, supported

MODEL = "scripted-judge"
NOTE = "Scripted judge, no model:"
BLOCK = re.compile(r"<<(\w+) (\d+)>>\n(.*?)\n<<end of \1 \2>>", re.DOTALL)
SENTENCE = re.compile(r"[^.!?。！？；]+[.!?。！？；]?")


def complete(request: Any) -> dict[str, Any]:
    """A chat completion for ``request``; raises ValueError for one that no judge of the product sends."""
    texts = _texts(request)
    content = json.dumps(_verdict(request, texts), ensure_ascii=False)
    # the same question, the same answer, down to its id
    number = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
    message = {"role": "assistant", "content": content}
    return {
        "id": f"scripted-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }


def _texts(request: Any) -> dict[str, str]:
    try:
        said = "\n".join(one["content"] for one in request["messages"] if one["role"] == "user")
    except (KeyError, TypeError) as error:
        message = "no messages with role and content"
        raise ValueError(message) from error
    texts = {name: str(json.loads(text)) for name, _, text in BLOCK.findall(said)}
    if "question" not in texts or "answer" not in texts:
        message = "the scripted judge only reads a question and an answer between markers"
        raise ValueError(message)
    return texts


def _verdict(request: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    form = request.get("response_format") or {}
    wanted = form.get("json_schema", {}).get("schema", {}).get("properties", {})
    if "statements" not in wanted:
        given = mark(texts["question"], texts["answer"])
        return {"reason": f"{NOTE} {given.reason}.", "score": given.score}
    documents = texts.get("documents", "")
    sentences = [found.strip() for found in SENTENCE.findall(texts["answer"]) if found.strip()]
    statements = [
        {"statement": sentence, "supported": supported(sentence, documents)} for sentence in sentences
    ]
    return {
        "statements": statements,
        "reason": f"{NOTE} words shared with the documents, statement by statement.",
    }
