#!/usr/bin/env bash
# The Keycloak of the tests: a pinned release from Maven's central repository, unpacked and prepared once for each machine, outside the checkout.
#   keycloak.sh fetch [HOME]            fetches it, and makes HOME the home of a server with the realms of tests/keycloak
#   keycloak.sh start HOME [OPTION...]  becomes that server
set -euo pipefail
cd "$(dirname "$0")/.."

version=26.4.7
sha256=dd9834c023460be856f731423d86228c23b5d002194a2064642bec0cc6573eaa
cache=${XDG_CACHE_HOME:-$HOME/.cache}/countersign
server=$cache/keycloak-$version

die() {
  echo "keycloak.sh: $*" >&2
  exit 1
}

# Becomes the program of the server, for the home $1; what kc.sh does, without its shell in between, tuned for a short life.
run() {
  local home=$1
  shift
  export KC_DB=dev-file KC_CACHE=local
  exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m -Dfile.encoding=UTF-8 -Djava.net.preferIPv4Stack=true \
    -Dkc.home.dir="$home" -Djboss.server.config.dir="$home/conf" \
    -Djava.util.logging.manager=org.jboss.logmanager.LogManager \
    -Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory \
    --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED --add-opens=java.base/java.security=ALL-UNNAMED \
    -cp "$server/lib/quarkus-run.jar" io.quarkus.bootstrap.runner.QuarkusEntryPoint "$@"
}

# Gives the empty folder $1 what a home has besides its data.
furnish() {
  mkdir -p "$1/data/h2"
  ln -s "$server"/{conf,lib,providers,themes} "$1"
}

# Unpacks the release; Quarkus puts the server together once, so that starting it is quick.
fetch_server() {
  local coordinates=org.keycloak:keycloak-quarkus-dist:$version:zip
  local archive
  command -v java >/dev/null && command -v mvn >/dev/null && command -v unzip >/dev/null ||
    die "Java, Maven or unzip is missing: \`scripts/setup.sh test\` installs them."
  rm -rf "$server.new"
  mkdir "$server.new"
  mvn --quiet --batch-mode dependency:copy -Dartifact="$coordinates" -DoutputDirectory="$server.new" >&2 ||
    die "Keycloak $version cannot be fetched, and the stories about it cannot be told without it."
  archive=$server.new/keycloak-quarkus-dist-$version.zip
  echo "$sha256  $archive" | sha256sum --check --quiet >&2 || die "What was fetched is not the Keycloak $version that we know."
  unzip -q "$archive" -d "$server.new"
  rm -rf "$server"
  mv "$server.new/keycloak-$version" "$server"
  rm -rf "$server.new"
  "$server/bin/kc.sh" build --db=dev-file >&2
  touch "$server/prepared"
}

# Imports the realms into a database of which each home gets a copy.
fetch_realms() {
  local realms=$1 home
  home=$(mktemp --directory "$cache/realms.XXXXXX")
  furnish "$home"
  (run "$home" import --optimized --dir "$PWD/tests/keycloak") >&2
  mv "$home/data/h2" "$realms"
  rm -rf "$home"
}

what=${1:-}
home=${2:-}
case $what in
fetch)
  mkdir -p "$cache"
  # Several tests may want it at once; one of them makes it.
  exec 9>"$cache/keycloak.lock"
  flock 9
  [[ -e $server/prepared ]] || fetch_server
  realms=$server/realms-$(cat tests/keycloak/*.json | sha256sum | cut -c 1-16)
  [[ -e $realms ]] || fetch_realms "$realms"
  flock --unlock 9
  if [[ -n $home ]]; then
    furnish "$home"
    cp "$realms"/* "$home/data/h2/"
  fi
  ;;
start)
  [[ -n $home ]] || die "start what?"
  shift 2
  run "$home" start --optimized "$@"
  ;;
*)
  die "fetch or start, not ${what:-nothing}"
  ;;
esac
