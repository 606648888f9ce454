# Everything runs in a local environment: uv in .tools, the packages of uv.lock in .venv.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
# Trust the machine's certificates, not only those that uv contains.
export UV_SYSTEM_CERTS := 1
# Compile bytecode at installation: some environments forbid Python to write it later.
export UV_COMPILE_BYTECODE := 1
RUN := $(UV) run --frozen

.DEFAULT_GOAL := help
.PHONY: help demo test test-servers test-browser test-duckdb2 test-engines test-notebook test-orchestrators check check-release dist format lock docs site \
	bench bench-engines bench-report profile floors choices coverage mutants campaign-drift campaign-history campaign-reading campaign-crash campaign-faults \
	campaign-publication campaign-questions clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

.venv/.synced: $(if $(findstring .tools,$(UV)),.tools/bin/uv) pyproject.toml uv.lock
	$(UV) sync --frozen --quiet
	@touch $@

demo: .venv/.synced ## play three runs against simulated providers; leaves a warehouse in demo/
	.venv/bin/rollcall demo

# They take half of the time of all tests. Run them if you change lakehouses, workers or publishing.
SERVERS := tests/compute tests/lake tests/publish tests/docs/test_publishing.py

test: .venv/.synced ## run the tests that need no server
	$(RUN) pytest -n auto $(SERVERS:%=--ignore=%)

test-servers: .venv/.synced ## run the tests that start PostgreSQL, S3 and Ray
	$(RUN) pytest -n auto $(SERVERS)

test-browser: .venv/.synced ## test the report in a browser; needs Chromium, for example from apt install chromium
	BROWSER=1 $(RUN) --group browser pytest -n 0 tests/commands/report/test_browser.py

test-orchestrators: .venv/.synced ## test the examples in Airflow, Dagster and Prefect, each in its own environment
	ORCHESTRATORS=1 $(RUN) pytest -n 0 tests/examples

test-engines: .venv/.synced ## run the tests on Ray and Spark, in their own environment; needs Java 17
	UV_PROJECT_ENVIRONMENT=.venv-engines ENGINES=1 $(RUN) --extra spark pytest -n 0 tests/compute

# The lock stays on DuckDB 1.5; pip installs the newest supported version.
test-duckdb2: .venv/.synced ## run the tests on DuckDB 2, in their own environment; TESTS="tests/commands ..."
	UV_PROJECT_ENVIRONMENT=.venv-duckdb2 $(UV) sync --frozen --quiet
	$(UV) pip install --quiet --no-config --python .venv-duckdb2/bin/python 'duckdb>=2,<3'
	.venv-duckdb2/bin/python -m pytest -n auto $(TESTS)

test-notebook: .venv/.synced ## test the notebook with marimo
	$(RUN) --group notebook pytest -n 0 tests/docs/test_notebook.py

dist: .venv/.synced ## build a wheel and an sdist of this commit, with the same bytes on every machine
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(RUN) python -m hatchling build

check-release: .venv/.synced ## build the wheel and the sdist, and test the wheel in a clean environment
	RELEASE=1 UV=$(abspath $(UV)) $(RUN) pytest -n 0 tests/packaging

check: .venv/.synced ## check format, lint, types, imports, SQL lint and links, and run the tests
	$(RUN) ruff format --check pipelines tests benchmarks examples notebooks docs/site_pages.py
	$(RUN) ruff check pipelines tests benchmarks examples notebooks docs/site_pages.py
	$(RUN) mypy
	$(RUN) lint-imports --no-logo
	$(RUN) sqlfluff lint --disable-progress-bar sql
	$(MAKE) site
	$(MAKE) test
	$(MAKE) test-servers

format: .venv/.synced ## format code and SQL
	$(RUN) ruff format pipelines tests benchmarks examples notebooks docs/site_pages.py
	$(RUN) ruff check --fix pipelines tests benchmarks examples notebooks docs/site_pages.py
	$(RUN) sqlfluff fix --disable-progress-bar sql

lock: $(if $(findstring .tools,$(UV)),.tools/bin/uv) ## update the locked versions of all dependencies, for uv and for pip
	$(UV) lock
	$(UV) export --quiet --no-dev --all-extras --no-emit-project --no-hashes --no-header --no-annotate > constraints.txt

docs: .venv/.synced ## generate the data dictionary from the models, and the page on speed from the results
	$(RUN) python -m pipelines.transform.data_dictionary > docs/data-dictionary.md
	$(RUN) python -m benchmarks.page

site: .venv/.synced ## build the documentation as a site, in site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(RUN) --group site mkdocs build --quiet

# Packages that only the benchmarks need. They create the environments of the peers themselves.
BENCH := $(RUN) --with matplotlib==3.11.2 --with httptools==0.9.0 --with uvloop==0.23.0 python -m benchmarks

bench: .venv/.synced ## measure the speed, compared with other tools: CASE="first-10k ..." N=repeats SIZE=records SIDES="rollcall limit ..."
	$(BENCH) $(CASE) $(if $(N),--repeat $(N)) $(if $(SIZE),--size $(SIZE)) $(SIDES:%=--side %)

# The server and the runs share the processors. Publish figures only from an idle machine.
bench-engines: .venv/.synced ## measure runs into a file, into a lakehouse and on engines: SIZES="100000 1000000" N=repeats SETUPS="file ray-2"
	$(RUN) --with httptools==0.9.0 --with uvloop==0.23.0 python -m benchmarks.engines $(SIZES) $(if $(N),--repeat $(N)) \
		$(SETUPS:%=--setup %) $(if $(TRIAL),--trial)

profile: .venv/.synced ## measure where a run over 100,000 projects spends its time
	$(RUN) --with httptools==0.9.0 --with uvloop==0.23.0 --with py-spy==0.4.3 python -m benchmarks.profile

floors: .venv/.synced ## measure each part that a run needs by itself
	$(RUN) --with httptools==0.9.0 --with uvloop==0.23.0 python -m benchmarks.floors

bench-report: .venv/.synced ## measure the report of 50,000 projects in a browser; needs Chromium
	$(RUN) --group browser --with httptools==0.9.0 --with uvloop==0.23.0 python -m benchmarks.report

choices: .venv/.synced ## compare parsers, hashes and ways to load
	$(RUN) --with httptools==0.9.0 --with uvloop==0.23.0 --with orjson==3.11.4 python -m benchmarks.choices

campaign-history: .venv/.synced ## compare HISTORIES=10000 histories with a model in Python
	HISTORIES=$(or $(HISTORIES),10000) $(RUN) pytest -n auto tests/campaigns/test_histories.py

campaign-reading: .venv/.synced ## compare how Python and DuckDB read unusual records, for SECONDS=600
	SECONDS=$(SECONDS) $(RUN) python -m tests.campaigns.reading

campaign-drift: .venv/.synced ## read listings that change meanwhile, SEEDS=2000 of each kind
	SEEDS=$(SEEDS) $(RUN) python -m tests.campaigns.drift

campaign-crash: .venv/.synced ## kill or fail a run at every step, and kill KILLS=1000 at random
	KILLS=$(KILLS) $(RUN) python -m tests.campaigns.crash

campaign-faults: .venv/.synced ## inject every fault of an answer at every provider
	FAULTS=all $(RUN) pytest -n auto tests/extract/faults/test_faults.py

campaign-publication: .venv/.synced ## publish PUBLICATIONS=500 times with four readers; flip FLIPS=1000 bits of the file
	PUBLICATIONS=$(PUBLICATIONS) FLIPS=$(FLIPS) $(RUN) python -m tests.campaigns.publications

campaign-questions: .venv/.synced ## check the queries of docs/questions.md on 20,000 projects and 15 runs
	$(RUN) python -m tests.campaigns.questions

# The code that fetches, verifies, merges and publishes.
LAYERS := extract/* load/* providers/* transform/* warehouse/draft warehouse/fingerprint warehouse/inspection \
	warehouse/lock warehouse/publish warehouse/older config/dlt_runtime common/limits \
	commands/sync commands/sync_result commands/backup commands/restore commands/forget

# All tests in one process, because processes of their own are not measured: about half an hour.
coverage: .venv/.synced ## fail unless the tests cover every branch of the code that fetches, verifies, merges and publishes
	$(RUN) coverage run -m pytest -n 0
	$(RUN) coverage report --show-missing --fail-under 100 \
		--include '$(shell echo '$(LAYERS:%=pipelines/%.py)' | tr ' ' ,)'

mutants: .venv/.synced ## test with small faults in the code, EACH=30 for each file; ONLY="seeds sql/merge"
	$(RUN) --with cosmic-ray==8.7.0 python -m tests.campaigns.mutants $(if $(EACH),--each $(EACH)) $(ONLY)

clean: ## remove the environment and the demo
	rm -rf .venv .venv-duckdb2 .venv-engines .tools demo site benchmarks/scratch
