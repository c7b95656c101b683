# Every target sets up what it needs: `make run` on a fresh machine with git, make and Python 3.11+ does everything.

PYTHON := .venv/bin/python
STAMP := .venv/.set-up

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench bench-page bench-history bench-desk bench-waits bench-discord sim crash-campaign disk-campaign delivery-campaign screenshots pocket pocket-eval clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Make the environment in .venv; again only when pyproject.toml or deploy/constraints.txt change

$(STAMP): pyproject.toml deploy/constraints.txt
	@sh deploy/setup.sh $@

run: setup ## Start the bot: the page, and the chats that have a token
	@$(PYTHON) -m bot run

test: setup ## Run every test: no token, no GPU, no network
	@$(PYTHON) -m pytest -n auto --dist loadgroup

check: setup ## Lint, types, tests: what has to pass before a commit
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(MAKE) --no-print-directory test

bench: setup ## Measure the engine against diffusers on this machine
	@$(PYTHON) -m tests.bench

bench-page: setup ## Measure how long somebody waits at the page
	@$(PYTHON) -m tests.bench.page

bench-history: setup ## Measure the history at a million pictures
	@$(PYTHON) -m tests.bench.history

bench-desk: setup ## Measure the desk with 10,000 jobs waiting
	@$(PYTHON) -m tests.bench.desk

bench-waits: setup ## Measure how true the waits are that people are told
	@$(PYTHON) -m tests.bench.waits

bench-discord: setup ## Measure how soon Discord has its first answer, in a burst and steadily
	@$(PYTHON) -m tests.bench.discord

sim: setup ## Let the desk live through seeded histories on virtual time (SEEDS=10000 FIRST=0)
	@$(PYTHON) -m tests.sim --seeds $(or $(SEEDS),10000) --first $(or $(FIRST),0)

crash-campaign: setup ## Kill the bot at seeded points (POINTS=1000 SEED=1 REAL=50 UPDATES=3000) and count what was lost or doubled
	@$(PYTHON) -m tests.campaigns.crash --points $(or $(POINTS),1000) --seed $(or $(SEED),1) --real $(or $(REAL),50) --updates $(or $(UPDATES),3000)

disk-campaign: setup ## Let every n-th write fail below SQLite (POINTS=500 SEED=1; needs gcc), and fill a disk
	@$(PYTHON) -m tests.campaigns.disk --points $(or $(POINTS),500) --seed $(or $(SEED),1)

delivery-campaign: setup ## Lose, double and delay a chat's calls and events (PLATFORM=discord or telegram, N=10000 SEED=1), and count
	@$(PYTHON) -m tests.campaigns.delivery --platform $(or $(PLATFORM),discord) --n $(or $(N),10000) --seed $(or $(SEED),1)

screenshots: setup ## Make the README's pictures of the page (needs Chromium)
	@$(PYTHON) -m tests.bench.screenshots

pocket: setup ## Train the model that ships, from scratch
	@$(PYTHON) -m engine.pocket.train

pocket-eval: setup ## Measure what the model that ships can and cannot draw
	@$(PYTHON) -m engine.pocket.evaluate

clean: ## Remove the environment and every cache
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
