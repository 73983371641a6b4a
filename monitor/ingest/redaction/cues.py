"""What stands around a number: whether it is part of an identifier, and whether words say what it is. Pure.

A number alone is ambiguous: eleven digits may be a phone or an order. The words right before it decide.
"""

import re

from monitor.ingest.redaction.finds import BLANK

NEAR = 32
_AFTER = 12

# a number named like this belongs to a thing, not to a person
_OTHER = re.compile(
    r"(?:(?<![a-z])(?:order|invoice|tracking|shipment|parcel|ticket|case|serial|sku|isbn|ean|upc|barcode|"
    r"timestamp|unix time|epoch|version|build|commit|revision|batch|job|task|trace|span|request|transaction|txn|"
    r"uid|uin|user[ _\-]id|seed|price|amount|total|cost|balance|offset|nonce|checksum|crc|hash|sha\d*|md5|size|bytes)"
    r"|订单|运单|快递|物流|流水|交易|工单|单|票|发票|序列|编|条形?码|时间戳|版本|批次|价格|金额|合计|总计|总价|余额|请求|任务|哈希|校验)"
    r"(?:[ _\-]?(?:ids?|no|num|number|numbers|code|ref|编号|号码|号|单号))?[.#:：\s=是为\"'“‘(（]{0,5}\Z"
    r"|[¥$€£￥#]\s?\Z",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"\s?(?:元|円|圆|美元|块|毫秒|微秒|纳秒|秒|字节|次|行|条|个|tokens?\b|ms\b|us\b|µs\b|ns\b|sec|seconds\b|"
    r"[kmg]?i?b\b|bytes\b|rows\b|usd\b|cny\b|rmb\b|eur\b|%|\.(?!0(?![0-9]))[0-9])",
    re.IGNORECASE,
)
PHONE = re.compile(
    r"(?:电话|手机|座机|固话|传真|热线|联系方式|微信|call|phone|tel|fax|mobile|cell|dial|whatsapp|wechat|text me|reach)",
    re.IGNORECASE,
)
CARD = re.compile(
    r"(?:卡|账号|帐号|账户|银联|信用|card|visa|mastercard|amex|unionpay|maestro|account|acct|pan\b)",
    re.IGNORECASE,
)
PASSPORT = re.compile(r"(?:护照|passport)", re.IGNORECASE)
_SPOKEN = frozenset({
    "tel", "phone", "mobile", "mob", "cell", "fax", "call", "at", "to", "is", "on", "or", "and", "card", "visa", "wx",
    "vx", "qq", "wechat", "whatsapp", "sms", "me", "u", "t", "m", "ph", "no", "nr", "number", "id",
})  # fmt: skip
_BEFORE_WORD = re.compile(r"([A-Za-z0-9]+)([\-_]?)\Z")
_AFTER_WORD = re.compile(r"([\-_]?)([A-Za-z0-9]+)")
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])")


def near(text: str, start: int) -> str:
    """What stands right before ``start``, on the same line of the same text."""
    return text[max(0, start - NEAR) : start].rpartition("\n")[2].rpartition(BLANK)[2]


def is_part(text: str, start: int, end: int) -> bool:
    """Whether the number is a stretch of an identifier: a hash, a uuid, a product's code."""
    before = _BEFORE_WORD.search(text[max(0, start - NEAR) : start])
    if before and not before[1].isdigit():
        word, joint = before.groups()
        if _MIXED.match(word) or (not joint and word.lower() not in _SPOKEN):
            return True
    after = _AFTER_WORD.match(text, end, end + NEAR)
    if after is None or after[2].isdigit():
        return False
    return _MIXED.match(after[2]) is not None


def is_other(text: str, start: int, end: int) -> bool:
    """Whether the words before the number, or the unit after it, say that it is something else."""
    before = near(text, start)
    if _OTHER.search(before):
        return True
    return _UNIT.match(text, end, end + _AFTER) is not None


def says(cue: re.Pattern[str], text: str, start: int) -> bool:
    """Whether words of ``cue`` stand shortly before ``start``."""
    return cue.search(near(text, start)) is not None
