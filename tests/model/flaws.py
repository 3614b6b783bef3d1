"""Ways to get the protocol wrong: named switches that break the model on purpose.

Each is a mistake that somebody could make in the real code, or that upstream has made. A test shows
for each which invariant catches it; an invariant that catches nothing would be worth nothing.
"""

from __future__ import annotations

from enum import Enum


class Flaw(Enum):
    """A mistake, in the words of a person who explains it."""

    TICK_WITH_EVENTS = "tick made in the events' transaction, so its snapshot does not see them"
    FINISH_BEFORE_COMMIT = "batch finished on the provider before it is committed here"
    POSITION_FROM_MEMORY = "position remembered after a failure, not read again and not compared"
    NO_EPOCH_CHECK = "a runner that was replaced may still write"
    MERGED_TICKS = "a branch merges ticks when it is behind"
    SEQUENCE_FROM_MEMORY = "a missing tick gets the sequence value that the dead runner had: none"
    WATERMARK_OF_MIRROR_ONLY = "a branch reports its own progress and forgets those below it"
    WATERMARK_MOVES_BACK = "a branch takes a watermark that is below its own"
    WATERMARK_NOT_KEPT = "rotation asks the readers only, not the global watermark"
    SYNC_ABOVE_UPSTREAM = "a sync node takes a watermark above what came from upstream"
    SYNC_IGNORES_UNKNOWN = "a sync node leaves out members that it does not know yet"
    SYNC_FOLLOWS_ROOT = "a sync node obeys the root's watermark event"
    JOINS_AT_NEWEST = "a new node starts at its provider's newest tick, not at the watermark"
    ACKNOWLEDGED_UNREAD = "settings are acknowledged without being read"
    PROMOTED_BEFORE_APPLIED = "promotion does not wait for the tables to reach the top"
    PROMOTED_BEFORE_DEMOTED = "the new root is promoted while the old one still writes"
    PROMOTED_BEHIND_SURVIVOR = "failover promotes a node that is behind another survivor"
    SURVIVORS_NOT_PAUSED = "failover compares survivors that may still have a batch in memory"
    SURVIVORS_MOVED_FIRST = "failover moves the others before the new root has caught up"
    OLD_ROOT_REGISTERED_LATE = "the new root goes on before the old one is registered there"
    FINAL_TICK_IN_HASTE = "the final tick does not wait for writers that have begun"
    RETURNED_WITH_LOST_EVENTS = "an old root forgets its last ticks and keeps their events"
    RETURNED_AT_ITS_OWN_TOP = "an old root goes on where it was, not at the gravestone"
    TELLS_WHILE_STEPPED_DOWN = "an old root tells its new provider the position that it will lose"
    GRAVESTONE_GIVEN_UP_EARLY = "the gravestone goes before the old root is registered again"
    REPORTS_NOT_LOWERED = "a node moves below one that has told more than is true from then on"
    # merged queues (model.merging)
    POSITION_TOLD_APART = "the merged leaf tells its position in a transaction of its own"
    POSITION_BY_MIRROR = "the mirror moves a leaf that waits behind, before the tables have it"
    MERGED_INTO_CLOSED_QUEUE = "the combined queue is written to after its final tick"
    MERGES_BEFORE_APPLIED = "a new combined root begins to merge before its tables have its queue"
    POSITION_LEFT_BEHIND = "rows are given up at a promotion, and the leaf begins before them"
    FOLLOWER_FINISHES_AHEAD = "a leaf that waits behind lets its provider forget what is newer"
    POSITION_KEPT_AT_RETURN = "an old combined root's leaf stays where it had come to"
    ROWS_KEPT_AT_RETURN = "an old combined root keeps the rows that come a second time"
