.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin

.PHONY: help install demo test check bench fix docs fuzz chaos pictures lock

help: ## What can be done here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: ## Make .venv with the program (.venv/bin/cuadra)
	@scripts/install

demo: install ## See it work on a generated shop
	@$(BIN)/cuadra demo

check: install ## Format, lint, types, import rules, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mkdocs build -q --strict --site-dir .cache/site

test: check ## Everything that must hold before a commit lands
	@scripts/debian-postgres
	@scripts/debian-chromium
	$(BIN)/python -m pytest -n 2 --dist worksteal

fix: install ## Format and repair what can be repaired by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## Measure against peers and floors; writes bench/results.json
	@scripts/install bench
	$(BIN)/python -m bench

fuzz: install ## One million hostile inputs into every reader
	$(BIN)/python -m tests.fuzz 1000000

chaos: install ## Kill, cut off and fill up what 100,000 sales go through, and look for each (30 min; root tries more)
	$(BIN)/python -m pytest -m long -s tests/test_chaos.py
	$(BIN)/python -m tests.chaos --orders 100000 --kills 200 --pg-kills 20

pictures: install ## Draw the pictures of the READMEs anew, from the real program (needs Chromium)
	@scripts/debian-chromium
	$(BIN)/python scripts/pictures.py

docs: install ## Serve the documentation on loopback
	$(BIN)/mkdocs serve

lock: ## Renew the lock files (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml --extra demo --extra otel --group dev -o requirements/dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml --extra demo --group bench -o requirements/bench.lock
