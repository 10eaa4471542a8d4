# `make run` and `make test` set up everything they need from a fresh clone. `make help` lists the rest.
BIN := .venv/bin
OUT := artefacts
PYTEST_OPTIONS ?=
UV_LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --quiet

.PHONY: help setup browser run test coverage lint docs schema bench lock wheel package sbom clean

help:                ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:               ## system packages, virtual environment, the command at .venv/bin/chartloom
	@./setup.sh

browser:
	@./setup.sh browser

run: setup           ## everything on this machine, with sample charts; Ctrl-C stops it
	$(BIN)/chartloom up --demo

test: browser        ## all tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(PYTEST_OPTIONS)

coverage: setup      ## the unit tests, and which lines they run: artefacts/coverage
	$(BIN)/python -m pytest tests/unit --numprocesses auto --maxprocesses 4 --dist loadfile \
		--cov --cov-report term --cov-report html:$(OUT)/coverage

lint: setup          ## style, types, direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup          ## docs/reference from the program itself, then the documentation site: artefacts/site
	$(BIN)/python docs/make.py
	PYTHONPATH=. $(BIN)/python docs/deliveries.py
	$(BIN)/mkdocs build --strict --quiet

schema: setup        ## write pipeline/store/schema.sql from the migrations
	$(BIN)/python -m pipeline.runtime.schema

bench: setup         ## the benchmarks and how to run each
	$(BIN)/python -m bench

lock: setup          ## lock the dependencies again, with hashes and no addresses
	$(UV_LOCK) -o requirements.lock
	$(UV_LOCK) --extra dev -o requirements-dev.lock
	! grep -nE '://' requirements.lock requirements-dev.lock

wheel: setup         ## the wheel and the sdist: artefacts/dist
	$(BIN)/python -m hatchling build -t sdist -t wheel -d $(OUT)/dist

package: setup       ## build, install into a clean environment, and use what was installed
	.ci/package

sbom: setup          ## software bill of materials of the locked dependencies: artefacts/sbom.cdx.json
	mkdir -p $(OUT)
	PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o $(OUT)/sbom.cdx.json requirements.lock

clean:               ## remove the virtual environment and what the tools left
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage $(OUT)/dist $(OUT)/site \
		$(OUT)/coverage $(OUT)/sbom.cdx.json
