"""``python -m tailrace`` is the same as the command ``tailrace``."""

from tailrace.cli.main import main

main()
