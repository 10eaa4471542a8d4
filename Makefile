# `make run` and `make test` set up everything they need; the rest builds on the same set-up.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test lint docs bench lock

setup: .venv/ready

.venv/ready: requirements-dev.lock pyproject.toml
	./setup.sh

run: setup
	$(BIN)/chartloom up --demo

test: setup
	$(BIN)/pytest

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
