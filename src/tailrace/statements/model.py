"""What a statement is once it is read: one class each, values only, equal when they say the same.

Synonyms (``SHOW QUERIES``, ``DESC``, ``ANCIENTS``) are the same statement. A job is whatever the
user named it by: name, id or the beginning of an id; who looks it up decides.

The classes look like frozen dataclasses, to mypy as well, but are made without generating code:
two dozen dataclasses would cost each start of the shell 15 ms, and msgspec more still.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NoReturn, dataclass_transform

Unit = Literal["second", "minute", "hour", "day", "week", "month", "year"]


@dataclass_transform(frozen_default=True)
class Value:
    """Fields are the annotations of a subclass, their defaults what stands behind them."""

    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.__match_args__ = tuple(cls.__annotations__)  # type: ignore[misc]

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.__match_args__
        given = dict(zip(names, values, strict=False)) | named
        missing = [name for name in names if name not in given and not hasattr(type(self), name)]
        if missing or len(values) > len(names) or not given.keys() <= set(names):
            raise TypeError(f"{type(self).__name__} is made of {names}, not of {values} {named}")
        self.__dict__.update(given)

    def _fields(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._fields() == self._fields()

    def __hash__(self) -> int:
        return hash((type(self), self._fields()))

    def __repr__(self) -> str:
        fields = zip(self.__match_args__, self._fields(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in fields)})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    __delattr__ = __setattr__  # type: ignore[assignment]


class Age(Value):
    """A length of time in the words of SQL: ``INTERVAL '7' DAY``."""

    count: int
    unit: Unit

    def __str__(self) -> str:
        """As PostgreSQL reads an interval: ``7 day``."""
        return f"{self.count} {self.unit}"


class Statement(Value):
    """One statement."""


class ShowJobs(Statement):
    extended: bool = False


class DescribeJob(Statement):
    job: str


class CreateJob(Statement):
    """``body`` is what follows AS, verbatim, or what stands between the dollar quotes there."""

    name: str
    body: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def statements(self) -> tuple[str, ...]:
        """The statements that the body consists of, verbatim, without their semicolons."""
        from tailrace.statements.split import split

        return tuple(piece.text for piece in split(self.body))


class StartJob(Statement):
    job: str
    savepoint: str | None = None
    claim: bool = False


class StopJob(Statement):
    job: str
    savepoint: bool = False
    drain: bool = False


class DropJob(Statement):
    job: str


class CreateSavepoint(Statement):
    job: str


class ShowSavepoints(Statement):
    job: str | None = None


class ShowCheckpoints(Statement):
    job: str


class DropSavepoint(Statement):
    path: str


class DropSavepoints(Statement):
    job: str
    older_than: Age | None = None
    keep_last: int | None = None


class DropAllSavepoints(Statement):
    job: str | None = None


class ShowJobTree(Statement):
    """``full``: the whole graph that holds the job, not only what is downstream of it."""

    job: str
    full: bool = False


class ShowJobTrees(Statement):
    pass


class ShowAncestors(Statement):
    job: str


class ShowNodes(Statement):
    queue: str | None = None


class ShowQueues(Statement):
    pass


class ShowConsumers(Statement):
    queue: str | None = None


class SetOption(Statement):
    key: str
    value: str


class ShowOptions(Statement):
    """``SET`` alone: list the settings of the session."""


class ResetOption(Statement):
    """Without a key: all settings of the session."""

    key: str | None = None


class Help(Statement):
    """``topic`` in upper case with single spaces, such as ``STOP JOB``; empty: everything."""

    topic: str = ""


class PassThrough(Statement):
    """Not ours: the engine gets it as it was written."""

    text: str
