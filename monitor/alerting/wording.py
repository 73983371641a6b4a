"""The words of messages, in Chinese, in English, or side by side so that whoever is woken can read them."""

from typing import Literal

Language = Literal["both", "zh", "en"]
WORDS = {
    "firing": ("告警", "FIRING"),
    "resolved": ("恢复", "RESOLVED"),
    "project": ("项目", "Project"),
    "severity": ("级别", "Severity"),
    "since": ("开始", "Since"),
    "until": ("结束", "Until"),
    "value": ("当前值", "Value"),
    "limit": ("阈值", "limit"),
    "siblings": ("其他版本", "Other versions"),
    "top_slice": ("主要来源", "Mostly in"),
    "open_alerts": ("查看告警", "Open alerts"),
    "open_chart": ("查看曲线", "Open the chart"),
    "open_calls": ("查看调用", "Open the calls"),
    "silence": ("静默", "Silence"),
    "runbook": ("处理手册", "Runbook"),
    "dashboard": ("仪表盘", "Dashboard"),
}


def say(language: Language, key: str) -> str:
    chinese, english = WORDS[key]
    return {"zh": chinese, "en": english}.get(language, f"{chinese} {english}")


def more(language: Language, count: int) -> str:
    """That there was more than could be shown."""
    chinese, english = f"… 另有 {count} 条", f"and {count} more"
    return {"zh": chinese, "en": f"… {english}"}.get(language, f"{chinese} / {english}")
