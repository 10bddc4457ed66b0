# The commands of this project. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.complete

.PHONY: demo run test check format bench lock clean

demo: $(STAMP)  ## try it: make demo, or make demo ARGS="--once '/upload-status list'"
	@$(PY) -m bot demo $(ARGS)

run: $(STAMP)  ## serve with the settings in .env
	@$(PY) -m bot run

test: $(STAMP)  ## all tests
	@$(PY) -m pytest $(ARGS)

check: $(STAMP)  ## lint, format, types, floors
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-cache

format: $(STAMP)
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: $(STAMP)  ## what a command costs, as a ratio to the least code that does the same
	@$(PY) -m bench $(ARGS)

lock: $(STAMP)  ## write both lock files anew (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements.lock
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra dev pyproject.toml -o requirements-dev.lock

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it with PYTHON=...")'
	@$(PYTHON) -m venv $(VENV) || (echo "Python's venv module is missing (Debian: install python3-venv)" >&2; exit 1)
	@echo "installing into $(VENV) ..." >&2
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
