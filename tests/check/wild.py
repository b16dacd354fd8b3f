"""Strings that nobody should have written: random LaTeX, and real formulas with their tokens deleted, doubled, swapped and nested."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import derive
from derive.check import Checker
from derive.check.settings import Part, parts, read_settings
from derive.expr import DeriveError, Var, postorder
from derive.network import Network
from derive.printing import Style
from derive.printing.express import Speller
from derive.printing.latex import latex
from derive.printing.names import symbol
from derive.solution import Solution

STYLE = Style()

CORPUS = Path(__file__).parents[1] / "corpus"
NETWORKS = ("lstm", "residual", "rnn", "mlp", "mlp_batch", "rnn_tanh")
PROBLEMS = (
    "saik_lstm", "layernorm_wrongsign", "talwar_softmax", "mayank_rmsnorm", "d2l_bptt_1", "forti_cs231n_batchnorm_1", "eigen",
    "kyleclo_logreg_softmax_mlp_7", "jonariguez_cs224n_a1_4", "chainrules_bar_arrays_5",
)  # fmt: skip
ATTENTION = r"""
$X \in \mathbb{R}^{n \times d}$, $W_Q, W_K, W_V \in \mathbb{R}^{d \times d}$, $G \in \mathbb{R}^{n \times d}$
$$Q = X W_Q$$ $$K = X W_K$$ $$V = X W_V$$ $$S = Q K^T / \sqrt{d}$$ $$A = \operatorname{softmax}(S)$$ $$Y = A V$$ $$L = \operatorname{tr}(G^T Y)$$
"""


class Wild(NamedTuple):
    """A string, and the network in which it is read."""

    n: int
    text: str
    where: str
    explain: bool


@cache
def pieces(document: str) -> list[Part]:
    """The parts of a document of the corpus."""
    path = CORPUS / f"{document}.toml"
    return parts(read_settings(path), path.name, CORPUS)


@cache
def documents() -> dict[str, tuple[str, ...]]:
    """The names of the scopes of each document that has one."""
    names = [path.name.partition(".")[0] for path in sorted(CORPUS.glob("*.lines.toml"))]
    return {name: tuple(f"{name}.{k}" for k in range(len(pieces(name)))) for name in names}


@cache
def network(where: str) -> Network | None:
    if where == "":
        return None
    if "." in where:
        document, _, k = where.partition(".")
        return pieces(document)[int(k)].network
    if where == "attention":
        from derive.reader.problem import read_problem

        problem = read_problem(ATTENTION, "attention")
        return Network(problem.system, scope=problem.scope)
    return derive.load(where if where in NETWORKS else CORPUS / "problems" / f"{where}.tex")


def checker(where: str, explain: bool = True) -> Checker:
    """A new checker."""
    if "." in where:
        document, _, k = where.partition(".")
        part = pieces(document)[int(k)]
        return Checker([replace(part, start="", scope=part.scope.copy(), values=dict(part.values))], explain)
    return Checker(parts({}, problem=network(where)), explain)


@cache
def names(where: str) -> tuple[str, ...]:
    """What a network's names look like in a formula, adjoints too."""
    net = network(where)
    if net is None:
        return ("x", "W", "h_t", r"\bar x", "y_i", "a_{ij}", r"\hat y")
    found = [plain_latex(v) for v in net.system.quantities.values()]
    return tuple(found + [rf"\bar{{{n}}}" for n in found] + [rf"\frac{{\partial L}}{{\partial {n}}}" for n in found])


def plain_latex(v: Var) -> str:
    return latex(symbol(v, STYLE))


@cache
def own(where: str) -> tuple[str, ...]:
    """The equations of a network, and the adjoints that the engine finds, as formulas."""
    net = network(where)
    if net is None:
        return (r"\sigma'(x) = \sigma(x)(1 - \sigma(x))", r"\tanh(x) = 2\sigma(2x) - 1", "x + x = 2x")
    found = []
    pairs = [(e.left, e.right) for e in net.system.equations]
    if net.system.loss is not None:
        pairs += [(a.node.adjoint, a.short) for a in Solution(net.system).sweep.adjoints.values()]
    for left, right in pairs:
        try:
            known = {v: symbol(v, STYLE) for e in (left, right) for v in postorder(e) if isinstance(v, Var)}
            found.append(" = ".join(latex(Speller(STYLE, known).spell(e)) for e in (left, right)))
        except DeriveError:
            continue
    return tuple(found)


@cache
def formulas() -> tuple[tuple[str, str], ...]:
    """(document, formula) of the corpus."""
    return tuple(
        (path.name.partition(".")[0], line["tex"])
        for path in sorted(CORPUS.glob("*.lines.toml"))
        for line in tomllib.loads(path.read_text(encoding="utf-8"))["line"]
    )


# -- pieces -------------------------------------------------------------------------------------------------------

TOKENS = re.compile(r"\\[a-zA-Z]+\*?|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
COMMANDS = (
    "frac sqrt sum prod int lim partial nabla left right bar hat tilde dot vec overline mathbf mathbb mathrm text operatorname boldsymbol begin end cdot "
    "times odot circ otimes star top prime delta Delta sigma alpha lambda infty dots cdots vdots ldots in ne le ge approx equiv to Rightarrow "
    "implies therefore quad qquad , ; ! { } | \\ Vert lVert langle rangle underbrace overbrace underline stackrel overset underset boxed cancel label tag "
    "softmax tanh exp log max min diag tr det argmax pm mp not over choose binom dfrac tfrac input include write openout def newcommand catcode "
    "let csname endcsname expandafter loop repeat verb url href includegraphics usepackage special immediate read mathchoice char"
).split()
ENVIRONMENTS = "matrix pmatrix bmatrix vmatrix Vmatrix cases array aligned split align align* equation gather smallmatrix tabular verbatim tikzpicture".split()
CODE = (
    "__import__('os').system('touch /tmp/owned')", "().__class__.__bases__[0].__subclasses__()", "exec(\"raise SystemExit\")", "eval('1/0')",
    "lambda: 0", "os.abort()", "f'{1/0}'", "%s%n{0.__class__}", "open('/etc/passwd').read()", "x;import os", "{{7*7}}", "<script>alert(1)</script>",
    r"\input{/etc/passwd}", r"\write18{touch /tmp/owned}", r"\immediate\write18{ls}", r"\def\x{\x\x}\x", "${jndi:ldap://x}", "../../etc/passwd",
)  # fmt: skip
HUGE = (
    "9" * 300, "1" + "0" * 5000, "1e308", "1" * 80 + "." + "7" * 80, "10^{10^{10}}", "9^{9^{9^9}}", "2^{2^{2^{2^{2^2}}}}", "0.00000000000000000000000000001",
    "(10^{300})^{300}", "1/0", "0^{-1}", "0^0", "(-1)^{1/2}", "10^{-10^{10}}", "99999999999999999999", "e^{e^{e^{e^{100}}}}", r"\sqrt{\sqrt{-1}}", r"\infty",
    "x^{999999999}", "x^{-63}", "W^{64}", "x_{999999999}", "h_{t-999999999}", "h_{99999}", r"\sum_{i=1}^{10^{10}} i", r"\prod_{t=1}^{999999} h_t", r"\sqrt[99]{x}",
)  # fmt: skip
STRANGE = (
    "\x00", "\x01", "\x07", "\x08", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85", "\u200b", "\u202e", "\ufeff", "\ufffd", "\U0001d465", "\U0001f600", "é", "ß", "ﬁ", "़", "́",
    "中", "ا", "⁵", "₃", "½", "ᵀ", "∂", "∑", "∏", "√", "∞", "≠", "Σ", "٣", "𝟙", "Ⅷ", "\ud800", "\u2028", "\u00a0", "“", "—", "\r", "\t", "\n\n",
)  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def letter(rng: random.Random) -> str:
    return rng.choice(LETTERS)


def token(rng: random.Random) -> str:
    """Any token."""
    kind = rng.randrange(12)
    if kind < 3:
        return "\\" + rng.choice(COMMANDS) + " "
    if kind < 5:
        return letter(rng)
    if kind < 8:
        return rng.choice("{}()[]|^_=+-*/<>,.;:!?'&~%$#@\"`\\ ")
    if kind == 8:
        return rng.choice(("0", "1", "2", "12", "0.5", ".3", "1000000"))
    if kind == 9:
        return rng.choice((r"\begin{%s}", r"\end{%s}")) % rng.choice(ENVIRONMENTS)
    if kind == 10:
        return rng.choice(STRANGE)
    return rng.choice((*HUGE, *CODE)) if rng.random() < 0.3 else rng.choice(("^{t}", "_{t-1}", "_{ij}", "^T", r"^{\top}", r"\bar h", r"\frac{\partial L}{\partial x}"))


def soup(rng: random.Random) -> str:
    """Tokens in any order."""
    return "".join(token(rng) for _ in range(rng.choice((1, 2, 3, 5, 8, 13, 21, 34, 80))))


# -- formulas that are well formed, and mean nothing ----------------------------------------------------------------


def name(rng: random.Random) -> str:
    head = rng.choice((letter(rng), rf"\bar{{{letter(rng)}}}", r"\hat{y}", r"\sigma", r"\delta", rf"\mathbf{{{letter(rng)}}}", f"W_{letter(rng)}"))
    return head + rng.choice(("", "", "", "_t", "_{t-1}", "^{(t)}", "^{(t+1)}", "_i", "_{ij}", "_{12}", "^T", r"^{\top}", "'", "^2", "^{-1}", "^{(l)}", "_T", "_0"))


def formula(rng: random.Random, depth: int = 0) -> str:
    def inner() -> str:
        return formula(rng, depth + 1)

    if depth > 4 or rng.random() < 0.15 * depth:
        return rng.choice((name(rng), name(rng), rng.choice(("0", "1", "2", "0.5", "n"))))
    kind = rng.randrange(22)
    op = rng.choice((" ", " ", r" \odot ", r" \cdot ", " * ", r" \times ", r" \otimes ", " / "))
    match kind:
        case 0 | 1 | 2 | 3:
            return op.join(inner() for _ in range(rng.randrange(2, 5)))
        case 4 | 5 | 6:
            return "".join(rng.choice("+-") + inner() for _ in range(rng.randrange(1, 5)))
        case 7:
            return rf"\frac{{{inner()}}}{{{inner()}}}"
        case 8:
            return rf"\frac{{\partial {name(rng)}}}{{\partial {name(rng)}}}"
        case 9:
            return rng.choice((r"\sum_{%s} %s", r"\prod_{%s} %s")) % (
                rng.choice(("i", "j", "k", "i=1", "t", "t=1", r"i \ne j", "i,j", "ij", "s=1")) + rng.choice(("}^{n", "}^{T", "}^{t", "}^{t-1", "")),
                inner(),
            )
        case 10 | 11:
            return rng.choice((r"\tanh(%s)", r"\sigma(%s)", r"\sigma'(%s)", r"\exp(%s)", r"\log %s", r"\operatorname{softmax}(%s)", r"\operatorname{diag}(%s)",
                               r"\operatorname{tr}(%s)", r"\det(%s)", r"\max(0, %s)", "f(%s)", "g'(%s)", r"\operatorname{relu}(%s)")) % inner()  # fmt: skip
        case 12:
            return rf"\sqrt{{{inner()}}}"
        case 13:
            return f"({inner()})" + rng.choice(("", "^T", "^2", "^{-1}", "_i", "_{ij}", "^{3}", "^{t}", "^{n}", r"^{\odot 2}"))
        case 14:
            return rng.choice((r"\|%s\|", r"\|%s\|^2", r"\lVert %s \rVert_2", "|%s|", r"\langle %s, x \rangle")) % inner()
        case 15:
            rows = rng.randrange(1, 4), rng.randrange(1, 4)
            table = r"\\".join("&".join(inner() if rng.random() < 0.3 else name(rng) for _ in range(rows[1])) for _ in range(rows[0]))
            return rf"\begin{{bmatrix}}{table}\end{{bmatrix}}"
        case 16:
            return rf"\begin{{cases}}{inner()} & i = j \\ {inner()} & \text{{otherwise}}\end{{cases}}"
        case 17:
            return rf"\nabla_{{{name(rng)}}} {letter(rng)}"
        case 18:
            return r"\delta_{ij} " + inner()
        case 19:
            return f"e^{{{inner()}}}"
        case 20:
            return rf"\frac{{\partial {name(rng)}}}{{\partial {name(rng)}}} {inner()}"
        case _:
            return rf"\mathbb{{1}}_{{{rng.choice(('i=j', 'x>0', 'n', ''))}}} {inner()}"


def statement(rng: random.Random) -> str:
    return rng.choice((" = ", " = ", " = ", r" \approx ", " &= ", r"\\ = ")).join(
        (name(rng) if k == 0 else formula(rng)) for k in range(rng.choice((2, 2, 2, 3, 4)))
    )


# -- mutations ----------------------------------------------------------------------------------------------------


def _splice(rng: random.Random, tokens: list[str], new: list[str]) -> None:
    at = rng.randrange(len(tokens) + 1)
    tokens[at:at] = new


def delete(rng: random.Random, tokens: list[str]) -> None:
    at = rng.randrange(len(tokens))
    del tokens[at : at + rng.choice((1, 1, 1, 2, 5))]


def insert(rng: random.Random, tokens: list[str]) -> None:
    _splice(rng, tokens, [token(rng)])


def swap(rng: random.Random, tokens: list[str]) -> None:
    a, b = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    tokens[a], tokens[b] = tokens[b], tokens[a]


def duplicate(rng: random.Random, tokens: list[str]) -> None:
    a = rng.randrange(len(tokens))
    piece = tokens[a : a + rng.randrange(1, 9)]
    tokens[a:a] = piece * rng.choice((1, 1, 1, 2, 3, 8))


def sibling(rng: random.Random, tokens: list[str]) -> None:
    """One token for another of the same formula."""
    a, b = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    tokens[a] = tokens[b]


def rename(rng: random.Random, tokens: list[str]) -> None:
    for k in rng.sample(range(len(tokens)), min(3, len(tokens))):
        if tokens[k].isalpha():
            tokens[k] = letter(rng)


def unbalance(rng: random.Random, tokens: list[str]) -> None:
    where = [k for k, t in enumerate(tokens) if t in "{}()[]" or t in (r"\left", r"\right")]
    if where and rng.random() < 0.6:
        del tokens[rng.choice(where)]
    else:
        _splice(rng, tokens, [rng.choice("{}()[]|")] * rng.choice((1, 1, 2, 30)))


def nest(rng: random.Random, tokens: list[str]) -> None:
    left, right = rng.choice((("{", "}"), ("(", ")"), (r"\frac{1}{", "}"), (r"\sqrt{", "}"), (r"\bar{", "}"), ("x_{", "}"), ("e^{", "}"), (r"\tanh(", ")"),
                              (r"\left[", r"\right]"), (r"\|", r"\|"), (r"\begin{bmatrix}", r"\end{bmatrix}"), (r"\sum_{i=1}^n", ""), ("-", ""), (r"\mathbf{", "}")))  # fmt: skip
    times = rng.choice((1, 2, 5, 20, 70))
    a = rng.randrange(len(tokens))
    b = rng.randrange(a, len(tokens)) + 1
    tokens[b:b] = [right] * times
    tokens[a:a] = [left] * times


def huge(rng: random.Random, tokens: list[str]) -> None:
    where = [k for k, t in enumerate(tokens) if t[:1].isdigit()]
    if where:
        tokens[rng.choice(where)] = rng.choice(HUGE)
    else:
        _splice(rng, tokens, [rng.choice(HUGE)])


def strange(rng: random.Random, tokens: list[str]) -> None:
    _splice(rng, tokens, [rng.choice(STRANGE)] * rng.choice((1, 1, 3)))


def code(rng: random.Random, tokens: list[str]) -> None:
    piece = rng.choice(CODE)
    _splice(rng, tokens, [rng.choice((piece, rf"\mathrm{{{piece}}}", rf"\operatorname{{{piece}}}", rf"\text{{{piece}}}", f"x_{{{piece}}}"))])


def graft(rng: random.Random, tokens: list[str]) -> None:
    """A piece of another formula."""
    other = TOKENS.findall(rng.choice(formulas())[1])
    a = rng.randrange(len(other))
    _splice(rng, tokens, other[a : a + rng.randrange(1, 30)])


def grow(rng: random.Random, tokens: list[str]) -> None:
    """The formula several times over, as factors, terms, scripts or a chain."""
    tokens[:] = [*tokens, rng.choice((" ", "+", "-", "=", r"\\", "^", "_", r"\odot ", "/"))] * rng.choice((2, 3, 6))


def relation(rng: random.Random, tokens: list[str]) -> None:
    _splice(rng, tokens, [rng.choice(("=", "=", r"\approx ", r"\ne ", r"\in ", "<", r"\Rightarrow ", ":="))])


MUTATIONS: tuple[Callable[[random.Random, list[str]], None], ...] = (
    delete, delete, insert, swap, duplicate, sibling, sibling, rename, unbalance, nest, huge, strange, code, graft, grow, relation,
)  # fmt: skip


def mutant(rng: random.Random, text: str) -> str:
    tokens = TOKENS.findall(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        if not tokens:
            break
        rng.choice(MUTATIONS)(rng, tokens)
    return "".join(tokens)


AROUND = (
    *("%s",) * 6, *("$$%s$$",) * 8, "$%s$", r"\[%s\]", r"\begin{align*}%s\end{align*}", r"\begin{equation}%s\end{equation}", "```math\n%s\n```",
    "Then $$%s$$ and so $$= 0$$", r"\documentclass{article}\newcommand{\x}{x}\begin{document}\[%s\]\end{document}", "If $i \\ne j$:\n$$%s$$", "- $$%s\n",
)  # fmt: skip


def wrapped(rng: random.Random, text: str) -> str:
    """The formula as it may stand in a document."""
    return rng.choice(AROUND).replace("%s", text)


# -- the stream ---------------------------------------------------------------------------------------------------

GALLERY = (*NETWORKS, "attention", *PROBLEMS)


def renamed(rng: random.Random, text: str, where: str) -> str:
    """Other names of the network in the place of some of the formula's."""
    pattern = re.compile("|".join(sorted(map(re.escape, names(where)), key=len, reverse=True)) + r"|(?<![\\a-zA-Z])[a-zA-Z](?![a-zA-Z])")
    return pattern.sub(lambda m: rng.choice(names(where)) if rng.random() < 0.3 else m[0], text)


def wild(count: int, seed: int = 0) -> Iterator[Wild]:
    """So many strings, the same ones for a seed."""
    for n in range(count):
        yield one(n, seed)


def one(n: int, seed: int = 0) -> Wild:
    rng = random.Random(f"{seed} {n}")
    where = rng.choice(("", *GALLERY, "lstm", "attention"))
    kind = rng.random()
    if kind < 0.1:
        text = soup(rng)
    elif kind < 0.2:
        text = renamed(rng, statement(rng), where)
        text = mutant(rng, text) if rng.random() < 0.3 else text
    elif kind < 0.5:
        text = rng.choice(own(where))
        text = mutant(rng, text) if rng.random() < 0.7 else renamed(rng, text, where)
    else:
        document, text = rng.choice(formulas())
        if rng.random() < 0.8:
            where = rng.choice(documents()[document])
        text = mutant(rng, text) if rng.random() < 0.7 else renamed(rng, text, where)
    return Wild(n, wrapped(rng, text), where, rng.random() < 0.25)


# -- problem files and scope files --------------------------------------------------------------------------------


@cache
def problems() -> tuple[str, ...]:
    return (ATTENTION, *(path.read_text(encoding="utf-8") for path in sorted((CORPUS / "problems").glob("*.tex"))))


def problem(n: int, seed: int = 0) -> str:
    """A problem file with a few mutations, or with formulas of another one in it."""
    rng = random.Random(f"problem {seed} {n}")
    text = rng.choice(problems())
    kind = rng.random()
    if kind < 0.1:
        return text[: rng.randrange(len(text))]
    if kind < 0.25:
        lines = text.splitlines()
        rng.shuffle(lines)
        return "\n".join(lines)
    if kind < 0.4:
        return text + f"\n$$ {rng.choice((statement(rng), rng.choice(formulas())[1], soup(rng)))} $$\n"
    if kind < 0.5:
        return rng.choice(("% time: ", "% loss: ", "% vectors: ", "% scalars: ", "% title: ")) + soup(rng) + "\n" + text
    return mutant(rng, text)


NONSENSE: tuple[Any, ...] = (
    "", " ", "x", "n x d", "scalar", "sequence of n", "function", "loss function", "size", "column", "row", "gradient", "e", "10", "0", "1", "²", "-3", "1e9", "a" * 3000, "\x00", "W^T", r"\frac{1}{2}",
    r"\bar{h}", "x_t", "(", "{" * 200, "^", "_", "h_{t-1}", "[[1, 2], [3]]", 0, 1, -1, 3, 10**30, 0.5, -0.0, float("nan"), float("inf"), True, None, [], [[]], [1, 2], [[1, 2], [3]], [[1, 2], [3, 4]],
    ["x", 1], {}, {"x": 1}, {"x": "n"}, {"h": "x"}, {"": ""}, {"T": 3}, {"T": 10**9}, {"T": "x"}, {"h_t": [1, 2]}, {"h_0": 0}, {"h_{99999}": 1}, {"x[7]": 1}, {"x[a]": 1}, {"W": [[1, 2], [3, 4]]},
    {"W": "n x n"}, {"x": "²"}, {"x": "0"}, {"x": "n x n x n x n"}, {"1": "n"}, {r"\frac": "x"}, {"f": "function"}, {"l": "loss function"}, {"n": "size"}, {"x": "sequence of n"}, {"t": "n"}, {"e": "n"},
    {"(": "x"}, {"x_t": "h_t"}, {r"\delta": r"\bar{h}"}, {"a" * 3000: "x"}, {"x": float("nan")}, {"x": 10**400}, {"x": True}, {"x": None}, {"x": {"y": 1}}, [{}], [{"from": "x"}], [{"from": 1}], ["x"],
    {"__import__('os')": "x"}, {"x": "__import__('os').system('true')"}, "__import__('os')", [r"\cdot"], ["*"], ["juxtaposition"], [""], [None], "lstm", "nothing", "/etc/passwd", "x.tex", "x.py", "../x.tex", "\x00.tex",
)  # fmt: skip
SETTINGS = (
    "problem", "vectors", "layout", "elementwise", "delta", "log", "index_base", "time", "alias", "declare", "columns", "rows", "values", "onehot", "functions", "part", "from", "title", "sums", "x",
)  # fmt: skip


def scope(n: int, seed: int = 0) -> dict[str, Any]:
    """Settings that make little sense, or those of the corpus with some of their values changed."""
    rng = random.Random(f"scope {seed} {n}")
    if rng.random() < 0.5:
        return {key: rng.choice(NONSENSE) for key in rng.sample(SETTINGS, rng.choice((1, 1, 2, 4)))}
    data = read_settings(CORPUS / f"{rng.choice(tuple(documents()))}.toml")
    data = {k: [dict(p) for p in v] if k == "part" else dict(v) if isinstance(v, dict) else v for k, v in data.items()}
    tables = [data, *data.get("part", []), *(v for p in (data, *data.get("part", [])) for v in p.values() if isinstance(v, dict))]
    for _ in range(rng.choice((1, 2, 5))):
        table = rng.choice(tables)
        if not table:
            continue
        key = rng.choice(list(table))
        match rng.randrange(4):
            case 0:
                table[key] = rng.choice(NONSENSE)
            case 1:
                table[mutant(rng, key)] = table.pop(key)
            case 2 if isinstance(table[key], str):
                table[key] = mutant(rng, table[key])
            case _:
                table[rng.choice(NAMES)] = rng.choice(NONSENSE)
    return data


NAMES = ("x", "W", "h_t", r"\bar h", "W_{12}", "n", "T", "t", "1", "", r"\sigma", "x_i", r"\frac{\partial L}{\partial x}", "h^{(t)}", "e", "I")
