"""A pool of workers at a ledger, as `arena serve` has one, for `chaos.py` to kill: who falls silent is given up sooner, and no block."""

from __future__ import annotations

import sys
import threading

from arena import executor, heartbeat, job_work, ledger_entries, worker_pool
from arena.job_rows import Resources
from arena.ledger import Ledger
from arena.workplace import PROCESSES

heartbeat.HEARTBEAT_S = 0.5
job_work.SILENT_S = ledger_entries.SILENT_S = 3.0
executor.MAX_ATTEMPTS = (
    1000  # chance may kill the workers of one block again and again, which is not the block's fault here
)
worker_pool.SHORTEST_S = worker_pool.LONGEST_S = worker_pool.LOOK_S = 0.2

if __name__ == "__main__":
    with Ledger.open(sys.argv[1]) as ledger:
        pool = worker_pool.WorkerPool(
            ledger, PROCESSES, [Resources(cpus=16)]
        )  # more than there is: they are to be killed
        pool.start()
        threading.Event().wait()
