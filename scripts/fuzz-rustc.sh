#!/usr/bin/env bash
# Stands before the compiler for our own crates when the fuzzer is built: what they do is counted, so that inputs that reach something new are kept.
# Libraries of others are compiled as always, and once. Programs that run while building are left as they are.
set -euo pipefail
for argument in "$@"; do
  [[ $argument == build_script_build || $argument == proc-macro ]] && exec "$@"
done
exec "$@" --cfg fuzzing -C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=4 \
  -C llvm-args=-sanitizer-coverage-inline-8bit-counters -C llvm-args=-sanitizer-coverage-pc-table \
  -C llvm-args=-sanitizer-coverage-trace-compares
