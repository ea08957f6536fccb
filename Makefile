# `make quickstart` and `make test` need nothing but Python: each makes the one .venv if it is not there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two processes with one thread each are faster on two cores than one process with two.
export OMP_NUM_THREADS ?= 1

.PHONY: quickstart test coverage lint docs clean

$(VENV)/.installed: setup.py salseg/version.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lite,dev]'
	touch $@

quickstart: $(VENV)/.installed
	OMP_NUM_THREADS=2 $(BIN)/python tools/quickstart.py --out work_dirs/quickstart

test: $(VENV)/.installed lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q

coverage: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q --cov=salseg --cov=projects --cov-report=term-missing:skip-covered

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --cache-dir .mypy_cache
	$(BIN)/lint-imports

docs: $(VENV)/.installed
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build *.egg-info
