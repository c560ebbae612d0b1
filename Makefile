# make demo        set all up and do the main job on real images
# make test        set all up and pass the tests
# make check       format, lint, types, import rules
# make bench       measure what the README claims
# make notebooks   run the notebooks and keep their outputs
# make lock        pin anew what pyproject.toml asks for
# make chart       bring the chart's schema and README into step with settings and values
# make image       build the container, and say how large it is

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ARGS   ?=
PACKAGES := wetread dicom_node inference orthanc structured_reports

.PHONY: setup demo test check bench notebooks lock chart image clean

setup: $(STAMP)
	@sh tools/system-packages.sh
	@sh tools/web-packages.sh

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Wetread needs Python 3.11 or newer: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: setup
	$(BIN)/wetread demo $(ARGS)

# In the order of collection, so that what starts whole nodes comes first and what is short last.
test: setup
	@sh tools/system-packages.sh chromium postgresql prometheus
	@# Tests start a hundred nodes. Where Python may not write bytecode, each would compile them anew.
	@$(BIN)/python -m compileall -q $(PACKAGES)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	@for each in benchmarks/*.py; do echo "== $$each"; $(BIN)/python -m benchmarks.$$(basename $$each .py) || exit 1; done

notebooks: setup
	$(BIN)/python tools/notebooks.py --write

lock: $(STAMP)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--no-emit-index-url --no-header --no-annotate --generate-hashes --upgrade --quiet -o requirements.lock

chart: $(STAMP)
	$(BIN)/python -m tools.chart --write

# make image VARIANT=cuda; make image TORCH_INDEX_URL=…; DOCKER=podman
DOCKER  ?= docker
VARIANT ?= cpu
IMAGE   ?= wetread:$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)$(if $(filter cuda,$(VARIANT)),-cuda)
image:
	@sh tools/web-packages.sh
	@# Not shown: TORCH_INDEX_URL may hold a password.
	@$(DOCKER) build --tag $(IMAGE) --build-arg VARIANT=$(VARIANT) \
		--build-arg TORCH_INDEX_URL=$(TORCH_INDEX_URL) \
		--build-arg REVISION=$$(git describe --always --abbrev=40 --dirty --exclude '*' 2>/dev/null) $(BUILD_ARGS) .
	@echo "$(IMAGE): $$(($$($(DOCKER) image inspect --format '{{.Size}}' $(IMAGE)) / 1000000)) MB, of which"
	@$(DOCKER) run --rm --interactive --network none --entrypoint sh $(IMAGE) <tools/image-parts.sh

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
