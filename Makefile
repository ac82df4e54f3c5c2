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

# Thousands of processes start here, functions and their workers. Without bytecode each would compile every module.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

.PHONY: setup
setup: $(READY)  ## install the virtual environment from the lock files; the other targets do it on first use

# The packages that `demo` and `up` need: half of all, installed in half the time.
$(RUNS): requirements/local.lock requirements/build.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Picture Perfect needs Python 3.11 or newer on the PATH." >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements/local.lock -r requirements/build.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(READY): $(RUNS) requirements/dev.lock
	@echo "Adding the packages for tests and builds ..."
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

.PHONY: demo
demo: $(RUNS)  ## run the whole system on this machine: sample images through every door, and their results
	@$(BIN)/pictureperfect demo

.PHONY: up
up: $(RUNS)  ## run the embedded cloud until Ctrl-C
	@$(BIN)/pictureperfect up

# Files are started in the order of their names. Those with the slowest tests come first, so that none is left for the end.
# Three processes for two processors, since each waits for a third of its time.
PYTEST_QUICK = $(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/infra --ignore tests/policies

.PHONY: test
test: $(READY)  ## run the tests that a change needs at once; five minutes at most on two processors
	@$(PYTEST_QUICK)

.PHONY: test-long
test-long: $(READY)  ## run the tests that take long or need a quiet machine, one after another; CI runs them too
	@$(BIN)/python -m pytest -m long --ignore tests/infra

.PHONY: test-protocol
test-protocol: $(READY)  ## run the state machines with ten times as many histories as `make test`
	@HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n 2 --dist loadfile tests/protocol

.PHONY: test-kafka
test-kafka: $(READY)  ## send 1,000 images through Kafka, amid rebalances and bad records; `make test-long` sends 200
	@KAFKA_IMAGES=1000 $(BIN)/python -m pytest -m long tests/e2e/test_kafka.py -k every_image --durations=1

.PHONY: test-storm
test-storm: $(READY)  ## send 2,000 images through all doors, a third of them twice, and check the ledger; `make test-long` sends 120
	@STORM_IMAGES=2000 $(BIN)/python -m pytest -m long tests/e2e/test_storm.py --durations=3

.PHONY: test-year
test-year: $(READY)  ## check every sum and panel against a separate count, over a year of 1,000,000 images of 500 customers; `make test` takes 10,000
	@YEAR_IMAGES=1000000 $(BIN)/python -m pytest tests/ledger/test_year.py tests/ledger/test_panels.py --timeout 1800 --durations=5

.PHONY: check
check: $(READY)  ## run format check, linter, type check, import contracts and `make test`
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(PYTEST_QUICK)

.PHONY: bench
bench: $(READY)  ## measure the figures in the documents: the child process, and bands
	@$(BIN)/python -m benchmarks.wall
	@$(BIN)/python -m benchmarks.bands

.PHONY: walk
walk: $(READY)  ## count the calls between files for one upload, from the notification to the row
	@$(BIN)/python -m benchmarks.walk

.PHONY: format
format: $(READY)  ## format the code, and fix what the linter can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(READY)  ## pin every dependency anew, after pyproject.toml changed
	@for name in runtime heic local dev build; do \
		case $$name in runtime) with="--extra lambda";; heic) with="--extra lambda --extra heic";; local) with="--extra lambda --extra local";; \
		dev) with="--extra lambda --extra local --extra infra --group dev";; build) with="--group build";; esac; \
		case $$name in build) from="--constraint requirements/dev.lock";; *) from=pyproject.toml;; esac; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" $$with $$from -o requirements/$$name.lock; done

.PHONY: clean
clean:  ## remove the virtual environment, caches and .picture-perfect
	rm -rf $(VENV) .picture-perfect .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

TARGET ?= local
TAG ?= picture-perfect:$(TARGET)

.PHONY: image
image:  ## build the container image with Docker or buildah; TARGET=runtime for AWS, BASE_IMAGE=…, HEIC=1
	@container/build $(TARGET) $(TAG)

.PHONY: test-container
test-container: $(READY)  ## build both container images and test them under the Lambda emulator; needs Docker or buildah
	@$(BIN)/python -m pytest tests/container -m container

.PHONY: synth
synth: $(READY)  ## synthesize the AWS stack of infra/settings.toml into cdk.out/; needs no account
	@$(BIN)/python -m infra

.PHONY: diff
diff: $(READY)  ## show what `make deploy` would change in the deployed stack; needs credentials
	@$(BIN)/pictureperfect diff $(if $(IMAGE),--image $(IMAGE))

.PHONY: test-infra
test-infra: $(READY)  ## test the stack: every variation synthesized and linted, the system under its policies
	@$(BIN)/python -m pytest -m "long or not long" tests/infra
	@$(BIN)/python -m pytest tests/policies

.PHONY: lint-infra
lint-infra: synth  ## run cfn-lint on the template of your own settings
	@$(BIN)/cfn-lint

.PHONY: deploy
deploy: $(READY)  ## deploy or update the stack in your AWS account; IMAGE=a URI in your ECR, YES=1 asks nothing
	@$(BIN)/pictureperfect deploy $(if $(IMAGE),--image $(IMAGE)) $(if $(YES),--yes)

.PHONY: smoke
smoke: $(READY)  ## send an image through each door of the deployment and check the results; FOLDER=.picture-perfect tests `make up`, SKIP=kafka leaves out a door
	@$(BIN)/pictureperfect smoke $(if $(FOLDER),--folder $(FOLDER)) $(if $(SKIP),--skip $(SKIP))

.PHONY: destroy
destroy: $(READY)  ## delete the deployment; pictures and history stay, unless DATA=delete; YES=1 asks nothing
	@$(BIN)/pictureperfect destroy $(if $(DATA),--data $(DATA)) $(if $(YES),--yes)

.PHONY: docs
docs: $(READY)  ## write the parts of docs/ that are made from code
	@$(BIN)/python -m tools.docs

.PHONY: test-page
test-page: $(READY)  ## upload 500 files at once from one page, with no task over 200 ms; `make test-long` sends 50
	@PAGE_UPLOADS=500 $(BIN)/python -m pytest -m long tests/e2e/test_page_uploads.py -k many_uploads -s

.PHONY: page-pictures
page-pictures: $(READY)  ## take the screenshots of the page in the documents
	@PAGE_SHOTS=docs/pictures $(BIN)/python -m pytest tests/e2e/test_page.py -k "theme or phone"
