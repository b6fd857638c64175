# Every target installs what it needs first. `make run` and `make test` are all that a fresh machine takes.
.DEFAULT_GOAL := help
.PHONY: help run test unit coverage static check lint models matrix bench gpu soak evaluate clean lock
PY := .venv/bin/python
# Programs that start by the hundred, as in the tests, need not compile the same modules each time.
unexport PYTHONDONTWRITEBYTECODE

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: ## Triton on the CPU and the gateway, in the foreground
	@sh docker/install.sh run
	@exec $(PY) -m docker.run $(RUN)

test: ## all tests, with the real Triton
	@sh docker/install.sh test
	@$(PY) -m export
ifdef TEST
	$(PY) -m pytest $(TEST)
else
	$(PY) -m tests.shares -m unit; units=$$?; $(PY) -m pytest -m "not unit" && exit $$units
endif

# Those of the gateway start one, but for two, and take longer to read than to run.
unit: ## the tests that start no program and run no neural graph, in half a minute: Python's packages are all they take
	@sh docker/install.sh unit
	PYTHONDONTWRITEBYTECODE= $(PY) -m tests.shares -m unit --hypothesis-profile quick --ignore=tests/gateway -p no:schemathesis $(TEST)

coverage: ## how much of what clients hear is decided under test; rewrites docs/coverage.md, fails below 95 %
	@sh docker/install.sh unit
	$(PY) -m coverage run -m pytest -q -m unit --hypothesis-profile quick tests/frontend
	@$(PY) -m tests.coverage

static: ## style and types; changes nothing
	@sh docker/install.sh test
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

check: static test ## style, types and tests; changes nothing

lint: ## mends what can be mended
	@sh docker/install.sh test
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

models: ## exports the bundled models anew, or ASR=<hub name or folder>: published weights
ifdef ASR
	@sh docker/install.sh export
	@.venv-export/bin/python -m export asr --from "$$ASR" $(OPTIONS)
else
	@sh docker/install.sh run
	@$(PY) -m export --force $(MODELS)
endif

matrix: ## every graph in the oldest supported ONNX Runtime and in the newest there is, or MATRIX="1.21.0 …"
	@sh docker/install.sh test
	@$(PY) -m export
	@$(PY) -m tests.matrix $(MATRIX)

bench: ## speed and accuracy, through a gateway and a Triton of its own
	@sh docker/install.sh test
	@sh docker/install.sh bench
	@$(PY) -m export
	@$(PY) -m tests.bench $(BENCH)

gpu: ## on an NVIDIA GPU: every model beside its CPU answers, what a token and a stream cost; DRY=1: all but the card
ifdef DRY
	@sh docker/install.sh test
	@$(PY) -m export
	@$(PY) -m tests.gpu.dry $(GPU)
else
	@sh docker/install.sh test
	@sh docker/install.sh gpu
	@.venv-gpu/bin/python -m export
	@.venv-gpu/bin/python -m tests.gpu $(GPU)
endif

soak: ## rough treatment for hours: fuzz, chaos, abuse, mixed traffic; SOAK="fuzz --inputs 1000" for a part of it
	@sh docker/install.sh test
	@$(PY) -m export
	@$(PY) -m tests.soak $(SOAK)

evaluate: ## accuracy of the recogniser, through the running Triton
	@sh docker/install.sh test
	@$(PY) -m export
	@$(PY) -m export.evaluation $(EVALUATE)

lock: ## pins the newest versions of all packages
	@sh docker/install.sh test
	@sh docker/lock.sh

clean: ## removes environments and caches; model versions and var/ stay
	rm -rf .venv .venv-export .venv-bench .venv-gpu .venv-matrix .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
