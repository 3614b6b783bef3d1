"""The program: the command ``tailrace``, and ``python -m tailrace``, which is the same.

Most commands are over in a fifth of a second, most of which goes into loading modules. So Python
neither looks for garbage meanwhile (``service.run`` lets it begin when a command stays) nor takes
everything apart again at the end: together a tenth of ``SHOW JOBS``. Likewise, patterns that a
command may never need are texts, which ``re`` compiles, and keeps, when they are first used.
"""

import atexit
import gc
import os
import sys
from typing import NoReturn

gc.disable()


def program() -> NoReturn:
    """Run the command line and leave with its exit status."""
    ended: list[int] = []
    atexit.register(_leave, ended)  # registered first, called last
    from tailrace.cli.main import main

    try:
        main()
    except SystemExit as end:
        ended.append(end.code if isinstance(end.code, int) else 1)
        raise


def _leave(ended: list[int]) -> None:
    """Be gone, once all that was to be done at the end has been; Python does the rest slowly."""
    if not ended:
        return  # a mistake of ours, which Python is about to show
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # Python says what is wrong with them
    os._exit(ended[0])


if __name__ == "__main__":
    program()
