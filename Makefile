# `make run` and `make test` set up everything they need from a fresh clone. `make help` lists the rest.
BIN := .venv/bin

.PHONY: help setup browser run test lint docs schema bench lock clean

help:                ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:               ## system packages, virtual environment, the command at .venv/bin/chartloom
	@./setup.sh

browser:
	@./setup.sh browser

run: setup           ## everything on this machine, with sample charts; Ctrl-C stops it
	$(BIN)/chartloom up --demo

test: browser        ## all tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: setup          ## style, types, direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup          ## write what docs/reference has from the program itself: commands, settings, roles, examples of deliveries
	$(BIN)/python docs/make.py
	PYTHONPATH=. $(BIN)/python docs/deliveries.py

schema: setup        ## write pipeline/store/schema.sql from the migrations
	$(BIN)/python -m pipeline.runtime.schema

bench: setup         ## the benchmarks and how to run each
	$(BIN)/python -m bench

lock:                ## lock the dependencies again, with hashes and no addresses
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -o requirements-dev.lock
	! grep -nE 'https?://' requirements.lock requirements-dev.lock

clean:               ## remove the virtual environment and what the tools left
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
