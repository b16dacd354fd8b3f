r"""Texts that were written to do harm end in a verdict or in a message, soon, in little memory, and nothing in them is run.

Towers of powers, ten thousand braces, macros that explode, \input, Python in the place of names, null bytes, long lines.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest

import derive
from derive.check import Checker, Report
from derive.check.lines import VERDICTS
from derive.check.pages import page
from derive.check.settings import parts
from derive.expr import DeriveError, constant, jac, var, written_size
from derive.network import Network
from derive.reader.document import read_document
from derive.reader.tokens import clean

SECONDS = 2.0  # of the processor, for one formula; a wall clock would measure the other processes
DOCUMENT = 10.0  # the same, for a document of a megabyte
GROWTH = 300_000  # kilobytes that all of this may add to the process
OWNED = "derive_owned_by_a_text"  # a file that texts here would write


@cache
def network(where: str) -> Network | None:
    return derive.load(where) if where else None


def judged(text: str, where: str = "", seconds: float = SECONDS) -> Report | None:
    """The report on a text, None where it is refused as a whole, with what must hold for both."""
    checker = Checker(parts({}, problem=network(where)))
    started = time.process_time()
    try:
        report = checker.text(text)
    except DeriveError as error:
        message(error)
        return None
    finally:
        assert time.process_time() - started <= seconds
        assert not checker.faults
    assert all(line.verdict in VERDICTS and line.reason for line in report.lines)
    assert str(report)
    return report


def message(error: DeriveError) -> None:
    """Nothing ends without a word, nor with a page of them."""
    assert 0 < len(str(error)) < 3_000


def nested(left: str, right: str, times: int, inside: str = "x") -> str:
    return left * times + inside + right * times


def matrix(rows: int, columns: int, entry: str = "x") -> str:
    return r"\begin{bmatrix}" + r"\\".join("&".join([entry] * columns) for _ in range(rows)) + r"\end{bmatrix}"


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

HUGE = {
    "a tower of tens": "10^{10^{10}}", "a tower of nines": "9^{9^{9^{9}}}", "a tower of e": "e^{e^{e^{e^{e^{100}}}}}", "a large power": "x^{10^{10}}", "a power of a sum": "(x+1)^{1000000}",
    "a power to be multiplied out": "(a+b+c+d)^{60}", "a tiny power": "10^{-10^{10}}", "400 digits": "9" * 400, "5,000 digits": "9" * 5000, "many decimals": "0." + "0" * 390 + "1",
    "a product of long numbers": r" \cdot ".join(["9" * 390] * 12), "a power of a long number": "(" + "9" * 390 + ")^{9999}", "a root of a high degree": r"\sqrt[999999999]{x}",
    "a long sum": r"\sum_{i=1}^{10^{10}} i", "a long sum of powers": r"\sum_{i=1}^{1000000} x^i", "a long product": r"\prod_{t=1}^{999999} h_t", "sums in sums": r"\sum_{i=1}^{99}" * 6 + "i",
    "a far index": "x_{999999999}", "a far instant": "h_{t-999999999}", "a power of a matrix": "W^{63}", "a high power of numbers": r"\begin{bmatrix}1&2\\3&4\end{bmatrix}^{1000000}", "nothing": "1/0", "0 to the 0": "0^0",
}  # fmt: skip

LONG = {
    "200 letters": (LETTERS * 4)[:200], "200 times x": "x" * 200, "100 times xW": "xW" * 100, "5,800 letters": "ab" * 2900, "a long sum": "+".join(["x"] * 2900), "too long a sum": "+".join(["x"] * 9000),
    "20,001 letters": "x" * 20_001, "a wide blank": "x" + " " * 19_000 + "y", "a long command": "\\" + "a" * 19_000, "a long word": r"\mathrm{" + "a" * 19_000 + "}", "words": r"\text{" + "a b " * 4000 + "}",
    "dots": "." * 5999, "commas": "," * 5999, "equations": " = ".join(["x"] * 400), "too many equations": " = ".join(["x"] * 520), "nothing but =": "=" * 5999, "arrows": r"\Rightarrow " * 1500,
    "a sum of fractions": "+".join(rf"\frac{{1}}{{x+{k}}}" for k in range(200)), "brackets to be multiplied out": "(a+b)(c+d)(e+f)(g+h)(i+j)(k+l)(m+n)(o+p)(q+r)(s+u)(v+w)(x+y)(z+A)(B+C)(D+E)(F+G)(H+K)(M+N)",
    "sums": r"\sum_i " * 1500 + "x", "derivatives": r"\frac{\partial x}{\partial x}" * 150, "deltas": r"\delta_{ij}" * 300, "a chain of matrices": " ".join(["W"] * 500),
    "an einsum of 22 letters": "".join(f"W_{{{a}{b}}}" for a, b in pairwise("ijklmnpqrsuvwyzabcdefgh")), "primes": "x" + "'" * 5000, "scripts": "x" + "^x" * 2000, "two scripts": "x" + "_x^x" * 1000,
    "blanks and backslashes": "\\ " * 9000, "minus signs": "-" * 3000 + "x", "lefts": r"\left" * 3000, "fractions of nothing": r"\frac" * 3000, "a long environment": r"\begin{" + "a" * 10_000 + "}",
}  # fmt: skip

DEEP = {
    "10,000 open braces": "{" * 10_000, "10,000 closed braces": "}" * 10_000, "10,000 pairs of braces": nested("{", "}", 10_000), "50 pairs of braces": nested("{", "}", 50), "10,000 brackets": "(" * 10_000, "2,500 pairs": nested("(", ")", 2_500),
    "lefts and rights": nested(r"\left(", r"\right)", 1_400), "bars": nested("|", "|", 2_900), "norms": r"\|" * 3001, "scripts in scripts": "x" + "_{x" * 2000 + "}" * 2000, "powers of powers": "x" + "^{x" * 2000 + "}" * 2000,
    "fractions": nested(r"\frac{1}{1+", "}", 50), "deep fractions": nested(r"\frac{1}{1+", "}", 900), "deeper ones": nested(r"\frac{1}{", "}", 2_000), "overs": r"{x \over " * 500 + "x" + "}" * 500, "roots": nested(r"\sqrt{", "}", 1_000),
    "tanh of tanh": nested(r"\tanh(", ")", 30), "1,000 times tanh": nested(r"\tanh(", ")", 1_000), "softmax of softmax": nested(r"\operatorname{softmax}(", ")", 20), "bars over bars": nested(r"\bar{", "}", 2_000),
    "fonts": nested(r"\mathbf{", "}", 2_000), "logs": r"\log " * 1000 + "x", "derivatives of derivatives": nested(r"\frac{\partial}{\partial x}(", ")", 30), "frames": nested(r"\underbrace{", "}_{x}", 500),
    "a large matrix": matrix(50, 50), "a long row": matrix(1, 2900, "1"), "a wide matrix of fractions": matrix(9, 9, r"\frac{1}{x}"), "matrices in matrices": nested(r"\begin{bmatrix}", r"\end{bmatrix}", 1_400),
    "an inverse": matrix(8, 8, "a") + "^{-1}", "a determinant": r"\det" + matrix(9, 9), "60 matrices": r"\begin{bmatrix}a&b\\c&d\end{bmatrix}" * 60, "open matrices": r"\begin{bmatrix}" * 2000, "cases": r"\begin{cases}" + r"\\".join([r"x & \text{if } x > 0"] * 500) + r"\end{cases}",
}  # fmt: skip


@pytest.mark.parametrize("where", ["", "residual"], ids=["alone", "in a network"])
@pytest.mark.parametrize("formula", [*HUGE.values(), *LONG.values(), *DEEP.values()], ids=[*HUGE, *LONG, *DEEP])
def test_no_formula_takes_long(formula, where):
    judged(f"$$y = {formula}$$", where)


@pytest.mark.parametrize("where", ["", "residual"], ids=["alone", "in a network"])
@pytest.mark.parametrize(
    "claim",
    [
        (LETTERS * 4)[:200] + "=" + (LETTERS * 4)[:200][::-1], "(a+b+c)^{40}=(c+b+a)^{40}+1", "(x+1)^{63}=(1+x)^{62}(x+1)", "W^{63} = W W^{62}", r"\det" + matrix(9, 9, "x_1") + "=" + r"\det" + matrix(9, 9, "x_1") + "+1",
        matrix(50, 50) + "=" + matrix(50, 50) + "^T", "+".join(rf"\frac{{1}}{{x+{k}}}" for k in range(200)) + "=0", r"\bar{h} = \prod_{k=1}^{10^{10}} W \bar{y}",
    ],
    ids=["200 letters", "powers", "near powers", "a power of a matrix", "determinants", "large matrices", "fractions", "a product"],
)  # fmt: skip
def test_no_claim_takes_long(claim, where):
    judged(f"$${claim}$$", where)


def test_a_product_of_200_letters_is_decided():
    report = judged("$x \\in \\mathbb{R}$ $$" + "x" * 200 + " = x^{100} x^{100}$$")
    assert report is not None
    assert [line.verdict for line in report.lines] in (["proved"], ["unreadable"])


# -- definitions that double with every line ------------------------------------------------------------------------

NAMES = [*"fghklmopqrsuvwxyzABCDFGHKMNPQRSUVWXYZ", r"\alpha", r"\beta", r"\gamma", r"\omega", r"\psi", r"\phi", r"\rho", r"\tau"]
CHAINS = {
    "e": ("e e + e", "@ @ + @"), "squares": ("3", "@ @"), "decimals": ("0.1", "@ @"), "roots": (r"\sqrt{2}", r"\sqrt{@+1}"), "fractions": (r"\frac{1}{3}", r"\frac{1}{1+@ @}"), "a letter": ("x", "@ @ + @"),
    "powers": ("x", "@^{63}"), "exponentials": ("x", "e^{@}"), "matrices": (r"\begin{bmatrix}1&1\\1&0\end{bmatrix}", "@ @"), "derivatives": ("x^2", r"@ \frac{\partial @}{\partial x}"), "sums": ("x", r"\sum_{i=1}^{9} @ i"),
}  # fmt: skip


@pytest.mark.parametrize(("first", "step"), CHAINS.values(), ids=CHAINS.keys())
def test_definitions_that_double(first, step):
    lines = [f"$${NAMES[0]} = {first}$$", *(f"$${b} = {step.replace('@', a)}$$" for a, b in pairwise(NAMES)), f"$${NAMES[-1]} = {NAMES[-2]}$$"]
    report = judged("\n".join(lines), seconds=DOCUMENT)
    assert report is not None
    assert len(report.lines) >= len(NAMES)


def test_what_is_shared_is_not_written_out():
    x = var("x")
    for _ in range(200):
        x = x * x + x
    assert written_size(x) > 2**200 and len(str(x)) < 80 and len(x._repr_latex_()) < 80


def test_numbers_and_derivatives_end():
    with pytest.raises(DeriveError, match="digits"):
        constant(3 ** 3**9) * constant(2)
    f, x = var("f"), var("x")
    for _ in range(4):
        f = jac(f * f, x)
    with pytest.raises(DeriveError, match="derivatives of derivatives"):
        jac(f * f, x)


# -- documents ------------------------------------------------------------------------------------------------------

MUCH = 500_000
DOCUMENTS = {
    "dollars": "$" * MUCH, "backslashes": "\\" * MUCH, "braces": "{" * MUCH, "openings": r"\begin{align}" * 60_000, "brackets": r"\[" * MUCH, "round ones": r"\(" * MUCH, "endings": r"\end{align}" * 60_000,
    "backticks": "`" * MUCH, "fences": "```\n" * 200_000, "fenced mathematics": "```math\n" * 100_000, "comments": "%" * MUCH, "lines": "\n" * MUCH, "blanks in a formula": "$$" + " " * MUCH + "$$", "one line": "x = " + "x" * MUCH,
    "odd dollars": "$$" + "$ " * 300_000, "paragraphs": "$x\n\n" * 200_000, "ifs": "if $" * 200_000, "code": ("`" + "x" * 20) * 40_000, "mixed": (r"\( $$ \[ $ \begin{align} ") * 30_000, "escapes": r"\\$" * 300_000,
    "names": "$" + "abc_" * 200_000 + "$", "macros": r"\newcommand{\a" * 60_000, "blanks in a macro": (r"\newcommand{\a}" + " " * 2000) * 400, "a large macro": r"\newcommand{\a}{" + "x" * MUCH + "}", "defs": r"\def\a#1{" * 60_000,
    "a large set": r"$x \in \mathbb{R}^{" + r"n \times " * 1500 + "n}$ $$x=x$$", "a huge set": r"$W \in \mathbb{R}^{100000 \times 100000}$ $$W W^T=W^T W$$", "null bytes": "\x00" * MUCH, "accents": "\u0301" * MUCH,
}  # fmt: skip


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_no_document_takes_long(text):
    judged(text, seconds=DOCUMENT)


def test_too_much_is_refused():
    for text in ("x" * 2_000_001, "$x$ " * 5_001, "x = 1\n" * 2_001):
        assert judged(text, seconds=DOCUMENT) is None


MACROS = {
    "itself": r"\newcommand{\x}{\x\x} $$y = \x$$", "each other": r"\newcommand{\x}{\z}\newcommand{\z}{\x} $$y = \x$$", "its argument": r"\newcommand{\a}[1]{\a{#1#1}} $$y = \a{x}$$",
    "ten times itself": r"\newcommand{\a}[1]{#1#1#1#1#1#1#1#1#1#1} $$y = \a{\a{\a{\a{\a{\a{\a{x}}}}}}}$$", "a billion laughs": "".join(rf"\newcommand{{\{b}}}{{{(chr(92) + a + ' ') * 10}}}" for a, b in pairwise("abcdefghijklmno")) + "$$y = \\o$$",
    "without its arguments": r"\newcommand{\a}[9]{#9#8#7#6#5#4#3#2#1} $$y = \a$$", "and braces": r"\newcommand{\a}[1]{#1} $$y = \a" + "{" * 9000 + "$$", "def": r"\def\x{\x\x} $$y = \x$$", "let": r"\let\x\x $$y = \x$$",
    "600 of them": "".join(rf"\newcommand{{\{a}{b}}}{{x}}" for a in LETTERS for b in LETTERS[:12]) + "$$y = 1$$",
}  # fmt: skip


@pytest.mark.parametrize("text", MACROS.values(), ids=MACROS.keys())
def test_macros_that_explode(text):
    judged(text)
    judged(text.replace("$$", "$"), "residual")


def test_macros_are_put_in_up_to_a_length():
    for name, text in MACROS.items():
        if name != "600 of them":
            assert sum(len(formula.tex) for formula in read_document(text, True).formulas) <= 20_100


# -- code -----------------------------------------------------------------------------------------------------------

CODE = (
    f"__import__('os').system('touch {OWNED}')", f"open('{OWNED}','w')", f"exec(\"open('{OWNED}','w')\")", "eval('1/0')", "().__class__.__bases__[0].__subclasses__()", "lambda: 0", "x.__class__", "f'{1/0}'", "(x:=1)",
    f"x;import os;os.system('touch {OWNED}')", f"x\nimport os\nos.system('touch {OWNED}')", "S('1/0')", "Symbol('x')", "%n%s%d{0}{x.__class__}", "{{7*7}}{% for i in x %}{% endfor %}", f"`touch {OWNED}`", f"$(touch {OWNED})",
)  # fmt: skip
TEX = (
    r"\input{/etc/passwd}", r"\include{/etc/passwd}", r"\verbatiminput{/etc/passwd}", rf"\write18{{touch {OWNED}}}", rf"\immediate\write18{{touch {OWNED}}}", rf"\newwrite\f\immediate\openout\f={OWNED}\relax", r"\catcode`\{=12 x",
    r"\csname input\endcsname{/etc/passwd}", "^^5cinput{/etc/passwd}", rf"\directlua{{os.execute('touch {OWNED}')}}", r"\loop\iftrue\repeat", r"\expandafter\x\csname x\endcsname", r"\usepackage{shellesc}\ShellEscape{ls}", r"\special{x}",
)  # fmt: skip
SPOKEN = ("{}", r"\operatorname{{{}}}", r"\mathrm{{{}}}", r"\text{{{}}}", "x_{{{}}}")

watched: list[tuple[str, object]] = []
watching = False


DEEDS = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect", "os.remove", "os.rename", "ctypes.dlopen")


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """What a program may do to the world, and code made of texts: modules that are imported late are files, not texts."""
    if not watching:
        return
    what = str(arguments[0]) if arguments else ""
    if event in DEEDS or (event == "open" and ("passwd" in what or OWNED in what or "w" in str(arguments[1]))) or (event == "compile" and not str(arguments[1]).endswith(".py") and any(t in what for t in (OWNED, "__import__", "__class__", "1/0"))):
        watched.append((event, arguments))


@pytest.fixture(scope="module")
def hook() -> None:
    sys.addaudithook(watch)


@pytest.fixture
def nothing_runs(hook, tmp_path, monkeypatch) -> Iterator[None]:
    global watching
    monkeypatch.chdir(tmp_path)
    watched.clear()
    watching = True
    yield
    watching = False
    assert not watched and not list(tmp_path.iterdir())


def test_the_hook_would_see_it(hook, tmp_path):
    global watching
    watched.clear()
    watching = True
    (tmp_path / OWNED).write_text("x")
    compile("__import__", "x", "eval")
    watching = False
    assert [event for event, _ in watched] == ["open", "compile"]


@pytest.mark.parametrize("where", ["", "residual"], ids=["alone", "in a network"])
@pytest.mark.parametrize("text", [*CODE, *TEX])
def test_nothing_is_run(text, where, nothing_runs):
    for spoken in SPOKEN if text in CODE else SPOKEN[:1]:
        for document in (f"$$y = {spoken.format(text)}$$", f"$${spoken.format(text)} = y$$", spoken.format(text) + " = y", f"$y = 1$ {text}", rf"\newcommand{{\q}}{{{text}}} $$y = \q$$"):
            judged(document, where)


@pytest.mark.parametrize("text", [*CODE, *TEX])
def test_pages_hold_no_commands(text, nothing_runs):
    report = judged(f"$$y = {text}$$\n\n$$\\text{{{text}}} = y$$")
    for language in ("tex", "html") if report is not None else ():
        shown = page(report, language)
        assert language == "html" or not any(command in shown for command in (r"\write18{", r"\input{/", r"\directlua{", r"\immediate", r"\csname"))
        assert "<script>alert" not in shown and "\x1b" not in shown


@pytest.mark.parametrize("text", [*CODE, *TEX])
def test_names_in_scopes_are_no_code(text, nothing_runs):
    for settings in ({"alias": {text: "y"}}, {"alias": {"q": text}}, {"declare": {text: "n"}}, {"declare": {"q": text}}, {"values": {text: 1}}, {"values": {"x": text}}, {"columns": {text: "W_1"}}, {"problem": text}, {"functions": {"q": text}}):
        try:
            Checker(parts(settings, problem=None if "problem" in settings else network("residual"))).text("$$q = y$$")
        except DeriveError as error:
            message(error)


# -- signs ----------------------------------------------------------------------------------------------------------

SIGNS = {
    "a null byte": "x\x00y", "null bytes": "\x00" * 3000, "control signs": "".join(map(chr, range(1, 32))), "more of them": "".join(map(chr, range(127, 160))), "right to left": "\u202ex\u202d", "joiners": "x\u200dy\u200c", "a mark": "\ufeffx",
    "half a sign": "\ud800", "no signs": "\uffff\U0010ffff", "3,000 accents": "x" + "\u0301" * 3000, "mathematical letters": "𝐱𝑥𝒙𝓍𝔵𝕩𝖝𝗑𝘅", "digits": "٣+３+𝟛+²+½+Ⅷ", "emoji": "😀+👨‍👩‍👧", "ligatures": "ﬁ+ﬂ", "lookalikes": "х", "words": "其中 x 所以",
    "ends of lines": "x\u2028y\u2029z\x85w\x0bv\x0cu", "blanks": "\u00a0\u2007\u202f\u3000x", "dashes": "−–—‐x", "tags": "x\U000e0041", "variants": "x\ufe0f", "integrals": "∫∮∯⋃⋂", "a terminal": "\x1b[31mx\x1b]0;t\x07",
}  # fmt: skip


@pytest.mark.parametrize("text", SIGNS.values(), ids=SIGNS.keys())
def test_any_sign_is_read_or_refused(text):
    for document in (f"$$y = {text}$$", f"$${text} = y$$", f"{text} = y", f"$$y_{{{text}}} = y^{{{text}}}$$", f"{text} $y = 1$", rf"$$y = \mathrm{{{text}}}$$"):
        judged(document)
        report = judged(document, "residual")
        assert report is None or "\x1b" not in str(report)
        for language in ("tex", "html") if report is not None else ():
            assert "\x1b" not in page(report, language) and "\x00" not in page(report, language)


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("x³", "x^3"), ("x¹²", "x^{12}"), ("x⁻¹", "x^{-1}"), ("W⁽²⁾ᵀ", r"W^{(2)\top}"), ("x₁₂", "x_{12}"), ("hₜ₋₁", "h_{t-1}"), ("x²3", "x^{2}3"), ("２٣९", "239"), ("𝟑", "3"), ("𝟏", r"\mathbf{1}"), ("𝟙", r"\mathbb{1}"),
    ],
)  # fmt: skip
def test_small_signs_and_digits_of_other_scripts(text, tex):
    assert clean(text) == tex


@pytest.mark.parametrize("tail", ["³", "⁵", "₃", "!", "°", "†", "中", "é", "∙ 2", "∕ 2", "☃", r"\%", "½", "#", "¼"])
def test_what_is_not_read_is_not_dropped(tail):
    """2 = 2³ isn't 2 = 2: a sign at an end counts, or the line is unreadable."""
    for text in (f"$$2 = 2{tail}$$", f"$$2{tail} = 2$$", f"$$2 = 2{tail} = 2$$"):
        report = judged(text)
        assert report is not None and report.lines
        assert any(line.verdict in ("refuted", "unreadable", "undecided") for line in report.lines), text


@pytest.mark.parametrize("head", ["∛", "▽", "√¬", "¼", "é", "☃", "!"])
def test_nor_in_front(head):
    report = judged(f"$${head}2 = 2$$")
    assert report is not None
    assert [line.verdict for line in report.lines] == ["unreadable"]


@pytest.mark.parametrize("tail", ["", ".", ",", ";", "?", "。", "∎", " ✓", "”", r"\quad", r"\text{ for all } i"])
def test_what_says_nothing_is_dropped(tail):
    report = judged(f"$$2 = 2{tail}$$")
    assert report is not None
    assert [line.verdict for line in report.lines] == ["agrees"]


def test_memory_is_bounded():
    """In a process of its own: what the largest formulas add to its resident size."""
    formulas = [HUGE["a power to be multiplied out"], DEEP["a large matrix"], DEEP["softmax of softmax"]]
    program = """
import json, resource, sys
import derive
net = derive.load("residual")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for formula in json.load(sys.stdin):
    net.check(f"$$y = {formula}$$")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, sys.getrecursionlimit())
"""
    done = subprocess.run([sys.executable, "-c", program], input=json.dumps(formulas), capture_output=True, text=True, check=True)
    growth, deepest = map(int, done.stdout.split())
    assert growth <= GROWTH and deepest <= 10_000
