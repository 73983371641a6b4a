"""The tables. Event tables (generations, samples) follow the shard rules; Django never writes their DDL.

Every event table has ``shard`` first in its primary key, no foreign keys and computed ids, so that the same
schema can be distributed over several PostgreSQL nodes. Configuration tables are ordinary Django tables.
"""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models


class Project(models.Model):
    """A tenant: owns keys, rules, series and generations."""

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120, blank=True)
    demo = models.BooleanField(default=False, help_text="Simulated data; can be deleted with one click.")
    buckets = models.PositiveSmallIntegerField(
        default=1, help_text="Shard keys that new rows spread over, 1 to 64."
    )
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)
    # None: as the installation keeps them
    raw_days = models.PositiveSmallIntegerField(
        "days of samples", null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="How long samples are kept as they came; empty: as long as everywhere here.",
    )  # fmt: skip
    five_minute_days = models.PositiveSmallIntegerField(
        "days of 5 m points", null=True, blank=True,
        help_text="How long a point for each 5 minutes is kept; 0: not at all; empty: as everywhere here.",
    )  # fmt: skip
    hour_days = models.PositiveSmallIntegerField(
        "days of 1 h points", null=True, blank=True,
        help_text="How long a point for each hour is kept; 0: not at all; empty: as everywhere here.",
    )  # fmt: skip
    content_days = models.PositiveSmallIntegerField(
        "days of texts", null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="How long prompts, answers and what came with them are kept; empty: as long as the calls.",
    )  # fmt: skip
    embedding_days = models.PositiveSmallIntegerField(
        "days of vectors", null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="How long vectors of prompts and answers are kept; empty: as long as the calls.",
    )  # fmt: skip
    # from here on samples are whole; None: nothing was ever dropped
    raw_from = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(buckets__gte=1, buckets__lte=64), name="project_buckets_1_to_64"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.slug


class Role(models.TextChoices):
    VIEWER = "viewer", "Viewer"
    LABELLER = "labeller", "Labeller"
    EDITOR = "editor", "Editor"
    ADMIN = "admin", "Admin"


class Membership(models.Model):
    """Who may enter which project, and as what."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    # given by single sign-on, which may take it away again
    from_sign_on = models.BooleanField(default=False, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "project"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project} as {self.role}"


class EventTable(models.Model):
    """A table whose DDL is written by hand (partitions, shard keys); read through it, write through append."""

    shard = models.SmallIntegerField()
    project_id = models.BigIntegerField()

    class Meta:
        abstract = True
        managed = False


class Series(EventTable):
    """One label set of one project. ``kind``: what its samples are (see SeriesKind)."""

    pk = models.CompositePrimaryKey("shard", "id")
    id = models.BigIntegerField()
    name = models.TextField()
    labels = models.JSONField()
    kind = models.SmallIntegerField()
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta(EventTable.Meta):
        abstract = False
        db_table = "monitor_series"


class SeriesKind(models.IntegerChoices):
    """``PUSHED`` samples stand as they came; derived ones are deltas that the reader adds up."""

    PUSHED = 0
    DERIVED_COUNTER = 1
    DERIVED_HISTOGRAM = 2


class BatchKind(models.IntegerChoices):
    SAMPLES = 0
    DELTAS = 1


class SampleBatch(EventTable):
    """What one request or scrape brought: many series, few times. Append only; later sealed into chunks."""

    pk = models.CompositePrimaryKey("shard", "id")
    id = models.UUIDField()
    kind = models.SmallIntegerField()
    min_ms = models.BigIntegerField()
    max_ms = models.BigIntegerField()
    n = models.IntegerField()
    data = models.BinaryField()

    class Meta(EventTable.Meta):
        abstract = False
        db_table = "monitor_sample_batch"


class Chunk(EventTable):
    """One series over one closed window, compressed. ``head`` holds the totals of a derived series."""

    pk = models.CompositePrimaryKey("shard", "series_id", "t0")
    series_id = models.BigIntegerField()
    t0 = models.DateTimeField()
    kind = models.SmallIntegerField()
    min_ms = models.BigIntegerField()
    max_ms = models.BigIntegerField()
    n = models.IntegerField()
    head = models.BinaryField(null=True)
    data = models.BinaryField()
    # goes on where the data end
    rest = models.BinaryField()

    class Meta(EventTable.Meta):
        abstract = False
        db_table = "monitor_chunk"


class Generation(EventTable):
    """One call of a model: the narrow row that lists and scans read. Text lives in Payload."""

    pk = models.CompositePrimaryKey("shard", "id")
    id = models.UUIDField()
    client_id = models.TextField()
    started_at = models.DateTimeField()
    received_at = models.DateTimeField()
    model = models.TextField()
    version = models.TextField()
    environment = models.TextField()
    operation = models.TextField()
    provider = models.TextField()
    route = models.TextField()
    duration_seconds = models.FloatField(null=True)
    ttft_seconds = models.FloatField(null=True)
    inference_seconds = models.FloatField(null=True)
    queue_seconds = models.FloatField(null=True)
    input_tokens = models.IntegerField(null=True)
    cached_input_tokens = models.IntegerField(null=True)
    output_tokens = models.IntegerField(null=True)
    error = models.TextField(null=True)  # noqa: DJ001 — null is success, as the contract says
    finish_reason = models.TextField()
    user_hash = models.BinaryField(null=True)
    session = models.TextField()
    trace_id = models.TextField()
    span_id = models.TextField()
    cost_usd = models.FloatField(null=True)
    tenant = models.TextField()
    language = models.TextField()
    topic = models.TextField()
    template = models.TextField()
    grounding = models.TextField()
    mean_logprob = models.FloatField(null=True)

    class Meta(EventTable.Meta):
        abstract = False
        db_table = "monitor_generation"


class Payload(EventTable):
    """The redacted text of a generation and whatever else is only read when its page is opened."""

    pk = models.CompositePrimaryKey("shard", "id")
    id = models.UUIDField()
    prompt = models.TextField()
    output = models.TextField()
    detail = models.JSONField()

    class Meta(EventTable.Meta):
        abstract = False
        db_table = "monitor_payload"


class Embedding(EventTable):
    """A vector of a prompt or an answer; ``e`` is a halfvec that only SQL touches."""

    pk = models.CompositePrimaryKey("shard", "id", "kind")
    id = models.UUIDField()
    kind = models.TextField()
    model = models.TextField()
    version = models.TextField()
    embedder = models.TextField()

    class Meta(EventTable.Meta):
        abstract = False
        db_table = "monitor_embedding"


class Score(EventTable):
    """One mark on one generation: by a judge, a person, a rule or a reference."""

    pk = models.CompositePrimaryKey("shard", "generation_id", "name", "source")
    generation_id = models.UUIDField()
    name = models.TextField()
    source = models.TextField()
    value = models.FloatField()
    reason = models.TextField()
    author = models.TextField()
    created_at = models.DateTimeField()

    class Meta(EventTable.Meta):
        abstract = False
        db_table = "monitor_score"
