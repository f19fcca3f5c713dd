#!/usr/bin/env bash
# Every test, the quick ones first. The first failure ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
  printf '\n== %s\n' "$1"
}

if [[ -z ${CHROMIUM:-} ]]; then
  CHROMIUM=$(command -v chromium || command -v google-chrome)
  export CHROMIUM
fi

scripts/node-packages.sh ui demo connectors/node-oidc-provider tests/interop tests/bench/peer
scripts/python-packages.sh tests/interop

# Once for each machine: fetches and prepares the Keycloak of the stories, so that the first of them does not wait for it.
scripts/keycloak.sh fetch

step "user interface"
npm --prefix ui test --silent

step "user interface in a browser"
npm --prefix ui run test:browser --silent

step "connector for node-oidc-provider"
npm --prefix connectors/node-oidc-provider test --silent

step "demo shop against node-oidc-provider"
npm --prefix demo test --silent

step "interop clients against node-oidc-provider"
npm --prefix tests/interop test --silent

step "crates and backend"
cargo test

step "inputs that nobody thought of"
scripts/fuzz.sh 90

step "the window"
scripts/app.sh
cargo test -p countersign-app --features custom-protocol

step "whole stories: real processes, real window, clients of other people"
cargo test -p countersign-e2e
