"""The process of one measurement: joins the cgroup, imports, waits for the word, works, reports.

python -m _outofcore.child JOB [CGROUP_PROCS]

Lines on standard output: ``ready``, and then one JSON object.
"""

import json
import os
import sys
import time

if len(sys.argv) > 2:  # before anything is imported, so that its memory counts
    with open(sys.argv[2], "w", encoding="ascii") as _members:
        _members.write(str(os.getpid()))

import numpy as np

from _outofcore import contenders
from _outofcore.job import Job, durable


def main() -> None:
    job = Job.from_json(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    contender = contenders.load(job.contender)
    with contender.session(job) as tools:
        print("ready", file=answers, flush=True)
        sys.stdin.readline()
        start = time.perf_counter()
        results = contender.WAYS[job.workload](job, tools)
        durable(job.out)
        seconds = time.perf_counter() - start
        if results is not None:
            np.savez(job.scratch("results.npz"), **results)
        print(json.dumps({"seconds": seconds}), file=answers, flush=True)


if __name__ == "__main__":
    main()
