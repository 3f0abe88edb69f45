"""What is remembered of a file system, and which format it speaks for.

::

    filexchange tune ──> profile, a JSON file for each file system of this machine
                              │
    array ── shape, dtype ──> figures of each way at this size ──> costs of the use ──> choice
          └─ a sample ──────> how far codecs shrink it, asked only where that decides
"""

from filexchange.tuning.recommendation import Expected, Recommendation
from filexchange.tuning.recommending import recommend
from filexchange.tuning.uses import USES, Use
from filexchange.tuning.ways import WAYS, Way

__all__ = ["USES", "WAYS", "Expected", "Recommendation", "Use", "Way", "recommend"]
