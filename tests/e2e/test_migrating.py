"""docs/migrating.md, walked: every command of the page in order, on one machine, with what it shows compared to what comes out."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from conftest import BINARY, PATIENCE, ROOT


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def blocks(page):
    """(language, text) of each block, in order."""
    return re.findall(r"```(\w+)\n(.*?)```", page, re.S)


def steps(text):
    """(command, what it shows) of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def matches(shown, said):
    """`…` stands for anything: a line that is nothing else, for any lines."""
    pattern = re.escape(shown.strip()).replace("…\\\n", "…").replace("\\\n…", "…").replace("…", ".*")
    return re.fullmatch(pattern, said.strip(), re.S) is not None


class Walk:
    def __init__(self, folder):
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "bin/bellwether").symlink_to(BINARY)
        shutil.copy(ROOT / "docs/examples/gpus.toml", folder)
        self.ports = {port: str(free_port()) for port in ("8000", "8080", "8081", "9000")}
        self.env = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LC_ALL": "C", "BELLWETHER_LISTEN": f"127.0.0.1:{self.ports['8080']}",
                    "BELLWETHER_ADMIN_LISTEN": f"127.0.0.1:{self.ports['8081']}"}
        self.running, self.serve_log = [], None

    def here(self, text):
        """Of the page's ports this machine's free ones."""
        return re.sub(r"(127\.0\.0\.1:|--port )(\d+)", lambda found: found[1] + self.ports[found[2]], text)

    def there(self, text):
        for name, port in self.ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{name}")
        return text

    def start(self, command):
        log = self.folder / f"{len(self.running)}.log"
        process = subprocess.Popen(["bash", "-c", "exec " + self.here(command)], cwd=self.folder, env=self.env, stdout=log.open("w"), stderr=subprocess.STDOUT)
        self.running.append(process)
        if "serve" in command:
            self.env["SERVE"], self.serve_log = str(process.pid), log
        until = time.monotonic() + PATIENCE
        while "127.0.0.1:" not in log.read_text():
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.02)

    def run(self, command):
        if command.startswith("kill -HUP"):
            before = len(self.serve_log.read_text())
            subprocess.run(["bash", "-c", command], env=self.env, check=True)
            until = time.monotonic() + PATIENCE
            while "\n" not in self.serve_log.read_text()[before:]:
                assert time.monotonic() < until, self.serve_log.read_text()
                time.sleep(0.02)
            return self.there(self.serve_log.read_text()[before:])
        done = subprocess.run(["bash", "-c", self.here(command)], cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
        assert done.returncode == 0, (command, done.stdout)
        if key := re.search(r"hs_\w{40}", done.stdout):
            self.env["KEY"] = key[0]
        return self.there(done.stdout)

    def end(self):
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            process.wait(PATIENCE)


@pytest.mark.parametrize("page", ["migrating.md", "migrating.ko.md"])
def test_the_walk_is_what_comes_out(tmp_path, page):
    walk = Walk(tmp_path)
    try:
        for language, text in blocks((ROOT / "docs" / page).read_text()):
            if language == "toml" and "listen" in text:
                (tmp_path / "bellwether.toml").write_text(walk.here(text))
            for command, shown in steps(text) if language == "console" else ():
                if command.endswith("&"):
                    walk.start(command.rstrip("& "))
                    continue
                said = walk.run(command)
                assert matches(shown, said), f"$ {command}\n{said}\n--- the page shows\n{shown}"
        # After the last step the hosted one gets its share, and nothing was lost.
        with urllib.request.urlopen(f"http://127.0.0.1:{walk.ports['8081']}/metrics") as metrics:
            assert 'upstream="vllm"' in metrics.read().decode()
    finally:
        walk.end()
