"""``lineage``: what flows where, for people and for programs that draw or catalogue it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option

if TYPE_CHECKING:
    from tailrace.gateway import tracing

_DRAWINGS = ("json", "dot", "mermaid", "openlineage")


@command("lineage", of_engines=True)
@click.argument("job", required=False)
@click.option("--upstream", "extent", flag_value="upstream", help="What the job is made of.")
@click.option("--full", "extent", flag_value="full", help="The whole graph that holds the job.")
@format_option("table", *_DRAWINGS, "csv", "tsv")
async def lineage(call: Invocation, job: str | None, extent: str | None, form: str) -> int:
    """Show tables, queues and jobs as trees: what is downstream of JOB, or every graph.

    The same as SHOW JOBTREE, SHOW ANCESTORS and SHOW JOBTREES. dot is for Graphviz, mermaid for
    pages, openlineage one event a job for catalogues of data.
    """
    from tailrace.cli.sql import script_of
    from tailrace.gateway import tracing

    chosen: tracing.Extent = (
        "upstream" if extent == "upstream" else "full" if extent == "full" else "downstream"
    )
    async with script_of(call, "table" if form in _DRAWINGS else form) as script:
        found = await tracing.trace(script.session, job, chosen, columns=form in _DRAWINGS)
        if form not in _DRAWINGS:
            script.printer.show(tracing.answer(found))
            return 0
        for remark in found.remarks:
            call.warn(remark)
        for line in _written(found, form):
            click.echo(line)
    return 0


def _written(found: tracing.Traced, form: str) -> Iterator[str]:
    from tailrace.jobs import diagram, openlineage

    vertices = {line.vertex for line in found.lines}
    if form == "dot":
        yield from diagram.dot(found.lineage, vertices)
    elif form == "mermaid":
        yield from diagram.mermaid(found.lineage, vertices)
    elif form == "openlineage":
        yield json.dumps(openlineage.events(found.lineage, vertices), indent=2, ensure_ascii=False)
    else:
        yield json.dumps(diagram.document(found.lineage, vertices), indent=2, ensure_ascii=False)
