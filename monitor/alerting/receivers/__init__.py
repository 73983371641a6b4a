"""Receivers: the ways a message reaches people. One file each; add a file, a test and a line here."""

from monitor.registry import Registry

RECEIVERS = Registry(
    "receiver",
    {
        "webhook": "monitor.alerting.receivers.webhook.Webhook",
        "dingtalk": "monitor.alerting.receivers.dingtalk.DingTalk",
        "wecom": "monitor.alerting.receivers.wecom.WeCom",
        "feishu": "monitor.alerting.receivers.feishu.Feishu",
        "email": "monitor.alerting.receivers.email.Email",
        "slack": "monitor.alerting.receivers.slack.Slack",
        "wecom_app": "monitor.alerting.receivers.wecom_app.WeComApp",
        "pagerduty": "monitor.alerting.receivers.pagerduty.PagerDuty",
        "teams": "monitor.alerting.receivers.teams.Teams",
        "telegram": "monitor.alerting.receivers.telegram.Telegram",
        "apprise": "monitor.alerting.receivers.apprise.Apprise",
    },
)


def choices() -> list[tuple[str, str]]:
    """For the model field: a callable, so that a new receiver makes no migration."""
    return RECEIVERS.choices()
