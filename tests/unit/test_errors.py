"""Errors are one line, name the thing and never hold a password."""

from types import SimpleNamespace

import pytest

from tailrace import errors


class FakeDriverError(Exception):
    def __init__(self, state, primary, hint=None, detail=None):
        super().__init__(primary)
        self.sqlstate = state
        self.diag = SimpleNamespace(
            message_primary=primary, message_hint=hint, message_detail=detail
        )


@pytest.mark.parametrize(("state", "cls"), sorted(errors.OWN_STATES.items()))
def test_own_sqlstates_become_their_classes(state, cls):
    error = errors.from_database(FakeDriverError(state, "no", "do this"), where="database x")
    assert type(error) is cls
    assert str(error) == "no; do this"
    assert error.sqlstate == state
    assert not error.retryable


@pytest.mark.parametrize(
    ("state", "retryable"),
    [
        *((state, True) for state in ("40001", "40P01", "53300", "57014", "55P03")),
        *((state, False) for state in ("23505", "42601", "25006", "XX000")),
    ],
)
def test_only_what_may_pass_is_retryable(state, retryable):
    assert errors.from_database(FakeDriverError(state, "x")).retryable is retryable


def test_ended_session_is_a_lost_connection():
    error = errors.from_database(FakeDriverError("57P01", "terminating connection"))
    assert isinstance(error, errors.ConnectionLost)
    assert error.retryable


def test_missing_schema_says_how_to_install():
    error = errors.from_database(
        FakeDriverError("3F000", 'schema "pgq_node" does not exist'),
        where='database "shop"',
        own=True,
    )
    assert isinstance(error, errors.SchemaMissing)
    assert str(error).startswith('database "shop" does not hold the schemas of tailrace, or not')
    assert ": pgq_node is missing; install or upgrade" in str(error)
    for state, missing in (
        ("42P01", 'relation "tailrace.job" does'),
        ("42883", "function tailrace.job(unknown) does"),
    ):
        error = errors.from_database(FakeDriverError(state, f"{missing} not exist"), own=True)
        assert ": tailrace.job is missing; " in str(error)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("42P01", 'relation "orders" does not exist'),
        ("42P01", 'relation "pgq" does not exist'),
        ("42P01", 'relation "shop.tailrace" does not exist'),
        ("42883", "function tailrace(integer) does not exist"),
        ("3F000", 'schema "pgq_archive" does not exist'),
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_what_is_not_of_our_schemas_is_not_a_missing_schema(state, said, own):
    error = errors.from_database(FakeDriverError(state, said), own=own)
    assert type(error) is errors.DatabaseError
    assert str(error) == said


def test_what_is_missed_within_a_function_is_left_in_the_words_of_postgresql():
    driver = FakeDriverError("42P01", 'relation "tailrace.jobz" does not exist')
    driver.diag.context = "PL/pgSQL function public.note() line 1 at PERFORM"
    assert str(errors.from_database(driver, own=True)) == 'relation "tailrace.jobz" does not exist'


def test_detail_is_part_of_the_one_line():
    error = errors.from_database(
        FakeDriverError("23505", "duplicate key", detail="Key (id)=(1)\nalready exists.")
    )
    assert str(error) == "duplicate key (Key (id)=(1) already exists.)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("host=a password=geheim dbname=b", "host=a password=*** dbname=b"),
        ("host=a password = 'ge heim' dbname=b", "host=a password = *** dbname=b"),
        ("postgresql://u:geheim@host/db", "postgresql://u:***@host/db"),
        ("postgresql://host/db?password=geheim&x=1", "postgresql://host/db?password=***&x=1"),
        ("postgresql://u@host/db", "postgresql://u@host/db"),
    ],
)
def test_passwords_are_masked(text, shown):
    assert errors.without_secrets(text) == shown
    assert str(errors.TailraceError(text)) == shown


def test_connecting_keeps_only_the_reason():
    text = (
        'connection failed: connection to server at "127.0.0.1", port 5 failed: '
        "Connection refused\n"
        "\tIs the server running on that host and accepting TCP/IP connections?"
    )
    error = errors.from_connecting(Exception(text), where="host=127.0.0.1 port=5")
    assert str(error) == "cannot connect to host=127.0.0.1 port=5: Connection refused"
    assert error.retryable


@pytest.mark.parametrize(
    ("reason", "coming"),
    [
        ("FATAL:  the database system is starting up", True),
        ("FATAL:  the database system is not yet accepting connections", True),
        ("FATAL:  the database system is in recovery mode", True),
        ("FATAL:  the database system is shutting down", True),
        ("FATAL:  the database system is not accepting connections", False),  # a closed standby
        ("FATAL:  sorry, too many clients already", False),
        ("Connection refused", False),
    ],
)
def test_server_that_is_starting_is_told_from_one_that_is_not_there(reason, coming):
    text = f'connection failed: connection to server at "127.0.0.1", port 5 failed: {reason}'
    error = errors.from_connecting(Exception(text), where="host=127.0.0.1 port=5")
    assert error.coming is coming
    assert error.retryable


def test_exit_status_tells_wrong_use_from_failure():
    assert errors.UsageError("x").exit_status == 2
    assert errors.NotFound("x").exit_status == 1


def test_apply_error_names_the_event_as_attributes():
    error = errors.ApplyError("no", ev_id=7, table="public.t", key="1")
    assert (error.ev_id, error.table, error.key) == (7, "public.t", "1")
