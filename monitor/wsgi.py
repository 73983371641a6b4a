"""The WSGI door: everything is served from here (WSGI costs a tenth of ASGI's CPU for small requests)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
application = get_wsgi_application()
