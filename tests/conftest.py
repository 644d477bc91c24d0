"""One thread for each test process: results do not depend on the cores, and processes share them."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
