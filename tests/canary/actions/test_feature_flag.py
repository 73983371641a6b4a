from collections.abc import Callable

import pytest

from monitor.canary.actions.feature_flag import FeatureFlag
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Outside
from tests.kits import rollout_action as kit


def test_the_share_is_filled_in(outside: Callable[[], Outside]) -> None:
    server = outside()
    body = '{"rules": [{"variant": "$canary", "percent": $percent, "share": $share}]}'
    flag = FeatureFlag({"url": server.url, "method": "PUT", "body": body, "header": "X-Key", "token": "k"})
    flag.act(kit.order(share=0.05, canary='v"2'), Caller())
    sent = server.received[0]
    assert sent.json == {"rules": [{"variant": 'v"2', "percent": 5, "share": 0.05}]}
    assert (sent.method, sent.headers["x-key"]) == ("PUT", "k")


def test_a_body_that_is_no_json_is_refused_when_it_is_written() -> None:
    with pytest.raises(ValueError, match="no JSON"):
        FeatureFlag({"url": "http://x", "body": "{rollout: $percent}"})
