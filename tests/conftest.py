"""One thread for each test process, so that results do not depend on how many cores there are."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
