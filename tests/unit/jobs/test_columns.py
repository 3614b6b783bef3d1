"""Which columns a written column is made of, as the statement of a job says."""

from __future__ import annotations

import pytest

from tailrace.engines.postgres.columns import Known, columns_of

ORDERS = Known("public.orders", True, "shop.orders", ("id", "day", "amount", "rate", "customer"))
NAMES = Known("public.customers", False, "public.customers", ("id", "name"))
TARGET = Known("public.revenue", False, "public.revenue", ("day", "total", "who"))

A_DAY = {"shop.orders.day"}


@pytest.mark.parametrize(
    ("statement", "made"),
    [
        (
            "insert into revenue (day, total) select day, sum(amount * rate * _weight)"
            " from changes.orders group by day on conflict (day) do update set total = 1",
            {"day": A_DAY, "total": {"shop.orders.amount", "shop.orders.rate"}},
        ),
        (
            "insert into public.revenue select o.day, 7, c.name from changes.orders as o"
            " join customers c on c.id = o.customer",
            {"day": A_DAY, "total": set(), "who": {"public.customers.name"}},
        ),
        (
            'insert into revenue with d as (select day as d, amount a from changes."public.orders")'
            " select d, a from d union all select x.day, x.rate from (select * from changes.orders)"
            " as x",
            {"day": A_DAY, "total": {"shop.orders.amount", "shop.orders.rate"}},
        ),
        (
            "insert into revenue (who) select (select max(name) from customers) || o.day"
            " from changes.orders o",
            {"who": {"public.customers.name", "shop.orders.day"}},
        ),
        (
            "update revenue set who = c.name from customers c where c.id = 1",
            {"who": {"public.customers.name"}},
        ),
        (
            "create table revenue (d, e) as select day, amount from changes.orders",
            {"d": A_DAY, "e": {"shop.orders.amount"}},
        ),
        ("delete from revenue where total = 0", None),
        ("insert into revenue select unknown.x from unknown", {"day": set()}),
    ],
)
def test_columns_are_followed(statement: str, made: dict[str, set[str]] | None):
    found = columns_of(f"{statement};", [ORDERS, NAMES, TARGET])
    assert found == ({} if made is None else {"public.revenue": made})


def test_statements_of_a_job_are_taken_together():
    both = "insert into revenue (day) select day from changes.orders; update revenue set day = null"
    assert columns_of(both, [ORDERS, TARGET]) == {"public.revenue": {"day": A_DAY}}
