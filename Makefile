# demo: from a fresh clone to pictures from a trained GAN.  test: from a fresh clone to a passed suite.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
JOBS ?= 2

.PHONY: help demo test test-slow test-browser lint format clean
.DELETE_ON_ERROR:

help:
	@echo "make demo       train a GAN on the embedded digits and write a grid of new ones"
	@echo "make test       the tests, under five minutes on two cores"
	@echo "make test-slow  real training and many repeats"
	@echo "make test-browser  the studio in Chromium, which is installed on Debian"
	@echo "make lint       ruff and pyright"
	@echo "make format     what ruff can mend by itself"
	@echo "make clean      remove the environment, caches and built packages; runs/ stays"
	@echo "PYTHON=python3.12 picks the interpreter, VENV=path the environment, JOBS=8 the test processes."

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "ganforge needs Python 3.11 or newer and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	       "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The stamps say what is installed, so that a second call starts at once.
$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing ganforge into $(VENV) (some minutes the first time)"
	@$(PIP) -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing ganforge and its tools into $(VENV) (some minutes the first time)"
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/installed

demo: $(VENV)/installed
	@$(BIN)/ganforge train

# One thread a process: two that fight for two cores are slower than one each. Asserts that pytest takes apart, to show
# their values, cost each process ten seconds before the first test: only those that fail are run again with them.
test: $(VENV)/installed-dev
	@$(BIN)/python -m compileall -q -j $(JOBS) src tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --assert=plain --maxfail 50 --show-capture=no || \
	  { echo "The failures once more, one after the other, with their values:"; $(BIN)/python -m pytest --last-failed; exit 1; }

test-slow: $(VENV)/installed-dev
	@$(BIN)/python -m pytest -m slow --timeout 3600

test-browser: $(VENV)/installed-dev
	@$(PIP) -e '.[dev,browser]'
	@tools/test_browser.sh $(BIN)/python

lint: $(VENV)/installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/installed-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
