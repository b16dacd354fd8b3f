"""The report in every form: what it says, that it compiles and lays out, and that nothing of a hostile text gets through."""

from __future__ import annotations

import html
import json
import re
import subprocess
import unicodedata
from html.parser import HTMLParser

import pytest

import derive
from derive.check import Line, Report, Slip
from derive.check.latex import Latex, prose, verbatim
from derive.check.mathml import MathML
from derive.check.pages import page
from derive.check.plain import Plain, columns
from derive.check.text import MARKS, cut, length, show, wrapped
from derive.check.words import Names, example, goes_on, note, said, summary, wrong
from derive.check.written import differing, read
from derive.judge import Counterexample
from derive.pdf import compile_tex
from derive.printing.text import text as notation_text

LSTM = Line(
    2, 1, r"\bar c^{(t)} = \bar h^{(t)} o^{(t)} [1 - \tanh^2(c^{(t)})] + \bar c^{(t-1)} f^{(t+1)}", "refuted", "the sides differ at t = 1",
    expected=r"\bar h^{(t)} o^{(t)} (1 - \tanh^2(c^{(t)})) + \bar c^{(t+1)} f^{(t+1)}",
    slip=Slip("time", r"\bar c^{(t)} = \bar h^{(t)} o^{(t)} [1 - \tanh^2(c^{(t)})] + \bar c^{(t+1)} f^{(t+1)}", r"\bar c^{(t+1)} for \bar c^{(t-1)}"),
    counterexample=Counterexample({}, {"x": [1, 0], "w_ix": 0, "w_fx": 0, "w_gx": 0, "w_gh": 0, "h[0]": 0, "c[0]": 1}, 0.0287784, 0.0071946, {"T": 2, "t": 1}),
)  # fmt: skip
SHAPE = Line(
    4, 3, r"\bar{W} = x \bar{z}", "refuted", "can't multiply x in R^d by z in R^n",
    slip=Slip("transpose", r"\bar{W} = \bar{z} x^\top", r"$\bar{z} x^\top$ for $x \bar{z}$"), follows=2,
    counterexample=Counterexample({"d": 1, "n": 2}, {"W1": [[1, 0.5], [0, 2]], "x": [3]}, [[1.0], [2.0]], [[1.0], [2.0000001]], {}, (("entry (2, 1)", 2.0, 2.0000001),)),
)  # fmt: skip
LINES = [
    Line(1, 0, r"\bar o^{(t)} = \bar h^{(t)} \tanh(c^{(t)})", "proved", "same canonical form; read with derivatives in one equation alone"),
    LSTM,
    Line(3, 2, r"a = \frac{1}{2} b", "agrees", "equal wherever it was evaluated", bound="2^-60"),
    SHAPE,
    Line(5, 4, r"y = \sqrt[3]{", "unreadable", r"unknown name \dot{A}; the name is known with other scripts (column 3)"),
    Line(6, None, r"c_t \approx c_{t-1}", "undecided", "an approximation that is no equation"),
    Line(7, 5, r"z = W x + b", "definition", "a new name"),
    Line(8, 5, r"W x + b = 0", "agrees", "where z₁ = -1"),
]
REPORT = Report(LINES, "derivation.tex")
ROW = re.compile(f"\\d [{''.join(MARKS.values())}] ")


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# -- text -----------------------------------------------------------------------------------------------------------


def test_the_terminal_says_all_of_it():
    shown = show(REPORT, width=120)
    assert [line[:3] for line in shown.splitlines() if ROW.match(line)] == [f"{k.n} {MARKS[k.verdict]}" for k in LINES]
    assert "c̄⁽ᵗ⁾ = h̄⁽ᵗ⁾ o⁽ᵗ⁾ [1 - tanh²(c⁽ᵗ⁾)] + c̄⁽ᵗ⁻¹⁾ f⁽ᵗ⁺¹⁾" in shown
    assert "time: c̄⁽ᵗ⁺¹⁾ for c̄⁽ᵗ⁻¹⁾" in shown or "c̄⁽ᵗ⁺¹⁾ for c̄⁽ᵗ⁻¹⁾" in shown
    assert "right: c̄⁽ᵗ⁾ = h̄⁽ᵗ⁾ o⁽ᵗ⁾ [1 - tanh²(c⁽ᵗ⁾)] + c̄⁽ᵗ⁺¹⁾ f⁽ᵗ⁺¹⁾" in shown
    assert "T = 2, t = 1; x = (1, 0), c⁽⁰⁾ = 1, the rest 0" in shown and "the left side is 0.02878, the right one" in shown
    assert "follows from line 2" in shown and "can't be read" in shown and r"y = \sqrt[3]{" in shown
    assert shown.endswith("8 lines: 3 hold, 2 don't, 1 undecided, 1 can't be read, 1 definition; first wrong: line 2")
    assert max(columns(line) for line in shown.splitlines()) <= 120 and "\x1b" not in shown


def test_each_relation_is_one_line_without_the_details():
    shown = show(REPORT, details=False, width=80).splitlines()
    assert sum(bool(ROW.match(line)) for line in shown) == len(LINES) == len(shown) - 4


@pytest.mark.parametrize("width", [40, 60, 80, 133])
def test_colours_change_nothing_but_colours(width):
    coloured = show(REPORT, colour=True, width=width)
    assert "\x1b[31;4mc̄⁽ᵗ⁻¹⁾\x1b[0m" in coloured, "the wrong part stands out"
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == show(REPORT, width=width)


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ([], "nothing to judge: no relation was found"), (["proved"], "1 line: 1 holds"), (["refuted"], "1 line: 1 doesn't; first wrong: line 1"),
        (["proved", "agrees", "refuted", "refuted"], "4 lines: 2 hold, 2 don't; first wrong: line 3"), (["definition"], "1 line: 1 definition"),
    ],
)  # fmt: skip
def test_summary(verdicts, words):
    assert summary(Report([Line(k + 1, 0, "a = b", v, "") for k, v in enumerate(verdicts)])) == words


def test_long_lines_are_cut_and_broken_by_columns():
    assert cut("x̄ȳz̄", 3) == "x̄ȳz̄" and cut("x̄ȳz̄w̄", 3) == "x̄ȳ…" and cut("\x1b[31mabcd\x1b[0m", 3) == "\x1b[31mab\x1b[0m…"
    lines = wrapped("\x1b[31maa bb\x1b[0m cc", 5)
    assert lines == ["\x1b[31maa bb\x1b[0m", "cc"] and [length(k) for k in lines] == [5, 2]
    assert wrapped("\x1b[31maa bb\x1b[0m cc", 3) == ["\x1b[31maa\x1b[0m", "\x1b[31mbb\x1b[0m", "cc"]


# -- formulas -------------------------------------------------------------------------------------------------------

FORMULAS = {
    r"\bar{W}^{(1)\top} = \frac{\partial L}{\partial W_{ij}}": "W̄⁽¹⁾ᵀ = ∂L/∂Wᵢⱼ",
    r"W^{(1)T} x = \left[ W x \right]_i": "W⁽¹⁾ᵀ x = [W x]ᵢ",
    r"\sigma'(z) = \sigma(z) \odot (1 - \sigma(z))": "σ′(z) = σ(z) ⊙ (1 - σ(z))",
    r"s = \sum_{i=1}^{n} \| x_i \|^2 - \prod_t a_t": "s = Σ_{i=1}^n ‖xᵢ‖² - ∏_t aₜ",
    r"x = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": "x = (1, 2; 3, 4)",
    r"f = \begin{cases} a & i = j \\ 0 & \text{otherwise} \end{cases}": "f = { a, i = j; 0, otherwise",
    r"e^c e^{x_i} = \sqrt{\sigma^2 + \epsilon}": "e^c e^(xᵢ) = √(σ² + ε)",
    r"\mathcal{L} = \frac{a + b}{c d}": "ℒ = (a + b)/(c d)",
    r"\nabla_W L = -\log \hat{y}_k": "∇_W L = -log ŷₖ",
    r"a \\ &\quad = b": "a = b",
}


@pytest.mark.parametrize(("tex", "plain"), FORMULAS.items())
def test_formulas_as_text(tex, plain):
    link = read(tex)
    assert nfc(Plain(link.source).relation((link.left, link.right), (link.op,))) == nfc(plain)


@pytest.mark.parametrize("tex", FORMULAS)
def test_written_latex_says_the_same(tex):
    """What is written anew is read as the same formula; only places where a line may break are new."""
    link = read(tex)
    anew = re.sub(r"\\(brk|mbrk)\b|\\mathopen\{\}|\\mathclose\{\}|\\fit(?=\{)", "", Latex(link.source).line(link))
    again = read(anew)
    assert (again.left, again.op, again.right) == (link.left, link.op, link.right), anew


@pytest.mark.parametrize("tex", FORMULAS)
def test_mathml_is_well_formed(tex):
    link = read(tex)
    balanced(MathML(link.source).line(link))


def test_scripts_stand_at_tall_brackets():
    link = read(r"y = \left( \frac{a}{b} \right)^2")
    assert r"\right)^{2}" in Latex(link.source).line(link)


def test_fonts_are_kept():
    link = read(r"\mathbf{W} = \hat{\boldsymbol{\beta}} + \mathcal{L}")
    assert Latex(link.source).line(link) == r"\mathbf{W} \brk = \hat{\boldsymbol{\beta}} \brk + \mathcal{L}"
    assert "class='bold'" in MathML(link.source).line(link)


@pytest.mark.parametrize(
    ("tex", "corrected", "wrong_part", "right_part"),
    [
        (r"a = b + c^{(t-1)}", r"a = b + c^{(t+1)}", r"\textcolor{no}{c^{(t-1)}}", r"\textcolor{no}{c^{(t+1)}}"),
        (r"a = b + c", r"a = b - c", r"\mathbin{\textcolor{no}{+}}", r"\mathbin{\textcolor{no}{-}}"),
        (r"a = W x", r"a = W^\top x", r"\textcolor{no}{W}", r"\textcolor{no}{W^{\top}}"),
        (r"a = \bar f x", r"a = \bar g x", r"\textcolor{no}{\bar{f}}", r"\textcolor{no}{\bar{g}}"),
        (r"a = b", r"a = b + c", "a \\brk = b", r"\mathbin{\textcolor{no}{+}}\textcolor{no}{c}"),
    ],
)  # fmt: skip
def test_what_differs_stands_out(tex, corrected, wrong_part, right_part):
    here, there = differing(tex, corrected)
    assert wrong_part in Latex(tex, here).line(read(tex))
    assert right_part.replace(" ", "") in Latex(corrected, there).line(read(corrected)).replace(" ", "")


def test_formulas_with_little_in_common_are_not_coloured():
    assert differing("a = b", r"\frac{x}{y} + z^2 = 17 q") == ([], [])


def test_a_chain_goes_on_without_its_left_side():
    lines = [Line(1, 0, "a = b + c", "proved", ""), Line(2, 0, "b +  c = d", "proved", ""), Line(3, 1, "d = e", "proved", "")]
    assert [goes_on(lines, k) for k in range(3)] == [False, True, False]
    assert "2 ✓   = d" in show(Report(lines))
    wrong_left = Line(2, 0, "b + c = d", "refuted", "", slip=Slip("symbol", "b + k = d"))
    assert not goes_on([lines[0], wrong_left], 1), "a mark on the left side has to be seen"


# -- words ----------------------------------------------------------------------------------------------------------


def spoken(pieces) -> str:
    return nfc("".join(p if isinstance(p, str) else notation_text(p) for p in pieces))


@pytest.mark.parametrize(
    ("words", "formulas"),
    [
        (r"\bar c^{(t+1)} for \bar c^{(t-1)}", [r"\bar c^{(t+1)}", r"\bar c^{(t-1)}"]), ("$x_t$ for $y$", ["x_t", "y"]), ("the factor 2 is missing", []),
        (r"unknown name \dot{A} (column 3)", [r"\dot{A}"]), ("it costs $5", []), ("the left side is in R^n, the right one in R^(n x d)", [r"\mathbb{R}^{n}", r"\mathbb{R}^{n \times d}"]),
    ],
)  # fmt: skip
def test_names_in_words(words, formulas):
    assert [p.tex for p in said(words) if not isinstance(p, str)] == formulas


def test_notes_say_what_the_verdict_does_not():
    assert note(LINES[0]) == ["read with derivatives in one equation alone"] and note(LINES[2]) == [] and note(LINES[6]) == []


def test_many_boundary_instants_are_told_in_short():
    ends = "; ".join(f"t = T-{k}" for k in range(9))
    line = Line(1, 0, "a = b", "agrees", f"equal wherever it was evaluated; it holds where all its quantities exist, but not at the boundary: {ends}")
    assert "".join(note(line)).endswith("not at the boundary: t = T-0, or t = T-1, and 7 more")


def test_counterexamples_are_short():
    names = Names(REPORT)
    many = dict.fromkeys(["a", "b", "c", "d", "W1"], 0) | {"x": [[0, 0]], "h[0]": [1], "stranger_W_fg": 2, "bar y": 3, "ell": "sum(a x^3)"}
    told = spoken(example(Counterexample({"d": 1, "n": 1, "m": 2}, many, [[0.1]], [[0.3]], {"T": 1}), names))
    assert told == nfc("d = n = 1, m = 2; T = 1; h⁽⁰⁾ = 1, W_fg = 2, ȳ = 3, the rest 0, ℓ is sum(a x^3) — the left side is 0.1, the right one 0.3")
    wide = Counterexample({"n": 9}, {"x": [1] * 9}, [0.5] * 9, [0.25] * 9, {}, tuple((f"entry {k}", 0.5, 0.25) for k in range(1, 10)))
    assert spoken(example(wide, names)).endswith("left and right part at entry 1: 0.5 and 0.25, entry 2: 0.5 and 0.25, entry 3: 0.5 and 0.25, and 6 more")


def test_digits_tell_the_sides_apart():
    assert "2 and 2.0000001" in spoken(example(SHAPE.counterexample, Names(REPORT)))


@pytest.mark.parametrize(
    ("tex", "key", "value", "symbol"),
    [("W_1 x_t", "W1", [[1]], "W₁"), ("W^{(1)} x^{(t)}", "W1", [[1]], "W⁽¹⁾"), ("h_t + h_{t-1}", "h[0]", 1, "h₀"), ("h^{(t)}", "h[0]", 1, "h⁽⁰⁾")],
)
def test_names_are_written_as_the_person_does(tex, key, value, symbol):
    assert notation_text(Names(Report([Line(1, 0, tex, "proved", "")])).of(key, value)) == symbol


# -- pages ----------------------------------------------------------------------------------------------------------


class Nesting(HTMLParser):
    """Fails where tags don't nest; collects what scripts and links there are."""

    VOID = frozenset(("meta", "wbr", "br", "mspace", "link", "img"))

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        assert not [a for a, v in attributes if a.startswith("on") or (a != "title" and "javascript:" in (v or "").lower())]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag


def balanced(text: str) -> set[str]:
    parser = Nesting()
    parser.feed(text)
    parser.close()
    assert not parser.open
    return parser.seen


def test_the_page_has_marks_colours_and_a_counterexample():
    text = page(REPORT, "html")
    seen = balanced(text)
    assert {"math", "html", "style"} <= seen and not seen & {"script", "img", "link", "iframe", "object"}
    assert text.count('<li class="') == len(LINES) and text.count('<li class="refuted"') == 2
    assert "<mrow class='no'>" in text and "<mrow class='ok'>" in text and "<code>y = \\sqrt[3]{</code>" in text
    assert "counterexample" in text and "follows from line 2" in text and 'href="#line-2"' in text


def test_the_notebook_gets_the_inside_alone():
    text = REPORT._repr_html_()
    assert balanced(text) >= {"div", "math"} and "<html" not in text and "id=" not in text and "first wrong: line 2" in text


def test_the_tex_has_marks_colours_and_a_counterexample():
    text = page(REPORT, "tex")
    assert text.count(r"\entry{") == len(LINES) and text.count(r"\markrefuted}") >= 2
    assert r"\textcolor{no}{\bar{c}^{(t-1)}}" in text and r"\textcolor{ok}{\bar{c}^{(t+1)}}" in text
    assert r"\head{counterexample}" in text and r"\zz " in text


def test_titles():
    assert "A derivation, marked" in page(Report([]), "tex") and "nothing to judge" in page(Report([]), "html")
    assert "<title>a &lt;b&gt; &amp; c</title>" in page(Report([], "a <b> & c"), "html") and r"a\_b \& 100\%" in page(Report([]), "tex", "a_b & 100%")
    with pytest.raises(ValueError, match="not as 'docx'"):
        page(REPORT, "docx")


HOSTILE = [
    r"x = \input{/etc/passwd}", r"x = \write18{touch owned}", r"\immediate\write18{ls} = 1", "x = <script>alert(1)</script>", "$$ x = 1", "x = 1 $$ y", r"x^^5cinput{y} = 1",
    r"\def\x{\x}\x = 1", r"\csname input\endcsname y = 1", r"x = \end{document} y", "x = 1 % comment", "x = {{{", "x = }}}", r"x = \left( y", r"x & y = \\ z", "x = y^a^b_c_d''", "x = #1",
    r"x = \begin{array}{>{\input{y}}c} 1 \end{array}", r"x = \begin{pmatrix} [2] & *3 \\ [1ex] & 2 \\ * & 1 \end{pmatrix}", "x = \x1b[31mred\x1b[0m", "x = \x00\x07", "x = 漢字 👍 é ẍ̄", "x = \u202egnirts",
    r"\text{a $b$ c_d ^ # % & ~ \x} = 1", r"x = \operatorname{\input y}", r"x = \mathbf{\write18{ls}}", "x = " + "a" * 3000, "x = " + "+".join(["y_1"] * 400), "x = " + r"\frac{1}{" * 59 + "2" + "}" * 59,
    "x = " + "(" * 59 + "y" + ")" * 59, "x = " + "{" * 10_000, "x = " + "1" * 5000, "x = ᭔٣", r"x = \sqrt[3]{y}", r"\vec{0} = \ddot{\check{x}}", r"\Re x = \Im y", "x = \\", "", " ", "=", "^_", r"x = \mathcal{l}\boldsymbol{12}",
    r"x = \begin{bmatrix}" + "&".join(["1"] * 200) + r"\end{bmatrix}", r"x = \max_i \lim_{n \to \infty} y", "x = y' ' ^ {' '}", r"x = \overline{abc}", "x = ~`\"|y|", r"x=\color{red}y\href{javascript:alert(1)}{z}",
]  # fmt: skip


def hostile() -> Report:
    """Every hostile text as a formula, as words and as a correction."""
    lines = []
    for k, text in enumerate(HOSTILE):
        slip = Slip("value", text + " + z", text[:200]) if k % 2 else Slip("time", "x = y", "$" + text[:200] + "$")
        lines.append(Line(k + 1, k, text, "refuted", text[:300], expected=text, slip=slip))
    return Report(lines, r"</title><script>alert(1)</script> \input{x}_%$")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: t[:24])
def test_hostile_text_is_printed_as_text(text):
    report = Report([Line(1, 0, text, "unreadable", text)], text)
    assert "script" not in balanced(page(report, "html"))
    shown, tex = show(report), page(report, "tex")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", shown + tex + page(report, "html"))
    body = tex.partition(r"\begin{document}")[2]
    assert not re.search(r"(?<!\\textbackslash\{\})\\(input|write|def|csname|immediate|href|color\{red)", body) and "^^" not in body


@pytest.mark.tex
@pytest.mark.parametrize("report", [REPORT, Report([]), hostile()], ids=["marked", "empty", "hostile"])
def test_the_tex_compiles_without_overfull_lines(report):
    compiled = compile_tex(page(report, "tex"))
    assert compiled.pdf is not None and not compiled.errors and not compiled.overfull, (compiled.errors, compiled.overfull)


@pytest.mark.tex
def test_long_formulas_are_broken_or_made_smaller():
    term = r"\bar{i}^{(t+1)} \sigma'(W_{ix} x^{(t+1)} + W_{ih} h^{(t)}) W_{ih}"
    rows = r" \\ ".join(" & ".join(["-0.18988"] * 14) for _ in range(3))
    texts = [
        f"x = {' + '.join([term] * 12)}", rf"x = \begin{{pmatrix}} {rows} \end{{pmatrix}}", rf"x = \frac{{{' + '.join([term] * 4)}}}{{2}}", f"x = {term * 6}",
        rf"x = \left( \frac{{a}}{{b}} + {' + '.join([term] * 5)} \right)^2", "x = " + r"\operatorname{averylongname}" * 12, f"{' + '.join([term] * 5)} = ({' + '.join([term] * 5)}) y",
    ]  # fmt: skip
    compiled = compile_tex(page(Report([Line(k + 1, k, t, "refuted", "", slip=Slip("sign", t.replace("+", "-", 1))) for k, t in enumerate(texts)]), "tex"))
    assert compiled.pdf is not None and not compiled.overfull, compiled.overfull


def test_words_in_latex():
    assert prose("z₁ = -1, W⁽¹⁾ᵀ, x̄ ∈ ℝ") == r"z$_{1}$ = -1, W$^{(1)\top}$, $\bar{x}$ $\in$ $\mathbb{R}$"
    assert prose("50% of {a}_b & #1 ~ \\x") == r"50\% of \{a\}\_b \& \#1 \textasciitilde{} \textbackslash{}x"
    assert prose("漢") == r"\uni{6F22}" and r"\zz " in prose("a" * 60) and r"\zz " not in prose("a b " * 60)
    assert verbatim("a  b") == r"\code{a\zz \ \zz b}" and len(verbatim("a" * 5000)) < 5000


def test_a_wrong_line_knows_what_is_wrong():
    assert wrong(LSTM).marked and not wrong(LINES[0]).marked


# -- in a browser, at the prompt ------------------------------------------------------------------------------------

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--virtual-time-budget=3000", "--window-size=1100,2000",
]  # fmt: skip
MEASURE = """<script>
const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.right, r.top, r.bottom].map(Math.round) };
const lines = [...document.querySelectorAll("li")].map(li => ["n", "mark", "formula", "note"].map(c => box(li.querySelector("." + c))));
const wrong = [...document.querySelectorAll(".formula .no")].map(e => getComputedStyle(e).color);
const formulas = [...document.querySelectorAll("math")].map(box);
document.body.innerHTML = "<pre>" + JSON.stringify({lines, wrong, formulas}) + "</pre>";
</script>"""


@pytest.mark.browser
def test_the_page_is_laid_out_with_marks_in_the_margin(tmp_path):
    path = tmp_path / "report.html"
    policy = re.compile(r"<meta http-equiv=[^>]*>")
    text = page(REPORT, "html")
    assert policy.search(text), "the page allows itself no script"
    path.write_text(policy.sub("", text).replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    command = ["chromium", *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    seen = json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", done.stdout, re.S)[1]))
    assert len(seen["lines"]) == len(LINES)
    assert len({row[2][0] for row in seen["lines"]}) <= 2, "formulas begin under each other, those of a chain further in"
    for number, mark, formula, beside in seen["lines"]:
        assert number[1] <= mark[0] and mark[1] <= formula[0] and formula[1] <= beside[0], "number, mark, formula, note"
        assert abs(mark[2] - formula[2]) < 60 and beside[1] <= 1100
    assert seen["wrong"] and set(seen["wrong"]) == {"rgb(179, 38, 30)"}
    assert all(right > left and bottom > top for left, right, top, bottom in seen["formulas"]), "no formula is empty"


def test_at_the_prompt():
    report = derive.load("residual").check(r"\bar{h} = W^{(2)\top}\bar{y} + r")
    assert repr(report) == "1 ✓ h̄ = W⁽²⁾ᵀȳ + r  proved\n\n1 line: 1 holds" and report.first_wrong is None
    report = derive.load("residual").check(r"$$\bar{y} = y - s$$ and $$\bar{h} = W^{(2)\top}\bar{y} - r$$")
    assert [line.verdict for line in report.lines] == ["proved", "refuted"] and report.first_wrong == 2
    assert report.lines[1].counterexample is not None and "✗" in str(report)


def test_a_scope_at_the_prompt(tmp_path):
    net = derive.load("residual")
    assert net.check(r"\bar{q} = y - s", scope={"alias": {"q": "y"}}).first_wrong is None
    (tmp_path / "s.toml").write_text("[alias]\nq = 'y'\n")
    assert net.check(r"\bar{q} = y - s", scope=tmp_path / "s.toml").lines[0].verdict == "proved"
    with pytest.raises(derive.DeriveError, match="not a setting"):
        net.check("x = y", scope={"colour": "red"})


def test_the_judge_is_a_function_and_a_package():
    from derive.judge import Court

    net = derive.load("residual")
    assert derive.judge(net.solve().adjoints["y"], net["y"], net).refuted and derive.judge(net["z"], net["z"]).holds
    h = net.system.by_name["h"]
    assert derive.judge(h.left, h.right, net.system).verdict == "proved" and derive.judge(h.left, h.right).verdict == "refuted"
    assert derive.judge.Court is Court and isinstance(derive.judge(h.left, h.right, net), derive.Verdict)
