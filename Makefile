# Netyield. Only make and Python 3.11 or newer are needed; everything else is installed into .venv from the lock files.
#
#   make demo        environment, install, example company, report: terminal and demo/report.html
#   make test        everything the tests need, then the tests   (SYSTEM=1 also installs Debian packages; WORKERS=1: in turn)
#   make lint        style, types, import rule, wording
#   make bench       speed against peers, a few minutes; make bench-full: the 50-million-request run as well
#   make soak        the slow tests that `make test` leaves out
#   make docs        regenerate the reference pages and the picture of the report
#   make spark-env   the Apache Spark server of the conformance tests, in .venv-spark (about 450 MB; needs Java 17 to run)
#   make sizing-env  aiconfigurator, the optional extra `sizing`, in .venv-sizing (about 850 MB; Linux x86-64)
#   make lock        resolve the lock files anew (UPGRADE=1: to the newest versions)
#   make clean       remove what these commands made

VENV ?= .venv
PYTHON ?= $(shell sh scripts/find_python.sh)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready
SPARK_READY := .venv-spark/.ready
SIZING_READY := .venv-sizing/.ready
PYTEST ?=
WORKERS ?= 2
BENCH ?=

.PHONY: demo test lint bench bench-full soak docs lock clean system spark-env sizing-env
.NOTPARALLEL:

demo: $(RUN_READY)
	$(BIN)/netyield demo --folder demo
	@echo "Report: $(CURDIR)/demo/report.html"

test: system $(TEST_READY)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(PYTEST)

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_wording.py

bench: $(TEST_READY)
	$(BIN)/python benchmarks/run.py $(BENCH)

bench-full: $(TEST_READY)
	$(BIN)/python benchmarks/run.py --full $(BENCH)

soak: system $(TEST_READY)
	$(BIN)/python -m pytest -m soak $(PYTEST)

docs: $(TEST_READY)
	$(BIN)/python scripts/generate_reference.py
	$(BIN)/python scripts/picture.py

lock:
	sh scripts/lock.sh "$(PYTHON)"

clean:
	rm -rf $(VENV) .venv-spark .venv-sizing .venv-lock .venv-peers demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# What the tests use beyond Python packages: only in CI, or when asked for. Elsewhere a test without it is skipped.
system:
	@if [ -n "$(CI)$(SYSTEM)" ]; then sh scripts/install_system.sh && $(MAKE) --no-print-directory spark-env sizing-env; fi

spark-env: $(SPARK_READY)

$(SPARK_READY): requirements-spark.txt
	@sh scripts/make_venv.sh "$(PYTHON)" .venv-spark
	@echo "Installing Apache Spark into .venv-spark"
	@.venv-spark/bin/python -m pip --disable-pip-version-check install -qq --no-deps --require-hashes --requirement requirements-spark.txt
	@touch $@

sizing-env: $(SIZING_READY)

# The same versions as in requirements.txt, so that one process may use both environments.
$(SIZING_READY): requirements-sizing.txt
	@sh scripts/make_venv.sh "$(PYTHON)" .venv-sizing
	@echo "Installing aiconfigurator into .venv-sizing (about 850 MB on disk)"
	@.venv-sizing/bin/python -m pip --disable-pip-version-check install -qq --no-deps --require-hashes --requirement requirements-sizing.txt
	@touch $@

$(BIN)/python:
	@sh scripts/make_venv.sh "$(PYTHON)" "$(VENV)"

# The package itself comes from this folder: no dependency and no build tool is fetched for it.
$(RUN_READY): requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages into $(VENV) (about 750 MB on disk)"
	@$(PIP) install -qq --require-hashes --requirement requirements.txt
	@$(PIP) install -qq --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST_READY): requirements-test.txt $(RUN_READY)
	@echo "Installing the test tools into $(VENV)"
	@$(PIP) install -qq --require-hashes --requirement requirements-test.txt
	@touch $@
