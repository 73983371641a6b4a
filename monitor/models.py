"""Table of contents: where each subject keeps its tables."""

from monitor.alerting.models import Alert as Alert
from monitor.alerting.models import AlertGroup as AlertGroup
from monitor.alerting.models import Contact as Contact
from monitor.alerting.models import Delivery as Delivery
from monitor.alerting.models import DeliveryAttempt as DeliveryAttempt
from monitor.alerting.models import Route as Route
from monitor.alerting.models import Silence as Silence
from monitor.ingest.models import ApiKey as ApiKey
from monitor.ingest.models import ScrapeTarget as ScrapeTarget
from monitor.rules.models import AlertChange as AlertChange
from monitor.rules.models import Rule as Rule
from monitor.rules.models import RuleAlert as RuleAlert
from monitor.rules.models import RuleGroup as RuleGroup
from monitor.store.models import Chunk as Chunk
from monitor.store.models import Embedding as Embedding
from monitor.store.models import Generation as Generation
from monitor.store.models import Membership as Membership
from monitor.store.models import Payload as Payload
from monitor.store.models import Project as Project
from monitor.store.models import SampleBatch as SampleBatch
from monitor.store.models import Score as Score
from monitor.store.models import Series as Series
