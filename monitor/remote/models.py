"""How the sending to the series store elsewhere goes: one row that all workers and the health page share."""

from django.db import models


class Shipping(models.Model):
    """The state of the queue's far end."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    away_since = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    dropped = models.BigIntegerField(default=0)
    last_refusal = models.TextField(blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="shipping_is_one_row")]

    def __str__(self) -> str:
        return self.last_error or "sending"
