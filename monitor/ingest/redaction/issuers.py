"""Keys that say by how they begin who handed them out. Data: a beginning, and what may follow it; pure."""

import re

# of each the text it begins with, and RE2 and ``re`` alike read what follows
KNOWN: tuple[tuple[str, str], ...] = (
    ("GOCSPX-", r"[A-Za-z0-9_\-]{20,}"),
    ("gsk_", r"[A-Za-z0-9]{20,}"),
    ("xai-", r"[A-Za-z0-9]{40,}"),
    ("r8_", r"[A-Za-z0-9]{30,}"),
    ("nvapi-", r"[A-Za-z0-9_\-]{30,}"),
    ("pplx-", r"[A-Za-z0-9]{30,}"),
    ("tgp_v1_", r"[A-Za-z0-9_\-]{30,}"),
    ("lsv2_", r"(?:pt|sk)_[0-9a-f]{20,}(?:_[0-9a-f]+)?"),
    ("hvs.", r"[A-Za-z0-9_\-]{20,}"),
    ("hvb.", r"[A-Za-z0-9_\-]{20,}"),
    ("glsa_", r"[A-Za-z0-9]{20,}(?:_[0-9a-f]{8})?"),
    ("glc_", r"[A-Za-z0-9+/=]{30,}"),
    ("glrt-", r"[A-Za-z0-9_\-]{16,}"),
    ("gldt-", r"[A-Za-z0-9_\-]{16,}"),
    ("glptt-", r"[A-Za-z0-9_\-]{16,}"),
    ("dckr_pat_", r"[A-Za-z0-9_\-]{20,}"),
    ("dapi", r"[0-9a-f]{32}(?:-[0-9])?"),
    ("ATATT3x", r"[A-Za-z0-9_\-=]{40,}"),
    ("sq0csp-", r"[A-Za-z0-9_\-]{30,}"),
    ("sq0atp-", r"[A-Za-z0-9_\-]{20,}"),
    ("SK", r"[0-9a-f]{32}"),
    ("xapp-", r"[0-9]-[A-Za-z0-9]+-[0-9]+-[0-9a-f]{20,}"),
    ("ntn_", r"[A-Za-z0-9]{30,}"),
    ("lin_api_", r"[A-Za-z0-9]{30,}"),
    ("sbp_", r"[0-9a-f]{40}"),
    ("PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),
    ("figd_", r"[A-Za-z0-9_\-]{30,}"),
    ("sntrys_", r"[A-Za-z0-9_+/=]{30,}"),
    ("EAAC", r"[A-Za-z0-9]{60,}"),
    ("rzp_live_", r"[A-Za-z0-9]{14,}"),
    ("age-secret-key-1", r"[0-9a-z]{50,}"),
    ("AGE-SECRET-KEY-1", r"[0-9A-Z]{50,}"),
)
_KEYS = "|".join(f"{re.escape(beginning)}{rest}" for beginning, rest in KNOWN)
# what a chat program calls back: whoever knows the address may write there
_HOOKS = (
    r"/bot/v2/hook/|hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/|"
    r"webhook\.office\.com/webhookb2/"
)
# what such a text contains in any case; RE2 looks for it
SIGNS = rf"{_KEYS}|[0-9]{{8,10}}:AA[A-Za-z0-9_\-]{{30}}|(?:{_HOOKS})[A-Za-z0-9]"
HINTS = (*(beginning for beginning, _ in KNOWN), ":AA", "/hook/", "hooks.slack.com/", "/webhook")
PATTERN = re.compile(
    r"(?<![A-Za-z0-9])(?P<secret>" + _KEYS + r"|[0-9]{8,10}:AA[A-Za-z0-9_\-]{30,})(?![A-Za-z0-9])"
)
HOOK = re.compile(rf"(?:{_HOOKS})(?P<secret>[A-Za-z0-9][A-Za-z0-9\-._~+/@]{{15,}}+)")
