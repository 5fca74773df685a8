# make run     set up and open the page (PORT=9000 picks a port)
# make test    set up for development and run every check
# make setup   what running needs: .venv with requirements.lock
# make lock    refresh both locks from pyproject.toml
# PYTHON=...   names the Python to build .venv with

LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --upgrade pyproject.toml
export PYTHON

.PHONY: run test setup setup-dev lock

run: setup
	@.venv/bin/handoff ui $(if $(PORT),--port "$(PORT)")

setup:
	@.ci/setup requirements.lock

setup-dev:
	@.ci/setup requirements-dev.lock
	@.ci/browser

test: setup-dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	.venv/bin/mypy
	.venv/bin/pytest --cov --cov-report=term:skip-covered

lock:
	@.ci/setup
	$(LOCK) --extra openai --group build --output-file requirements.lock
	$(LOCK) --all-extras --group dev --constraint requirements.lock --output-file requirements-dev.lock
