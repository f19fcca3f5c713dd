#!/usr/bin/env bash
# Rules for tracked files that no compiler knows.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

complain() {
  printf '%s:\n%s\n\n' "$1" "$2" >&2
  failed=1
}

# 1. A file that cannot be read in one sitting has more than one reason to exist.
long=$(git ls-files -z '*.rs' '*.ts' '*.svelte' '*.mjs' '*.js' '*.css' '*.html' '*.sh' '*.sql' |
  xargs -0 awk 'FNR > 400 { print FILENAME; nextfile }')
[[ -z $long ]] || complain "Longer than 400 lines" "$long"

# 2. Lock files say what is installed, each machine says from where; nobody's folders are of interest to others.
#    (The brackets keep this file from finding itself. Cargo.lock cannot leave its source out.)
places=$(git grep -nIE 'registry[.]npmjs|static[.]rust-lang|index[.]crates[.]io|"resolve[d]": |/(home|Users)/[a-z]|/roo[t]/|/wor[k]/' -- . ':!Cargo.lock' || true)
[[ -z $places ]] || complain "Names a package host or a folder of one machine" "$places"

# 3. What is not done is an issue, not a comment.
later=$(git grep -nIwE 'TOD[O]|FIXM[E]|XX[X]' -- '*.rs' '*.ts' '*.svelte' '*.mjs' '*.js' '*.css' '*.sh' '*.sql' || true)
[[ -z $later ]] || complain "Left for later" "$later"

# 4. An empty file keeps a place for nothing.
empty=$(git ls-files -z | while IFS= read -r -d '' file; do [[ -s $file || ! -f $file ]] || echo "$file"; done)
[[ -z $empty ]] || complain "Empty" "$empty"

exit "$failed"
