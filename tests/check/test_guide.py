"""The guide's own examples: every scope file loads, every line gets the verdict that it says, the report is what is printed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from derive.check import Checker, check_file
from derive.check.lines import SLIPS, VERDICTS
from derive.check.settings import CHOICES, KEYS, parts

PAGE = Path(__file__).parents[2] / "docs" / "checking.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = [(m[1], m[2], TEXT[: m.start()].count("\n") + 1) for m in re.finditer(r"^```(\w+)\n(.*?)^```$", TEXT, re.M | re.S)]
NAMED = re.compile(r"[%#] ([\w.]+\.(?:tex|toml))\n")
WITHOUT_EFFECT = {"title", "time"}


class Example(NamedTuple):
    """Lines with their verdicts, in a scope; `place` is the line of the page."""

    place: int
    scope: str
    lines: tuple[tuple[list[str], str], ...]


def examples() -> list[Example]:
    found, scope = [], ""
    for language, body, place in BLOCKS:
        if language == "toml":
            scope = body
        elif language == "verdicts":
            rows = [re.split(r"\s{2,}", row.strip(), maxsplit=1) for row in body.strip().splitlines()]
            found.append(Example(place, scope, tuple((said.split(), tex) for said, tex in rows)))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page's named files."""
    place = tmp_path_factory.mktemp("guide")
    for _, body, _ in BLOCKS:
        if (named := NAMED.match(body)) is not None:
            (place / named[1]).write_text(body, encoding="utf-8")
    return place


@pytest.mark.parametrize("scope", [body for language, body, _ in BLOCKS if language == "toml"])
def test_every_scope_loads(scope, folder):
    assert parts(tomllib.loads(scope), "scope", folder)
    assert len([row for row in scope.splitlines() if row.strip()]) <= 20


@pytest.mark.parametrize("example", examples(), ids=lambda e: f"line {e.place}")
def test_every_line_gets_its_verdict(example, folder):
    checker = Checker(parts(tomllib.loads(example.scope), "scope", folder))
    for (verdict, *slip), tex in example.lines:
        assert verdict in VERDICTS and {*slip} <= {*SLIPS}, tex
        before = len(checker.lines)
        checker.text(f"$${tex}$$")
        got = checker.lines[before:]
        assert got, f"no relation in {tex}"
        # of a chain a = b = c the verdict is that of each
        assert {line.verdict for line in got} == {verdict}, [(line.verdict, line.tex, line.reason) for line in got]
        assert slip in ([], [got[-1].slip.kind if got[-1].slip is not None else None]), (tex, got[-1].slip)


def test_the_report_is_what_is_printed(folder):
    report = check_file(folder / "hand.tex", scope=folder / "scope.toml")
    (shown,) = [body for language, body, _ in BLOCKS if language == "report"]
    assert str(report) + "\n" == shown


def test_every_key_has_an_example(folder):
    used: set[str] = set()
    for language, body, _ in BLOCKS:
        if language == "toml":
            data = tomllib.loads(body)
            used |= {*data, *(key for part in data.get("part", []) for key in part)}
    assert {*KEYS} - used <= WITHOUT_EFFECT | {"functions"}
    table = TEXT.partition("## Keys")[2].partition("\n### ")[0]
    assert all(re.search(rf"`\[*{key}\]*`|^from$", table) for key in {*KEYS} - {"from"})
    assert all(f'"{value}"' in table for key, values in CHOICES.items() if key not in WITHOUT_EFFECT for value in values)


def test_every_verdict_and_slip_is_named():
    section = TEXT.partition("## Verdicts")[2]
    assert all(f"| {verdict} |" in section for verdict in VERDICTS)
    assert all(f"`{kind}`" in section for kind in SLIPS)
