"""Table of contents: where each subject keeps its tables."""

from monitor.ingest.models import ApiKey as ApiKey
from monitor.ingest.models import ScrapeTarget as ScrapeTarget
from monitor.store.models import Chunk as Chunk
from monitor.store.models import Embedding as Embedding
from monitor.store.models import Generation as Generation
from monitor.store.models import Membership as Membership
from monitor.store.models import Payload as Payload
from monitor.store.models import Project as Project
from monitor.store.models import SampleBatch as SampleBatch
from monitor.store.models import Score as Score
from monitor.store.models import Series as Series
