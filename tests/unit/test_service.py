"""Loops and the supervisor: waking, backing off, stopping in order and at once."""

import asyncio
import logging
import os
import signal

import pytest

from fixtures.waiting import eventually
from tailrace import service
from tailrace.errors import ConnectionLost, EndedBySignal, TailraceError, WrongState
from tailrace.service import Loop, Supervisor, background, together


class Passes:
    """A pass whose answers are given beforehand; afterwards it finds nothing."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.count = 0

    async def __call__(self):
        self.count += 1
        answer = self.answers.pop(0) if self.answers else False
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_loop_repeats_at_once_while_there_is_work():
    passes = Passes(*[True] * 50)
    loop = Loop("x", passes, poll_min=60, poll_max=60)
    async with background(loop.run(), name="x"):
        await eventually(lambda: passes.count == 51, within=5)


async def test_loop_that_is_not_eager_rests_after_work_but_for_a_pass_that_knows_of_more():
    passes = Passes(*[True] * 50)
    loop = Loop("x", passes, eager=False, poll_min=60, poll_max=60)
    async with background(loop.run(), name="x"):
        await eventually(lambda: passes.count == 1)
        loop.wake.set()
        await eventually(lambda: passes.count == 2, within=5)
    passes = Passes(*[True] * 50)
    loop = Loop("x", passes, eager=False, poll_min=0.001, poll_max=60)
    async with background(loop.run(), name="x"):  # polling is soon repeated while there is work
        await eventually(lambda: passes.count == 52, within=5)


async def test_event_wakes_a_sleeping_loop():
    passes = Passes()
    loop = Loop("x", passes, poll_min=60, poll_max=60)
    async with background(loop.run(), name="x"):
        await eventually(lambda: passes.count == 1)
        loop.wake.set()
        await eventually(lambda: passes.count == 2, within=5)


async def test_polling_goes_on_without_any_notification():
    passes = Passes()
    async with background(Loop("x", passes, poll_min=0.001, poll_max=0.002).run(), name="x"):
        await eventually(lambda: passes.count > 20, within=5)


async def test_wake_that_comes_during_a_pass_is_not_lost():
    count = 0

    async def one():
        nonlocal count
        count += 1
        if count == 1:
            loop.wake.set()
        return False

    loop = Loop("x", one, poll_min=60, poll_max=60)
    async with background(loop.run(), name="x"):
        await eventually(lambda: count == 2, within=5)


async def test_retryable_error_is_logged_once_and_tried_again(caplog):
    lost = [ConnectionLost("gone") for _ in range(4)]
    passes = Passes(*lost)
    dropped = []

    async def drop(error):
        dropped.append(error)

    loop = Loop("worker", passes, backoff_min=0.001, backoff_max=0.002, on_error=drop)
    with caplog.at_level(logging.INFO, logger="tailrace"):
        async with background(loop.run(), name="x"):
            await eventually(lambda: passes.count > 5 and loop.failures == 0)
    assert dropped == lost
    assert caplog.text.count("gone") == 1
    assert "works again after 4 failed attempts" in caplog.text


async def test_what_is_given_up_is_not_said_to_be_tried_again(caplog):
    last = ConnectionLost("gone for good")
    last.final = True
    passes = Passes(ConnectionLost("gone"), last)
    loop = Loop("job", passes, backoff_min=0.001, backoff_max=0.002, poll_max=0.001)
    with caplog.at_level(logging.INFO, logger="tailrace"):
        async with background(loop.run(), name="x"):
            await eventually(lambda: passes.count > 4)
    assert caplog.text.count("trying again") == 1
    assert "gone for good" not in caplog.text
    assert "works again" not in caplog.text


async def test_notifications_do_not_cut_the_pause_after_an_error_short():
    passes = Passes(*[ConnectionLost("gone")] * 9)
    loop = Loop("worker", passes, backoff_min=60, backoff_max=60)
    async with background(loop.run(), name="x") as task:
        await eventually(lambda: loop.failures == 1)
        for _ in range(10):
            loop.wake.set()
            await asyncio.sleep(0)
        assert passes.count == 1
        loop.request_stop()
        await asyncio.wait_for(task, 5)


async def test_other_error_ends_the_loop_and_puts_things_away():
    put_away = []

    async def close():
        put_away.append(True)

    with pytest.raises(WrongState):
        await Loop("x", Passes(WrongState("no")), on_stop=close).run()
    assert put_away == [True]


async def test_stop_lets_the_pass_finish():
    entered, go_on, finished = asyncio.Event(), asyncio.Event(), []

    async def one():
        entered.set()
        await go_on.wait()
        finished.append(True)
        return True

    loop = Loop("x", one)
    async with background(loop.run(), name="x") as task:
        await entered.wait()
        loop.request_stop()
        loop.request_stop()
        assert loop.stopping
        go_on.set()
        await asyncio.wait_for(task, 5)
    assert finished == [True]


async def test_stop_ends_a_pass_that_only_waits():
    entered = asyncio.Event()

    async def one():
        entered.set()
        await asyncio.Event().wait()
        return True

    loop = Loop("x", one, interruptible=True)
    async with background(loop.run(), name="x") as task:
        await entered.wait()
        loop.request_stop()
        await asyncio.wait_for(task, 5)
    assert not task.cancelled()


async def test_stop_before_start_is_heeded():
    passes = Passes(True)
    loop = Loop("x", passes)
    loop.request_stop()
    await loop.run()
    assert passes.count == 0


async def test_stop_contract_holds_under_random_timing():
    """Started, stopped and cancelled at any moment, a loop ends and has put things away once."""
    for turn in range(60):
        ends = []

        async def close(ends=ends):
            ends.append(True)

        answers = [True, False, ConnectionLost("x")] * 3
        interruptible = bool(turn % 2)
        loop = Loop(
            "x",
            Passes(*answers),
            poll_min=0.0,
            backoff_min=0.0,
            interruptible=interruptible,
            on_stop=close,
        )
        async with background(loop.run(), name="x") as task:
            for _ in range(turn % 20):
                await asyncio.sleep(0)
            loop.request_stop()
            await asyncio.wait_for(task, 5)
        assert ends == ([True] if ends else [])
        assert task.exception() is None


async def test_supervisor_ends_when_all_services_have():
    loops = [Loop(str(n), Passes(True)) for n in range(3)]
    for loop in loops:
        loop.request_stop()
    await service.run_services(loops, signals=False)


async def test_one_failing_service_stops_the_others_and_its_error_is_raised():
    others = [Loop(str(n), Passes(), poll_min=60, poll_max=60) for n in range(2)]
    with pytest.raises(WrongState, match="broken"):
        await service.run_services([*others, Loop("bad", Passes(WrongState("broken")))])
    assert all(loop.stopping for loop in others)


async def test_error_that_is_not_ours_stops_everything_too():
    with pytest.raises(ZeroDivisionError):
        await service.run_services([Loop("bad", Passes(ZeroDivisionError()))], signals=False)


async def test_first_signal_lets_the_batch_finish():
    entered, go_on, finished = asyncio.Event(), asyncio.Event(), []

    async def one():
        entered.set()
        await go_on.wait()
        finished.append(True)
        return True

    async with background(service.run_services([Loop("x", one)]), name="all") as task:
        await entered.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait([task], timeout=0.05)
        assert not task.done()
        go_on.set()
        await asyncio.wait_for(task, 5)
    assert finished == [True]


async def test_second_signal_ends_at_once():
    entered = asyncio.Event()

    async def one():
        entered.set()
        await asyncio.Event().wait()
        return True

    supervisor = Supervisor([Loop("x", one)])
    async with background(supervisor.run(), name="all") as task:
        await entered.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait([task], timeout=0.05)
        assert supervisor.running == ["x"]
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(EndedBySignal) as ended:
            await asyncio.wait_for(task, 5)
    assert ended.value.exit_status == 128 + signal.SIGINT


async def test_what_outlasts_the_grace_time_is_cancelled():
    async def one():
        await asyncio.Event().wait()
        return True

    supervisor = Supervisor([Loop("stuck", one)], grace=0.02, signals=False)
    async with background(supervisor.run(), name="all") as task:
        await supervisor.started.wait()
        supervisor.stop()
        await asyncio.wait_for(task, 5)


async def test_service_can_be_added_while_others_run():
    first, second = Passes(), Passes()
    supervisor = Supervisor([Loop("1", first, poll_max=60)], signals=False)
    async with background(supervisor.run(), name="all") as task:
        await eventually(lambda: first.count)
        supervisor.add(Loop("2", second))
        await eventually(lambda: second.count, within=5)
        assert supervisor.running == ["1", "2"]
        supervisor.stop()
        await asyncio.wait_for(task, 5)


async def test_cancelling_the_supervisor_leaves_nothing_running():
    ended = []

    async def close():
        ended.append(True)

    supervisor = Supervisor([Loop("x", Passes(), on_stop=close)], signals=False)
    async with background(supervisor.run(), name="all"):
        await supervisor.started.wait()
        await eventually(lambda: supervisor.running)
    assert ended == [True]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_together_returns_results_in_order_and_cancels_on_the_first_failure():
    async def give(value):
        await asyncio.sleep(0)
        return value

    assert await together(give(1), give(2)) == [1, 2]
    cancelled = asyncio.Event()

    async def wait_for_ever():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def fail():
        raise TailraceError("no")

    with pytest.raises(TailraceError, match="no"):
        await together(wait_for_ever(), fail())
    assert cancelled.is_set()
