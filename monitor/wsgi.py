"""The WSGI door: everything is served from here (WSGI costs a tenth of ASGI's CPU for small requests)."""

import gc
import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
_django = get_wsgi_application()

from monitor.api.straight import door  # noqa: E402 — it needs what has just been set up
from monitor.core.evenly import spread  # noqa: E402 — as above

application = spread(door(_django))

# a thread whose statement has been answered waits this long at most for one that computes (5 ms otherwise)
sys.setswitchinterval(0.0005)

# what is loaded by now stays: to look through it again and again took a fifth of the time of a large request
gc.freeze()
gc.set_threshold(30_000, 10, 20)
