"""The HTML reports in a real browser: nothing is loaded, nothing complained of, and drawings can be read."""
import html.parser
import json
import re

import pytest

import audit_sample
from browser import browser  # noqa: F401 (a fixture)
from conftest import ROOT, run

ROI = ["--on", "2026-11-25", "--krw", "1400@2026-11-01"]
PAGES = ["audit", "roi_stated", "roi_audited"]

# Of every drawing: its size, and of its texts the smallest letters, pairs that overlap, and those that leave the drawing's own frame.
MEASURE = """(() => [...document.querySelectorAll('svg')].map(svg => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].map(text => ({text: text.textContent, box: text.getBoundingClientRect()}));
  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const scale = frame.width / svg.viewBox.baseVal.width;
  return {name: svg.getAttribute('class') || svg.id, width: frame.width, height: frame.height, texts: texts.length,
          shapes: svg.querySelectorAll('rect, path, line').length,
          letters: Math.min(...[...svg.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize) * scale)),
          overlaps: texts.flatMap((a, i) => texts.slice(i + 1).filter(b => overlap(a.box, b.box)).map(b => a.text + ' | ' + b.text)),
          outside: texts.filter(t => t.box.left < frame.left - 2 || t.box.right > frame.right + 2 || t.box.top < frame.top - 2 || t.box.bottom > frame.bottom + 2).map(t => t.text)};
}))()"""

# Text against what is behind it, as WCAG has it: the least of all leaves.
CONTRAST = """(() => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = rgb => { const [r, g, b] = rgb.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = element => { for (; element; element = element.parentElement) { const c = parse(getComputedStyle(element).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  let least = [99, ''];
  for (const element of document.querySelectorAll('p, h1, h2, th, td, dt, dd, li b, li span, figcaption, .source, summary, footer')) {
    if (!element.textContent.trim()) continue;
    const a = light(parse(getComputedStyle(element).color).slice(0, 3)), b = light(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least[0]) least = [ratio, element.className + ': ' + element.textContent.slice(0, 40)];
  }
  return least;
})()"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    (folder / "audit.json").write_text(json.dumps(audit_sample.sample()))
    (folder / "usage.jsonl").write_text("".join(json.dumps({
        "id": f"chatcmpl-{day}-{i}", "object": "chat.completion", "created": 1_791_158_400 + day * 86_400 + i * 3600, "model": "deepseek-v3" if i % 3 else audit_sample.HOSTILE,
        "choices": [], "usage": {"prompt_tokens": 50_000 + 1000 * i, "completion_tokens": 9_000, "prompt_tokens_details": {"cached_tokens": 20_000}}}) + "\n" for day in range(20) for i in range(24)))
    return folder


@pytest.fixture(scope="module", params=[(page, language) for page in PAGES for language in ("en", "ko")], ids=lambda it: "-".join(it))
def page(request, folder):
    name, language = request.param
    path = folder / f"{name}_{language}.html"
    command = {"audit": ["audit", folder / "usage.jsonl", "--tz", "Asia/Seoul"],
               "roi_stated": ["roi", "--input", "100M", "--output", "50M", "--self-hosted", "500..750", "--price", "0.42", *ROI],
               "roi_audited": ["roi", "--audit", folder / "audit.json", "--scenario", ROOT / "docs/examples/gpus.toml", "--price", f"{audit_sample.HOSTILE}:input=0.3,output=0.5", "--candidate", "deepseek/deepseek-flash",
                               "--candidate", "deepseek/deepseek-v4-pro", *ROI]}[name]
    done = run(*map(str, command), "--html", str(path), "--lang", language)
    assert done.returncode == 0, done.stderr
    return name, language, path


def drawings(name):
    return {"audit": {"days", "heat"}, "roi_stated": {"bars", "curves", "tornado"}, "roi_audited": {"bars", "curves", "tornado", "days", "heat"}}[name]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_loads_nothing_complains_of_nothing_and_can_be_read(browser, page, scheme):  # noqa: F811
    name, language, path = page
    browser.open(path, scheme=scheme)
    assert [url for url in browser.requested() if not url.startswith("data:")] == [f"file://{path}"]
    assert browser.complaints() == []
    assert browser.evaluate("document.documentElement.lang") == language
    assert browser.evaluate("document.querySelectorAll('script, iframe, img, object').length") == 0
    told = browser.evaluate(MEASURE)
    assert len(told) == len(drawings(name))
    for drawing in told:
        assert drawing["width"] > 600 and drawing["height"] > 80 and drawing["texts"] >= 4 and drawing["shapes"] >= 4, drawing
        assert drawing["letters"] >= 11, drawing
        assert drawing["overlaps"] == [] and drawing["outside"] == [], drawing
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    ratio, where = browser.evaluate(CONTRAST)
    assert ratio >= 4.5, where
    dark = browser.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_a_page_fits_a_phone_and_paper(browser, page):  # noqa: F811
    name, _, path = page
    browser.open(path, width=390)
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert all(drawing["letters"] >= 9 for drawing in browser.evaluate(MEASURE))
    browser.open(path, media="print", scheme="dark")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


class Structure(html.parser.HTMLParser):
    """Every tag is closed, in order; what might load something is kept."""
    EMPTY = {"meta", "link", "br", "line", "path", "circle"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.references, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.references += [value for name, value in attributes if name in ("src", "href", "xlink:href", "action", "srcset")]
        assert not any(name.startswith("on") for name, _ in attributes), attributes
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def test_a_page_is_well_formed_and_holds_names_as_text(page):
    name, language, path = page
    text = path.read_text()
    structure = Structure(text)
    assert structure.references == ["data:,"]
    assert not re.search(r"url\(|@import", text)
    tags = [tag for tag, _ in structure.tags]
    assert "script" not in tags and tags.count("h1") == 1
    for tag, attributes in structure.tags:
        if tag == "svg":
            assert attributes.get("role") == "img" and attributes.get("aria-labelledby"), attributes
    if name != "roi_stated":
        assert audit_sample.HOSTILE in "".join(structure.text)
    assert bool(re.search("[가-힣]", text)) == (language == "ko")


def test_a_page_shows_what_the_command_says(folder):
    path = folder / "shown.html"
    done = run("roi", "--input", "100M", "--output", "50M", "--self-hosted", "500..750", "--price", "0.42", *ROI, "--lang", "en", "--html", str(path))
    assert done.returncode == 0
    text = "".join(Structure(path.read_text()).text)
    for figure in ("63.00", "437.00–687.00", "87.4–91.6 %", "1.49B", "₩88,200", "641–720 GB"):
        assert figure in text, figure
    audited = json.loads(run("audit", str(folder / "usage.jsonl"), "--tz", "Asia/Seoul", "--json", "--html", str(path), "--lang", "en").stdout)
    text = "".join(Structure(path.read_text()).text)
    assert f"{audited['totals']['requests']['value']} requests" in text
    assert len(re.findall(r"<rect[^>]*class=\"input", path.read_text())) == len(audited["by_day"])


@pytest.mark.parametrize("command", [["roi", "--input", "1M", "--output", "1M", "--self-hosted", "5"], ["audit", "usage.jsonl"]])
def test_a_page_that_cannot_be_written_is_said(folder, command):
    done = run(*command, "--html", "/no/such/folder/page.html", cwd=folder)
    assert done.returncode == 1 and "/no/such/folder/page.html" in done.stderr
