# The verbs of this repository. Each is a script of its own, so that it can be read and run without make.

.DEFAULT_GOAL := help
.PHONY: help setup demo test check check-foreign bench soak fuzz app fmt

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## install what this machine lacks to build and test everything
	@scripts/setup.sh test

demo: ## backend, app and shop on this machine; Ctrl-C ends them
	@scripts/demo.sh

test: ## everything a contributor must pass
	@scripts/setup.sh test
	@scripts/check.sh
	@scripts/test.sh

check: ## formatting, lints, generated files, licences: what needs no running program
	@scripts/check.sh

check-foreign: ## type-check the app for Android, iOS, macOS and Windows
	@scripts/check-foreign.sh

SECONDS ?= 60

soak: ## kill the server under load for SECONDS=60, and judge what became of every request
	@scripts/soak.sh --seconds $(SECONDS)

fuzz: ## feed whatever reads the network with inputs that nobody thought of, for SECONDS=60
	@scripts/fuzz.sh $(SECONDS)

bench: ## measure this backend and node-oidc-provider in turn, write docs/benchmarks.md
	@scripts/setup.sh bench
	@scripts/bench.sh

app: ## build the window: target/debug/countersign-app
	@scripts/setup.sh app
	@scripts/app.sh

fmt: ## format the Rust code
	@cargo fmt --all
