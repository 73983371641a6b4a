"""A release in sentences that a tired person understands, in English and in Chinese. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from monitor.canary import table

Language = Literal["en", "zh"]
Facts = Mapping[str, Any]


class Marks(NamedTuple):
    """Punctuation as a language writes it."""

    comma: str
    colon: str
    semicolon: str
    opened: str
    closed: str


MARKS: Mapping[Language, Marks] = {
    "en": Marks(", ", ": ", "; ", " (", ")"),
    "zh": Marks("、", "：", "；", "（", "）"),
}
NAMES = {
    "error_ratio": ("errors", "错误率"),
    "ungrounded_ratio": ("answers that ignore their context", "脱离检索内容的回答"),
    "finish_reason": ("answers that end with", "结束原因"),
    "business_rule": ("broken rule", "违反业务规则"),
    "latency_tail": ("slowest calls", "最慢的调用"),
    "latency_p50": ("calls above p50 latency", "超过 p50 延迟的调用"),
    "latency_p95": ("calls above p95 latency", "超过 p95 延迟的调用"),
    "latency_p99": ("calls above p99 latency", "超过 p99 延迟的调用"),
    "ttft_p50": ("calls above p50 time to first token", "超过 p50 首字延迟的调用"),
    "ttft_p95": ("calls above p95 time to first token", "超过 p95 首字延迟的调用"),
    "ttft_p99": ("calls above p99 time to first token", "超过 p99 首字延迟的调用"),
    "latency_mean": ("latency", "延迟"),
    "ttft_mean": ("time to first token", "首字延迟"),
    "tokens_per_second": ("tokens per second", "每秒 token 数"),
    "cost": ("cost of a call", "单次调用成本"),
    "judge_score": ("judge score", "评审得分"),
    "quality_rate": ("corrected quality", "校正后的质量"),
    "drift": ("drift", "漂移"),
    "promql": ("condition", "条件"),
}
REASONS = {
    "worse": ("worse than stable, and that is sure", "确定比稳定版差"),
    "good": ("shown to be good", "已证明良好"),
    "no_canary_calls": ("the new version has no calls", "新版本没有调用"),
    "no_figures": ("the new version's calls carry no such figure", "新版本的调用没有这项数据"),
    "no_stable_calls": ("the stable version has no calls to compare with", "稳定版没有可供比较的调用"),
    "too_few": ("not enough calls yet", "调用数还不够"),
    "few_users": (
        "its calls come from too few users to say what others would see: at least some ten are needed",
        "调用来自太少的用户，无法推断其他用户的情况：至少需要十来个用户",
    ),
    "users_differ": (
        "not enough users yet, and they differ",
        "用户还不够多，而且彼此差异较大",
    ),
    "condition_failed": ("the condition says so", "条件判定如此"),
    "condition_holds": ("the condition holds", "条件成立"),
    "holds_up": (
        "it drifts; that holds the release up until a person decides, and fails nothing by itself",
        "检测到漂移；这会使发布暂停，等待人工决定，但不会单独判定失败",
    ),
    "too_few_labels": ("not enough labels yet", "人工标注还不够"),
    "no_answer": ("the question has no answer", "查询没有结果"),
}
ARRIVALS = {
    "waiting": ("the stage has just begun", "该阶段刚开始"),
    "no_traffic": ("there are no calls of this model at all", "该模型完全没有调用"),
    "missing": (
        "the planned share has not arrived: %(share)s of %(planned)s",
        "计划的流量份额没有到位：%(share)s / %(planned)s",
    ),
    "lost": ("the new version has lost its traffic", "新版本失去了流量"),
    "arrived": (
        "it has %(share)s of the calls (planned %(planned)s)",
        "它占有 %(share)s 的调用（计划 %(planned)s）",
    ),
    "beyond": (
        "it has %(share)s of the calls, far more than the planned %(planned)s",
        "它占有 %(share)s 的调用，远超计划的 %(planned)s",
    ),
}
LACKS = {
    "share": ("its share of the traffic", "流量份额"),
    "less": ("a share no greater than planned", "不超过计划的流量份额"),
    "time": ("time under observation", "观察时间"),
    "calls": ("calls", "调用数"),
    "alike": (
        "calls like those of the stable version (stratify by what differs)",
        "与稳定版同类的调用（请按有差异的维度分层）",
    ),
}
PROOFS = {
    "gone_and_well": (
        "The rollback is proved: the new version has %(share)s of the calls, and what had failed is well again.",
        "回滚已得到证实：新版本占 %(share)s 的调用，失败的指标已恢复。",
    ),
    "gone": (
        "The new version is gone (%(share)s of the calls); whether %(gate)s is well again is not known: no figures since.",
        "新版本已下线：占 %(share)s 的调用。%(gate)s是否恢复尚不清楚：此后没有它的数据。",
    ),
    "waiting": ("Whether the traffic follows the order is not known yet.", "流量是否已按指令变化尚不清楚。"),
    "has_arrived": (
        "The promotion is proved: the new version has %(share)s of the calls.",
        "发布已得到证实：新版本占 %(share)s 的调用。",
    ),
    "not_arrived": (
        "The order did not work: the new version has only %(share)s of the calls. It is given again; see what the router answered.",
        "指令没有生效：新版本只占 %(share)s 的调用。指令会再次下达；请查看路由器的答复。",
    ),
    "still_there": (
        "The rollback did not work: the new version still has %(share)s of the calls.",
        "回滚没有生效：新版本仍占 %(share)s 的调用。",
    ),
    "not_well": (
        "The new version is gone, but %(gate)s is not well again: look elsewhere for the cause.",
        "新版本已下线，但%(gate)s没有恢复：请另查原因。",
    ),
    "no_traffic": (
        "Whether the traffic followed the order can't be told: there are no calls any more.",
        "无法判断流量是否已按指令变化：已经没有调用了。",
    ),
}


BEGINS = ("The first stage begins.", "第一阶段开始。")
# what may become of a release that is passed, by its state
GOES = ("It may go on.", "可以继续。")
ENDS = {
    "held": ("It is held until somebody lets it go on.", "它已暂停，等待有人让它继续。"),
    "promoting": ("It is being promoted.", "正在发布。"),
    "promoted": ("It has been promoted.", "已经发布。"),
    "rolling_back": ("It is on its way back all the same.", "尽管如此，它正在回滚。"),
    "rolled_back": ("It was rolled back all the same.", "尽管如此，它已回滚。"),
    "escalated": ("It is on its way back all the same.", "尽管如此，它正在回滚。"),
    "ended": ("The release has ended.", "发布已结束。"),
}


def pick(pair: tuple[str, str], language: Language) -> str:
    return pair[0] if language == "en" else pair[1]


def not_ended(days: int) -> tuple[str, str]:
    """Why a release is over that nobody ended."""
    return f"It was not ended within {days} days.", f"{days} 天内没有人结束它。"


def not_shown(days: int) -> tuple[str, str]:
    """Why a rollback is over that was never proved."""
    return (
        f"The traffic did not show within {days} days that it was rolled back.",
        f"{days} 天内的流量未能证实它已回滚。",
    )


def gate_name(kind: str, about: str, language: Language = "en", q: float = 0.0) -> str:
    """A gate in words: ``slowest calls (p95)``, ``condition “queue”``."""
    name, marks = pick(NAMES.get(kind, (kind, kind)), language), MARKS[language]
    if about:
        return f"{name} “{about}”" if language == "en" else f"{name}“{about}”"
    return f"{name}{marks.opened}p{q * 100:g}{marks.closed}" if kind == "latency_tail" and q else name


def reason(found: Facts, language: Language = "en") -> str:
    """Why a gate says what it says, with what it lacks."""
    said = pick(REASONS.get(found["reason"], (found["reason"],) * 2), language)
    needs = found.get("needs")
    if found["reason"] not in {"too_few", "users_differ"} or needs is None:
        return said
    n = count(rounded(needs))
    if found["reason"] == "users_differ":
        more = (
            "about %s more calls needed, of further users"
            if language == "en"
            else "大约还需其他用户的 %s 次调用"
        )
    else:
        more = "about %s more needed" if language == "en" else "大约还需 %s 次"
    return said + MARKS[language].colon + more % n


def effect(found: Facts) -> str:
    """``×3.1``, ``+4.2 %`` or ``−0.3``."""
    return shown(found["effect"], scale_of(found["kind"])) if found.get("effect") is not None else ""


def scale_of(kind: str) -> str:
    if kind in {"latency_mean", "ttft_mean", "tokens_per_second", "cost"}:
        return "percent"
    if kind in {"judge_score", "quality_rate"}:
        return "points"
    return "condition" if kind in {"promql", "drift"} else "times"


def shown(value: float, scale: str) -> str:
    sign = "−" if value < 0 else "+"
    match scale:
        case "times":
            return f"×{value:.2g}" if value < 10 else f"×{value:.0f}"
        case "percent":
            return f"{sign}{abs(value) * 100:.1f} %"
        case _:
            return f"{sign}{abs(value):.2f}"


def interval(found: Facts, language: Language = "en") -> str:
    """The interval, also where one end is open."""
    low, high, scale = found.get("low"), found.get("high"), scale_of(found["kind"])
    if low is not None and scale == "times" and low <= 0:
        low = None
    if low is None and high is None:
        return ""
    if low is None:
        return ("at most %s" if language == "en" else "至多 %s") % shown(high or 0.0, scale)
    if high is None:
        return ("at least %s" if language == "en" else "至少 %s") % shown(low, scale)
    return ("%s to %s" if language == "en" else "%s 至 %s") % (shown(low, scale), shown(high, scale))


def sentence(release: Facts, language: Language = "en") -> str:
    """The verdict on a release. ``release``: canary, stable, verdict, gates, seen, lacks, proof, state."""
    proof = release.get("proof")
    if proof is not None:
        return _proof(proof, release, language)
    match release["verdict"]:
        case "fail":
            return _failed(release, language)
        case "pass":
            return _passed(release, language)
        case _:
            return _undecided(release, language)


def _failed(release: Facts, language: Language) -> str:
    bad = [gate for gate in release["gates"] if gate["verdict"] == "fail"]
    parts = [_with_effect(gate, language) for gate in bad]
    calls = count(max((gate["n_canary"] for gate in bad), default=0))
    names = MARKS[language].semicolon.join(parts)
    if language == "en":
        return f"{release['canary']} must go back: {names}; decided after {calls} of its calls."
    return f"{release['canary']} 应当回滚：{names}；基于它的 {calls} 次调用。"


def _passed(release: Facts, language: Language) -> str:
    good = [gate for gate in release["gates"] if gate["verdict"] == "pass"]
    calls = count(max((gate["n_canary"] for gate in good), default=0))
    left = lacking(release.get("lacks") or (), language)
    lead = next((gate for gate in good if gate["effect"] is not None), None)
    example = _with_effect(lead, language) if lead else ""
    over = ENDS.get(release.get("state") or "open")
    if over is not None:
        left = ""
    elif "alike" in (release.get("lacks") or ()):
        return _unlike(release, calls, left, language)
    if language == "en":
        end = f" Before it goes on it still lacks: {left}." if left else f" {pick(over or GOES, language)}"
        of = f" ({example})" if example else ""
        return f"{release['canary']} is as good as {release['stable']} on all that must be shown{of}, after {calls} of its calls.{end}"
    end = f"继续之前还缺：{left}。" if left else pick(over or GOES, language)
    of = f"（{example}）" if example else ""
    return f"在所有必须证明的方面，{release['canary']} 与 {release['stable']} 一样好{of}，基于它的 {calls} 次调用。{end}"


def _unlike(release: Facts, calls: str, left: str, language: Language) -> str:
    """Gates that are passed by other calls than those of stable decide nothing."""
    both = release["canary"], release["stable"]
    if language == "en":
        return f"Not decided: the gates are passed after {calls} calls of {both[0]}, but {both[1]} serves other calls. It lacks: {left}."
    return f"尚未判定：门禁已通过，基于 {both[0]} 的 {calls} 次调用，但 {both[1]} 服务的是另一类调用。还缺：{left}。"


def lacking(lacks: Iterable[str], language: Language = "en") -> str:
    """What a stage lacks beside a verdict, in words."""
    return MARKS[language].comma.join(pick(LACKS[one], language) for one in lacks)


def _undecided(release: Facts, language: Language) -> str:
    open_gates = [gate for gate in release["gates"] if gate["needed"] and gate["verdict"] == "undecided"]
    seen = release.get("seen") or {}
    if seen.get("arrival") in {"no_traffic", "missing", "lost"}:
        why = arrival(seen, language)
    else:
        names: dict[str, list[str]] = {}
        marks = MARKS[language]
        for gate in open_gates[:3]:
            name = gate_name(gate["kind"], gate["about"], language, gate.get("q") or 0.0)
            names.setdefault(reason(gate, language), []).append(name)
        why = marks.semicolon.join(
            f"{marks.comma.join(those)}{marks.colon}{said}" for said, those in names.items()
        )
    if language == "en":
        return (
            f"Not decided yet whether {release['canary']} may go on: {why or 'nothing has been counted yet'}."
        )
    return f"尚不能判断 {release['canary']} 能否继续：{why or '还没有统计到任何数据'}。"


def _proof(proof: Facts, release: Facts, language: Language) -> str:
    pair = PROOFS[proof["reason"]]
    gate = next((one for one in release["gates"] if one["key"] == proof.get("gate")), None)
    facts = {
        "share": percent(proof.get("share")),
        "gate": gate_name(gate["kind"], gate["about"], language) if gate else "",
    }
    return pick(pair, language) % facts


def _with_effect(gate: Facts, language: Language) -> str:
    name = gate_name(gate["kind"], gate["about"], language, gate.get("q") or 0.0)
    said, ends, marks = effect(gate), interval(gate, language), MARKS[language]
    if not said:
        return f"{name}{marks.colon}{reason(gate, language)}"
    return f"{name} {said}{marks.opened}{ends}{marks.closed}" if ends else f"{name} {said}"


def mixed(mix: Mapping[str, float], language: Language = "en") -> str:
    """Why a failure may be one of the calls, not of the version; empty where the versions serve alike."""
    far = table.mixed(mix)
    if not far:
        return ""
    marks = MARKS[language]
    names = marks.comma.join(f"{name}{marks.opened}{percent(one)}{marks.closed}" for name, one in far.items())
    if language == "en":
        return f"But the versions serve different calls by {names}, which may be why: held for a person; stratify by it to compare like with like."
    return (
        f"但两个版本服务的调用在{names}上不同，这可能就是原因：已暂停，等待人工决定；按它分层即可同类相比。"
    )


def arrival(seen: Facts, language: Language = "en") -> str:
    """What became of the share that was planned."""
    pair = ARRIVALS.get(seen.get("arrival", "waiting"), ARRIVALS["waiting"])
    facts = {"share": percent(seen.get("share")), "planned": percent(seen.get("planned"))}
    return pick(pair, language) % facts


def percent(share: float | None) -> str:
    return "?" if share is None else f"{share * 100:.3g} %"


def rounded(n: int) -> int:
    """Two digits: it is a rule of thumb."""
    size = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // size) * size


def count(n: int) -> str:
    return f"{n:,}".replace(",", "\u202f")
