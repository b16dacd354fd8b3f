"""The README's own lines: its commands exist, its code runs, its prompts answer what it says."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

import derive
from derive.check.lines import VERDICTS
from derive.cli import main, parser

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def latex(start: str) -> str:
    (block,) = [b for b in blocks("latex") if b.startswith(start)]
    return block


def test_prompts_answer_what_the_page_says():
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    text = re.sub(r"\n\n(?!>>>)", "\n<BLANKLINE>\n", "".join(blocks("pycon")))  # a report has blank lines
    test = doctest.DocTestParser().get_doctest(text, {}, "README", "README.md", 0)
    output: list[str] = []
    assert runner.run(test, out=output.append).failed == 0, "".join(output)


def test_networks_are_read(tmp_path):
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


def test_marking_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("hand.tex").write_text(latex(r"\begin{align*}"))
    (line,) = re.findall(r"^derive (check hand.*)$", TEXT, re.M)
    assert main(shlex.split(line)) == 1
    assert capsys.readouterr().out == blocks("text")[0]


def test_a_problem_in_latex_is_solved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("softmax.tex").write_text(latex("% loss"))
    (line,) = re.findall(r"^derive (solve softmax.*)$", TEXT, re.M)
    assert main(shlex.split(line)) == 0
    assert {path.name for path in Path("output").iterdir()} == {"softmax.tex", "softmax.html"}


def test_every_verdict_is_explained():
    assert re.findall(r"^\| (\w+) \|", TEXT, re.M)[1:] == list(VERDICTS)


def test_the_picture_is_of_its_text():
    report = derive.load("lstm_scalar").check((ROOT / "docs" / "marked.tex").read_text())
    assert [(line.n, line.slip.kind) for line in report.lines if line.slip is not None] == [(3, "time"), (6, "symbol")]
    assert report.summary["proved"] == len(report.lines) - 2


def test_the_two_commands_are_in_the_makefile():
    make = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in make for target in ("sheets", "test"))
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    pictures = re.findall(r"\((docs/\w+\.png)\)", TEXT)
    assert len(pictures) == 2 and all((ROOT / picture).exists() for picture in pictures)


def test_the_picture_of_the_house_names_every_file():
    picture = (ROOT / "ARCHITECTURE.md").read_text().split("```")[1]
    files = {path.name for path in (ROOT / "derive").rglob("*.py") if path.parent.name not in ("networks", "printing")}
    assert not {name for name in files if not name.startswith("__") and name not in picture}


def test_nothing_names_a_machine():
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.rglob("derive/**/*.py"),
        *ROOT.glob("tests/*.py"),
        *ROOT.glob("output/*.tex"),
        *ROOT.glob("assignments/*"),
        *ROOT.glob("docs/*.[mt]*"),
    ]:
        assert not re.search(r"/(work|root|home)/\w", path.read_text()), path
