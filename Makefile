# make           lists the targets
# Everything works on a fresh machine that has Python 3.11 or later, make and a C library: the
# virtual environment holds the rest, PostgreSQL included. Also works as root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PG15 := /usr/lib/postgresql/15/bin
# Tests wait much, so more of them than cores: two workers here, and those of PostgreSQL 15 beside.
WORKERS ?= 2
SQL_TESTS := $(addprefix tests/integration/,apply capture cascade_sql copy db queue) tests/scripts
N := 20
SEED := 1000
SCHEDULES := 200
STEPS := 6
# Tests start a thousand processes of ours; each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help setup check test test-old soak bench demo grammar clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## create .venv with everything that the other targets need

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[dev]'
	@touch $@

check: $(STAMP)  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: check  ## the checks and all tests (PG=/usr/lib/postgresql/17/bin: on that server instead)
ifdef PG
	TAILRACE_PG_BIN='$(PG)' $(BIN)/pytest --quiet --numprocesses $(WORKERS) --dist loadfile $(ARGS)
else
	@# The two runs share the two cores; what the second one says is shown when the first is done.
	@said=$$(mktemp); $(MAKE) --no-print-directory test-old >"$$said" 2>&1 & old=$$!; \
	$(BIN)/pytest --quiet --numprocesses $(WORKERS) --dist loadfile $(ARGS); new=$$?; \
	wait $$old; old=$$?; cat "$$said"; rm -f "$$said"; [ $$new = 0 ] && [ $$old = 0 ]
endif

test-old: $(STAMP)  ## the tests of the SQL on Debian's PostgreSQL 15, where it is installed
	@if [ -x $(PG15)/postgres ]; then \
	  echo 'PostgreSQL 15:'; TAILRACE_PG_BIN=$(PG15) $(BIN)/pytest --quiet $(SQL_TESTS) $(ARGS); \
	else \
	  echo 'PostgreSQL 15: left out, $(PG15) does not hold a server (Debian package postgresql-15)'; \
	fi

soak: $(STAMP)  ## long: 200 random schedules, and the fault tests in N=20 random orders (from SEED on)
	MODEL_DEEP=1 MODEL_SCHEDULES=100000 $(BIN)/pytest --quiet -x tests/model --timeout 1800
	SAVEPOINTS=60 $(BIN)/pytest --quiet -x tests/integration/jobs/test_savepoints.py
	SQL_JOBS=2000 $(BIN)/pytest --quiet -x tests/integration/sqljobs/test_random.py
	ACCEPTANCE_PERIOD=2 $(BIN)/pytest --quiet -x tests/system --timeout 900
	SEED=$(SEED) SCHEDULES=$(SCHEDULES) STEPS=$(STEPS) $(BIN)/pytest --quiet -x -p no:randomly \
	  tests/faults/test_random_schedules.py
	@for i in $$(seq 1 $(N)); do echo "round $$i"; \
	  STRIKES=all $(BIN)/pytest --quiet -x tests/faults --deselect tests/faults/test_random_schedules.py \
	  || exit 1; done

bench: $(STAMP)  ## all benchmarks, most beside native logical replication (ARGS='cascade --samples 100')
	$(BIN)/python -m benchmarks $(ARGS)

demo: $(STAMP)  ## watch real flight data flow through five databases
	$(BIN)/tailrace demo $(ARGS)

grammar: $(STAMP)  ## the tables of the statements, after a change of statements/grammar.lark
	$(BIN)/python -m tailrace.statements.compile

clean:  ## remove what the other targets made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
