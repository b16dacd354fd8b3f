"""The slip search: one-edit mutants of the engine's own lines, the slips of the seeds, and what must not be called a slip."""

from __future__ import annotations

import random
import re
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from slip_mutants import mutants

import derive
from derive.check import slips
from derive.check.checker import Checker
from derive.check.lines import HOLDS, SLIPS, Line
from derive.check.settings import parts, put_in, read_settings
from derive.printing import Style, write
from derive.reader.statements import Chain, Link, statements

CORPUS = Path(__file__).parents[1] / "corpus"
NETWORKS = [name for name in derive.gallery() if derive.load(name).system.loss is not None]
STYLES = [Style(), Style(time="subscript", layers="subscript"), Style(time="subscript", adjoint="partial")]



LOADED = {name: derive.load(name) for name in NETWORKS}
COURTS: dict[str, dict] = defaultdict(dict)


def checker(name: str) -> Checker:
    """A new one, so that no line is short of time for what the lines before it took; the models are kept."""
    judge = Checker(parts({}, problem=LOADED[name]))
    judge.courts = COURTS[name]
    return judge


def line_of(judge: Checker, tex: str) -> Line:
    tex = put_in(judge.part.macros, tex)
    found = [s for s in statements(tex, judge.part.scope.words, Chain()) if isinstance(s, Link)]
    assert len(found) == 1, tex
    return judge.relation(found[0])


def slip_of(name: str, tex: str) -> tuple[str | None, str]:
    line = line_of(checker(name), tex)
    assert line.verdict == "refuted", line
    return (line.slip.kind, line.slip.corrected) if line.slip is not None else (None, "")


# -- mutants ------------------------------------------------------------------------------------------------------

RIGHT: Counter[str] = Counter()
ALL: Counter[str] = Counter()


def sample(name: str, style: Style) -> list[tuple[str, str]]:
    """(kind, line) for one mutant of each kind of every adjoint; always the same ones."""
    net = LOADED[name]
    chosen = []
    for key, formula in net.solve().adjoints.items():
        left = write(net.system.nodes[key].adjoint, "latex", style)
        kinds = defaultdict(list)
        for kind, tex in mutants(net, formula, style):
            kinds[kind].append(f"{left} = {tex}")
        rng = random.Random(f"{name} {key} {style}")
        chosen += [(kind, rng.choice(lines)) for kind, lines in kinds.items()]
    return chosen


@pytest.mark.parametrize("name", NETWORKS)
def test_the_slip_of_a_mutant_is_its_mutation(name):
    """A mutant is refuted (or it is the same formula), and what is called corrected is right."""
    rng = random.Random(name)
    named = total = 0
    for kind, tex in sample(name, rng.choice(STYLES)):
        line = line_of(checker(name), tex)
        assert line.verdict in ("refuted", "proved", "agrees"), f"{tex}: {line.verdict}, {line.reason}"
        if line.verdict != "refuted":
            continue
        total += 1
        got = line.slip.kind if line.slip is not None else None
        assert got is None or got in SLIPS
        named += got == kind
        RIGHT[kind] += got == kind
        ALL[kind] += 1
        if line.slip is not None and line.slip.kind not in ("value", "shape"):
            again = line_of(checker(name), line.slip.corrected)
            assert again.verdict in HOLDS, f"{tex}: not corrected by {line.slip.corrected}"
            assert "".join(line.slip.corrected.split()) != "".join(tex.split())
            assert line.slip.words
    assert named >= 0.8 * total, f"{named} of {total}"


def test_nine_of_ten_slips_are_named():
    if not ALL:
        pytest.skip("needs the mutants, which are tested before it")
    rates = {kind: f"{RIGHT[kind]}/{ALL[kind]}" for kind in ALL}
    assert RIGHT.total() >= 0.9 * ALL.total(), rates
    assert ALL.total() >= 400


# -- by name ------------------------------------------------------------------------------------------------------

NAMED = [
    ("lstm_scalar", r"\bar{c}^{(t)} = \bar{h}^{(t)} o^{(t)} (1 - \tanh^2(c^{(t)})) + \bar{c}^{(t-1)} f^{(t+1)}", "time", r"\bar{c}^{(t+1)} f^{(t+1)}"),
    ("residual", r"\bar{h} = (y - s) W^{(2)} + r", "transpose", r"{W^{(2)}}^{\top} (y - s) + r"),
    ("residual", r"\bar{h} = W^{(2)} \bar y + r", "transpose", r"{W^{(2)}}^{\top} \bar y + r"),
    ("residual", r"\bar W^{(2)} = \bar y h", "transpose", r"\bar y h^{\top}"),
    ("residual", r"\bar W^{(2)} = h^\top \bar y", "order", r"\bar y h^\top"),
    ("residual", r"\bar{z} = h \odot \sigma'(z)", "bar", r"\bar{h} \odot \sigma'(z)"),
    ("residual", r"\bar{z} = \bar h \odot \sigma(z)", "argument", r"\bar h \odot \sigma'(z)"),
    ("residual", r"\bar{z} = \bar h \odot h \odot h", "argument", r"\odot (1 - h)"),
    ("residual", r"\bar{y} = y + s", "sign", "y - s"),
    ("residual", r"\bar{y} = 2 (y - s)", "factor", "(y - s)"),
    ("residual", r"\bar{h} = W^{(2)\top} \bar y", "term", r"W^{(2)\top} \bar y + r"),
    ("linear_rnn", r"\hat y_1 = w_h h_1", "symbol", r"\hat y_1 = w_y h_1"),
    ("log_regression", r"\bar{y} = \frac{y}{\log(y) - \log(t)}", "inverse", r"\frac{\log(y) - \log(t)}{y}"),
    ("lstm_scalar", r"\bar w_{ix} = \bar{i}_t i_t (1 - i_t) x_t", "term", r"\sum_{t=1}^{T} \bar{i}_t i_t (1 - i_t) x_t"),
    ("lstm_scalar", r"\bar c_{t-1} = \bar c_t f_{t-1}", "time", r"\bar c_t f_{t} + \bar{h}_{t-1} o_{t-1}"),
    ("mlp", r"\bar{z}^{(2)} = \bar{h}^{(2)} \odot (1 - \tanh(z^{(2)}))", "argument", r"\tanh^2(z^{(2)})"),
    ("mlp", r"\bar{z}^{(1)} = \bar{h}^{(1)} \odot (1 - \tanh^2(z^{(2)}))", "symbol", r"\tanh^2(z^{(1)})"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tex", "kind", "corrected"), NAMED)
def test_slips_by_name(name, tex, kind, corrected):
    got, text = slip_of(name, tex)
    assert (got, corrected in text) == (kind, True), text


TWO = [
    ("lstm_scalar", r"\bar{c}^{(t)} = \bar{h}^{(t)} \bar{o}^{(t)} [1 - \tanh^2(c^{(t)})] + \bar{c}^{(t-1)} f^{(t+1)}", "time", r"\bar{h}^{(t)} o^{(t)} [1 - \tanh^2(c^{(t)})] + \bar{c}^{(t+1)} f^{(t+1)}"),
    ("lstm_scalar", r"f_t = \sigma(w_{fx} x_1 + w_{fh} h_t)", "time", r"\sigma(w_{fx} x_t + w_{fh} h_{t-1})"),
    ("lstm", r"c_t = \sigma(W_o x_t + U_o h_{t-1} + b_o) \odot c_{t-1} + i_t \odot \tilde c_t", "symbol", r"\sigma(W_f x_t + U_f h_{t-1} + b_f) \odot c_{t-1}"),
    ("residual", r"\bar x = W^{(1)} \bar z + y", "bar", r"{W^{(1)}}^{\top} \bar z + \bar{y}"),
    ("residual", r"\bar W^{(1)} = ((y - s) W^{(2)} + r) \sigma'(z) \cdot x", "transpose", r"x^{\top}"),
    ("residual", r"\bar{y} \cdot \frac{dy}{dW^{(1)}} = (y - s) \cdot h", "symbol", r"\frac{dy}{dW^{(2)}} = (y - s) \cdot h^{\top}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tex", "kind", "corrected"), TWO)
def test_two_edits_where_one_does_not_do(name, tex, kind, corrected):
    got, text = slip_of(name, tex)
    assert (got, corrected in text) == (kind, True), text


def test_a_name_wrong_everywhere_is_one_slip():
    judge = Checker(parts(read_settings(CORPUS / "seed_004.toml"), "seed_004", CORPUS))
    line = line_of(
        judge, r"\frac{\partial L_1}{\partial h_1} = \frac{\partial L_1}{\partial y_1} * \frac{\partial y_1}{\partial h_1}"
    )
    assert line.slip is not None and line.slip.kind == "symbol"
    assert line.slip.corrected.count(r"\hat{y}_1") == 2


def test_no_edit_makes_a_line_empty():
    """x = x, and derivatives of a thing by itself, correct nothing."""
    for name, tex in (
        ("mlp", r"\bar{b}^{(1)} = \bar{b}^{(2)}"),
        ("residual", r"\bar{s} = \bar{y}"),
        ("relu_sparsity", r"\bar w_1 = h_1"),
    ):
        kind, text = slip_of(name, tex)
        left, _, right = text.partition("=")
        assert kind is None or left.strip() != right.strip(), text


# -- what the engine has ---------------------------------------------------------------------------------------------


def expected(name: str, tex: str) -> str | None:
    judge = checker(name)
    link = statements(tex, judge.part.scope.words, Chain())[0]
    assert isinstance(link, Link)
    return slips.expected(judge, link)


@pytest.mark.parametrize(
    ("name", "tex", "right"),
    [
        ("residual", r"\bar{h} = r", r"W^{(2)\top} \bar{y} + r"),
        ("residual", r"\bar{W}_2 = r", r"\bar{y} h^{\top}"),
        ("residual", r"\bar{h} = W_2 h", r"W_2^{\top} \bar{y} + r"),
        ("residual", r"\frac{\partial E}{\partial h} = r", r"W^{(2)\top} \frac{\partial E}{\partial y} + r"),
        ("lstm_scalar", r"\bar{f}_t = c_t", r"\bar{c}_t c_{t-1}"),
        ("lstm_scalar", r"\bar{f}^{(t)} = c^{(t)}", r"\bar{c}^{(t)} c^{(t-1)}"),
        ("lstm_scalar", r"\bar{f}_{t-1} = c_t", r"\bar{c}_{t-1} c_{t-2}"),
        ("lstm_scalar", r"c_t = f_t", r"f_t c_{t-1} + i_t g_t"),
        ("residual", r"x = r", None),
    ],
)
def test_what_the_engine_has_is_written_as_the_person_writes(name, tex, right):
    assert expected(name, tex) == right


@pytest.mark.parametrize("style", STYLES, ids=["raised", "lowered", "partial"])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_the_engine_has_is_read_back_and_right(name, style):
    net = LOADED[name]
    for key, formula in net.solve().adjoints.items():
        left = write(net.system.nodes[key].adjoint, "latex", style)
        right = expected(name, f"{left} = {write(formula, 'latex', style)}")
        assert right is not None
        assert line_of(checker(name), f"{left} = {right}").verdict in HOLDS


SCALAR = [
    ("residual", r"\bar{h} = W^{(2)} \bar{y} + r", True),
    ("residual", r"\bar{W}^{(2)} = \bar{y} h", True),
    ("residual", r"\bar{W}^{(2)} = \bar{y} x", False),
    ("lstm", r"\bar{h}_{t-1} = U_f \bar{f}_t f_t (1 - f_t)", False),
]


@pytest.mark.parametrize(("name", "tex", "right"), SCALAR)
def test_scalar_forms(name, tex, right):
    judge = checker(name)
    link = statements(tex, judge.part.scope.words, Chain())[0]
    assert isinstance(link, Link)
    assert slips.scalar_form(judge, link) is right


# -- the seeds ----------------------------------------------------------------------------------------------------


def squeezed(tex: str) -> str:
    return re.sub(r"\\left|\\right|\\limits|[{}\s.,;&]|\\\\|\\q?quad|\\mathrm", "", tex)


SEED_SLIPS = [
    ("seed_000", "Problem 2.", r"\bar{h} \cdot \frac{dh}{dz} = ((y - s)W^{(3)} + r) \sigma'(z)", "transpose"),
    ("seed_000", "Problem 2.", r"W^{(1)} = \bar{y} \cdot \frac{dy}{dw^{(1)}}", "bar"),
    ("seed_000", "Problem 2.", r"\bar{y} \cdot \frac{dy}{dw^{(1)}} = (y - s) \cdot h", "symbol"),
    ("seed_000", "Problem 4", r"\bar{c}^{(t)} = \bar{h}^{(t)} \bar{o}^{(t)} [1 - \tanh^2(c^{(t)})] + \bar{c}^{(t-1)} f^{(t+1)}", "time"),
    ("seed_000", "Problem 4", "W_{fg}", "symbol"),
    ("seed_000", "Problem 4", r"\bar{g}^{(t)} \sigma'(W_{fx} x^{(t)}", "symbol"),
    ("seed_004", "", r"\hat{y}_1 = w_h h_1", "symbol"),
    ("seed_003", r"F_t = \sigma", r"F_t = \sigma(W_f x_1 + U_f h_t + b_f)", "time"),
]  # fmt: skip


@pytest.mark.parametrize(("seed", "start", "piece", "kind"), SEED_SLIPS)
def test_slips_of_the_seeds(seed, start, piece, kind):
    truth = tomllib.loads((CORPUS / f"{seed}.lines.toml").read_text(encoding="utf-8"))["line"]
    lines = [t["tex"] for t in truth if t["truth"] == "wrong" and squeezed(piece) in squeezed(t["tex"])]
    assert lines, piece
    judge = Checker(parts(read_settings(CORPUS / f"{seed}.toml"), seed, CORPUS))
    judge.part = next(p for p in judge.pieces if p.start == start)
    line = line_of(judge, lines[0])
    assert line.slip is not None, line
    assert line.slip.kind == kind, line.slip
