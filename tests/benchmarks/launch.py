"""A command in a process of its own, with its seconds, its peak memory and its work.

Linux charges a process with the memory of the one that starts it. The sandbox in the benchmark is
large, so that commands are started by this small module instead.
"""

import json
import os
import subprocess
import sys
import time


def main(*command: str) -> None:
    """Run a command to its end; print exit code, seconds, peak memory in MB, CPU seconds."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(json.dumps([process.returncode, seconds, peak, usage.ru_utime + usage.ru_stime]))


if __name__ == "__main__":
    main(*sys.argv[1:])
