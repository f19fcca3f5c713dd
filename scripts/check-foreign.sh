#!/usr/bin/env bash
# Type-checks the device and its window for the systems this machine is not. Nothing is linked, so no SDK is needed.
#   check-foreign.sh [TARGET...]     all four when none is named
#
# Where rustup has the standard library of every target (rustup target add ...), the pinned toolchain does it. Elsewhere Debian's
# packages do: they carry the compiler with the source of its standard library, which is then compiled for the target. They are only
# unpacked, because installed they would be this machine's compiler.
#
#   RUST_WEB         where they are unpacked            .cache/rust-web
#   FOREIGN_TARGET   where the results of the check lie .cache/foreign
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(countersign-authenticator countersign-app)
targets=("$@")
((${#targets[@]} > 0)) || targets=(aarch64-linux-android aarch64-apple-ios aarch64-apple-darwin x86_64-pc-windows-msvc)
unpacked=$(realpath -m "${RUST_WEB:-.cache/rust-web}")
results=$(realpath -m "${FOREIGN_TARGET:-.cache/foreign}")
stand_ins=$PWD/scripts/foreign

die() {
  echo "check-foreign: $*" >&2
  exit 1
}

pinned_can() {
  local target
  for target in "${targets[@]}"; do
    [[ -d $(rustc --print target-libdir --target "$target" 2>/dev/null) ]] || return 1
  done
}

cargo=(cargo)
if ! pinned_can; then
  scripts/foreign/unpack.sh "$unpacked"
  usr=$unpacked/usr
  cargo=("$usr/bin/cargo" "-Zbuild-std=std,panic_abort")
  # The unpacked compiler is a release, and building its standard library is a feature of none: it has to be told.
  export RUSTC=$usr/bin/rustc RUSTDOC=$usr/bin/rustdoc RUSTC_BOOTSTRAP=1
  export LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET RUSTC_WRAPPER

# The pages are compiled in, so they have to be there.
scripts/node-packages.sh ui
[[ -f ui/dist/index.html ]] || npm --prefix ui run build --silent

# What the build scripts of the window's toolkit look for: empty folders do. They keep their place, because what was built is built anew
# when they move.
empty=$results/empty
mkdir -p "$empty/sdk" "$empty/android/app" "$empty/kotlin"
export APPLE_SDK=$empty/sdk PATH=$stand_ins:$PATH
export IPHONEOS_DEPLOYMENT_TARGET=14.0 MACOSX_DEPLOYMENT_TARGET=11.0
export WRY_ANDROID_PACKAGE=dev.countersign.app WRY_ANDROID_LIBRARY=countersign_app_lib
export WRY_ANDROID_KOTLIN_FILES_OUT_DIR=$empty/kotlin TAURI_ANDROID_PROJECT_PATH=$empty/android

broken=()
for target in "${targets[@]}"; do
  SECONDS=0
  name=${target//-/_}
  export "CC_$name=$stand_ins/compiler" "CXX_$name=$stand_ins/compiler" "AR_$name=$stand_ins/archiver"
  verdict=ok
  "${cargo[@]}" check --quiet --locked --lib "${packages[@]/#/--package=}" --target "$target" --target-dir "$results" || verdict=BROKEN
  [[ $verdict == ok ]] || broken+=("$target")
  printf '%-26s %-6s %4d s\n' "$target" "$verdict" "$SECONDS"
done
((${#broken[@]} == 0)) || die "does not compile for ${broken[*]}"
