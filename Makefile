# Each target sets up what it needs in .venv, from the locked versions; nothing but Python >= 3.11 and make is expected.
PYTHON ?= python3
IMAGE_BUILD ?= docker build
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile
export PYTHONPATH := $(CURDIR)

.PHONY: demo image stack tools linters engines helm kubernetes test test-all check lint generate bench bench-full audit sbom lock build clean

demo: .venv/run      ## the exporter on the built-in sandbox API
	$(BIN)/python -m exporter demo $(ARGS)

image:               ## the container image; with buildah: make image IMAGE_BUILD="buildah build --format docker"
	$(IMAGE_BUILD) --build-arg LEADTERRA_EXPORTER_REVISION=$$(git rev-parse HEAD) -t leadterra-exporter .

stack: .venv/run     ## the demo with Prometheus and Alertmanager from the PATH
	$(BIN)/python deploy/stack.py $(ARGS)

test: .venv/dev      ## the tests, without the slow ones
	$(PYTEST) -m "not slow" $(ARGS)

test-all: .venv/dev  ## all tests; those whose tool is missing are skipped with the reason
	$(PYTEST) $(ARGS)

check: lint test     ## what a commit must pass

lint: .venv/dev      ## format, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

generate: .venv/dev  ## everything that is generated: metric reference, golden pages, alert table, PrometheusRule, dashboards
	$(BIN)/python -m tests.generate

bench: .venv/dev     ## this exporter beside others, one table of ratios (about 8 minutes)
	$(BIN)/python -m tests.bench $(ARGS)

bench-full: .venv/dev  ## one process that holds 50,000 campaigns too (about 15 minutes)
	$(BIN)/python -m tests.bench --full $(ARGS)

audit: .venv/tools   ## known vulnerabilities of what is locked; fails where no service can be asked
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.lock || \
	  { echo "make audit: a known vulnerability, or nobody who knows could be asked (see above): not audited as clean"; exit 1; }

sbom: .venv/tools    ## bill of materials (CycloneDX) in dist/
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements --pyproject=pyproject.toml --index-url=pkg:pypi --output-reproducible \
	  --spec-version=1.6 -o dist/sbom.cdx.json requirements.lock

tools: .venv/tools   ## what the checks of deploy/ and the pictures need, beside the tests

PARTS ?= docker systemd compose
engines: .venv/dev   ## docs/deploy played on a booted Debian of its own; needs root: tests/engines/__init__.py. PARTS=docker: one part
	$(BIN)/python -m pytest $(PARTS:%=tests/engines/%.py) $(ARGS)

helm:                ## built with Go into a folder that is kept, for the chart's tests
	tests/engines/build-tools $@

kubernetes:          ## the same for PARTS="kubernetes size"; takes an hour
	tests/engines/build-tools $@

linters: .venv/bin/pint .venv/bin/dashboard-linter  ## what lints rules and dashboards; needs Go and its module proxy

build: .venv/dev     ## wheel and source archive in dist/
	$(BIN)/python -m build --no-isolation

lock:                ## new locked versions; needs uv
	uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 -q -U -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 -q -U -o requirements-dev.lock
	uv pip compile pyproject.toml --group dev --group tools --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 -q -U -o requirements-tools.lock

clean:
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.13 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

# A lock names everything, so nothing is left to resolve: pip would take the newest of a package that is asked for with
# extras, whatever the lock says, and then miss its hash.
.venv/run: .venv/python requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

.venv/dev: .venv/python requirements-dev.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@ .venv/run

.venv/tools: .venv/dev requirements-tools.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-tools.lock
	@touch $@

# Not with `go install`: it asks the proxy which versions there are, and not every proxy says.
define build-with-go
	@module=$$(go mod download -json $(1)) || { echo "$@: $$module"; exit 1; }; \
	cd "$$(echo "$$module" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')" && go build -o $(CURDIR)/$@ $(2)
endef

.venv/bin/pint: | .venv/dev
	$(call build-with-go,github.com/cloudflare/pint@v0.87.0,./cmd/pint)

.venv/bin/dashboard-linter: | .venv/dev
	$(call build-with-go,github.com/grafana/dashboard-linter@v0.1.0,.)
