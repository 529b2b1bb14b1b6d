# The two commands a newcomer needs are `make demo` and `make test`; the rest is for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The machine's own pip installs into the environment: Debian's python3 can make an environment
# without pip, but one with pip only after python3-venv was installed by hand.
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check --quiet
TRAINING_TESTS := tests/training/fitting/test_run.py tests/training/fitting/test_fit.py \
	tests/training/fitting/test_distillation.py tests/training/networks/test_network.py
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate

.PHONY: demo test backends faults bench check lint format lock picture clean

demo: $(VENV)/.runtime
	$(BIN)/pneumoscreen demo

test: $(VENV)/.development backends
	$(BIN)/python -m pytest --numprocesses=auto

# Training has to run on other backends of Keras too. PyTorch's wheels are too large to install for it;
# where they are, KERAS_BACKEND=torch runs the same.
backends: $(VENV)/.development
	KERAS_BACKEND=jax $(BIN)/python -m pytest --numprocesses=auto $(TRAINING_TESTS)

# Everything that must hold before a change lands: style, types, imports, tests with coverage.
check: $(VENV)/.development lint backends
	$(BIN)/python -m pytest --numprocesses=auto --cov --cov-report=term:skip-covered

lint: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# All sixteen faults in full, with and without their protections; half an hour. Needs redis-server
# and PostgreSQL; as root it starts a PostgreSQL of its own and makes network namespaces.
faults: $(VENV)/.development
	rm -rf build/faults
	PNEUMOSCREEN_FAULTS=full PNEUMOSCREEN_FAULTS_FIGURES=build/faults \
		$(BIN)/python -m pytest tests/faults --timeout=1800 --durations=0
	$(BIN)/python -m tests.faults.report build/faults docs/faults.md

# All that docs/capacity.md says of speed, measured anew and written there; three quarters of an hour
# on two idle cores. Needs PostgreSQL; without ../shared/data drawn chests stand in for radiographs.
bench: $(VENV)/.development
	$(BIN)/python -m benchmarks.bench

format: $(VENV)/.development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Renews the hash-pinned lock files after a change in pyproject.toml (needs uv).
lock:
	uv pip compile pyproject.toml requirements/build.in --extra cpu --extra openvino $(LOCK) -o requirements/cpu.txt
	uv pip compile pyproject.toml requirements/build.in --extra gpu $(LOCK) -o requirements/gpu.txt
	uv pip compile pyproject.toml requirements/build.in --extra cpu --extra openvino --extra training --group dev $(LOCK) -o requirements/dev.txt

# Draws the picture of the worklist that the README shows.
picture: $(VENV)/.runtime
	FORCE_COLOR=1 COLUMNS=150 $(BIN)/pneumoscreen demo 2>/dev/null | $(BIN)/python docs/picture.py docs/worklist.svg

clean:
	rm -rf $(VENV) demo .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Pneumoscreen needs Python 3.11 or newer")'
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.runtime: requirements/cpu.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/cpu.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.development: requirements/dev.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/.runtime
