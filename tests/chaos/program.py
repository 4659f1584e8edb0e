"""`cuadra` in a hurry, or the CRM, as a process that does not outlive the harness, however that one ends.

python -m tests.chaos.program cuadra worker
python -m tests.chaos.program crm --secret …
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from tests.chaos.hurry import hurry

hurry()  # when it is loaded: the listener of `cuadra serve` is a process of its own, which loads this module anew


def main() -> None:
    """Run it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() == 1:
        sys.exit(1)
    name = sys.argv.pop(1)
    if name == "crm":
        from cuadra_simulators.crm import __main__ as crm

        sys.exit(crm.main(sys.argv[1:], stop=crm._until_terminated()))
    from cuadra.faces.cli.main import main as cuadra

    cuadra()


if __name__ == "__main__":
    main()
