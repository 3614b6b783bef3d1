"""``doctor``: is everything in place and alive?"""

from __future__ import annotations

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option, write_rows


@command("doctor")
@format_option()
async def doctor(call: Invocation, form: str) -> int:
    """Check a database: server, rights, schemas, tickers, consumers, triggers.

    Changes nothing. The exit status is 1 when something is wrong, 0 when all is well or only
    worth knowing.
    """
    from tailrace.cascade.health import examine

    async with call.database() as db:
        findings = [finding async for finding in examine(db)]
    rows = [
        {"check": one.check, "subject": one.subject, "state": one.state, "found": one.found}
        for one in findings
    ]
    write_rows(form, ("check", "subject", "state", "found"), rows)
    return 1 if any(one.state == "failed" for one in findings) else 0
