#!/usr/bin/env bash
# Builds the C++ client as its users do, outside the tree: installed and found by find_package and by pkg-config, added as a subdirectory,
# fetched from a path; static and shared; runs what was built, and the examples, against a gateway before a simulator; then its tests.
#   scripts/sdk_cpp.sh [asan|tsan]    with a word: only the tests, built with that sanitizer
# BELLWETHER names the program (build/release/bellwether). Everything made lies in a temporary folder that is removed; ccache keeps the objects.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sdk=$root/sdk/cpp
BELLWETHER=$(realpath "${BELLWETHER:-$root/build/release/bellwether}")
export BELLWETHER
jobs=${DEV_JOBS:-$(nproc)}
work=$(mktemp -d)
# Objects are the same wherever the build lies: only so does ccache find them again.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
processes=()
end() {
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT

say() { printf -- '-- %s\n' "$*"; }
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }; }
configure() { quietly cmake -G Ninja "$@"; }
build() { quietly cmake --build "$1" -j "$jobs"; }

if [ $# -gt 0 ]; then
  case $1 in
    asan) sanitizers=address,undefined ;;
    tsan) sanitizers=thread ;;
    *) echo "usage: scripts/sdk_cpp.sh [asan|tsan]" >&2; exit 2 ;;
  esac
  configure -S "$sdk" -B "$work/build" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O1 -DBELLWETHER_CLIENT_TESTS=ON -DBELLWETHER_CLIENT_EXAMPLES=OFF \
    -DBELLWETHER_CLIENT_SANITIZE="$sanitizers"
  build "$work/build"
  "$work/build/tests/bellwether_client_tests" --gtest_brief=1
  exit
fi

start() {  # NAME ARGUMENTS...: sets url to its address
  local name=$1; shift
  "$BELLWETHER" "$@" --ready-file "$work/$name.json" >"$work/$name.out" 2>"$work/$name.err" &
  local process=$! waited=0
  processes+=("$process")
  until [ -s "$work/$name.json" ]; do
    kill -0 "$process" 2>/dev/null && [ $((waited += 1)) -lt 1200 ] || { cat "$work/$name.err" >&2; exit 1; }
    sleep 0.05
  done
  url=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["listen"][0])' "$work/$name.json")
}
start sim sim --listen 127.0.0.1:0 --tokens 12
VLLM_URL=$url/v1
cat >"$work/gateway.toml" <<TOML
listen = "127.0.0.1:0"
data = "$work/data"
[admin]
listen = "127.0.0.1:0"
[upstream.sim]
dialect = "vllm"
base_url = "$url/v1"
[model.deepseek-chat]
route = [{ upstream = "sim", model = "deepseek-ai/DeepSeek-V3" }]
TOML
start gateway serve --config "$work/gateway.toml"
export VLLM_URL HOLYSHEEP_BASE_URL=$url/v1
HOLYSHEEP_API_KEY=$("$BELLWETHER" key create --name sdk --config "$work/gateway.toml" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])')
export HOLYSHEEP_API_KEY

# The consumers are copied: what they need must come by the way that is tested.
cp -r "$sdk/tests/consumers" "$work/consumers"

say "the reference in docs/sdk/cpp.md is what the headers say"
python3 "$root/scripts/sdk_cpp_reference.py" --check

say "headers alone: g++ and clang++, C++20 and C++23, without exceptions, no header of ours or of others"
compilers=(g++)
command -v clang++-19 >/dev/null && compilers+=(clang++-19)
for compiler in "${compilers[@]}"; do
  for options in -std=c++20 -std=c++23 "-std=c++20 -fno-exceptions"; do
    for header in client hybrid; do
      echo "#include <bellwether/$header.hpp>" >"$work/alone.cc"
      # shellcheck disable=SC2086
      "$compiler" $options -Wall -Wextra -Werror -I"$sdk/include" -fsyntax-only "$work/alone.cc"
    done
  done
done
if grep -nE '#include [<"](boost|nlohmann|simdjson|openssl|net/|json/|base/|http/|sse/)' "$sdk"/include/bellwether/*.hpp; then exit 1; fi

for kind in static shared; do
  [ "$kind" = shared ] && shared=ON || shared=OFF
  common=(-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=$shared -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  prefix=$work/$kind/prefix
  say "$kind: build, install"
  configure -S "$sdk" -B "$work/$kind/build" "${common[@]}" -DCMAKE_INSTALL_PREFIX="$work/elsewhere" -DBELLWETHER_CLIENT_TESTS=$([ $kind = static ] && echo ON || echo OFF)
  build "$work/$kind/build"
  # Installed to one place and moved to another: a package must not remember where it was made.
  quietly cmake --install "$work/$kind/build" --prefix "$work/elsewhere"
  mv "$work/elsewhere" "$prefix"
  libdir=$(dirname "$(find "$prefix" -name 'libbellwether-client.*' | head -1)")
  export LD_LIBRARY_PATH=$libdir

  say "$kind: find_package"
  configure -S "$work/consumers/package" -B "$work/$kind/package" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix"
  build "$work/$kind/package"
  "$work/$kind/package/program"

  for compiler in "${compilers[@]}"; do
    say "$kind: pkg-config, $compiler"
    flags=$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs bellwether-client)
    # shellcheck disable=SC2086
    "$compiler" -std=c++20 -O1 -Wall -Wextra -Werror "$work/consumers/program.cc" $flags -o "$work/$kind/by-pkg-config"
    "$work/$kind/by-pkg-config"
  done

  for way in subdirectory fetch; do
    say "$kind: $way"
    configure -S "$work/consumers/$way" -B "$work/$kind/$way" "${common[@]}" -DSDK="$sdk"
    build "$work/$kind/$way"
    env -u LD_LIBRARY_PATH "$work/$kind/$way/program"
  done
done

say "shared: its name, and nothing exported but bellwether::v1"
library=$(find "$work/shared/prefix" -name 'libbellwether-client.so.?' | head -1)
readelf -d "$library" | grep -q 'SONAME.*libbellwether-client.so.0'
others=$(nm -D --defined-only "$library" | awk '{print $3}' | grep -vE '^_Z(N|NK|NR|NO|TIN|TSN|TVN)10bellwether2v1' || true)
[ -z "$others" ] || { echo "exported too: $others" >&2; exit 1; }

say "examples"
cd "$work/static/build/examples"
./chat "안녕하세요" 2>/dev/null
./stream "Tell me about sheep" 2>/dev/null
seq 200 | ./batch 2>/dev/null | python3 -c 'import json, sys; lines = [json.loads(line) for line in sys.stdin]; assert len(lines) == 200 and all(lines), lines'
./hybrid 2>&1 >/dev/null | grep -q 'the primary answered'
HOLYSHEEP_BASE_URL=http://127.0.0.1:1/v1 ./hybrid 2>&1 >/dev/null | grep -q 'the fallback answered'

say "tests"
"$work/static/build/tests/bellwether_client_tests" --gtest_brief=1
