#!/usr/bin/env python3
"""Compares what the rooms include with what CMakeLists.txt lets them link: an include against the arrows is an error."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
rooms = {}
for line in re.findall(r"^bw_room\((.*)\)$", (root / "CMakeLists.txt").read_text(), re.M):
    name, *links = line.split()
    rooms[name] = {link for link in links if (root / "src" / link).is_dir()}


def reachable(room: str) -> set[str]:
    seen, todo = set(), [room]
    while todo:
        for link in rooms[todo.pop()] - seen:
            seen.add(link)
            todo.append(link)
    return seen


problems = []
for room in rooms:
    if room in reachable(room):
        problems.append(f"CMakeLists.txt: {room} reaches itself")
    for path in sorted((root / "src" / room).rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        for number, text in enumerate(path.read_text().splitlines(), 1):
            include = re.match(r'#include "([a-z_]+)/', text)
            if include and include[1] == "support" and path.stem.endswith("_test"):
                continue  # tests/support
            if include and include[1] != room and include[1] not in rooms[room]:
                problems.append(f"{path.relative_to(root)}:{number}: {room} includes {include[1]}, to which it has no arrow")
            io = re.match(r"#include <(sys/epoll|openssl/ssl|sys/socket)", text)
            if io and "net" not in rooms[room] and room != "net":
                problems.append(f"{path.relative_to(root)}:{number}: {room} includes {io[1]}, and does no I/O")
for problem in problems:
    print(problem, file=sys.stderr)
print(f"{len(rooms)} rooms, {sum(len(links) for links in rooms.values())} arrows, {len(problems)} problem(s)")
sys.exit(1 if problems else 0)
