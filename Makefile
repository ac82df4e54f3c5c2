# Everything here works on a fresh clone with Python 3.11 or newer and make alone.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help

# Thousands of processes start here, functions and their workers: each would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## what can be made here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

.PHONY: setup
setup: $(READY)  ## the virtual environment, from the locks

# What runs needs half of what is built and tested with, and is there in half the time.
$(RUNS): requirements/local.lock requirements/build.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Picture Perfect needs Python 3.11 or newer on the PATH." >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements/local.lock -r requirements/build.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(READY): $(RUNS) requirements/dev.lock
	@echo "Adding what it is built and tested with ..."
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

.PHONY: demo
demo: $(RUNS)  ## the whole system on this machine, images through every door, and what came out
	@$(BIN)/pictureperfect demo

.PHONY: up
up: $(RUNS)  ## the embedded cloud, until Ctrl-C
	@$(BIN)/pictureperfect up

# The files with the slowest tests come first in the order of their names: none of them is left for the end.
# Three processes for two processors: each waits for a third of its time.
PYTEST_QUICK = $(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/infra --ignore tests/policies

.PHONY: test
test: $(READY)  ## the tests that a change needs at once; five minutes at most on two processors
	@$(PYTEST_QUICK)

.PHONY: test-long
test-long: $(READY)  ## the tests that take long or need a quiet machine, one after another; CI runs them
	@$(BIN)/python -m pytest -m long --ignore tests/infra

.PHONY: test-protocol
test-protocol: $(READY)  ## the state machines, with ten times the histories of `make test`
	@HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n 2 --dist loadfile tests/protocol

.PHONY: test-kafka
test-kafka: $(READY)  ## 1,000 images through the Kafka door, amid rebalances and poison; `make test-long` sends 200
	@KAFKA_IMAGES=1000 $(BIN)/python -m pytest -m long tests/e2e/test_kafka.py -k every_image --durations=1

.PHONY: test-storm
test-storm: $(READY)  ## 2,000 images through all doors, a third twice: the ledger's numbers; `make test-long` sends 120
	@STORM_IMAGES=2000 $(BIN)/python -m pytest -m long tests/e2e/test_storm.py --durations=3

.PHONY: test-year
test-year: $(READY)  ## a year of 1,000,000 images of 500 customers in PostgreSQL: every sum and panel against its own count; `make test` does it with 10,000
	@YEAR_IMAGES=1000000 $(BIN)/python -m pytest tests/ledger/test_year.py tests/ledger/test_panels.py --timeout 1800 --durations=5

.PHONY: check
check: $(READY)  ## format, lint, types, import contract, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(PYTEST_QUICK)

.PHONY: bench
bench: $(READY)  ## the measurements behind the numbers in the docs
	@$(BIN)/python -m benchmarks.wall
	@$(BIN)/python -m benchmarks.bands

.PHONY: walk
walk: $(READY)  ## the files that one upload crosses from the notification to its row, and how often
	@$(BIN)/python -m benchmarks.walk

.PHONY: format
format: $(READY)  ## mend format and what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(READY)  ## pin every dependency anew
	@for name in runtime heic local dev build; do \
		case $$name in runtime) with="--extra lambda";; heic) with="--extra lambda --extra heic";; local) with="--extra lambda --extra local";; \
		dev) with="--extra lambda --extra local --extra infra --group dev";; build) with="--group build";; esac; \
		case $$name in build) from="--constraint requirements/dev.lock";; *) from=pyproject.toml;; esac; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" $$with $$from -o requirements/$$name.lock; done

.PHONY: clean
clean:  ## remove what was made here
	rm -rf $(VENV) .picture-perfect .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

TARGET ?= local
TAG ?= picture-perfect:$(TARGET)

.PHONY: image
image:  ## the container image, by Docker or buildah; TARGET=runtime for AWS, BASE_IMAGE=…, HEIC=1
	@container/build $(TARGET) $(TAG)

.PHONY: test-container
test-container: $(READY)  ## build both images and run their tests
	@$(BIN)/python -m pytest tests/container -m container

.PHONY: synth
synth: $(READY)  ## the AWS stack as a template, cdk.out/, without an account; infra/settings.toml says what is in it
	@$(BIN)/python -m infra

.PHONY: diff
diff: $(READY)  ## what `make deploy` would change of the stack that stands; needs credentials, and says so
	@$(BIN)/pictureperfect diff $(if $(IMAGE),--image $(IMAGE))

.PHONY: test-infra
test-infra: $(READY)  ## the stack's tests: every variation synthesized and linted, the policies judged on paper
	@$(BIN)/python -m pytest -m "long or not long" tests/infra
	@$(BIN)/python -m pytest tests/policies

.PHONY: lint-infra
lint-infra: synth  ## cfn-lint over the template of your own settings
	@$(BIN)/cfn-lint

.PHONY: deploy
deploy: $(READY)  ## the stack to your AWS account, and its newest state; IMAGE=a URI in your ECR, YES=1 asks nothing
	@$(BIN)/pictureperfect deploy $(if $(IMAGE),--image $(IMAGE)) $(if $(YES),--yes)

.PHONY: smoke
smoke: $(READY)  ## an image through each door of the deployment, and what of it is seen; FOLDER=.picture-perfect: of `make up`
	@$(BIN)/pictureperfect smoke $(if $(FOLDER),--folder $(FOLDER)) $(if $(SKIP),--skip $(SKIP))

.PHONY: destroy
destroy: $(READY)  ## the deployment is taken down; pictures and history stay, unless DATA=delete
	@$(BIN)/pictureperfect destroy $(if $(DATA),--data $(DATA)) $(if $(YES),--yes)

.PHONY: docs
docs: $(READY)  ## the documents and tables that are made from code, made anew
	@$(BIN)/python -m tools.docs

.PHONY: test-page
test-page: $(READY)  ## 500 uploads at once from one page, no task of it over 200 ms; `make test-long` sends 50
	@PAGE_UPLOADS=500 $(BIN)/python -m pytest -m long tests/e2e/test_page_uploads.py -k many_uploads -s

.PHONY: page-pictures
page-pictures: $(READY)  ## the pictures of the page in the docs, taken anew
	@PAGE_SHOTS=docs/pictures $(BIN)/python -m pytest tests/e2e/test_page.py -k "theme or phone"
