"""The rows of the side-by-side run: how each gateway is started, asked and stopped.

A row is a private instance with its own configuration in a folder of its own, on a free port of 127.0.0.1; the
system's nginx and HAProxy services are not touched. Whoever starts a row stops it, also on failure: see `Processes`.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "release"
PORTKEY = ROOT / ".cache" / "portkey"

MODEL = "bench-model"
# Connections to the upstream that are kept: more than any scenario opens, so that no row pays for reconnecting.
KEPT_CONNECTIONS = 4096
PATIENCE_S = 20  # how long a gateway may take to start; Node on a busy machine takes several seconds

# Portkey 1.15.2 appends its headers to those of a fetch reply, which Node 20 refuses for streams ("TypeError:
# immutable", status 500). This one expression copies the headers, so that streams can be measured at all.
PORTKEY_BROKEN = "new Response(p,e)}const"
PORTKEY_MENDED = "new Response(p,{status:e.status,statusText:e.statusText,headers:new Headers(e.headers)})}const"


class Absent(Exception):
    """Why a row cannot be measured here."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def output_of(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    return (done.stdout + done.stderr).strip()


def with_descendants(pid: int) -> list[int]:
    """The process and its descendants: nginx's workers do the work, not the process that was started."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += with_descendants(int(child))
    return found


class Processes:
    """Starts processes on given cores and stops exactly those, by pid."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.running: list[subprocess.Popen] = []

    def start(self, name: str, command: list, cores: set[int] | None, **more) -> subprocess.Popen:
        libc = ctypes.CDLL(None)

        def before_exec():
            libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: nothing outlives this script
            if cores:
                os.sched_setaffinity(0, cores)

        log = open(self.folder / f"{name}.log", "ab")
        process = subprocess.Popen([str(part) for part in command], stderr=log, stdin=subprocess.DEVNULL,
                                   preexec_fn=before_exec, **({"stdout": log} | more))
        log.close()
        self.running.append(process)
        return process

    def stop(self, process: subprocess.Popen) -> None:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.terminate()  # Bellwether: a second signal ends the drain
                try:
                    process.wait(3)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if process in self.running:
            self.running.remove(process)

    def stop_all(self) -> None:
        for process in list(self.running):
            self.stop(process)


class Row:
    """A gateway that runs. `port` answers requests that are not streamed, `port_streams` the streamed ones."""

    def __init__(self, name: str, process, port: int, port_streams: int | None = None, headers=(), key=None, **more):
        self.name, self.process = name, process
        self.port, self.port_streams = port, port_streams or port
        self.headers, self.key, self.more = list(headers), key, more

    def pids(self) -> list[int]:
        return with_descendants(self.process.pid) if self.process else []


def wait_for_port(process: subprocess.Popen, port: int, name: str, folder: pathlib.Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    log = (folder / f"{name}.log").read_text(errors="replace").strip().splitlines()
    raise Absent(f"did not start: {log[-1][:200] if log else 'no word from it'}")


def start_upstream(processes: Processes, cores):
    process = processes.start("upstream", [BUILD / "tests/bench/bench_upstream"], cores, stdout=subprocess.PIPE)
    return process, json.loads(process.stdout.readline())["port"]


def start_nginx(processes, folder, upstream_port, cores):
    if not shutil.which("nginx"):
        raise Absent("nginx is not installed (nginx-light)")
    home = folder / "nginx"
    home.mkdir(exist_ok=True)
    port, port_streams = free_port(), free_port()
    # keepalive_requests is lifted on both sides: its default of 1,000 would make nginx alone reconnect.
    server = """  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering {buffering}; proxy_read_timeout 600s;
    }}
  }}
"""
    (home / "nginx.conf").write_text(
        f"daemon off;\n{'user root;' if os.geteuid() == 0 else ''}\nworker_processes {'1' if cores else 'auto'};\n"
        f"worker_rlimit_nofile 16384;\npid {home}/pid;\nerror_log stderr warn;\n"
        "events { worker_connections 8192; }\nhttp {\n  access_log off;\n  keepalive_requests 1000000000;\n"
        "  keepalive_timeout 600s;\n"
        + "".join(f"  {kind}_temp_path {home}/{kind};\n"
                  for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + f"  upstream bench {{ server 127.0.0.1:{upstream_port}; keepalive {KEPT_CONNECTIONS};"
          " keepalive_requests 1000000000; keepalive_timeout 600s; }\n"
        + server.format(port=port, buffering="on") + server.format(port=port_streams, buffering="off") + "}\n")
    process = processes.start("nginx", ["nginx", "-p", home, "-c", home / "nginx.conf", "-e", "stderr"], cores)
    wait_for_port(process, port, "nginx", folder)
    time.sleep(0.1)  # the master listens before its workers exist
    return Row("nginx", process, port, port_streams)


def start_haproxy(processes, folder, upstream_port, cores):
    if not shutil.which("haproxy"):
        raise Absent("haproxy is not installed")
    port = free_port()
    # Without http-no-delay HAProxy holds back small chunks, which no one would accept for a stream of tokens.
    (folder / "haproxy.cfg").write_text(
        f"global\n  maxconn 8192\n{'  nbthread 1' if cores else ''}\n"
        "defaults\n  mode http\n  option http-no-delay\n  http-reuse always\n"
        "  timeout connect 5s\n  timeout client 600s\n  timeout server 600s\n"
        f"frontend f\n  bind 127.0.0.1:{port} backlog 4096\n  default_backend b\n"
        f"backend b\n  server s 127.0.0.1:{upstream_port} pool-max-conn {KEPT_CONNECTIONS} pool-purge-delay 600s\n")
    process = processes.start("haproxy", ["haproxy", "-db", "-f", folder / "haproxy.cfg"], cores)
    wait_for_port(process, port, "haproxy", folder)
    return Row("haproxy", process, port)


def install_portkey() -> dict:
    """Portkey's gateway into .cache/, at the version of tests/bench/portkey/package.json; no scripts of packages run."""
    wanted = (ROOT / "tests/bench/portkey/package.json").read_text()
    version = json.loads(wanted)["dependencies"]["@portkey-ai/gateway"]
    if not shutil.which("npm") or not shutil.which("node"):
        raise Absent("node and npm are not installed")
    package = PORTKEY / "node_modules/@portkey-ai/gateway"
    server = package / "build/start-server.js"
    if not server.exists() or json.loads((package / "package.json").read_text())["version"] != version:
        PORTKEY.mkdir(parents=True, exist_ok=True)
        (PORTKEY / "package.json").write_text(wanted)
        try:
            done = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"],
                                  cwd=PORTKEY, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            raise Absent("npm install took more than 300 s") from None
        if done.returncode != 0 or not server.exists():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise Absent(f"npm install failed: {lines[0][:200] if lines else done.returncode}")
    text = server.read_text()
    if text.count(PORTKEY_BROKEN) == 1:
        server.write_text(text.replace(PORTKEY_BROKEN, PORTKEY_MENDED))
    return {"version": version, "patched": PORTKEY_MENDED in server.read_text()}


def start_portkey(processes, folder, upstream_port, cores):
    about = install_portkey()
    port = free_port()
    process = processes.start(
        "portkey", ["node", PORTKEY / "node_modules/@portkey-ai/gateway/build/start-server.js", "--headless",
                    f"--port={port}"], cores, env=os.environ | {"NODE_ENV": "production"})
    wait_for_port(process, port, "portkey", folder)
    return Row("portkey", process, port,
               headers=["x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{upstream_port}/v1"],
               patched=about["patched"])


def start_bellwether(processes, folder, upstream_port, cores, binary=None, name="bellwether"):
    """Everything on: a key, a model that the upstream knows by another name, a price, the access log, metrics.
    The bounds on connections are raised beyond the scenarios' 1,200, as they are for the other rows."""
    return serve(processes, folder, cores, binary or BUILD / "bellwether", name, f"""
[upstream.u]
dialect = "openai"
base_url = "http://127.0.0.1:{upstream_port}/v1"
connections = {KEPT_CONNECTIONS}
idle_connections = {KEPT_CONNECTIONS}
""")


# What the overloaded upstream can do: so many answers at once, each after so long, behind so long a queue.
OVERLOADED = {"places": 16, "answer_ms": 50, "queue": 8}
CAPACITY = OVERLOADED["places"] * 1000 // OVERLOADED["answer_ms"]


def start_overloaded(processes, folder, gateway_cores, upstream_cores):
    """Bellwether before a simulator that it allows a few answers at once, with a short queue."""
    ready = folder / "sim.json"
    ready.unlink(missing_ok=True)
    process = processes.start("sim", [BUILD / "bellwether", "sim", "--listen", "127.0.0.1:0", "--model", f"{MODEL}-there",
                                      "--ttft", f"{OVERLOADED['answer_ms']}ms", "--no-record", "--ready-file", ready], upstream_cores)
    address = wait_for_ready(process, ready, folder / "sim.log")["listen"][0]
    return serve(processes, folder, gateway_cores, BUILD / "bellwether", "overloaded", f"""
[upstream.u]
dialect = "vllm"
base_url = "{address}/v1"
concurrency = {{ max = {OVERLOADED["places"]}, queue = {OVERLOADED["queue"]}, queue_for = "1s" }}
""")


def wait_for_ready(process, ready, log) -> dict:
    deadline = time.monotonic() + PATIENCE_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Absent(f"did not start: {log.read_text().strip()[-200:]}")
        time.sleep(0.01)
    return json.loads(ready.read_text())


def serve(processes, folder, cores, binary, name, upstream):
    if not binary.exists():
        raise Absent(f"{binary} is not built")
    home = folder / name
    home.mkdir(exist_ok=True)
    (home / "bellwether.toml").write_text(
        f'listen = "127.0.0.1:0"\ndata = "data"\n{"lanes = 1" if cores else ""}\n'
        f'[admin]\nlisten = "127.0.0.1:0"\n[log]\naccess = "access.log"\n'
        + upstream +
        f'[model.{MODEL}]\nroute = [{{ upstream = "u", model = "{MODEL}-there" }}]\n'
        f'[model.{MODEL}.price]\ninput = "0.40"\ncached_input = "0.10"\noutput = "1.60"\n')
    ready = home / "ready.json"
    ready.unlink(missing_ok=True)
    config = ["--config", home / "bellwether.toml"]
    key = subprocess.run([binary, "key", "create", "--name", "bench", *config, "--json"], capture_output=True,
                         text=True, timeout=30)
    if key.returncode != 0:
        raise Absent(f"key create failed: {key.stderr.strip()[:200]}")
    process = processes.start(name, [binary, "serve", *config, "--ready-file", ready], cores)
    where = wait_for_ready(process, ready, folder / f"{name}.log")
    return Row(name, process, int(where["listen"][0].rsplit(":", 1)[1]), key=json.loads(key.stdout)["key"],
               admin=where["admin"], access_log=home / "access.log")


STARTERS = {"nginx": start_nginx, "haproxy": start_haproxy, "portkey": start_portkey, "bellwether": start_bellwether}
NAMES = ["direct", *STARTERS]


def versions(names) -> dict[str, str]:
    """What was measured, in its own words."""
    told = {}
    if "nginx" in names and shutil.which("nginx"):
        told["nginx"] = output_of("nginx", "-v").replace("nginx version: nginx/", "")
    if "haproxy" in names and shutil.which("haproxy"):
        told["haproxy"] = re.sub(r"HAProxy version (\S+).*", r"\1", output_of("haproxy", "-v").splitlines()[0])
    if "portkey" in names:
        with contextlib.suppress(OSError, ValueError):
            told["portkey"] = json.loads(
                (PORTKEY / "node_modules/@portkey-ai/gateway/package.json").read_text())["version"]
            told["node"] = output_of("node", "--version")
    if "bellwether" in names and (BUILD / "bellwether").exists():
        told["bellwether"] = output_of(str(BUILD / "bellwether"), "version").splitlines()[0]
    told["compiler"] = output_of("g++", "--version").splitlines()[0] if shutil.which("g++") else "unknown"
    return told
