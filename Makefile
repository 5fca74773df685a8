# make run     set up and open the page (PORT=9000 picks a port)
# make test    set up for development and run every check
# make quick   the same without a browser and without the slow tests: while you work
# make setup   what running needs: .venv with requirements.lock
# make lock    refresh both locks from pyproject.toml
# PYTHON=...   names the Python to build .venv with

LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --upgrade pyproject.toml
export PYTHON

# Four processes for two cores, since many tests wait for a server or a child.
PYTEST = .venv/bin/pytest -n 4
# A file's tests share what was costly to start: whole files go to one process. Those that take
# long come first, see tests/conftest.py.
NO_BROWSER = $(PYTEST) --dist loadfile --no-loadscope-reorder --ignore tests/browser

.PHONY: run test quick setup setup-dev static lock

run: setup
	@.venv/bin/handoff ui $(if $(PORT),--port "$(PORT)")

setup:
	@.ci/setup requirements.lock

setup-dev:
	@.ci/setup requirements-dev.lock

static: setup-dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	.venv/bin/mypy --num-workers 2

quick: static
	$(NO_BROWSER) -m "not slow"

# Browser checks apart: they run other processes, where coverage adds nothing that these lack.
test: static
	@.ci/browser
	$(NO_BROWSER) --cov --cov-report=term:skip-covered
	$(PYTEST) --dist loadgroup tests/browser

lock:
	@.ci/setup
	$(LOCK) --extra openai --group build --output-file requirements.lock
	$(LOCK) --all-extras --group dev --constraint requirements.lock --output-file requirements-dev.lock
