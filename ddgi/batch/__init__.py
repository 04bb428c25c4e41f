"""Many faces from a file of rows: reading and checking rows, keys, units of work, a folder that resumes, pages.

Nothing here renders: what makes pictures is passed in, so that one machine, a cluster and a test share the rest.
"""

from .jobs import Entry, read_jobs
from .plan import Job, Lookup, Plan, plan_jobs
from .row import KEYS, Row, parse_row
from .run import Summary, run_batch
from .settings import FaceSettings
from .store import Store
from .units import Unit, make_units

__all__ = ["KEYS", "Entry", "FaceSettings", "Job", "Lookup", "Plan", "Row", "Store", "Summary", "Unit", "make_units",
           "parse_row", "plan_jobs", "read_jobs", "run_batch"]
