"""The SQL that tailrace installs and sends: one folder for each PostgreSQL schema.

A package only so that the files are found wherever tailrace is installed.
"""
