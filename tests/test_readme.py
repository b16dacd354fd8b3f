"""The README's own lines: its commands exist, its code runs, its prompts answer what it says."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from derive.cli import main, parser

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def test_prompts_answer_what_the_page_says():
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    test = doctest.DocTestParser().get_doctest("".join(blocks("pycon")), {}, "README", "README.md", 0)
    output: list[str] = []
    assert runner.run(test, out=output.append).failed == 0, "".join(output)


def test_networks_are_read(tmp_path):
    import derive

    first, second, _ = blocks("python")
    (tmp_path / "residual.py").write_text(first)
    assert derive.load(tmp_path / "residual.py").solve().gradients["W2"] is derive.load("residual").solve().gradients["W2"]
    assert derive.network(second).solve().crosscheck(2).passed


def test_gradient_test_runs():
    space: dict = {}
    exec(compile(blocks("python")[2], "README.md", "exec"), space)
    space["test_my_backward_pass"]()


@pytest.mark.parametrize("line", re.findall(r"^derive [^#\n]*", TEXT, re.M))
def test_commands_parse(line):
    parser().parse_args(shlex.split(line)[1:])


def test_sheet_use(tmp_path):
    assert main(["sheet", str(ROOT / "assignments" / "seed_002.toml"), "-o", str(tmp_path), "--format", "tex"]) == 0
    assert (tmp_path / "seed_002.tex").exists()


def test_the_two_commands_are_in_the_makefile():
    make = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in make for target in ("sheets", "test"))
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert (ROOT / "docs" / "residual.png").exists()


def test_nothing_names_a_machine():
    for path in [*ROOT.glob("*.md"), *ROOT.rglob("derive/**/*.py"), *ROOT.glob("tests/*.py"), *ROOT.glob("output/*.tex"), *ROOT.glob("assignments/*")]:
        assert not re.search(r"/(work|root|home)/\w", path.read_text()), path
