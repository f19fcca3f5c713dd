#!/usr/bin/env bash
# Measures our backend and node-oidc-provider in turn on this machine, then what our intake adds to other providers, and writes docs/benchmarks.md. Takes about a quarter of an hour after the build;
# more words go to tests/bench/bench.mjs: scripts/bench.sh --rounds 1 --pending 0
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/node-packages.sh connectors/node-oidc-provider tests/bench/peer
# What is built is asked for by name, so that it is the same whatever else the workspace has.
cargo build --quiet --release -p countersign
cargo build --quiet --release -p countersign-e2e --bin robot --bin postgres
built=${CARGO_TARGET_DIR:-$PWD/target}/release
node tests/bench/bench.mjs --countersign "$built/countersign" --robot "$built/robot" --postgres "$built/postgres" --page docs/benchmarks.md "$@"
node tests/bench/intake.mjs --countersign "$built/countersign" --keycloak scripts/keycloak.sh --page docs/benchmarks.md
