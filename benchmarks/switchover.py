"""How long writers are kept waiting while a branch takes over from the root, under steady load.

node1 is the root, node2 and node3 are branches below it, each served by a ``tailrace run`` of its
own. Clients commit 500 small transactions a second (a payment, and the balance it changes) where
they were last accepted, and try the other node when they are refused. ``tailrace takeover`` is the
command as users type it; after each one the roles are swapped again. Blocked is the time from the
last transaction accepted by the old root to the first one accepted by the new one.

Everything that was accepted, and nothing else, must be on all three nodes in the end.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from benchmarks.report import Result
from benchmarks.services import command, each_running, tables_live, until
from benchmarks.stage import Scale, Stage
from tailrace import service
from tailrace.cascade.node import NodeType
from tailrace.db.connection import Database
from tailrace.errors import TailraceError

QUEUE = "switch"
PROVIDERS = {"node1": None, "node2": "node1", "node3": "node1"}
TABLES = ("account", "payment")
RATE = 500
CLIENTS = 5
ACCOUNTS = 1000
BEFORE, AFTER = 6.0, 4.0
PAUSE = 0.02
WANTED = 2.0

MAKE_TABLES = f"""
create table account (id int primary key, balance bigint not null);
create table payment (id bigint primary key, account int not null, amount int not null);
insert into account select n, 0 from generate_series(1, {ACCOUNTS}) n;
"""
CONTENT = """
select (select count(*) from payment) as payments, (select sum(id) from payment) as ids,
    (select sum(amount) from payment) as amounts, (select sum(balance) from account) as balances
"""


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """Seconds without an accepted write, and of the whole command."""
    blocked = Result(f"writers blocked by a switchover, {RATE} transactions a second")
    whole = Result("the whole command")
    async with AsyncExitStack() as stack:
        nodes = await _make(stage, stack)
        await stack.enter_async_context(each_running(stage, [db.dbname for db in nodes.values()]))
        for db in nodes.values():
            await tables_live(db)
        load = Load("node1", "node2")
        for number in range(CLIENTS):
            databases = [
                await stack.enter_async_context(await stage.connect(nodes[name].dbname))
                for name in load.places
            ]
            for db in databases:
                await db.execute("set search_path = public")
            load.clients.append(Client(number, load, databases))
        async with service.background(load.run(), name="load") as writing:
            old, new = load.places
            for _ in range(scale.repeats):
                await asyncio.sleep(BEFORE)
                start = time.perf_counter()
                await command("takeover", old, "--db", nodes[new].dsn, "--timeout", "60")
                whole.add("tailrace", time.perf_counter() - start)
                await asyncio.sleep(AFTER)
                blocked.add("tailrace", load.gap(load.places.index(old), start))
                old, new = new, old
            load.stop()
            await writing
        await _check_all_there(nodes, load)
    blocked.remarks = [
        f"blocked at most {max(blocked.samples['tailrace']):.2f} s, wanted {WANTED:g} s",
        f"{len(load.accepted)} transactions accepted, {len(load.accepted) / load.seconds:.0f} a"
        f" second; each is on all {len(nodes)} nodes, none twice; {load.refused} refusals",
    ]
    return [blocked, whole]


async def _make(stage: Stage, stack: AsyncExitStack) -> dict[str, Database]:
    nodes: dict[str, Database] = {}
    for node, provider in PROVIDERS.items():
        kind: NodeType = "branch" if provider else "root"
        db = await stack.enter_async_context(await stage.database(f"sw_{node}"))
        await db.execute(MAKE_TABLES)
        await stage.node(node, QUEUE, kind, db, nodes[provider].dbname if provider else None)
        for table in TABLES:
            await stage.add_table(db, QUEUE, table)
        nodes[node] = db
    return nodes


async def _check_all_there(nodes: dict[str, Database], load: Load) -> None:
    """Wait until every node has as much as was accepted, then compare what it has."""
    wanted = {one.payment: one.amount for one in load.accepted}
    total = (len(wanted), sum(wanted), sum(wanted.values()), sum(wanted.values()))
    for name, db in nodes.items():

        async def equal(db: Database = db) -> bool:
            row = await db.fetch_one(CONTENT)
            assert row is not None
            return tuple(map(int, row)) == total

        await until(equal, f"{name}: everything accepted is there, and nothing else")
        rows = await db.fetch_all("select id, amount from payment")
        if {row.id: row.amount for row in rows} != wanted:
            raise SystemExit(f"{name}: other payments than those that were accepted")


@dataclass(frozen=True, slots=True)
class Accepted:
    """One committed transaction: when it was answered, by which of the two, and what it was."""

    at: float
    place: int
    payment: int
    amount: int


@dataclass
class Load:
    """All clients, and what has been accepted from them."""

    first: str
    second: str
    clients: list[Client] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0
    stopping: bool = False

    @property
    def places(self) -> tuple[str, str]:
        """The two nodes that are written to in turn."""
        return self.first, self.second

    async def run(self) -> None:
        """Write until told to stop."""
        start = time.perf_counter()
        await service.together(*(client.run() for client in self.clients))
        self.seconds = time.perf_counter() - start

    def stop(self) -> None:
        """Let each client end with the transaction that it is at."""
        self.stopping = True

    def gap(self, old: int, since: float) -> float:
        """Seconds from the last transaction of the old root to the first of the new one."""
        last = max(one.at for one in self.accepted if one.place == old)
        first = min(
            (one.at for one in self.accepted if one.place != old and one.at > since), default=None
        )
        if first is None or first < last:
            raise SystemExit("two roots accepted writes, or the new one none")
        return first - last


@dataclass
class Client:
    """One writer with a connection to each of the two nodes."""

    number: int
    load: Load
    databases: list[Database]
    place: int = 0
    written: int = 0

    async def run(self) -> None:
        """Commit a transaction at each beat; beats that pass while refused are left out."""
        due = time.perf_counter()
        while not self.load.stopping:
            due = max(due + CLIENTS / RATE, time.perf_counter() - PAUSE)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await self._pay()

    async def _pay(self) -> None:
        payment = self.written * CLIENTS + self.number
        account, amount = random.randint(1, ACCOUNTS), random.randint(1, 100)
        try:
            # Without parameters both are sent at once, and are one transaction.
            await self.databases[self.place].execute(
                f"insert into payment values ({payment}, {account}, {amount});"
                f" update account set balance = balance + {amount} where id = {account}"
            )
        except TailraceError:
            self.load.refused += 1
            self.place = 1 - self.place
            await asyncio.sleep(PAUSE)
            return
        self.written += 1
        self.load.accepted.append(Accepted(time.perf_counter(), self.place, payment, amount))
