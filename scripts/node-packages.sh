#!/usr/bin/env bash
# Installs the locked Node packages of the given folders, where that has not been done since the lock file changed.
set -euo pipefail
cd "$(dirname "$0")/.."

for folder in "$@"; do
  [[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]] || npm --prefix "$folder" ci --no-audit --no-fund --loglevel=error
done
