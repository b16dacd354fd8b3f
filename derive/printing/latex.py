"""Notation to LaTeX (amsmath, amssymb)."""

from __future__ import annotations

import re

from derive.printing.notation import (
    CALL,
    ENTRYWISE,
    GREEK,
    POSTFIX,
    PRODUCT,
    SUM,
    Big,
    Call,
    Cases,
    Entry,
    Fence,
    Frac,
    Grid,
    Listed,
    Node,
    Num,
    Partial,
    Power,
    Prod,
    Ratio,
    Rel,
    Root,
    Sum,
    Sym,
    Transposed,
    Word,
    needs_fence,
    precedence,
    starts_with_digit,
)

_OPERATIONS = {"": " ", "odot": r" \odot ", "oslash": r" \oslash ", "cdot": r" \cdot ", "times": r" \times "}
_RELATIONS = {"=": "=", "∈": r"\in", ">": ">", "<": "<", "≥": r"\ge", "≤": r"\le", "≈": r"\approx", "≠": r"\ne"}
_FENCES = {"paren": ("(", ")"), "bracket": ("[", "]"), "abs": (r"\lvert", r"\rvert"), "norm": (r"\lVert", r"\rVert")}
_SIZES = ("", r"\bigl", r"\Bigl", r"\biggl")


def latex(node: Node) -> str:
    """LaTeX of a piece of notation."""
    match node:
        case Sym():
            return _symbol(node)
        case Num():
            return node.text
        case Word():
            return rf"\text{{{escape(node.text)}}}" if node.text else ""
        case Ratio():
            return (
                rf"\tfrac{{{node.top}}}{{{node.below}}}" if node.top > 9 or node.below > 9 else rf"\tfrac{node.top}{node.below}"
            )
        case Sum():
            return _sum(node)
        case Prod():
            return _product(node)
        case Frac():
            return rf"\frac{{{latex(node.top)}}}{{{latex(node.below)}}}"
        case Partial():
            return _partial(node)
        case Power():
            base = _inside(node.base, POSTFIX + 1)
            exponent = latex(node.exponent)
            return rf"{base}^{{\odot {exponent}}}" if node.entrywise else f"{base}^{_group(exponent)}"
        case Transposed():
            return _transposed(node)
        case Call():
            power = f"^{_group(latex(node.power))}" if node.power else ""
            return f"{latex(node.fn)}{power}{_fenced('paren', Listed(node.args))}"
        case Fence():
            return _fenced(node.kind, node.body)
        case Root():
            return rf"\sqrt{{{latex(node.body)}}}"
        case Big():
            return _big(node)
        case Entry():
            return f"{_inside(node.base, POSTFIX + 1)}_{_group(''.join(map(latex, node.indices)))}"
        case Rel():
            parts = [latex(node.parts[0])]
            for op, part in zip(node.ops, node.parts[1:], strict=True):
                parts += [_RELATIONS[op], latex(part)]
            return " ".join(parts)
        case Listed():
            return ", ".join(map(latex, node.items)) if node.op == "," else _side_by_side(list(map(latex, node.items)))
        case Grid():
            rows = r" \\ ".join(" & ".join(map(latex, row)) for row in node.rows)
            return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"
        case Cases():
            rows = r" \\ ".join(rf"{latex(a)} & \text{{if }} {latex(b)}" for a, b in node.rows)
            return rf"\begin{{cases}} {rows} \end{{cases}}"
    raise TypeError(f"no LaTeX for {type(node).__name__}")


def _side_by_side(parts: list[str]) -> str:
    """Joined without a gap, unless a command would swallow the letter after it."""
    joined = parts[0]
    for part in parts[1:]:
        command = re.search(r"\\[A-Za-z]+$", joined) and part[:1].isalpha()
        joined += (" " if command else "") + part
    return joined


def _group(text: str) -> str:
    """Braces where LaTeX needs them."""
    return text if len(text) == 1 or (text.startswith("\\") and text[1:].isalpha()) else f"{{{text}}}"


def _letter(node: Sym) -> str:
    base = node.base
    if node.latex:
        return node.latex
    if node.font == "function":
        return rf"\operatorname{{{escape(base)}}}"
    if node.font == "bold":
        return rf"\mathbf{{{base}}}"
    if node.font == "blackboard":
        return rf"\mathbb{{{base}}}"
    if base in ("odot", "dots"):
        return rf"\{base}"
    if base in GREEK:
        return rf"\{base}"
    if node.font == "roman":
        return rf"\mathrm{{{escape(base)}}}"
    return base


def _symbol(node: Sym) -> str:
    text = _letter(node)
    for accent in node.accents:
        wide = accent == "bar" and node.font == "roman"
        text = rf"\overline{{{text}}}" if wide else rf"\{accent}{{{text}}}"
    text += "'" * node.primes
    if node.sub is not None:
        text += "_" + _group(_script(node.sub))
    if node.sup is not None:
        text += "^" + _group(_script(node.sup))
    return text


def _script(node: Node) -> str:
    """Scripts are set tight: t-1, not t - 1."""
    return (
        latex(node)
        .replace(r" \times ", r"\times ")
        .replace(" - ", "-")
        .replace(" + ", "+")
        .replace(" = ", "=")
        .replace(", ", ",")
    )


def _transposed(node: Transposed) -> str:
    base = node.base
    if isinstance(base, Sym) and base.sup is not None:
        plain = Sym(base.base, base.accents, base.sub, None, base.primes, base.font)
        return rf"{latex(plain)}^{{{_script(base.sup)}\top}}"
    return rf"{_inside(base, POSTFIX + 1)}^{{\top}}"


def _inside(node: Node, needed: int) -> str:
    return _fenced("paren", node) if needs_fence(node, needed) else latex(node)


def _fenced(kind: str, body: Node) -> str:
    left, right = _FENCES[kind]
    size = _SIZES[_height(body)]
    opening = f"{size}{left}" if size else left
    closing = f"{size[:-1]}r{right}" if size else right
    gap = " " if opening[-1:].isalpha() else ""
    return f"{opening}{gap}{latex(body)}{' ' if closing[:1].isalpha() else ''}{closing}"


def _height(node: Node) -> int:
    """0 for plain content, 1 where there are brackets inside, 2 for fractions, big operators and deeper brackets."""
    match node:
        case Frac() | Partial() | Big() | Grid() | Cases():
            return 2
        case Fence():
            return min(3, max(1, _height(node.body) + (_height(node.body) > 0)))
        case Call():
            return max([1, *(min(3, _height(a) + (_height(a) > 0)) for a in node.args)])
        case Sum():
            return max((_in_brackets(t, SUM + 1) for _, t in node.terms), default=0)
        case Prod():
            return max(_in_brackets(f, precedence(node)) for f in node.factors)
        case Rel():
            return max(map(_height, node.parts))
        case Listed():
            return max(map(_height, node.items), default=0)
        case Power() | Transposed() | Entry():
            return _in_brackets(node.base, POSTFIX)
        case Root():
            return _height(node.body)
    return 0


def _in_brackets(node: Node, needed: int) -> int:
    inside = _height(node)
    return min(3, max(1, inside + 1)) if precedence(node) < needed else inside


def _sum(node: Sum) -> str:
    parts = []
    for k, (sign, term) in enumerate(node.terms):
        mark = ("-" if sign < 0 else "") if k == 0 else (" - " if sign < 0 else " + ")
        parts.append(mark + _inside(term, SUM + 1))
    return "".join(parts)


def _divided(f: Node) -> str:
    """One side of an entrywise quotient: a matrix product stands in brackets there."""
    return _fenced("paren", f) if isinstance(f, Prod) else _inside(f, ENTRYWISE + 1)


def _product(node: Prod) -> str:
    own = precedence(node)
    if node.op == "oslash":
        return _OPERATIONS["oslash"].join(_divided(f) for f in node.factors)
    last = len(node.factors) - 1
    parts = []
    for k, f in enumerate(node.factors):
        if isinstance(f, Big) and k == last and node.op == "":
            parts.append(latex(f))
        elif own == ENTRYWISE and isinstance(f, Prod) and f.op == "":
            parts.append(_fenced("paren", f))
        else:
            parts.append(_inside(f, own if own == ENTRYWISE else PRODUCT if not isinstance(f, Prod) else CALL))
    if node.op:
        return _OPERATIONS[node.op].join(parts)
    joined = parts[0]
    for f, part in zip(node.factors[1:], parts[1:], strict=True):
        joined += (_OPERATIONS["cdot"] if starts_with_digit(f) else " ") + part
    return joined


def _partial(node: Partial) -> str:
    sign = r"\partial^+ " if node.plus else r"\partial "
    top = _fenced("paren", node.top) if isinstance(node.top, Sum) else latex(node.top)
    return rf"\frac{{{sign}{top}}}{{\partial {latex(node.below)}}}"


def _big(node: Big) -> str:
    upper = f"^{_group(latex(node.upper))}" if node.upper is not None else ""
    body = _fenced("paren", node.body) if isinstance(node.body, Sum) else latex(node.body)
    return rf"\{node.op}_{{{_script(node.lower)}}}{upper} {body}"


_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
}  # fmt: skip


def escape(text: str) -> str:
    """Plain text made safe for LaTeX."""
    return "".join(_ESCAPES.get(c, c) for c in text)
