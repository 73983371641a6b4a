"""What turns a sentence round or makes it no claim at all: negation, opposites, refusals, questions. Pure."""

import re

_NOT = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot|none|nothing|nobody|nowhere|hardly|exclud\w*|free of|lacks?|lacking)\b|n['’]t\b"
    r"|不|没|未|无(?!论)|禁(?=止|用|忌|入|带)|拒绝|并非|勿|除外"
)  # fmt: skip
# these hold a sign of negation and deny nothing
_NOT_REALLY = re.compile(
    r"\bnot only\b|\b(?:at )?no (?:extra |additional )?(?:cost|charge|fee)s?\b|不收(?:钱|费|取)|不要钱|\bnot (?:to )?exceed\w*|\b(?:not|no) (?:be )?(?:more|less|later|longer) than\b|不得(?:超过|少于|低于|高于)|\bno later than\b|\bno more than\b|不仅|不过|不足|不当|不同|不断|不良|无论|未来|不少于|不超过|不低于|不高于|不到(?=[\d一二三四五六七八九十百千万])|不满(?=[\d一二三四五六七八九十])|不及"
)
_YES_NO = re.compile(
    r"^\s*(?:yes|no|不能|不可以|不是|不行|不|可以|能|是的|对)\s*[,，.。:：]\s*", re.IGNORECASE
)
# words of one row exclude those of the other
_OPPOSITES = tuple(
    (re.compile(one, re.IGNORECASE), re.compile(other, re.IGNORECASE))
    for one, other in (
        (r"\b(?:increas|ris(?:e|es|ing|en)\b|rose|rais|grew|grow|higher|gain|climb|up by)|增长|增加|上升|上涨|上调|升高|提高|扩大",
         r"\b(?:decreas|fall|fell|drop|declin|lower|reduc|shrink|shrank|down by)|下降|减少|下跌|下调|降低|降至|跌|缩小"),
        (r"\b(?:allowed|permitted|may be|may|can)\b|可以|允许|准许", r"\b(?:forbidden|prohibited|banned|must be avoided|must not)\b|禁止|严禁|不得|不允许"),
        (r"\b(?:free of charge|for free|gratis|at no (?:extra |additional )?(?:cost|charge))\b|免费|免收|不收(?:钱|费|取)|不要钱", r"\b(?:for a fee|against a fee|is charged|are charged|costs?)\b|收费|收取|付费"),
        (r"\b(?:immediately|at once|instantly)\b|立即|立刻|马上", r"\b(?:stays? valid|remains? valid|for \d+ hours)\b|仍然|依然|仍"),
        (r"\b(?:includ|cover)|包括|包含", r"\bexclud|不包括|不含|除外"),
        (r"\b(?:enabl|activat|turn(?:ed)? on)|开启|启用|打开", r"\b(?:disabl|deactivat|turn(?:ed)? off)|关闭|停用|禁用"),
        (r"\b(?:minimum|at least|no less than)\b|至少|最少|最低|不少于", r"\b(?:maximum|at most|no more than)\b|至多|最多|最高|不超过"),
        (r"\b(?:before|prior to|ahead of)\b|之前|以前|提前", r"\b(?:after|following|later than)\b|之后|以后"),
        (r"\b(?:unchanged|constant|stable)\b|不变|持平", r"\b(?:rais|cut|revis|chang)(?:es?|ed|ing)\b|上调|下调|修改|调整"),
        (r"\b(?:more|faster|longer|larger|stronger|strengthen\w*)\b|更多|更快|更长|更大|更强|增强",
         r"\b(?:less|fewer|slower|slowly|shorter|smaller|weaker|weaken\w*)\b|更少|更慢|更短|更小|更弱|减弱"),
        (r"\b(?:only|solely)\b|只有|仅|只", r"\b(?:any|anyone|everybody|everyone|always|every time|in any case)\b|任何|任一|所有人|总是|一律|无论"),
        (r"\b(?:keep|keeps|kept|retain\w*|preserv\w*|remain\w*)\b|保留|保存|留存", r"\b(?:lost|loses?|eras\w+|delet\w+|wiped?|remov\w+|discard\w*)\b|丢失|清除|删除|清空|抹掉"),
        (r"\b(?:required|needed|necessary|must)\b|必须|需要|须", r"\b(?:optional|unnecessary|not needed|needless)\b|无需|不必|无须|可选"),
    )
)  # fmt: skip
_REFUSAL = re.compile(
    r"\b(?:can(?:no|['’])t|cannot|could not|couldn['’]t|unable to|not able to)\b.{0,50}\b(?:find|answer|tell|determine|help|provide|say|locate)"
    r"|\b(?:no|not enough|insufficient|don['’]t have|do not have|lack)\b.{0,40}\b(?:information|context|details)\b"
    r"|\b(?:documents?|contexts?|passages?|texts?|sources?|materials?|information)\b.{0,30}\b(?:do|does)(?: not|n['’]t) (?:contain|mention|say|cover|include|provide|specify|state|address)"
    r"|\b(?:do|does)(?: not|n['’]t) (?:contain|mention|include|provide|give|have|hold) (?:that|this|any|such|the|an?|enough) (?:\w+ )?(?:information|answer|details?)\b"
    r"|\b(?:do|does)(?: not|n['’]t) (?:answer|address|cover|settle) (?:that|this|it|the question|your question)\b"
    r"|(?:没有|未|不能|无法).{0,6}(?:回答|解答)(?:这个|该|此|您的|你的)?问题"
    r"|\bI (?:do not|don['’]t) know\b|\bI(?:['’]m| am) (?:not sure|unsure)\b"
    r"|(?:无法|不能|没法|难以).{0,14}(?:回答|解答|提供|确定|判断|给出|得出|找到)"
    r"|(?:没有|未能|并未|未|没).{0,10}(?:找到|提及|提到|查到|涉及|相关|包含).{0,14}(?:信息|内容|规定|资料|答案|说明|记录)?"
    r"|(?:资料|文档|上下文|信息|材料|内容).{0,8}(?:不足以|不足|不够|没有提|未提)"
    r"|我(?:不知道|不清楚|不了解|不确定)|^(?:抱歉|对不起|很抱歉|很遗憾).{0,3}(?:我)?不",
    re.IGNORECASE,
)  # fmt: skip
LONGEST_REFUSAL = 160
_QUESTION = re.compile(r"[?？]\s*$|(?:吗|呢)[。.]?\s*$")
_RETOLD = re.compile(
    r"^\s*(?:you (?:asked|want(?:ed)? to know|are asking|ask)|your question (?:is|was)|the question (?:is|was)|regarding|as for"
    r"|问题是|您(?:问的是|想了解|想知道|的问题是)|你(?:问的是|想了解|想知道|的问题是)|关于)",
    re.IGNORECASE,
)  # fmt: skip


def denies(text: str) -> bool:
    """Whether what is said is denied: an odd number of negations, an answer's first yes or no left out."""
    kept = _NOT_REALLY.sub(" ", _YES_NO.sub("", text).lower())
    return len(_NOT.findall(kept)) % 2 == 1


def opposed(text: str, other: str) -> bool:
    """Whether one says the opposite of a word of the other."""
    for one, against in _OPPOSITES:
        here, there = (bool(one.search(text)), bool(against.search(text))), (
            bool(one.search(other)), bool(against.search(other)),
        )  # fmt: skip
        if here in {(True, False), (False, True)} and there == (here[1], here[0]):
            return True
    return False


def refuses(sentence: str) -> bool:
    """The answer says that it has no answer."""
    return len(sentence) <= LONGEST_REFUSAL and bool(_REFUSAL.search(sentence))


def asks(sentence: str) -> bool:
    """A question, or one told again: it claims nothing."""
    return bool(_QUESTION.search(sentence) or _RETOLD.match(sentence))
