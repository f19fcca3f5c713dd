#!/usr/bin/env bash
# Installs what is missing, and says so; a complete machine is left alone.
#   setup.sh app    what building and showing the window needs
#   setup.sh test   that, and what the tests need
#   setup.sh bench  what the benchmark needs, without a window
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-app}
packages=(build-essential file libayatana-appindicator3-1 libwebkit2gtk-4.1-dev pkg-config)
if [[ $what == bench ]]; then
  packages=(build-essential openssl postgresql)
elif [[ $what == test || -z ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]; then
  # A display, a window manager, a session bus and a key store that belong to the run alone; drivers for the app's window and for a browser.
  packages+=(dbus gnome-keyring libsecret-tools openbox webkit2gtk-driver xauth xvfb)
  command -v chromium google-chrome >/dev/null || packages+=(chromium)
  command -v chromedriver >/dev/null || packages+=(chromium-driver)
fi
# A Debian Python comes without what makes environments.
if [[ $what == test ]] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  packages+=(python3 python3-venv)
fi
# The tests start a server of their own.
if [[ $what == test ]] && ! command -v initdb >/dev/null && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  packages+=(postgresql)
fi
# A real Keycloak is asked: Maven fetches it, Java runs it.
if [[ $what == test ]]; then
  command -v java >/dev/null || packages+=(default-jre-headless)
  command -v mvn >/dev/null || packages+=(maven)
  packages+=(unzip)
fi

die() {
  echo "$*" >&2
  exit 1
}

# Rust and Node come from where their projects offer them; a distribution's packages are often too old.
command -v cargo >/dev/null || die "Rust is missing: install it with rustup, then run this again."
for program in node npm; do
  command -v "$program" >/dev/null || die "Node.js with npm is missing: version 20.19 or newer is needed."
done
wanted_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
rust=$(rustc --version | cut -d ' ' -f 2)
newest=$(printf '%s\n' "$wanted_rust" "$rust" | sort -V | tail -n 1)
[[ $newest == "$rust" ]] || die "Rust $rust is too old: $wanted_rust or newer is needed."
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  die "Node.js $(node --version) is too old: 20.19 or newer is needed."

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
if ((${#missing[@]} > 0)); then
  echo "Installing system packages: ${missing[*]}"
  command -v apt-get >/dev/null || die "There is no apt-get here. Install the equivalents of these packages, then run this again."
  as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "This needs root, and there is no sudo. Ask an administrator to install them."
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update --quiet=2
  if [[ " ${missing[*]} " == *" postgresql "* ]]; then
    # Installing it must not start a server that nobody asked for.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends postgresql-common
    "${as_root[@]}" sed --in-place --regexp-extended 's/^#?\s*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}"
fi

# It takes minutes to build, so only the machine that guards the main branch has to have it.
if [[ $what == test && -n ${CI:-} ]] && ! command -v cargo-deny >/dev/null; then
  cargo install cargo-deny --locked
fi
