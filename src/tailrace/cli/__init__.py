"""The ``tailrace`` command: flat verbs, grouped under headings."""
