"""Flink's errors, as they were recorded, in one line of ours."""

from __future__ import annotations

import pytest

from fixtures.flink_fake import RECORDED
from tailrace.engines.flink.words import cause, error_of, reason, reasons
from tailrace.errors import EngineError, NotFound, UsageError, WrongState


def _failure(name: str) -> str:
    return str(RECORDED[name]["body"]["operation"]["failure-cause"]["stack-trace"])


@pytest.mark.parametrize(
    ("recorded", "kind", "said"),
    [
        ("batch sp status", WrongState, "runs in batch mode, where there are no savepoints"),
        ("noslots status", WrongState, "not all of its tasks run"),
        ("savepoint of unknown status", NotFound, "the cluster does not know the job"),
        ("dispose gone status", NotFound, "there is no savepoint at"),
        (
            "savepoint bad dir status",
            EngineError,
            'the cluster cannot make the directory "file:/proc/nope/x"',
        ),
    ],
)
def test_what_fails_later_is_said_in_our_words(
    recorded: str, kind: type[Exception], said: str
) -> None:
    error = error_of(_failure(recorded), "x")
    assert isinstance(error, kind), error
    assert said in str(error)


def test_a_missing_directory_is_named_with_what_helps() -> None:
    said = (
        "Caused by: java.lang.IllegalStateException: Config key "
        "[execution.checkpointing.savepoint-dir] is not set. Property [targetDirectory] must be "
        "provided.\n\tat a.b(c)"
    )
    error = error_of(said, "no savepoint was made")
    assert "neither the cluster nor this session has a directory for savepoints" in str(error)
    assert error.hint == "SET 'state.savepoints.dir' = 'file:///…'"


@pytest.mark.parametrize(
    ("java", "said"),
    [
        (
            "java.lang.IllegalArgumentException: Could not parse value 'x' for key 'a.b'.\n\tat c.d"
            '\nCaused by: java.lang.NumberFormatException: For input string: "x"\n\tat e.f',
            '\'a.b\' cannot be "x": For input string: "x"',
        ),
        (
            "java.lang.IllegalArgumentException: Could not parse value 'y' for key 'a'.\n"
            "Caused by: java.lang.IllegalArgumentException: Could not parse value for enum class "
            "org.apache.flink.api.common.RuntimeExecutionMode. Expected one of: [[BATCH]]\n",
            "'a' cannot be \"y\": Expected one of: [[BATCH]]",
        ),
        ("java.lang.X: Could not parse value '' for key 'a'.", "'a' cannot be \"\""),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(java: str, said: str) -> None:
    error = error_of(java, "no session was opened")
    assert isinstance(error, UsageError)
    assert error.message == f"no session was opened: {said}"


def test_why_a_job_is_restarted_is_said_in_our_words() -> None:
    java = (
        "org.apache.flink.runtime.JobException: Recovery is suppressed\nCaused by: java.util.X: "
        "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not "
        "acquire the minimum required resources.\n\tat a.b(c)"
    )
    assert reason(java) == "the cluster has no free slots for it"
    assert reason("java.lang.RuntimeException: boom\n\tat a.b(c)") == "boom"


def _refusals() -> list[str]:
    return [name for name, one in RECORDED.items() if one["status"] >= 400]


@pytest.mark.parametrize("recorded", _refusals())
def test_no_java_in_any_refusal(recorded: str) -> None:
    text = reasons(RECORDED[recorded]["body"])
    error = error_of(text, "it failed")
    line = str(error)
    assert "\n" not in line
    assert "java." not in line
    assert "org.apache" not in line
    assert error.stack == text  # kept for who wants it


def test_the_reason_is_at_the_end_of_the_chain() -> None:
    text = (
        "org.a.RestException: outer\n\tat org.a.B.c(B.java:1)\n"
        "Caused by: java.util.CompletionException: org.a.Inner: the middle\n\tat x.Y.z(Y.java)\n"
        "Caused by: org.a.b.DeepException: the reason\n  over two lines\n\tat x.Y.z(Y.java)\n"
        "\t... 3 more\n"
    )
    assert cause(text) == "the reason over two lines"


def test_an_exception_that_says_nothing_but_its_name() -> None:
    assert cause("Caused by: java.util.concurrent.TimeoutException\n\tat a.b(c)") == "timeout"


def test_the_gateways_errors() -> None:
    body = {
        "errors": [
            "Internal server error.",
            "<Exception on server side:\norg.a.SqlException: Session 'x' does not exist.\n"
            "\tat a.b(c)\nEnd of exception on server side>",
        ]
    }
    assert cause(reasons(body)) == "Session 'x' does not exist."


def test_a_page_of_a_proxy_is_one_line_too() -> None:
    line = str(error_of(reasons("<html>\n<h1>502 Bad Gateway</h1>\n</html>"), "the list of jobs"))
    assert "502 Bad Gateway" in line
    assert "\n" not in line


def test_keywords_of_the_parser_are_left_out() -> None:
    words = " ".join(f'"KEYWORD{number}"' for number in range(300))
    text = f"SqlParserException: Encountered x. Was expecting one of: {words}"
    assert len(str(error_of(text, "the statement failed"))) < 200
