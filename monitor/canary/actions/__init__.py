"""Actions: the ways a decision reaches whoever routes the traffic. One file each; add a file, a test and a line here."""

from monitor.registry import Registry

ACTIONS = Registry(
    "rollout action",
    {
        "webhook": "monitor.canary.actions.webhook.Webhook",
        "nginx": "monitor.canary.actions.nginx.Nginx",
        "kong": "monitor.canary.actions.kong.Kong",
        "gateway_api": "monitor.canary.actions.gateway_api.GatewayApi",
        "argo_rollouts": "monitor.canary.actions.argo_rollouts.ArgoRollouts",
        "flagger": "monitor.canary.actions.flagger.Flagger",
        "feature_flag": "monitor.canary.actions.feature_flag.FeatureFlag",
    },
)


def choices() -> list[tuple[str, str]]:
    """For the model field: a callable, so that a new action makes no migration."""
    return ACTIONS.choices()
