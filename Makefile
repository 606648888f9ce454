# Everything runs in a local environment: uv in .tools, the packages of uv.lock in .venv.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
# The certificates that the machine trusts, not only those that uv brings along.
export UV_SYSTEM_CERTS := 1
# Compiled once here, and not at every start where the environment forbids to keep what was compiled.
export UV_COMPILE_BYTECODE := 1
RUN := $(UV) run --frozen

.DEFAULT_GOAL := help
.PHONY: help demo test test-servers test-browser test-duckdb2 test-engines test-notebook test-orchestrators check check-release dist format lock docs site \
	bench bench-engines profile floors choices coverage mutants campaign-drift campaign-history campaign-reading campaign-crash campaign-faults \
	campaign-publication campaign-questions clean

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

.venv/.synced: $(if $(findstring .tools,$(UV)),.tools/bin/uv) pyproject.toml uv.lock
	$(UV) sync --frozen --quiet
	@touch $@

demo: .venv/.synced ## three runs against simulated providers; leaves a warehouse in demo/
	.venv/bin/rollcall demo

# Half of the time of all tests, and needed by those who work on a lakehouse, on workers or on publishing.
SERVERS := tests/compute tests/lake tests/publish tests/docs/test_publishing.py

test: .venv/.synced ## the tests, but for those of test-servers
	$(RUN) pytest -n auto $(SERVERS:%=--ignore=%)

test-servers: .venv/.synced ## the tests with PostgreSQL, S3 and Ray, which they start themselves
	$(RUN) pytest -n auto $(SERVERS)

test-browser: .venv/.synced ## the report in a browser; needs a Chromium, as of apt install chromium
	BROWSER=1 $(RUN) --group browser pytest -n 0 tests/commands/report/test_browser.py

test-orchestrators: .venv/.synced ## the examples in Airflow, Dagster and Prefect, in environments of their own
	ORCHESTRATORS=1 $(RUN) pytest -n 0 tests/examples

test-engines: .venv/.synced ## the tests on Ray and on Spark, in an environment of their own; needs Java 17, as of apt install
	UV_PROJECT_ENVIRONMENT=.venv-engines ENGINES=1 $(RUN) --extra spark pytest -n 0 tests/compute

# The lock stays on DuckDB 1.5, and pip takes the newest that is supported.
test-duckdb2: .venv/.synced ## the tests on DuckDB 2, in an environment of its own; TESTS="tests/commands ..."
	UV_PROJECT_ENVIRONMENT=.venv-duckdb2 $(UV) sync --frozen --quiet
	$(UV) pip install --quiet --no-config --python .venv-duckdb2/bin/python 'duckdb>=2,<3'
	.venv-duckdb2/bin/python -m pytest -n auto $(TESTS)

test-notebook: .venv/.synced ## the notebook, run by marimo
	$(RUN) --group notebook pytest -n 0 tests/docs/test_notebook.py

dist: .venv/.synced ## a wheel and an sdist of this commit, the same bytes wherever they are built
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(RUN) python -m hatchling build

check-release: .venv/.synced ## what is released, installed where nothing else is, and a part of the tests on it
	RELEASE=1 UV=$(abspath $(UV)) $(RUN) pytest -n 0 tests/packaging

check: .venv/.synced ## format, lint, types, imports, SQL lint, links and tests
	$(RUN) ruff format --check pipelines tests benchmarks examples notebooks docs/site_pages.py
	$(RUN) ruff check pipelines tests benchmarks examples notebooks docs/site_pages.py
	$(RUN) mypy
	$(RUN) lint-imports --no-logo
	$(RUN) sqlfluff lint --disable-progress-bar sql
	$(MAKE) site
	$(MAKE) test
	$(MAKE) test-servers

format: .venv/.synced ## put code and SQL into the project's form
	$(RUN) ruff format pipelines tests benchmarks examples notebooks docs/site_pages.py
	$(RUN) ruff check --fix pipelines tests benchmarks examples notebooks docs/site_pages.py
	$(RUN) sqlfluff fix --disable-progress-bar sql

lock: $(if $(findstring .tools,$(UV)),.tools/bin/uv) ## settle the versions of all dependencies, for uv and for pip
	$(UV) lock
	$(UV) export --quiet --no-dev --all-extras --no-emit-project --no-hashes --no-header --no-annotate > constraints.txt

docs: .venv/.synced ## the data dictionary, from the models; the page on speed, from the results
	$(RUN) python -m pipelines.transform.data_dictionary > docs/data-dictionary.md
	$(RUN) python -m benchmarks.page

site: .venv/.synced ## the documentation as a site, in site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(RUN) --group site mkdocs build --quiet

# What only the benchmarks need. The peers' environments they make themselves.
BENCH := $(RUN) --with matplotlib==3.11.2 --with httptools==0.9.0 --with uvloop==0.23.0 python -m benchmarks

bench: .venv/.synced ## speed beside the peers: CASE="first-10k ..." N=repeats SIZE=records SIDES="rollcall limit ..."
	$(BENCH) $(CASE) $(if $(N),--repeat $(N)) $(if $(SIZE),--size $(SIZE)) $(SIDES:%=--side %)

# Its server and the runs share the processors, so an idle machine is needed for figures to keep.
bench-engines: .venv/.synced ## runs into the file, a lakehouse and on engines: SIZES="100000 1000000" N=repeats SETUPS="file ray-2"
	$(RUN) --with httptools==0.9.0 --with uvloop==0.23.0 python -m benchmarks.engines $(SIZES) $(if $(N),--repeat $(N)) \
		$(SETUPS:%=--setup %) $(if $(TRIAL),--trial)

profile: .venv/.synced ## where the time of a run of 100,000 projects goes
	$(RUN) --with httptools==0.9.0 --with uvloop==0.23.0 --with py-spy==0.4.3 python -m benchmarks.profile

floors: .venv/.synced ## the parts that a run cannot do without, each by itself
	$(RUN) --with httptools==0.9.0 --with uvloop==0.23.0 python -m benchmarks.floors

choices: .venv/.synced ## parsers, hashes and ways to load, beside each other
	$(RUN) --with httptools==0.9.0 --with uvloop==0.23.0 --with orjson==3.11.4 python -m benchmarks.choices

campaign-history: .venv/.synced ## runs against a model of history, HISTORIES=10000 histories
	HISTORIES=$(or $(HISTORIES),10000) $(RUN) pytest -n auto tests/campaigns/test_histories.py

campaign-reading: .venv/.synced ## what Python and DuckDB read of odd records, for SECONDS=600
	SECONDS=$(SECONDS) $(RUN) python -m tests.campaigns.reading

campaign-drift: .venv/.synced ## listings that move while they are read, SEEDS=2000 of each kind
	SEEDS=$(SEEDS) $(RUN) python -m tests.campaigns.drift

campaign-crash: .venv/.synced ## runs killed and failing at every step, and KILLS=1000 killed at random
	KILLS=$(KILLS) $(RUN) python -m tests.campaigns.crash

campaign-faults: .venv/.synced ## every fault of an answer at every provider
	FAULTS=all $(RUN) pytest -n auto tests/extract/faults/test_faults.py

campaign-publication: .venv/.synced ## PUBLICATIONS=500 under four readers, FLIPS=1000 bits flipped in what is published
	PUBLICATIONS=$(PUBLICATIONS) FLIPS=$(FLIPS) $(RUN) python -m tests.campaigns.publications

campaign-questions: .venv/.synced ## the queries of docs/questions.md on 20,000 projects and 15 runs
	$(RUN) python -m tests.campaigns.questions

# What fetches and proves, what merges and publishes, and the tests that show it without programs of their own.
LAYERS := extract/* load/* providers/* transform/* warehouse/draft warehouse/fingerprint warehouse/inspection \
	warehouse/lock warehouse/publish warehouse/older config/dlt_runtime common/limits \
	commands/sync commands/sync_result commands/backup commands/restore commands/forget
SHOWN_BY := tests/extract tests/load tests/providers tests/campaigns/test_drift.py $(wildcard tests/commands/test_*.py) \
	tests/warehouse/test_altered.py tests/warehouse/test_publication.py tests/transform/test_golden.py \
	tests/transform/test_build.py tests/transform/test_checks.py tests/transform/test_update.py tests/transform/test_seeds.py \
	tests/warehouse/test_backup.py tests/warehouse/test_restore.py tests/warehouse/test_warehouse.py \
	tests/docs/test_upgrading.py tests/commands/setup/test_run.py tests/cli/test_bounds.py \
	tests/cli/test_query.py tests/cli/test_formats.py tests/cli/test_output_file.py tests/cli/test_query_is_closed.py

coverage: .venv/.synced ## every branch of what fetches, proves, merges and publishes, or it fails
	$(RUN) coverage run -m pytest -n 0 $(SHOWN_BY)
	$(RUN) coverage report --show-missing --fail-under 100 \
		--include '$(shell echo '$(LAYERS:%=pipelines/%.py)' | tr ' ' ,)'

mutants: .venv/.synced ## small faults in what proves, merges and publishes, EACH=30 a file; ONLY="seeds sql/merge"
	$(RUN) --with cosmic-ray==8.7.0 python -m tests.campaigns.mutants $(if $(EACH),--each $(EACH)) $(ONLY)

clean: ## remove the environment and the demo
	rm -rf .venv .venv-duckdb2 .venv-engines .tools demo site benchmarks/scratch
