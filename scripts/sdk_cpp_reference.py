#!/usr/bin/env python3
"""Writes the reference part of docs/sdk/cpp.md from the headers' own comments; with --check it only says whether that is up to date."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
headers = ["client", "call", "stream", "result", "error", "chat", "completions", "embeddings", "models", "hybrid"]
page = root / "docs/sdk/cpp.md"
begin, end = "<!-- reference: begin (scripts/sdk_cpp_reference.py) -->", "<!-- reference: end -->"


def blocks(text):
    """The top-level declarations of a header, each with its comment: lists of lines. What is `detail` is left out."""
    body = text[text.index("namespace bellwether::inline v1 {"):].splitlines()[1:]
    block, depth, hidden = [], 0, False
    for line in body:
        if line.startswith("}  // namespace bellwether"):
            break
        if line.startswith("namespace detail {"):
            hidden, block = True, []
        if hidden:
            hidden = line != "}" and not line.startswith("}  //")
            continue
        depth += line.count("{") - line.count("}")
        if line.strip():
            block.append(line)
        if depth == 0 and block and re.search(r"[;}]$|[;}]\s*//.*$", line) and not line.lstrip().startswith("//"):
            if not block[-1].startswith("extern"):
                yield block
            block = []


def without_private(lines):
    kept, public = [], True
    for line in lines:
        if re.match(r" (private|protected):", line):
            public = False
        elif re.match(r" public:", line):
            public = True
            continue
        elif line.startswith("}"):
            public = True
        if public:
            kept.append(line)
    return kept


def shown(lines):
    """A declaration as a reader needs it: without what is for compilers, and inline bodies cut."""
    text = "\n".join(without_private(lines))
    text = re.sub(r"\[\[(nodiscard|noreturn)\]\] ?|BELLWETHER_API ?|explicit |inline constexpr (?=std)|inline (?=constexpr)", "", text)
    text = re.sub(r"^(  [^/\n]*\)(?: const| noexcept| &&?)*(?: -> [^{\n]*)?) \{[^\n]*\}$", r"\1;", text, flags=re.M)
    text = re.sub(r"^(  [^/\n]*\)(?: const| noexcept| &&?)*(?: -> [^{\n]*)?) \{\n(?:    .*\n)*  \}$", r"\1;", text, flags=re.M)
    text = re.sub(r"^(  Result\([A-Za-z]+ [a-z]+\)) :.*$", r"\1;", text, flags=re.M)
    # Of a class within a class: the same.
    text = re.sub(r"^   private:\n(?:    .*\n)*(?=  };)", "", text, flags=re.M)
    text = re.sub(r"^   public:\n", "", text, flags=re.M)
    return re.sub(r"^(    \w+\([^)]*\) noexcept) : .*$", r"\1;", text, flags=re.M)


def name_of(line):
    found = re.search(r"(?:class|struct|enum class|using) (?:\[\[.*?\]\] )*(?:BELLWETHER_API )?(\w+)", line)
    if found:
        return found[1]
    found = re.search(r"(\w+)(?:\(| =|;)", line)
    return found[1] if found else line.strip()


def reference():
    out = []
    for header in headers:
        text = (root / f"sdk/cpp/include/bellwether/{header}.hpp").read_text()
        about = [re.sub(r"^// ?", "", line) for line in text.split("#pragma once")[0].splitlines()]
        out += [f"### `<bellwether/{header}.hpp>`", "", *[line for line in about if not line.startswith("    ")], ""]
        for block in blocks(text):
            comment = [re.sub(r"^/// ?", "", line) for line in block if line.startswith("///")]
            declaration = [line for line in block if not line.startswith("///")]
            first = next(line for line in declaration if not line.startswith(("template", "#")))
            if comment or re.match(r"(class|struct|enum)", first):
                out += [f"#### `{name_of(first)}`", "", *comment, ""]
            out += ["```cpp", shown(declaration), "```", ""]
    return "\n".join(out)


text = page.read_text()
before, rest = text.split(begin)
after = rest.split(end)[1]
wanted = before + begin + "\n\n" + reference() + "\n" + end + after
if "--check" in sys.argv:
    if wanted != text:
        sys.exit("docs/sdk/cpp.md is not what the headers say: run scripts/sdk_cpp_reference.py")
else:
    page.write_text(wanted)
