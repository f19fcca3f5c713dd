#!/usr/bin/env bash
# Kills the server again and again while people decide, and judges what became of every request. soak.sh --seconds 600 [--seed N]
set -euo pipefail
cd "$(dirname "$0")/.."

exec cargo run --quiet -p countersign-e2e --bin soak -- "$@"
