"""The machine, where several processes of tests run beside each other: who needs it alone, and who does not.

Two locks on files, which the kernel releases whatever becomes of a process. Who wants the machine alone shuts the
door first, so that nobody new comes in while it waits for those inside to leave.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile

PLACE = "DETOUR_TESTS_MACHINE"

LIGHT, HEAVY = 0.15, 0.5  # shares of the machine: below the first nobody is disturbed, from the second on it is taken alone


def found():
    """Called once, before the processes part; returns what to call at the end."""
    if PLACE in os.environ:
        return lambda: None
    os.environ[PLACE] = tempfile.mkdtemp(prefix="detour-machine-")
    return lambda: shutil.rmtree(os.environ.pop(PLACE), ignore_errors=True)


@contextlib.contextmanager
def held(name, how):
    with open(pathlib.Path(os.environ[PLACE]) / name, "a") as lock:
        fcntl.flock(lock, how)
        yield


@contextlib.contextmanager
def shared():
    with contextlib.ExitStack() as inside:
        with held("door", fcntl.LOCK_SH):
            inside.enter_context(held("room", fcntl.LOCK_SH))
        yield


@contextlib.contextmanager
def alone():
    with held("door", fcntl.LOCK_EX), held("room", fcntl.LOCK_EX):
        yield


def taken(weight):
    """For something that takes this share of the machine. Outside the tests nobody else is there."""
    if PLACE not in os.environ:
        return contextlib.nullcontext()
    if weight >= HEAVY:
        return alone()
    return contextlib.nullcontext() if weight < LIGHT else shared()
