"""Log records are one line each, without secrets, at the level that was asked for."""

import io
import logging

import pytest

from tailrace import log


@pytest.fixture
def stream():
    logger, root = logging.getLogger("tailrace"), logging.getLogger()
    before = (logger.handlers, logger.level, logger.propagate, root.handlers)
    yield io.StringIO()
    logger.handlers, logger.level, logger.propagate, root.handlers = before


def test_record_is_one_line_without_password(stream):
    log.setup(stream=stream)
    log.get("worker").warning("lost %s\nreally", "host=a password=geheim")
    assert stream.getvalue().count("\n") == 1
    assert "WARNING worker: lost host=a password=*** really" in stream.getvalue()


@pytest.mark.parametrize(
    ("verbosity", "quiet", "shown"),
    [
        (0, False, ["info", "warning"]),
        (1, False, ["debug", "info", "warning"]),
        (0, True, ["warning"]),
    ],
)
def test_verbosity_chooses_the_level(stream, verbosity, quiet, shown):
    log.setup(verbosity, quiet=quiet, stream=stream)
    for level in ("debug", "info", "warning"):
        getattr(log.get("x"), level)("said at %s", level)
    lines = stream.getvalue().splitlines()
    assert [line.rsplit(" ", 1)[1] for line in lines] == shown


def test_traceback_only_where_asked_for(stream):
    def fail():
        try:
            raise ValueError("broken")
        except ValueError:
            log.get("x").exception("failed")

    log.setup(stream=stream)
    fail()
    assert "broken" in stream.getvalue()
    assert "Traceback" not in stream.getvalue()
    log.setup(1, stream=stream)
    fail()
    assert "Traceback" in stream.getvalue()


def test_setting_up_again_does_not_double_records(stream):
    log.setup(stream=stream)
    log.setup(stream=stream)
    log.get("x").info("once")
    assert stream.getvalue().count("once") == 1


def test_what_libraries_say_is_one_line_and_py4j_says_nothing(stream, tmp_path):
    def fail(program="raise ValueError('broken')", place="somewhere.py"):
        said = (
            f"import logging\ntry:\n  {program}\nexcept ValueError:\n  logging.exception('failed')"
        )
        exec(compile(said, str(tmp_path / place), "exec"))

    log.setup(stream=stream)
    log.setup(stream=stream)
    fail(place="py4j/java_gateway.py")
    assert stream.getvalue() == ""
    fail()
    assert stream.getvalue().endswith("ERROR   root: failed [ValueError('broken')]\n")
    assert stream.getvalue().count("\n") == 1
    log.setup(2, stream=stream)
    fail(place="py4j/java_gateway.py")
    assert stream.getvalue().count("Traceback") == 1
