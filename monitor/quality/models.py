"""Judges as people configure them, who is judging what, what it cost and what went wrong, and what people say.

Marks themselves are scores in the store; here stands everything that is needed to trust them.
"""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from monitor.quality import judges
from monitor.store.models import Project


class Extra(models.TextChoices):
    """What a judge looks at besides its fair sample."""

    NOTHING = "", _("Nothing")
    VERSION = "version", _("More of versions with few calls")
    UNCERTAIN = "uncertain", _("Calls whose answers are doubtful")
    ALERT = "alert", _("More while an alert fires")


class Judge(models.Model):
    """Marks a share of the calls. ``name`` is the name of its scores."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="judges")
    name = models.SlugField(max_length=60, help_text=_("Also the name of its scores, like helpfulness."))
    kind = models.CharField(max_length=40, choices=judges.choices, default="rubric")
    settings = models.JSONField(default=dict, blank=True)
    model = models.CharField(max_length=200, blank=True, help_text=_("Only calls of this model; empty: all."))
    version = models.CharField(max_length=200, blank=True, help_text=_("Only this version; empty: all."))
    sample_share = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("Share of the calls that is judged, 0 to 1; always the same calls."),
    )
    extra = models.CharField(
        max_length=10, choices=Extra.choices, default=Extra.NOTHING, blank=True,
        help_text=_("Besides the share: up to half of the hour's budget. Doubtful calls and calls under an alert "
        "get marks under a name of their own, so that every mean stays fair."),
    )  # fmt: skip
    hourly_budget = models.PositiveIntegerField(default=200, help_text=_("Calls judged per hour, at most."))
    per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("Requests a minute that the endpoint allows; empty: no limit."),
    )  # fmt: skip
    daily_tokens = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text=_("Tokens a day (UTC), in and out together, at most; empty: no limit."),
    )
    daily_usd = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.0)],
        help_text=_("US dollars a day (UTC), at most; needs the prices below. Empty: no limit."),
    )  # fmt: skip
    usd_in = models.FloatField(
        _("price in"), default=0.0, validators=[MinValueValidator(0.0)],
        help_text=_("US dollars for a million tokens of input."),
    )  # fmt: skip
    usd_out = models.FloatField(
        _("price out"), default=0.0, validators=[MinValueValidator(0.0)],
        help_text=_("US dollars for a million tokens of output."),
    )  # fmt: skip
    good_from = models.FloatField(
        default=3.0, validators=[MinValueValidator(0.0), MaxValueValidator(5.0)],
        help_text=_("A person's mark from here on counts as a good answer in the quality rate."),
    )  # fmt: skip
    second_share = models.FloatField(
        default=0.25, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("Share of the labelled calls that a second person labels too, to measure agreement."),
    )  # fmt: skip
    guidelines = models.TextField(
        blank=True,
        help_text=_("What people who label read beside each call; Markdown. Empty: the criterion."),
    )
    enabled = models.BooleanField(default=True)
    due_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)
    # runs in a row without one answer; the pause before the next grows with them
    fruitless = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["project", "name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="judge_once"),
            models.CheckConstraint(
                condition=models.Q(sample_share__gte=0, sample_share__lte=1), name="judge_share_0_to_1"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class JudgeEpoch(models.Model):
    """A stretch in which a judge stayed the same: its marks may be compared with each other, and no others."""

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="epochs")
    number = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=64)
    served_model = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField()
    changed = models.TextField(blank=True)

    class Meta:
        ordering = ["judge", "number"]
        constraints = [models.UniqueConstraint(fields=["judge", "number"], name="judge_epoch_once")]

    def __str__(self) -> str:
        return f"{self.judge_id} #{self.number}"


class ClaimState(models.TextChoices):
    OPEN = "open", _("Being judged")
    DONE = "done", _("Judged")
    SKIPPED = "skipped", _("Does not apply")
    FAILED = "failed", _("Given up")


class JudgeClaim(models.Model):
    """Who judges a call: the worker that could insert or take over this row, and nobody else."""

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="claims")
    generation_id = models.UUIDField()
    claimed_at = models.DateTimeField()
    first_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=ClaimState.choices, default=ClaimState.OPEN)
    # why it was chosen: as part of the fair sample (empty) or for a reason of its own
    picked = models.CharField(max_length=10, choices=Extra.choices, default=Extra.NOTHING, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    tag = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["judge", "generation_id"], name="judge_claim_once")]
        indexes = [
            models.Index(fields=["judge", "claimed_at"], name="judge_claim_recent"),
            models.Index(
                fields=["judge", "claimed_at"], name="judge_claim_unsettled",
                condition=models.Q(state__in=["open", "failed"]),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.judge_id}: {self.generation_id} {self.state}"


class JudgeFailure(models.Model):
    """How often a judge failed for a reason; the counter behind ``vigil_judge_failures_total``."""

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="failures")
    reason = models.CharField(max_length=40)
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["judge", "reason"], name="judge_failure_once")]

    def __str__(self) -> str:
        return f"{self.reason}: {self.count}"


class JudgeSpending(models.Model):
    """What a judge used on one UTC day, and what its running work may use yet."""

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="spendings")
    day = models.DateField()
    requests = models.PositiveBigIntegerField(default=0)
    cached = models.PositiveBigIntegerField(default=0)
    tokens_in = models.BigIntegerField(default=0)
    tokens_out = models.BigIntegerField(default=0)
    usd = models.FloatField(default=0.0)
    # set aside by work that has not settled; a worker that dies leaves it spent
    held_tokens = models.BigIntegerField(default=0)
    held_usd = models.FloatField(default=0.0)
    # requests begun in the minute that starts there
    minute = models.DateTimeField(null=True)
    minute_requests = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["judge", "day"], name="judge_spending_once")]

    def __str__(self) -> str:
        return f"{self.judge_id} {self.day}: {self.requests}"


class JudgeAnswer(models.Model):
    """A verdict by the content it was given on: the same texts are not paid for twice in an epoch."""

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="answers")
    key = models.CharField(max_length=64)
    value = models.FloatField()
    reason = models.TextField()
    tag = models.CharField(max_length=20, blank=True)
    made_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["judge", "key"], name="judge_answer_once")]

    def __str__(self) -> str:
        return f"{self.judge_id} {self.key[:8]}: {self.value}"


class Label(models.Model):
    """What one person says of one call, asked by a judge's name; no value: could not say."""

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="labels")
    generation_id = models.UUIDField()
    rater = models.CharField(max_length=150)
    value = models.FloatField(
        null=True, validators=[MinValueValidator(0.0), MaxValueValidator(5.0)]
    )  # fmt: skip
    reason = models.TextField(blank=True)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["judge", "generation_id", "rater"], name="label_once"),
            models.CheckConstraint(
                condition=models.Q(value=None) | models.Q(value__gte=0, value__lte=5), name="label_0_to_5"
            ),
        ]
        indexes = [models.Index(fields=["judge", "made_at"], name="label_recent")]

    def __str__(self) -> str:
        return f"{self.rater}: {self.value}"


class GoldenItem(models.Model):
    """A call frozen with what people said of it: asked again, it shows whether the judge has moved."""

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="golden")
    generation_id = models.UUIDField()
    prompt = models.TextField(blank=True)
    output = models.TextField(blank=True)
    contexts = models.JSONField(null=True)
    reference = models.TextField(blank=True)
    value = models.FloatField()
    added_at = models.DateTimeField()
    # one that gets no answer is asked about again after a while, not at once
    tried_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["judge", "generation_id"], name="golden_once")]

    def __str__(self) -> str:
        return f"{self.judge_id} {self.generation_id}: {self.value}"


class GoldenMark(models.Model):
    """What the judge said of a frozen call in one round."""

    item = models.ForeignKey(GoldenItem, on_delete=models.CASCADE, related_name="marks")
    epoch = models.ForeignKey(JudgeEpoch, on_delete=models.CASCADE, related_name="golden_marks")
    day = models.DateField()
    value = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "epoch", "day"], name="golden_mark_once")]

    def __str__(self) -> str:
        return f"{self.item_id} on {self.day}: {self.value}"
