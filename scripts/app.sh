#!/usr/bin/env bash
# Builds the window with its pages inside.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/node-packages.sh ui
# The pages are compiled into the program, so making them anew without need would compile the program anew.
newer=$(find ui -newer ui/dist/index.html -not -path '*/node_modules*' -not -path 'ui/dist*' -not -path 'ui/tests*' -type f -print -quit 2>/dev/null || true)
if [[ ! -f ui/dist/index.html || -n $newer ]]; then
  npm --prefix ui run build --silent
fi
cargo build --quiet -p countersign-app --features custom-protocol
