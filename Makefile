# The commands of this project. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV := .venv
DIST := dist
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.PHONY: demo run test check format bench chaos fuzz shots lock dist sbom clean

demo: $(RUNTIME)  ## try it: make demo, or make demo ARGS="--once '/upload-status list'"
	@$(PY) -m bot demo $(ARGS)

run: $(RUNTIME)  ## serve with the settings in .env
	@$(PY) -m bot run

# Hundreds of processes of the bot are started: they need not compile it each time, as they would where Python is told
# to write no bytecode. Nor need each of the four compile all tests, with pytest's own assertions, in each run.
test: $(DEV)  ## all tests; most of them wait, so four at once
	@$(PY) -m compileall -q bot tests
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DEV)  ## lint, format, types, floors
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-cache

format: $(DEV)
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: $(DEV)  ## what a command costs, as a ratio to the least code that does the same
	@$(PY) -m bench $(ARGS)

chaos: $(DEV)  ## 10,000 commands while everything breaks, in both modes; ARGS="--commands 1000" for fewer
	@$(PY) -m bench.chaos $(ARGS)

fuzz: $(DEV)  ## 100,000 made-up inputs for each of the bot's ways in; ARGS="--runs 1000 words" for fewer
	@$(PY) -m tests.fuzz $(ARGS)

shots: $(DEV)  ## pictures of the demo page and the link page, into shots/ and docs/ (needs Chromium)
	@$(PY) -m tests.browser.shots

lock: $(DEV)  ## write both lock files anew (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements.lock
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra dev pyproject.toml -o requirements-dev.lock

# The same source gives the same bytes: all files in them have one date, this one unless another is given.
dist: $(DEV)  ## wheel and source archive, into dist/
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-1767225600} $(PY) -m hatchling build -d "$(DIST)"

sbom: $(DEV)  ## the libraries we run on and their licences, into dist/
	@$(PY) .ci/bills.py "$(DIST)"

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it with PYTHON=...")'
	@$(PYTHON) -m venv $(VENV) || (echo "Python's venv module is missing (Debian: install python3-venv)" >&2; exit 1)

# To run from this folder the libraries are enough; tests and checks install the package itself too.
$(RUNTIME): requirements.lock | $(VENV)/bin/python
	@echo "installing into $(VENV) ..." >&2
	@$(PIP) --require-hashes -r requirements.lock
	@touch $(RUNTIME)

$(DEV): requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV), with the tools for tests and checks ..." >&2
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(DEV) $(RUNTIME)
