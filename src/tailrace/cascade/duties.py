"""What a consumer of a node has to do, by the type of the node: one table, nothing else decides.

The table is that of cascade.md 5.1. It speaks of nodes; where our services share the work of one
node (a branch has a mirror and ``<node>.apply``) ``duties_of`` gives each its part. A node whose
type and combined queue do not fit together has no duties: that is an error, not a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

from tailrace.errors import WrongState

Target = Literal["own", "combined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What is done with a batch, and what is told to whom."""

    process_batch: bool = False
    """Reads its provider's queue at all."""
    process_events: bool = False
    """Applies events to tables."""
    copy_events: bool = False
    """Writes events into the target queue."""
    filtered_copy: bool = False
    """Leaves the cascade's own events (``pgq.*``) out of that."""
    target_queue: Target | None = None
    keep_event_ids: bool = False
    """The events keep their ids there."""
    create_tick: bool = False
    """Makes the provider's ticks in the target queue."""
    send_tick_event: bool = False
    """Tells the readers of the combined queue how far this one is (``pgq.tick-id``)."""
    process_tick_event: bool = False
    """Acts on that event: moves the worker that waits behind."""
    wait_behind: bool = False
    """Never goes further than the combined queue has brought it."""
    global_wm_event: bool = False
    """Publishes the global watermark."""
    local_wm_publish: bool = False
    """Reports the local watermark to the provider."""
    process_global_wm: bool = False
    """Follows the global watermark of the root."""
    sync_watermark: bool = False
    """Agrees on the global watermark with the other members of its group."""


_BRANCH = Duties(
    process_batch=True,
    process_events=True,
    copy_events=True,
    target_queue="own",
    keep_event_ids=True,
    create_tick=True,
    process_tick_event=True,
    local_wm_publish=True,
    process_global_wm=True,
)
_LEAF = Duties(process_batch=True, process_events=True, local_wm_publish=True)

# By type of the node, of the node of the combined queue, and whether it is in a sync group.
MATRIX: dict[tuple[str, str | None, bool], Duties] = {
    ("root", None, False): Duties(global_wm_event=True),
    ("branch", None, False): _BRANCH,
    ("branch", None, True): replace(_BRANCH, process_global_wm=False, sync_watermark=True),
    ("leaf", None, False): _LEAF,
    ("leaf", "root", False): replace(
        _LEAF,
        copy_events=True,
        filtered_copy=True,
        target_queue="combined",
        send_tick_event=True,
    ),
    ("leaf", "branch", False): Duties(
        process_batch=True, target_queue="combined", wait_behind=True, local_wm_publish=True
    ),
}

# What <node>.apply does for its branch, beside reading; the mirror does all the rest. A position
# that an event of the combined queue moves says which rows are here, so it moves with the rows.
APPLIED = ("process_events", "process_tick_event")


def duties_of(
    node_type: str,
    *,
    is_worker: bool,
    combined_queue: str | None = None,
    combined_type: str | None = None,
    in_sync_group: bool = False,
) -> Duties:
    """Return what a consumer of such a node has to do; a mixture that cannot be is an error."""
    if combined_queue is not None and combined_type is None:
        raise WrongState(
            f'queue "{combined_queue}", into which this leaf is merged, has no node here',
            hint="create it again, or drop this node with: tailrace drop-node",
        )
    whole = MATRIX.get((node_type, combined_type, in_sync_group))
    if whole is None:
        raise WrongState(
            f'a {node_type} cannot be merged into a {combined_type} (queue "{combined_queue}")'
            if combined_type
            else f"a {node_type} cannot be a member of a sync group",
            hint="see: tailrace node-info",
        )
    if node_type != "branch":
        return whole if is_worker else Duties()
    if is_worker:
        return replace(whole, process_events=False, process_tick_event=False)
    return Duties(process_batch=True, **{name: getattr(whole, name) for name in APPLIED})


NAMES = tuple(field.name for field in fields(Duties))
