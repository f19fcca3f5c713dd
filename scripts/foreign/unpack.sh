#!/usr/bin/env bash
# Unpacks Debian's compiler and the source of its standard library.
#   unpack.sh FOLDER
# Two shared libraries that the compiler and its cargo need are installed, because they drag others after them.
set -euo pipefail

folder=${1:?where to}
wanted=(rustc-web cargo-web rust-web-src libstd-rust-web-dev)

die() {
  echo "check-foreign: $*" >&2
  exit 1
}

# The package's one dependency whose name carries a version, for instance libllvm22.
versioned() {
  { apt-cache depends "$1" 2>/dev/null || true; } | sed -nE "s/^ *\|?Depends: ($2)\$/\1/p" | sort -u
}

works() {
  LD_LIBRARY_PATH=$folder/usr/lib/x86_64-linux-gnu "$folder/usr/bin/$1" --version >/dev/null 2>&1
}

! { works rustc && works cargo; } || exit 0

if ! command -v apt-get >/dev/null || [[ $(dpkg --print-architecture) != amd64 ]]; then
  die "there is no Debian for amd64 here. Give rustup's toolchain the targets: rustup target add aarch64-linux-android" \
    "aarch64-apple-ios aarch64-apple-darwin x86_64-pc-windows-msvc"
fi
as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || die "this needs root once, to install two libraries, and there is no sudo"
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update --quiet=2

standard=$(versioned libstd-rust-web-dev 'libstd-rust-web-[0-9.]+')
llvm=$(versioned "${standard:-none}" 'libllvm[0-9]+')
git=$(versioned cargo-web 'libgit2-[0-9.]+')
for found in "libstd-rust-web-VERSION:$standard" "libllvmVERSION:$llvm" "libgit2-VERSION:$git"; do
  [[ -n ${found#*:} && ${found#*:} != *$'\n'* ]] || die "no single package ${found%%:*} belongs to ${wanted[*]} here:" \
    "this needs Debian 12 with its security archive; if the packages have new names, they are named in scripts/foreign/unpack.sh"
done

if [[ ! -f $folder/complete ]]; then
  echo "Unpacking ${wanted[*]} $standard"
  rm -rf "$folder"
  mkdir -p "$folder"
  (
    cd "$folder"
    apt-get download --quiet=2 "${wanted[@]}" "$standard" 2>&1 | sed '/unsandboxed/d'
    for package in ./*.deb; do
      dpkg-deb --extract "$package" .
      rm "$package"
    done
    touch complete
  )
fi
missing=()
for package in "$llvm" "$git"; do
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
if ((${#missing[@]} > 0)); then
  echo "Installing system packages: ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}"
fi
for program in rustc cargo; do
  works "$program" || die "the unpacked $program does not start; if $folder is from another day, remove it and try again." \
    "$(LD_LIBRARY_PATH=$folder/usr/lib/x86_64-linux-gnu ldd "$folder/usr/bin/$program" 2>&1 | grep 'not found' || true)"
done
