#!/usr/bin/env bash
# Starts a local upstream and Bellwether in front of it, makes a key, asks one question through it, and stays until Ctrl-C.
# Called by `./dev up`, which has built the binary. With --model the upstream is llama.cpp's server with a small real model.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh

with_model=
for argument in "$@"; do
  case "$argument" in
    --model) with_model=1 ;;
    *) echo "up: unknown argument '$argument'; there is only --model" >&2; exit 2 ;;
  esac
done

binary=${BELLWETHER:-build/release/bellwether}
home=${UP_HOME:-.cache/up}
rm -rf "$home"
mkdir -p "$home"

upstream_pid='' gateway_pid=''
stop() {
  trap - EXIT INT TERM HUP
  for pid in $gateway_pid $upstream_pid; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in $gateway_pid $upstream_pid; do wait "$pid" 2>/dev/null || true; done
}
trap stop EXIT
trap 'echo; echo "up: stopped"; stop; exit 0' INT TERM HUP

# ready FILE PID LOG: waits until the process says that it answers.
ready() {
  local waited=0
  until [ -s "$1" ]; do
    if ! kill -0 "$2" 2>/dev/null || [ $waited -ge 600 ]; then echo "up: did not start:" >&2; tail -5 "$3" >&2; exit 1; fi
    sleep 0.1; waited=$((waited + 1))
  done
}
address_in() { grep -oE 'https?://[^"]+' "$1" | head -1; }
# Where nobody listens yet, else a port that the system picks.
address_for() { if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then echo "127.0.0.1:0"; else echo "127.0.0.1:$1"; fi; }

begin=$SECONDS
if [ -n "$with_model" ]; then
  need_model
  dialect=llama-server model=smollm2-135m-instruct
  .cache/model/bin/python scripts/llama_server.py "$MODEL_FILE" "$home/upstream.json" >"$home/upstream.log" 2>&1 &
else
  dialect=vllm model=demo
  "$binary" sim --flavor vllm --model demo --tokens 32 --ttft 100ms --delay 20ms --listen 127.0.0.1:0 --ready-file "$home/upstream.json" >"$home/upstream.log" 2>&1 &
fi
upstream_pid=$!
ready "$home/upstream.json" "$upstream_pid" "$home/upstream.log"
upstream=$(address_in "$home/upstream.json")

cat >"$home/bellwether.toml" <<TOML
listen = "$(address_for 8080)"
data = "data"

[admin]
listen = "$(address_for 8081)"

[log]
access = "access.log"

[upstream.local]
dialect = "$dialect"
base_url = "$upstream/v1"

[model.$model]
route = [{ upstream = "local", model = "$model" }]
aliases = [$([ "$model" = demo ] || echo '"demo", ')"deepseek-chat"]  # what the SDKs' examples ask for
TOML
"$binary" serve --config "$home/bellwether.toml" --ready-file "$home/gateway.json" 2>"$home/gateway.log" &
gateway_pid=$!
ready "$home/gateway.json" "$gateway_pid" "$home/gateway.log"
url=$(address_in "$home/gateway.json")
admin=$(grep -oE '"admin": *"[^"]+' "$home/gateway.json" | grep -oE 'https?://.*')
key=$("$binary" key create --name first --config "$home/bellwether.toml" --json | grep -oE '"key": *"[^"]+' | sed 's/.*"//')

body='{"model":"'$model'","messages":[{"role":"user","content":"What is a bellwether? Answer in one sentence."}],"max_tokens":64}'
echo
echo "== One chat completion through Bellwether =="
if ! curl -sS --fail-with-body -m 120 "$url/v1/chat/completions" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$body" >"$home/answer.json"; then
  cat "$home/answer.json" >&2; echo >&2; exit 1
fi
cat "$home/answer.json"
cat <<TEXT


== It runs ($((SECONDS - begin)) s after the build) ==
upstream  $upstream ($([ -n "$with_model" ] && echo "llama.cpp with SmolLM2-135M-Instruct, on the CPU" || echo "the embedded simulator, with vLLM's manners"))
base URL  $url/v1
API key   $key
metrics   $admin/metrics
config    $home/bellwether.toml (after a change: kill -HUP $gateway_pid)

Try it:

  curl -N $url/v1/chat/completions -H 'Authorization: Bearer $key' -H 'Content-Type: application/json' \\
    -d '{"model":"$model","stream":true,"messages":[{"role":"user","content":"Hello!"}]}'

Our SDKs and their examples (sdk/) take it from the environment:

  export HOLYSHEEP_BASE_URL=$url/v1 HOLYSHEEP_API_KEY=$key

Ctrl-C stops it.
TEXT
wait "$gateway_pid" || { status=$?; echo "up: Bellwether ended ($status):" >&2; tail -5 "$home/gateway.log" >&2; exit 1; }
