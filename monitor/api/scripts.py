"""Which scripts a browser may run: our own files, nothing written into a page. The theme of the administration also
makes functions out of the texts in its templates.
"""

from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

ADMIN = "/admin/"
MORE = {"script-src": ["'unsafe-eval'"]}


class Middleware(CSPMiddleware):
    """One policy for all pages, a little wider for the administration."""

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,  # noqa: FBT001, FBT002 — the library calls it so
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(ADMIN):
            parts.update = {**(parts.update or {}), **MORE}
        return parts
