"""Notation to Unicode text, one line."""

from __future__ import annotations

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

_SUPER = str.maketrans("0123456789+-()tTnik", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᵗᵀⁿⁱᵏ")
_SUB = str.maketrans("0123456789+-()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_ACCENTS = {"bar": "\u0304", "hat": "\u0302", "tilde": "\u0303", "dot": "\u0307"}
_OPERATIONS = {"": " ", "odot": " ⊙ ", "oslash": " ⊘ ", "cdot": "·", "times": " × "}
_FENCES = {"paren": ("(", ")"), "bracket": ("[", "]"), "abs": ("|", "|"), "norm": ("‖", "‖")}
_RATIOS = {(1, 2): "½", (1, 3): "⅓", (2, 3): "⅔", (1, 4): "¼", (3, 4): "¾"}


def text(node: Node) -> str:
    """Readable text of a piece of notation."""
    match node:
        case Sym():
            return _symbol(node)
        case Num():
            return node.text
        case Word():
            return node.text
        case Ratio():
            return _RATIOS.get((node.top, node.below), f"({node.top}/{node.below})")
        case Sum():
            first = "-" if node.terms[0][0] < 0 else ""
            rest = "".join(f" {'-' if s < 0 else '+'} {_inside(t, SUM + 1)}" for s, t in node.terms[1:])
            return first + _inside(node.terms[0][1], SUM + 1) + rest
        case Prod():
            return _product(node)
        case Frac():
            return f"{_inside(node.top, PRODUCT)} / {_inside(node.below, CALL)}"
        case Partial():
            sign = "∂⁺" if node.plus else "∂"
            return f"{sign}{_inside(node.top, POSTFIX)}/∂{_inside(node.below, POSTFIX)}"
        case Power():
            mark = "⊙" if node.entrywise else ""
            return _inside(node.base, POSTFIX + 1) + raised(mark + text(node.exponent))
        case Transposed():
            return _inside(node.base, POSTFIX) + "ᵀ"
        case Call():
            power = raised(text(node.power)) if node.power else ""
            return f"{text(node.fn)}{power}({', '.join(map(text, node.args))})"
        case Fence():
            left, right = _FENCES[node.kind]
            return f"{left}{text(node.body)}{right}"
        case Root():
            return f"√({text(node.body)})"
        case Big():
            sign = {"sum": "Σ", "prod": "∏"}[node.op]
            lower = text(node.lower).replace(" ", "")
            upper = f"..{text(node.upper)}" if node.upper is not None else ""
            return f"{sign}_{{{lower}{upper}}} {_inside(node.body, PRODUCT)}"
        case Entry():
            return _inside(node.base, POSTFIX + 1) + lowered("".join(map(text, node.indices)))
        case Rel():
            return text(node.parts[0]) + "".join(f" {op} {text(p)}" for op, p in zip(node.ops, node.parts[1:], strict=True))
        case Listed():
            return (", " if node.op == "," else "").join(map(text, node.items))
        case Grid():
            return "[" + "; ".join(", ".join(map(text, row)) for row in node.rows) + "]"
        case Cases():
            return "{" + "; ".join(f"{text(a)} if {text(b)}" for a, b in node.rows) + "}"
    raise TypeError(f"no text for {type(node).__name__}")


def _symbol(node: Sym) -> str:
    base = {"dots": "…", "odot": "⊙"}.get(node.base) or GREEK.get(node.base, node.base)
    base = "ℝ" if node.font == "blackboard" and base == "R" else base
    if node.font == "bold" and base == "1":
        base = "𝟏"
    out = base + "".join(_ACCENTS[a] for a in node.accents) + "′" * node.primes
    if node.sub is not None:
        out += lowered(text(node.sub))
    if node.sup is not None:
        out += raised(text(node.sup))
    return out


def raised(s: str) -> str:
    plain = s.replace(" ", "")
    if all(ord(c) in _SUPER for c in plain):
        return plain.translate(_SUPER)
    return f"^{s}" if len(s) == 1 or _wrapped(s) else f"^({s})"


def _wrapped(s: str) -> bool:
    """Whether one pair of brackets holds all of it: (a + b), not (a + b) (c)."""
    depth = 0
    for k, c in enumerate(s):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if depth == 0:
            return s[0] == "(" and k == len(s) - 1
    return False


def lowered(s: str) -> str:
    plain = s.replace(" ", "")
    return plain.translate(_SUB) if all(ord(c) in _SUB for c in plain) else f"_{plain}" if plain.isalnum() else f"_({plain})"


def _inside(node: Node, needed: int) -> str:
    fraction = isinstance(node, Frac) and needed > SUM + 1  # a / b is written in a line
    return f"({text(node)})" if fraction or needs_fence(node, needed) else text(node)


def _divided(f: Node) -> str:
    """One side of an entrywise quotient: a matrix product stands in brackets there."""
    return f"({text(f)})" if isinstance(f, Prod) else _inside(f, ENTRYWISE + 1)


def _product(node: Prod) -> str:
    own = precedence(node)
    if node.op == "oslash":
        return " ⊘ ".join(_divided(f) for f in node.factors)
    parts = []
    for f in node.factors:
        closed = own == ENTRYWISE and isinstance(f, Prod) and f.op == ""
        parts.append(f"({text(f)})" if closed else _inside(f, own))
    joined = parts[0]
    for f, part in zip(node.factors[1:], parts[1:], strict=True):
        joined += _OPERATIONS["cdot" if not node.op and starts_with_digit(f) else node.op] + part
    return joined
