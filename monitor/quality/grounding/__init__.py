"""What an answer has from the retrieved documents, sentence by sentence, without asking a model.

``check`` is the way in. A sentence that it calls ``doubtful`` is one for a judge; the others are not worth asking.
"""

from monitor.quality.grounding.check import Checked, Citation, Document, Line, check
from monitor.quality.grounding.support import Support, Verdict

__all__ = ["Checked", "Citation", "Document", "Line", "Support", "Verdict", "check"]
