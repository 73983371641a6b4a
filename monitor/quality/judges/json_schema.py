"""Does the answer fit a JSON schema?"""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.core.fields import Field
from monitor.quality.alone import Alone
from monitor.quality.judges.base import BEST, Ask, Item, MisconfiguredError, Verdict

SHOWN_FAULTS = 3


class JsonSchema(Alone):
    """5 where the whole answer is JSON that fits the schema, else 0 with the places that do not."""

    fields: tuple[Field, ...] = (
        Field(
            "schema", _("JSON schema"), kind="long_text", required=True,
            help=_("Any draft up to 2020-12. References to other documents are not followed."),
        ),
    )  # fmt: skip

    def __init__(self, settings: Mapping[str, Any]) -> None:
        import jsonschema_rs

        super().__init__(settings)
        try:
            schema = json.loads(settings["schema"])
            # linear-time patterns: no answer makes one run for ever
            self.validator = jsonschema_rs.validator_for(
                schema, pattern_options=jsonschema_rs.RegexOptions(), retriever=_refuse
            )
        except (ValueError, RecursionError) as error:
            message = f"not a usable JSON schema: {str(error)[:300]}"
            raise MisconfiguredError(message) from error

    def judge(self, item: Item, ask: Ask) -> Verdict | None:  # noqa: ARG002 — this judge asks nobody
        try:
            value = json.loads(item.output)
        except (ValueError, RecursionError) as error:
            return Verdict(0.0, f"Not JSON: {str(error)[:200]}")
        faults = [
            f"{'/'.join(map(str, fault.instance_path)) or 'the whole'}: {fault.message[:200]}"
            for fault, _ in zip(self.validator.iter_errors(value), range(SHOWN_FAULTS), strict=False)
        ]
        return (
            Verdict(0.0, f"Does not fit: {'; '.join(faults)}") if faults else Verdict(BEST, "Fits the schema")
        )


def _refuse(address: str) -> Any:
    message = f"{address}: schemas elsewhere are not fetched"
    raise ValueError(message)
