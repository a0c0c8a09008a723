#!/usr/bin/env bash
# The Python SDK's stage: builds the wheel, installs it (not the source tree) beside the lowest and the newest openai that it supports, runs its
# tests against the release binary, and mypy and ruff over its sources. `docs` writes docs/sdk/python.md (from the docstrings) and docs/sdk/migrate.md instead.
# Environment: BELLWETHER, the binary; BELLWETHER_LONG=1, the batch of a hundred thousand; SDK_JOBS, how many tests at once (default: 3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh

# The ends of what pyproject.toml allows, extras included.
lowest="openai==3.0.0 python-dotenv==1.0.0 libcst==1.5.0"
newest="openai==3.57.0 python-dotenv==1.2.4 libcst==1.9.0"
tools="pytest==9.2.0 pytest-xdist==3.8.0"
checkers="build==1.6.1 hatchling==1.33.0 mypy==2.4.1 ruff==0.17.6"
cache=$PWD/.cache/sdk-python
export BELLWETHER=${BELLWETHER:-$PWD/build/release/bellwether}
export PIP_DISABLE_PIP_VERSION_CHECK=1

# venv NAME PACKAGES: an environment with exactly these, made anew when they change.
venv() {
  local folder=$cache/$1 wanted=$2
  if [ "$(cat "$folder/wanted.txt" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$folder"
    python3 -m venv "$folder"
    # shellcheck disable=SC2086
    "$folder/bin/pip" install -q $wanted
    echo "$wanted" >"$folder/wanted.txt"
  fi
}

wheel() {
  rm -rf "$cache/dist"
  "$cache/newest/bin/python" -m build -q --wheel --no-isolation --outdir "$cache/dist" sdk/python >&2
  ls "$cache/dist"/*.whl
}

# install NAME WHEEL: this very wheel, whatever one with the same version stood there before; then its extras, which must be there already.
install() {
  "$cache/$1/bin/pip" install -q --force-reinstall --no-deps "$2"
  "$cache/$1/bin/pip" install -q --no-index "$2[dotenv,migrate]"
  "$cache/$1/bin/pip" check
}

# tests NAME ARGUMENTS: pytest with the wheel, from a folder where no source tree is in the way.
tests() {
  local name=$1; shift
  echo "-- tests with $("$cache/$name/bin/python" -c 'import openai, sys; print("openai", openai.__version__, "on Python", sys.version.split()[0])')"
  "$cache/$name/bin/python" -P -m pytest -c sdk/python/pyproject.toml --rootdir sdk/python sdk/python/tests -n "${SDK_JOBS:-3}" --dist worksteal "$@"
}

main() {
  need_packages python3 python3-venv patch
  mkdir -p "$cache"
  venv newest "$newest $tools $checkers"
  local built
  built=$(wheel)
  install newest "$built"
  case "${1:-test}" in
    docs)
      "$cache/newest/bin/python" sdk/python/reference.py >docs/sdk/python.md
      "$cache/newest/bin/python" -m holysheep.migrate.page >docs/sdk/migrate.md
      echo "sdk: docs/sdk/python.md and docs/sdk/migrate.md written"
      ;;
    test)
      [ -x "$BELLWETHER" ] || { echo "sdk: no $BELLWETHER: ./dev build first" >&2; exit 1; }
      need_node_modules tests/e2e/node  # docs/callers.md shows Node too
      (cd sdk/python && "$cache/newest/bin/ruff" check . && "$cache/newest/bin/ruff" format --check . && "$cache/newest/bin/mypy")
      tests newest
      venv lowest "$lowest $tools"
      install lowest "$built"
      tests lowest -m "not large and not docs"
      ;;
    *) echo "sdk: unknown command '$1': test or docs" >&2; exit 2 ;;
  esac
}

main "$@"
