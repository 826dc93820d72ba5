# Clickker Connections. `make demo` and `make test` need Python 3.11 or newer, git and make; the rest they fetch.

DEMO_OPTIONS = $(if $(RESET),--reset)
TESTS ?= tests

.PHONY: demo test check bench crash mutants soak world security audit-dependencies screenshots lock messages migration clean

demo: .venv/.complete  ## The whole product with an Exact Online to practise on; RESET=1 starts afresh
	@exec .venv/bin/clickker demo $(DEMO_OPTIONS)

test: .venv/.complete  ## All tests, the browser tests included
	.venv/bin/python -m pytest -n 2 --dist loadfile $(TESTS)

check: .venv/.complete  ## Style, types, architecture, dependencies
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -q tests/test_architecture.py
	.venv/bin/deptry .

bench: .venv/.complete  ## The speed of the tables up to 100,000 registrations
	.venv/bin/python -m tests.bench $(if $(SIZES),--sizes $(SIZES))

crash: .venv/.complete  ## Workers killed at random points and moments on both databases; N=200 kills on each, SEED
	.venv/bin/python -m tests.crash $(if $(N),--rounds $(N)) $(if $(SEED),--seed $(SEED))

mutants: .venv/.complete  ## Does a test see a change of the source? Score by file; FILES, N=25 mutants of each, SEED; a night for all
	.venv/bin/python -m tests.mutants $(if $(FILES),--files $(FILES)) $(if $(N),--sample $(N)) $(if $(SEED),--seed $(SEED))

soak: .venv/.complete  ## 90 simulated days of 500 connections, 1,000 sequences of faults, and a long search for orders
	SOAK=1 .venv/bin/python -m pytest -q -s $(or $(SOAK_TESTS),tests/soak tests/core/tokens/test_machine.py)

world: .venv/.complete  ## Whole simulated lives of the product on both databases; SEED, STEPS (on each), DATABASE, BREAK
	.venv/bin/python -m tests.world $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS)) \
		$(if $(DATABASE),--database $(DATABASE)) $(if $(BREAK),--break "$(BREAK)")

security: .venv/.complete  ## A siege, attempts to get in and 10,000 bad inputs on live servers, then audit-dependencies; INPUTS, SEED, TIMES
	.venv/bin/python -m tests.security $(if $(INPUTS),--inputs $(INPUTS)) $(if $(SEED),--seed $(SEED)) $(if $(TIMES),--times $(TIMES))
	@.venv/bin/python -m tests.security.advisories || test $$? -eq 2  # 2: nobody could be asked, and it says so

audit-dependencies: .venv/.complete  ## Known holes in what is installed, with pip-audit; says so where it cannot be asked
	@.venv/bin/python -m tests.security.advisories

screenshots: .venv/.complete  ## The pictures of the README, from the running demo
	.venv/bin/python -m tests.support.screenshots

lock: .venv/.complete  ## Newest versions that pyproject.toml allows, with hashes
	@command -v uv >/dev/null || .venv/bin/python -m pip install --quiet uv
	PATH="$(CURDIR)/.venv/bin:$$PATH" uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
		--quiet --output-file requirements.lock

messages: .venv/.complete  ## Collect the texts of the source into the Dutch catalogue
	@mkdir -p var core/locales/nl/LC_MESSAGES
	.venv/bin/pybabel --quiet extract --mapping babel.cfg --no-location --sort-output \
		--project "Clickker Connections" --output var/clickker.pot core dashboard pages
	.venv/bin/pybabel --quiet update --input-file var/clickker.pot --locale nl --domain clickker --init-missing \
		--output-dir core/locales --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

migration: .venv/.complete  ## A new migration from the difference with the models; MESSAGE="what changes"
	.venv/bin/python -m tests.support.migration "$(MESSAGE)"

.venv/.complete: requirements.lock pyproject.toml .ci/make-venv
	@.ci/make-venv

clean:  ## Remove what can be made again; var/ holds data and stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache *.egg-info
