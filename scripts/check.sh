#!/usr/bin/env bash
# Everything that can be judged without running the programs. CI runs exactly this.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
  printf '\n== %s\n' "$1"
}

step "tracked files"
scripts/check-files.sh

step "scripts"
if command -v shellcheck >/dev/null; then
  shellcheck --severity=warning scripts/*.sh scripts/foreign/* .ci/run
else
  for script in scripts/*.sh scripts/foreign/* .ci/run; do bash -n "$script"; done
fi
git ls-files -z 'connectors/*.js' 'connectors/*.mjs' 'demo/*.mjs' 'demo/*.js' 'tests/*.mjs' | xargs -0 -n 1 node --check

step "Rust: format"
cargo fmt --all --check

step "Rust: lints"
cargo clippy --quiet --all-targets -- -D warnings
cargo clippy --quiet -p countersign-e2e -p countersign-fuzz --all-targets -- -D warnings
cargo clippy --quiet -p countersign --features failpoints --bins -- -D warnings

step "generated TypeScript is current"
cargo test --quiet -p countersign-authenticator -p countersign-protocol --all-features export_bindings
changed=$(git status --porcelain -- ui/src/protocol)
if [[ -n $changed ]]; then
  printf 'Commit what was generated:\n%s\n' "$changed" >&2
  exit 1
fi

step "user interface"
scripts/node-packages.sh ui
npm --prefix ui run check --silent

step "connector for node-oidc-provider"
scripts/node-packages.sh connectors/node-oidc-provider
npm --prefix connectors/node-oidc-provider run check --silent

step "Rust: lints of the window"
if pkg-config --exists webkit2gtk-4.1; then
  # Its pages are compiled in, so they have to be there.
  [[ -f ui/dist/index.html ]] || npm --prefix ui run build --silent
  cargo clippy --quiet -p countersign-app --all-targets -- -D warnings
else
  echo "left out: no webview on this machine (make setup installs it)"
fi

step "dependencies"
if command -v cargo-deny >/dev/null; then
  cargo deny --log-level error check bans licenses sources
else
  echo "left out: cargo-deny is not installed"
fi
