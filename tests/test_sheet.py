"""Sheets: the golden files in output/, what they must contain, that TeX sets them without a complaint."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import jinja2
import numpy as np
import pytest

import derive
from derive.assignment import read_assignment
from derive.cli import main
from derive.crosscheck import CrossCheckFailed
from derive.expr import lin
from derive.pdf import compile_tex
from derive.printing import Style
from derive.sheet import DETAILS, Problem, Sheet
from derive.typeset import environment

ROOT = Path(__file__).parent.parent
ASSIGNMENTS = sorted((ROOT / "assignments").glob("*.toml"))
WITH_LOSS = [name for name in derive.gallery() if derive.load(name).system.loss is not None]


def sheet(name: str, **options) -> Sheet:
    net = derive.load(name)
    return Sheet(net.title, [Problem(net.system, net.solve()).check(2)], **options)


def squeezed(text: str) -> str:
    """LaTeX without what only concerns layout."""
    return re.sub(r"\\[bB]ig{1,2}[lr]?|\\quad|[&\s]", "", text)


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Path:
    """What `make sheets` writes, without the PDFs."""
    folder = tmp_path_factory.mktemp("sheets")
    assert main(["sheet", *map(str, ASSIGNMENTS), "-o", str(folder), "--format", "tex,html"]) == 0
    assert main(["solve", *derive.gallery(), "-o", str(folder), "--format", "tex,html"]) == 0
    return folder


def golden() -> list[str]:
    return sorted(p.name for p in (ROOT / "output").glob("*.tex"))


def test_every_sheet_is_committed(written):
    assert golden() == sorted(p.name for p in written.glob("*.tex"))


@pytest.mark.parametrize("name", golden())
def test_sheets_are_the_committed_ones(written, name):
    assert (written / name).read_text() == (ROOT / "output" / name).read_text()


@pytest.mark.tex
@pytest.mark.parametrize("name", golden())
def test_tex_sets_them_without_errors_or_overfull_boxes(name):
    compiled = compile_tex((ROOT / "output" / name).read_text())
    assert compiled.pdf is not None, compiled.errors
    assert compiled.overfull == ()


CONTAINS = {
    "lstm_scalar": [
        r"\bar{c}^{(t)}=\bar{h}^{(t)}\frac{\partialh^{(t)}}{\partialc^{(t)}}+\bar{c}^{(t+1)}\frac{\partialc^{(t+1)}}{\partialc^{(t)}}",
        r"=\bar{h}^{(t)}o^{(t)}(1-\tanh^2(c^{(t)}))+\bar{c}^{(t+1)}f^{(t+1)}",
        r"\bar{i}^{(t+1)}\sigma'(w_{ix}x^{(t+1)}+w_{ih}h^{(t)})w_{ih}+\bar{f}^{(t+1)}\sigma'(w_{fx}x^{(t+1)}+w_{fh}h^{(t)})w_{fh}",
        r"\bar{i}^{(t+1)}i^{(t+1)}(1-i^{(t+1)})w_{ih}+\bar{f}^{(t+1)}f^{(t+1)}(1-f^{(t+1)})w_{fh}",
        r"\sum_{t=1}^T\bar{i}^{(t)}\sigma'(w_{ix}x^{(t)}+w_{ih}h^{(t-1)})x^{(t)}",
        r"\bar{o}^{(t)}=", r"=\bar{h}^{(t)}\tanh(c^{(t)})", r"=\bar{c}^{(t)}c^{(t-1)}", r"=\bar{c}^{(t)}g^{(t)}", r"=\bar{c}^{(t)}i^{(t)}",
        r"=h^{(T)}-y",
    ],
    "residual": [
        r"=\bar{y}h^{\top}", r"=W^{(2)\top}\bar{y}+r", r"=\bar{h}\odot\sigma'(z)=\bar{h}\odoth\odot(1-h)", r"=W^{(1)\top}\bar{z}+\bar{y}",
        r"((W^{(2)\top}(y-s)+r)\odot\sigma'(z))x^{\top}",
    ],
    "rnn_tanh": [r"=W_{hy}^{\top}\bar{y}^{(t)}+W_{hh}^{\top}(\bar{h}^{(t+1)}\odot(1-\tanh^2(W_{hh}h^{(t)}+W_{xh}x^{(t+1)})))"],
    "mlp": [r"=p\odot(\bar{p}-(p^{\top}\bar{p})\mathbf{1})", r"(\mathbf{1}^{\top}t)p-t", r"\bar{z}^{(3)}=p-t"],
    "layer": [r"\frac{\partialy}{\partialx}=\operatorname{diag}(\sigma'(Wx))W", r"=W^{\top}\operatorname{diag}(\sigma'(Wx))"],
    "log_regression": [r"\bar{z}=\bar{y}\frac{\partialy}{\partialz}=\bar{y}e^z=\log(y)-\log(t)", r"=\bar{z}x^2"],
    "seed_002": [
        r"\sum_{t=0}^T\sum_{k=0}^t\frac{\partial\ell_t}{\partialh_t}(\prod_{i=k+1}^t\frac{\partialh_i}{\partialh_{i-1}})\frac{\partialh_k}{\partialW}",
        r"\frac{\partial\ell_3}{\partialh_3}\frac{\partialh_3}{\partialh_2}\frac{\partialh_2}{\partialh_1}\frac{\partialh_1}{\partialh_0}\frac{\partialh_0}{\partialW}",
        r"\frac{\partial^+c_t}{\partialc_{t-1}}=\operatorname{diag}(f_t)",
    ],
    "seed_000": [r"\bar{w}_1=0", "whatever the rest"],
    "rnn": [
        r"\sum_{t=0}^T\sum_{k=0}^t\frac{\partial\ell_t}{\partialh^{(t)}}(\prod_{i=k+1}^t\frac{\partialh^{(i)}}{\partialh^{(i-1)}})\frac{\partialh^{(k)}}{\partialW}",
        r"\prod_{i=k+1}^t[\operatorname{diag}(\sigma'(Wh^{(i-1)}+x^{(i)}))W]",
        r"\frac{\partial\ell_3}{\partialh^{(3)}}\frac{\partialh^{(3)}}{\partialh^{(2)}}\frac{\partialh^{(2)}}{\partialh^{(1)}}\frac{\partialh^{(1)}}{\partialh^{(0)}}\frac{\partialh^{(0)}}{\partialW}",
    ],
    "relu_sparsity": [r"Suppose$z_1<0$", r"\bar{w}_1=0", r"\bar{w}_2=0", r"$\bar{w}_3$isnotforcedtobezero"],
    "lstm": [r"\frac{\partial^+c^{(t)}}{\partialc^{(t-1)}}=\operatorname{diag}(f^{(t)})", r"\operatorname{diag}(c^{(t-1)})\operatorname{diag}(f^{(t)}\odot(1-f^{(t)}))U_f"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "formula"), [(n, f) for n, fs in CONTAINS.items() for f in fs])
def test_sheets_contain(written, name, formula):
    text = squeezed((written / f"{name}.tex").read_text())
    assert formula.replace(" ", "") in text


JARGON = [r"\hbar", "Array", "Permute", "None", "nan", "Traceback", "object at", r" 1 \cdot", "power'", "--"]


@pytest.mark.parametrize("name", golden())
def test_sheets_read_like_a_textbook(name):
    text = (ROOT / "output" / name).read_text()
    for words in JARGON:
        assert words not in re.sub(r"\\textbf\{In numbers\.\}.*?\\end\{align\*\}", "", text, flags=re.S), words
    assert not re.search(r"\^\{[^{}]*(\{[^{}]*\}[^{}]*)*\}\^", text), "a double superscript"


@pytest.mark.parametrize("notation", ["bar", "delta", "partial"])
@pytest.mark.parametrize("detail", DETAILS)
def test_every_level_and_notation_renders(notation, detail):
    s = sheet("residual", style=Style(adjoint=notation), detail=detail)
    tex, page, md = s.render("tex"), s.render("html"), s.render("md")
    sign = {"bar": r"\bar{h}", "delta": r"\delta_h", "partial": r"\frac{\partial E}{\partial h}"}[notation]
    assert sign in tex and sign in md
    assert ("Where the rules come from" in tex) == (detail == "full")
    assert "<math" in page


@pytest.mark.tex
@pytest.mark.parametrize("name", WITH_LOSS)
@pytest.mark.parametrize("options", [{"style": Style(adjoint="delta")}, {"style": Style("subscript", "subscript", "partial"), "detail": "full"}])
def test_other_styles_compile_too(name, options):
    compiled = compile_tex(sheet(name, **options).render("tex"))
    assert compiled.errors == () and compiled.overfull == ()


def test_full_detail_explains_the_transpose():
    text = squeezed(sheet("residual", detail="full").render("tex"))
    assert r"\sum_{i}W_{ij}^{(1)}\bar{a}_i" in text
    assert r"W^{(1)\top}\bar{a}" in text


def test_a_sheet_whose_check_fails_is_not_written():
    net = derive.load("residual")
    solution = net.solve()
    a = solution.sweep.adjoints["W2"]
    wrong = lin([(2, a.formula)], a.formula.shape)
    a.line = replace(a.line, formula=wrong, short=wrong)
    with pytest.raises(CrossCheckFailed, match=r"gradient of W2, entry W2\[\d, \d\]"):
        Problem(net.system, solution).check()


def test_an_unchecked_sheet_is_not_rendered():
    net = derive.load("residual")
    with pytest.raises(ValueError, match="cross-checked"):
        Sheet("x", [Problem(net.system, net.solve())]).render("tex")


def test_words_are_escaped():
    net = derive.load("log_regression")
    problem = Problem(net.system, net.solve(), title=r"50% & \input{x} <b>", task="a_b $x$ ~ # ^").check(1)
    s = Sheet(r"<script> \write18{ls} & %", [problem, problem])
    tex, page = s.render("tex"), s.render("html")
    assert r"\write18" not in tex and r"\textbackslash{}write18\{ls\}" in tex and r"50\% \& \textbackslash{}input\{x\}" in tex
    assert "<script>" not in page and "&lt;script&gt;" in page and "<b>" not in page


def test_templates_refuse_what_is_not_given():
    with pytest.raises(jinja2.UndefinedError):
        environment("tex").from_string("<< missing >>").render({})


def test_pages_are_self_contained_and_well_formed(written):
    for page in written.glob("*.html"):
        text = page.read_text()
        assert not re.search(r"<script|https?://(?!www\.w3\.org)|<link|@import", text), page.name
        for formula in re.findall(r"<math.*?</math>", text, re.S):
            ET.fromstring(formula)
        for drawing in re.findall(r"<svg.*?</svg>", text, re.S):
            ET.fromstring(drawing)


def test_rendering_is_deterministic():
    assert sheet("lstm").render("tex") == sheet("lstm").render("tex")


VALUES = {"w_x": 0.1, "w_h": 1, "w_y": 2, "h[0]": 1, "x": [10, 10], "y": [5, 5]}


def test_numbers_are_formula_substitution_value():
    net = derive.load("linear_rnn")
    problem = Problem(net.system, net.solve()).check(1)
    problem.run = problem.solution.run(VALUES)
    text = squeezed(Sheet("x", [problem]).render("tex"))
    assert r"h^{(1)}=w_hh^{(0)}+w_xx^{(1)}=1\cdot1+0.1\cdot10=2" in text
    assert r"(4-5)^2+(6-5)^2=2" in text
    assert r"\bar{h}^{(1)}=(-2)\cdot2+4\cdot1=0" in text
    assert r"\bar{w}_h=\sum_{t=1}^2\bar{h}^{(t)}h^{(t-1)}=0\cdot1+4\cdot2=8" in text


def test_assignments_solve_what_the_seeds_ask():
    asked = {p.stem: [q.system.name for q in read_assignment(p).problems] for p in ASSIGNMENTS}
    assert asked == {
        "seed_000": ["residual", "log_regression", "lstm_scalar", "relu_sparsity"],
        "seed_001": ["rnn_shifted", "lstm"],
        "seed_002": ["layer", "rnn", "lstm_cell"],
        "seed_003": ["rnn_sigmoid", "lstm"],
        "seed_004": ["linear_rnn", "rnn_memory"],
    }


def test_values_in_a_picture_and_a_vector(tmp_path):
    net = derive.load("residual")
    problem = Problem(net.system, net.solve()).check(1)
    rng = np.random.default_rng(3)
    problem.run = problem.solution.run({k: rng.uniform(-1, 1, [{"d": 2, "n": 3}[str(s)] for s in v.shape]) for k, v in net.system.independent.items()})
    s = Sheet("x", [problem])
    assert r"\begin{bmatrix}" in s.render("tex") and "<mtable>" in s.render("html")
