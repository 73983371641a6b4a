"""The WSGI door: everything is served from here (WSGI costs a tenth of ASGI's CPU for small requests)."""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
application = get_wsgi_application()

# a thread whose statement has been answered waits this long at most for one that computes (5 ms otherwise)
sys.setswitchinterval(0.0005)
