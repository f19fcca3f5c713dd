#!/usr/bin/env bash
# Installs the locked Python packages of the given folders into a `.venv` of theirs, where that has not been done since the lock file changed.
set -euo pipefail
cd "$(dirname "$0")/.."

for folder in "$@"; do
  done=$folder/.venv/.installed
  [[ $done -nt $folder/requirements.txt ]] && continue
  python3 -m venv "$folder/.venv"
  "$folder/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$folder/requirements.txt"
  touch "$done"
done
