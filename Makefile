# The Python to build with; any of 3.11 to 3.13.
PYTHON ?= python3
export UV_PYTHON_DOWNLOADS = never
export DAGSTER_DISABLE_TELEMETRY = 1
export DBT_SEND_ANONYMOUS_USAGE_STATS = 0

.PHONY: demo board test check ui pictures bench install lock

demo: install   ## install everything and run one night of the demo company
	.venv/bin/python -m demo run -- .venv/bin/gyakusan nightly --company demo

board: install  ## the board of the demo company, after make demo
	.venv/bin/gyakusan board --company demo

test: check     ## lint, types and tests
	.venv/bin/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

check: install  ## lint and types
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/sqlfluff lint -q dbt_project/models

ui: install     ## the Dagster UI on the demo company
	.venv/bin/python -m demo run -- .venv/bin/gyakusan ui --company demo

pictures: install  ## the README's pictures, as the browser tests see the board and Dagster
	GYAKUSAN_PICTURES=$(CURDIR)/docs/pictures .venv/bin/pytest -q tests/test_board.py tests/test_ui.py -k pictures

bench: install  ## speed and memory, with the figures of docs/benchmarks.md
	.venv/bin/python -m benchmarks

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml .tools/bin/uv
	.tools/bin/uv venv -q --clear --python $(PYTHON) .venv && .tools/bin/uv pip install -q --python .venv/bin/python --require-hashes -r requirements.lock
	.tools/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation -e . && touch $@

.tools/bin/uv:
	$(PYTHON) -m venv .tools && .tools/bin/pip install -q uv

lock: .tools/bin/uv  ## after a change of dependencies in pyproject.toml
	.tools/bin/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --group dev pyproject.toml -o requirements.lock
