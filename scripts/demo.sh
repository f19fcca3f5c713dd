#!/usr/bin/env bash
# The whole story on this machine: backend with its provider, a person, a client, the app's window, a shop.
# State lies in .demo/; a second run goes on where the first one ended. Ctrl-C ends everything that was started here.
set -euo pipefail
set -m # each program becomes a process group of its own, so that its children end with it
cd "$(dirname "$0")/.."

scripts/setup.sh app
echo "Building. The first time takes some minutes."
scripts/node-packages.sh demo
cargo build --quiet -p countersign
scripts/app.sh
built=${CARGO_TARGET_DIR:-$PWD/target}/debug
countersign=$built/countersign
app=$built/countersign-app

umask 077
mkdir -p .demo
exec {lock}>.demo/lock
flock --nonblock "$lock" || {
  echo "A demo is running already." >&2
  exit 1
}
started=()

finish() {
  trap - EXIT INT TERM HUP
  local group
  for group in "${started[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -f .demo/*.out
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# start NAME COMMAND...: runs a server and sets `address` to what it prints as `listening on ADDRESS`.
start() {
  local name=$1 line
  shift
  rm -f ".demo/$name.out"
  mkfifo ".demo/$name.out"
  "$@" >".demo/$name.out" 2>".demo/$name.log" </dev/null &
  started+=("$!")
  exec {out}<".demo/$name.out" # stays open, so that later output finds a reader
  while read -r line <&"$out"; do
    if [[ $line == "listening on "* ]]; then
      address=${line#listening on }
      return
    fi
  done
  echo "The $name did not start:" >&2
  tail -n 20 ".demo/$name.log" >&2
  exit 1
}

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

is_free() {
  node -e 'require("net").createServer().on("error", () => process.exit(1)).listen(+process.argv[1], "127.0.0.1", () => process.exit(0))' "$1"
}

# The provider's name contains its port and paired devices remember it. A port that is taken means a new provider, hence a new start.
if [[ -f .demo/ready ]] && is_free "$(<.demo/port)"; then
  echo "Going on with what is in .demo/ (remove it to start afresh)."
else
  find .demo -mindepth 1 -not -name lock -delete
  free_port >.demo/port
  {
    printf '[server]\nlisten = "127.0.0.1:%s"\n\n[storage]\npath = "%s/.demo/countersign.db"\n\n' "$(<.demo/port)" "$PWD"
    cat demo/payment_initiation.toml
  } >.demo/config.toml
  node -p 'require("crypto").randomBytes(6).toString("hex").match(/..../g).join("-")' >.demo/password
  "$countersign" user add --config .demo/config.toml --username anna --name "Anna Example" --email anna@example.com --phone +4915550100 \
    --password-stdin <.demo/password >/dev/null
  "$countersign" client add --config .demo/config.toml --id shop --name "Demo Shop" --auth client_secret_basic \
    --scope "openid profile payment" --grant ciba --binding-mode auto \
    --set 'authorization_details_types=["payment_initiation"]' >.demo/client-secret
  touch .demo/ready
fi

start backend "$countersign" serve --config .demo/config.toml
backend=$address
ISSUER=$backend CLIENT_ID=shop CLIENT_SECRET=$(<.demo/client-secret) LOGIN_HINT=anna start shop node demo/server.mjs
shop=$address

if [[ -z ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]; then
  echo "There is no display here, so the window opens on a hidden one and a scripted person uses it."
  cargo run --quiet -p countersign-e2e --bin headless-demo -- \
    --backend "$backend" --shop "$shop" --username anna --password-file .demo/password --app "$app" --pictures .demo/pictures </dev/null &
  started+=("$!")
  wait "$!"
  exit
fi

cat <<STORY

  1. In the app's window choose "Pair this device" and sign in as

         anna     $(<.demo/password)

  2. Open the shop and pay 42.00 EUR:   $shop
  3. Type the number of the shop's page into the app, and approve. Or deny, or wait.

  Logs are in .demo/. Ctrl-C ends everything.

STORY
COUNTERSIGN_BACKEND=$backend "$app" >.demo/app.log 2>&1 </dev/null &
started+=("$!")
# Closing the window ends nothing: the shop can still ask, and the app can be opened again.
wait -n "${started[0]}" "${started[1]}" || true
echo "The backend or the shop has ended; see .demo/backend.log and .demo/shop.log." >&2
exit 1
