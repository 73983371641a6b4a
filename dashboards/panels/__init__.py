"""Panel kinds: each turns frames of data into one Plotly figure, as a plain dict. No script per panel.

To add one: a file here, a test, a golden figure, and its line below.
"""

from monitor.registry import Registry

PANELS = Registry(
    "panel",
    {
        "timeseries": "dashboards.panels.timeseries.PANEL",
        "stat": "dashboards.panels.stat.PANEL",
        "histogram": "dashboards.panels.histogram.PANEL",
        "heatmap": "dashboards.panels.heatmap.PANEL",
        "scatter": "dashboards.panels.scatter.PANEL",
        "bar": "dashboards.panels.bar.PANEL",
        "table": "dashboards.panels.table.PANEL",
        "timeline": "dashboards.panels.timeline.PANEL",
    },
)
