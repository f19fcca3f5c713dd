#!/usr/bin/env bash
# Feeds every target of tests/fuzz, beginning with the seeds in tests/fuzz/corpus and what earlier runs found.
#   fuzz.sh [SECONDS] [TARGET...]   SECONDS (60) are shared by the targets; without names, by all of them
# An input that breaks something is kept under target/fuzz/broken; a copy in tests/fuzz/corpus keeps it from coming back.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
(($# == 0)) || shift
targets=("$@")
((${#targets[@]} > 0)) || mapfile -t targets < <(ls tests/fuzz/corpus)

RUSTC_WORKSPACE_WRAPPER=$PWD/scripts/fuzz-rustc.sh cargo build --quiet -p countersign-fuzz
folder=${CARGO_TARGET_DIR:-target}
mkdir -p "$folder/fuzz/broken"
each=$((seconds / ${#targets[@]}))
((each > 0)) || each=1

for target in "${targets[@]}"; do
  found="$folder/fuzz/$target"
  mkdir -p "$found"
  log="$folder/fuzz/$target.log"
  if ! COUNTERSIGN_FUZZ=$target "$folder/debug/countersign-fuzz" "$found" "tests/fuzz/corpus/$target" \
    -max_total_time="$each" -max_len=8192 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$folder/fuzz/broken/$target-" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "fuzz: $target is broken by the input above; run it again with" >&2
    echo "  COUNTERSIGN_FUZZ=$target $folder/debug/countersign-fuzz $folder/fuzz/broken/$target-..." >&2
    exit 1
  fi
  sed -n "s/^#\([0-9]*\)\s*DONE\s*cov: \([0-9]*\).*/$target: \1 inputs, \2 places reached/p" "$log"
done
