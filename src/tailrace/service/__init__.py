"""Loops, and the one place that starts, watches and stops them.

A service is anything with a name, ``run`` and ``request_stop``. Most are a ``Loop`` around an
``async run_once() -> bool``: one pass without sleeping, True meaning "did work, come again now".
The ``Supervisor`` runs several together: one that fails stops the others, a first SIGTERM or SIGINT
lets each finish its batch, a second one cancels and is an error. No other package makes tasks or
handles signals; for work beside one's own there are ``background`` and ``together``.
"""

from tailrace.service.interrupt import Interrupted, interruptible, on_interrupt
from tailrace.service.loop import Loop, Service
from tailrace.service.program import Aside, run
from tailrace.service.supervisor import Supervisor, run_services
from tailrace.service.task import Errands, background, together

__all__ = [
    "Aside",
    "Errands",
    "Interrupted",
    "Loop",
    "Service",
    "Supervisor",
    "background",
    "interruptible",
    "on_interrupt",
    "run",
    "run_services",
    "together",
]
