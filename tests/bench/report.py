"""What a side-by-side run says: medians and ranges over its rounds, as tables in Markdown.

Pure: results in, text out. A ratio is taken within a round and then ranked, never made of two medians: only rows
that ran right after each other met the same machine.
"""

import pathlib
import statistics

TITLES = {"direct": "direct", "nginx": "nginx", "haproxy": "HAProxy", "portkey": "Portkey", "bellwether": "**Bellwether**"}
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
CORE_FULL = 0.95  # of the core that load generator and upstream share when pinned

WORDS = {
    "en": {"pinned": "One core for the gateway, the other for load and upstream", "unpinned": "Nothing pinned, workers and lanes by default",
           "gateway": "", "throughput": "throughput, c = {c}", "cpu": "CPU per request", "cpu_streamed": "CPU per streamed answer",
           "added": "added latency at {rate:,}/s, p50 / p99", "chunk": "CPU per chunk", "gap": "added gap between chunks, p99",
           "memory": "memory per further stream", "absent": "absent",
           "foot": "Ratios to nginx's plain `proxy_pass` of the same round: median and range of {rounds} interleaved rounds. Streams: {streams:,} × {chunks}/s, nginx with "
                   "`proxy_buffering off`. Bellwether has keys, model names, prices, the access log and metrics on; the others only forward. Nothing pinned, other "
                   "concurrencies and absolute figures: [docs/benchmark_results.md](docs/benchmark_results.md)."},
    "ko": {"pinned": "게이트웨이에 코어 하나, 부하 생성기와 업스트림에 나머지 하나", "unpinned": "코어 고정 없음, 워커와 레인은 기본값",
           "gateway": "", "throughput": "처리량, 동시 {c}", "cpu": "요청당 CPU", "cpu_streamed": "스트리밍 응답당 CPU",
           "added": "초당 {rate:,}건에서 더해진 지연, p50 / p99", "chunk": "청크당 CPU", "gap": "더해진 청크 간격, p99",
           "memory": "스트림 하나가 더 쓰는 메모리", "absent": "없음",
           "foot": "같은 회차에서 잰 nginx `proxy_pass` 대비 비율이며, 번갈아 잰 {rounds}회의 중앙값과 범위입니다. 스트림은 {streams:,}개 × 초당 {chunks}청크, nginx는 "
                   "`proxy_buffering off`입니다. Bellwether는 키, 모델 이름, 가격, 접근 로그, 지표를 모두 켰고 나머지는 전달만 합니다. "
                   "코어를 고정하지 않은 결과와 다른 동시성, 절대값은 [docs/benchmark_results.md](docs/benchmark_results.md)에 있습니다."},
}


class Spread:
    """The median and the range of some numbers."""

    def __init__(self, values):
        self.values = sorted(values)

    def __bool__(self):
        return bool(self.values)

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self, form: str, unit: str = "") -> str:
        if not self.values:
            return "–"
        low, high = (format(self.values[at], form) for at in (0, -1))
        ranged = f" ({low}–{high})" if len(self.values) > 1 else ""
        return f"{format(self.median, form)}{unit}{ranged}"

    def json(self):
        if not self.values:
            return None
        return {"median": round(self.median, 4), "min": round(self.values[0], 4), "max": round(self.values[-1], 4),
                "rounds": len(self.values)}


def number(run: dict, path: str):
    for part in path.split("/"):
        run = run.get(part) if isinstance(run, dict) else None
    return run


class Result:
    def __init__(self, result: dict):
        self.raw = result
        self.cells = {(cell["mode"], cell["scenario"], cell["streamed"], cell["connections"], cell["row"]): cell["rounds"]
                      for cell in result["cells"]}
        self.modes = [mode for mode in ("pinned", "unpinned") if any(key[0] == mode for key in self.cells)]

    def rounds(self, *key):
        """The rounds of a cell in which anything was answered; bad answers are told apart, see `marks`."""
        return self.cells.get(key, [])

    def spread(self, path, *key) -> Spread:
        return Spread([value for run in self.rounds(*key) if (value := number(run, path))])

    def ratio(self, path, *key, to="nginx") -> Spread:
        pairs = zip(self.rounds(*key), self.rounds(*key[:-1], to))
        return Spread([number(run, path) / number(base, path) for run, base in pairs
                       if number(run, path) and number(base, path)])

    def added(self, path, *key) -> Spread:
        """What a row adds to `direct`, in the unit of the field."""
        pairs = zip(self.rounds(*key), self.rounds(*key[:-1], "direct"))
        return Spread([number(run, path) - number(base, path) for run, base in pairs
                       if number(run, path) and number(base, path)])

    def marks(self, *key) -> str:
        runs = self.rounds(*key)
        full = key[0] == "pinned" and any(run.get("upstream_cores", 0) + run.get("load_cores", 0) > CORE_FULL for run in runs)
        return ("†" if any(run["errors"] for run in runs) else "") + ("‡" if full and key[-1] != "direct" else "")

    def concurrency(self):
        return sorted({key[3] for key in self.cells if key[1] == "closed"})

    def rows(self):
        return list(self.raw["rows"])


def table(head, lines) -> str:
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(out + ["| " + " | ".join(line) + " |" for line in lines]) + "\n"


def with_absent(result: Result, width: int, line_of, word="absent"):
    """A line for each row; a row that could not be measured says why instead of vanishing."""
    for name in result.rows():
        why = result.raw["rows"][name].get("absent")
        yield [TITLES[name], *([f"{word}: {why}"] + [""] * (width - 1) if why else line_of(name))]


def closed_table(result: Result, mode: str, streamed: bool, path: str, unit: str) -> str:
    def line(name):
        for connections in result.concurrency():
            key = (mode, "closed", streamed, connections, name)
            absolute = result.spread(path, *key)
            if not absolute:
                yield "–" + result.marks(*key)
                continue
            form = ",.0f" if unit == "/s" else ".1f"
            plain = format(absolute.median, form) + unit
            ratio = result.ratio(path, *key) if name != "nginx" else None
            yield (f"{ratio.text('.2f', ' ×')} · {plain}" if ratio else plain) + result.marks(*key)

    head = ["", *(f"c = {connections}" for connections in result.concurrency())]
    return table(head, with_absent(result, len(head) - 1, line))


def open_table(result: Result, mode: str) -> str:
    def line(name):
        key = (mode, "open", False, 64, name)
        if name == "direct":
            return [f"{result.spread(f'latency_us/{p}', *key).text(',.0f', ' µs')} in all" for p in ("p50", "p99")]
        return [result.added(f"latency_us/{p}", *key).text("+,.0f", " µs") + result.marks(*key) for p in ("p50", "p99")]

    return table(["", "added p50", "added p99"], with_absent(result, 2, line))


def paced_table(result: Result, mode: str) -> str:
    def line(name):
        key = (mode, "paced", True, result.raw["streams"], name)
        cells = [result.spread("cpu_us_per_chunk", *key).text(".1f", " µs"), result.ratio("cpu_us_per_chunk", *key).text(".2f", " ×")]
        for path in ("gap_us/p99", "chunk_delay_us/p99", "ttft_us/p99"):
            spread = result.spread(path, *key) if name == "direct" else result.added(path, *key)
            in_ms = Spread([value / 1000 for value in spread.values])
            cells.append(in_ms.text(".2f" if name == "direct" else "+.2f", " ms") + (" in all" if name == "direct" else ""))
        return [*cells, result.spread("chunks_per_s", *key).text(",.0f") + result.marks(*key)]

    head = ["", "CPU per chunk", "to nginx", "added gap p99", "added chunk delay p99", "added first token p99", "chunks/s delivered"]
    return table(head, with_absent(result, len(head) - 1, line))


def memory_table(result: Result) -> str:
    def line(name):
        key = next((key for key in result.cells if key[1] == "memory" and key[-1] == name), ("", "", "", 0, name))
        rss = Spread([value / 1024 for value in result.spread("rss_kb_at_128", *key).values])
        return [rss.text(".1f", " MB"), result.spread("kb_per_stream", *key).text(".1f", " KB") + result.marks(*key)]

    return table(["", "RSS under load, c = 128", "for each further open stream"],
                 (line_ for line_ in with_absent(result, 2, line) if line_[0] != "direct"))


def relay_text(raw: dict) -> str:
    runs = raw.get("relay") or {}
    if "bare" not in runs:
        return ""
    pairs = zip(runs["bellwether"], runs["bare"])
    cost = Spread([(mine["cpu_us_per_request"] / bare["cpu_us_per_request"] - 1) * 100 for mine, bare in pairs])
    return ("## The relay\n\nCPU of a healthy request, c = 32, against the same gateway with a relay that decides nothing (one candidate, one try, no health):"
            f" {cost.text('+.1f', ' %')}, {len(cost.values)} pairs.\n")


def overload_text(raw: dict) -> str:
    runs = raw.get("overload") or {}
    if "crowd" not in runs:
        return ""
    lines = []
    for name, title in (("calm", "0.5 × capacity"), ("crowd", "10 × capacity")):
        of = runs[name]
        cells = [Spread([run["latency_us"][p] / 1000 for run in of]).text(".1f", " ms") for p in ("p50", "p99")]
        lines.append([title, Spread([run["rps"] for run in of]).text(",.0f"), *cells,
                      Spread([run["rss_kb"] / 1024 for run in of]).text(".1f", " MB")])
    upstream = raw["overloaded_upstream"]
    return (f"## Overload\n\nAn upstream with {upstream['places']} places of {upstream['answer_ms']} ms each, a queue of {upstream['queue']}; open loop, latency of"
            " those who were let in counted from when they were due.\n\n"
            + table(["", "served/s", "p50", "p99", "RSS"], lines))


ABOUT = {
    "en": {"cores": "{} cores", "kernel": "kernel {}", "commit": "commit {}",
           "patched": " Portkey's streams fail as installed on this Node (\"TypeError: immutable\", status 500); one expression was patched so that they could be measured.",
           "quick": " A quick run: far too short to compare."},
    "ko": {"cores": "코어 {}개", "kernel": "커널 {}", "commit": "커밋 {}",
           "patched": " Portkey의 스트림은 설치된 그대로는 이 Node에서 실패합니다(\"TypeError: immutable\", 상태 500). 잴 수 있도록 식 하나를 고쳤습니다.",
           "quick": " 짧은 실행이라 비교하기에는 부족합니다."},
}


def about(result: Result, language: str = "en") -> str:
    words = ABOUT[language]
    raw, box = result.raw, result.raw["machine"]
    parts = ", ".join(f"{TITLES.get(name, name).strip('*')} {version}" if name != "bellwether" else version
                      for name, version in raw["versions"].items())
    text = (f"{box['cpu']}, {words['cores'].format(box['cores'])}, {box.get('system', '')}, {words['kernel'].format(box['kernel'])}; {parts}; "
            f"{words['commit'].format(raw['commit'])}; {raw['date'][:10]}.")
    if raw["notes"].get("portkey_patched"):
        text += words["patched"]
    return text + (words["quick"] if raw["quick"] else "")


def full(raw: dict) -> str:
    result = Result(raw)
    streams, chunks = raw["streams"], raw["chunks_per_s"]
    out = ["# Side by side\n", about(result) + "\n",
           f"Ratios are to nginx (`proxy_pass`, keep-alive; `proxy_buffering off` for streams) within a round: median (lowest–highest) of {raw['rounds']} interleaved"
           " rounds. Bellwether has everything on: keys, model names, prices, access log to a file, metrics. † some answers were bad; ‡ the core of load generator"
           " and upstream was full, so the gateway could do more.\n"]
    for mode in result.modes:
        out.append(f"## {WORDS['en'][mode]}\n")
        for streamed in (False, True):
            what = "streamed, 16 chunks at once" if streamed else "not streamed"
            out += [f"### Throughput, {what}\n", closed_table(result, mode, streamed, "rps", "/s"),
                    f"### CPU per request, {what}\n", closed_table(result, mode, streamed, "cpu_us_per_request", " µs")]
        out += [f"### Added latency at {raw['rate']:,} requests/s, from the time a request was due\n", open_table(result, mode),
                f"### {streams:,} streams × {chunks} chunks/s\n", paced_table(result, mode)]
    out += ["## Memory, one core, fresh processes\n", memory_table(result)]
    out += [relay_text(raw), overload_text(raw)]
    for check in raw["checks"]:
        out.append(f"{check['mode']}: {check['answers_of_load']:,} answers through Bellwether, {check['requests_of_metrics']:,} counted by its metrics,"
                   f" {check['access_log_lines_dropped']:,} access lines dropped.\n")
    return "\n".join(out)


def short(raw: dict, language: str) -> str:
    """The table of a README."""
    result, words = Result(raw), WORDS[language]
    at_most = [connections for connections in result.concurrency() if connections <= 32] or result.concurrency()
    c = at_most[-1] if at_most else 0
    memory = next((key[:-1] for key in result.cells if key[1] == "memory"), None)
    out = []
    for mode in result.modes[:1]:  # Pinned; the rest stands in docs/benchmark_results.md.
        def line(name, mode=mode):
            whole, streamed = (mode, "closed", False, c, name), (mode, "closed", True, c, name)
            paced, opened = (mode, "paced", True, raw["streams"], name), (mode, "open", False, 64, name)
            p50, p99 = (result.added(f"latency_us/{p}", *opened) for p in ("p50", "p99"))
            gap = Spread([value / 1000 for value in result.added("gap_us/p99", *paced).values])
            per_stream = result.spread("kb_per_stream", *memory, name) if memory else Spread([])
            return [result.ratio("rps", *whole).text(".2f", " ×") + result.marks(*whole),
                    result.ratio("cpu_us_per_request", *whole).text(".2f", " ×"),
                    result.ratio("cpu_us_per_request", *streamed).text(".2f", " ×") + result.marks(*streamed).replace("‡", ""),
                    f"{p50.median / 1000:.2f} / {p99.median / 1000:.2f} ms" if p50 and p99 else "–",
                    result.ratio("cpu_us_per_chunk", *paced).text(".2f", " ×") + result.marks(*paced).replace("‡", ""),
                    f"{gap.median:.1f} ms" if gap else "–",
                    f"{per_stream.median:.1f} KB" if per_stream else "–"]

        head = [words[name].format(c=c, rate=raw["rate"])
                for name in ("gateway", "throughput", "cpu", "cpu_streamed", "added", "chunk", "gap", "memory")]
        lines = with_absent(result, len(head) - 1, line, words["absent"])
        out += [f"{words[mode]}:\n", table(head, (line_ for line_ in lines if line_[0] != "direct"))]
    out += [words["foot"].format(rounds=raw["rounds"], streams=raw["streams"], chunks=raw["chunks_per_s"]) + "\n", about(result, language)]
    return "\n".join(out)


def summary(raw: dict) -> list[dict]:
    """The same figures for machines: a line for each cell."""
    result, lines = Result(raw), []
    fields = {"closed": ["rps", "cpu_us_per_request", "latency_us/p50", "latency_us/p99"], "open": ["cpu_us_per_request"],
              "paced": ["cpu_us_per_chunk", "chunks_per_s"], "memory": ["rss_kb_at_128", "kb_per_stream"]}
    added = {"open": ["latency_us/p50", "latency_us/p99"], "paced": ["gap_us/p99", "chunk_delay_us/p99", "ttft_us/p99"]}
    for key in result.cells:
        mode, scenario, streamed, connections, row = key
        line = {"mode": mode, "scenario": scenario, "streamed": streamed, "connections": connections, "row": row,
                "bad_answers": sum(int(run["errors"]) for run in result.rounds(*key))}
        for path in fields[scenario]:
            line[path] = result.spread(path, *key).json()
            line[f"{path} to nginx"] = result.ratio(path, *key).json()
        for path in added.get(scenario, []) if row != "direct" else []:
            line[f"added {path}"] = result.added(path, *key).json()
        lines.append(line)
    return lines


def splice(file: pathlib.Path, text: str) -> str:
    """Puts `text` between the marks of a file; says what it did. A file without marks is left alone."""
    if not file.exists():
        return f"{file.name}: not there, left alone"
    old = file.read_text()
    if old.count(BEGIN) != 1 or old.count(END) != 1 or old.index(BEGIN) > old.index(END):
        return f"{file.name}: has no pair of {BEGIN} and {END}, left alone"
    before, rest = old.split(BEGIN)
    file.write_text(f"{before}{BEGIN}\n{text.strip()}\n{END}{rest.split(END)[1]}")
    return f"{file.name}: table written"
