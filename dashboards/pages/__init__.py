"""The pages. Menu and addresses come from this list, in its order.

To add one: a file here, ``templates/pages/NAME.html``, its test, and its line below.
"""

from monitor.registry import Registry

PAGES = Registry(
    "page",
    {
        "overview": "dashboards.pages.overview.PAGE",
        "compare": "dashboards.pages.compare.PAGE",
        "releases": "dashboards.pages.releases.PAGE",
        "generations": "dashboards.pages.generations.PAGE",
        "drift": "dashboards.pages.drift.PAGE",
        "quality": "dashboards.pages.quality.PAGE",
        "labelling": "dashboards.pages.labelling.PAGE",
        "alerts": "dashboards.pages.alerts.PAGE",
        "rules": "dashboards.pages.rules.PAGE",
        "gpu": "dashboards.pages.gpu.PAGE",
        "engines": "dashboards.pages.engines.PAGE",
        "dashboards": "dashboards.pages.dashboards.PAGE",
        "explore": "dashboards.pages.explore.PAGE",
        "senders": "dashboards.pages.senders.PAGE",
        "settings": "dashboards.pages.settings.PAGE",
    },
)
