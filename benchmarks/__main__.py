"""Command line of the benchmarks: ``python -m benchmarks [NAME …] [--repeats N] [--rows N]``."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import platform
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.machine import Neighbours
from benchmarks.report import Result
from benchmarks.stage import Scale, Stage

NAMES = (
    "capture",
    "catchup",
    "latency",
    "memory",
    "cascade",
    "isolation",
    "switchover",
    "status",
    "sqljobs",
    "flink",
)
Benchmark = Callable[[Stage, Scale], Awaitable[list[Result]]]


def _benchmark(name: str) -> Benchmark:
    found: Benchmark = importlib.import_module(f"benchmarks.{name}").measure
    return found


async def _run(names: list[str], scale: Scale, data: Path, pictures: Path) -> dict[str, object]:
    stage = Stage(data, pictures)
    results: dict[str, list[Result]] = {}
    failures: dict[str, str] = {}
    try:
        stage.start()
        print(f"PostgreSQL {await stage.version()}, {scale}, data in {data}", flush=True)
        for name in names:
            print(f"\n{name}", flush=True)
            neighbours = Neighbours()
            try:
                results[name] = await _benchmark(name)(stage, scale)
            except SystemExit as failure:  # the others may still show something
                failures[name] = str(failure)
                print(f"  failed: {failure}", flush=True)
                continue
            if remark := neighbours.remark():
                results[name][-1].remarks.append(remark)
            for result in results[name]:
                print(result.line(), flush=True)
        server = await stage.version()
    finally:
        stage.stop()
    return {
        "server": server,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "scale": scale.as_dict(),
        "results": {name: [one.as_dict() for one in found] for name, found in results.items()},
        "failures": failures,
    }


def main() -> None:
    """Run what was asked for and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each competitor (3)")
    parser.add_argument("--rows", type=int, default=300_000, help="rows of bulk work (300000)")
    parser.add_argument("--idle", type=float, default=60.0, help="idle seconds of latency (60)")
    parser.add_argument("--samples", type=int, default=700, help="rows a repeat of cascade (700)")
    parser.add_argument("--events", type=int, default=2_000_000, help="of isolation (2000000)")
    parser.add_argument("--data", type=Path, help="where the server lives (a temporary folder)")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("results.json"))
    given = parser.parse_args()
    names = given.names or list(NAMES)
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if not given.output.parent.is_dir():
        parser.error(f'there is no folder "{given.output.parent}"; --output needs one')
    scale = Scale(
        repeats=given.repeats,
        rows=given.rows,
        idle=given.idle,
        events=given.events,
        samples=given.samples,
    )
    with tempfile.TemporaryDirectory(prefix="tailrace-bench-", ignore_cleanup_errors=True) as data:
        Path(data).chmod(0o711)  # PostgreSQL does not run as root, and must get in
        server = given.data or Path(data) / "server"
        outcome = asyncio.run(_run(names, scale, server, given.output.parent))
    given.output.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {given.output}")
    if outcome["failures"]:
        raise SystemExit(1)


main()
