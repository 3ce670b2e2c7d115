"""Tenants of one process that take their states at once."""

import subprocess
import sys

PROCESSES = 20  # of which a third crashed when msgspec met the type in several threads at once

_PROGRAM = """
import os, sys, threading
from pathlib import Path
from p4books.home.files import TenantFiles
from p4books.settings import Settings

def load():
    own = TenantFiles(settings)
    barrier.wait()
    for _ in range(5):
        assert own.load_memory().seed == memory.seed

settings = Settings(tenant="acme", data_dir=Path("data"))
settings.private.mkdir(parents=True)
files = TenantFiles(settings)
memory = files.load_memory()
files.save_memory(memory)
for _ in range(int(sys.argv[1])):
    if not (child := os.fork()):
        sys.setswitchinterval(1e-6)
        barrier = threading.Barrier(8)
        threads = [threading.Thread(target=load) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_many_threads() -> None:
    """The first states of a process may be read at the same instant."""
    done = subprocess.run([sys.executable, "-c", _PROGRAM, str(PROCESSES)], check=False)

    assert done.returncode == 0
