"""The notation tree: what is on the page, before any language of it. Precedence and bracket rules are data.

Every writer (LaTeX, MathML, text) prints this tree; none is converted from another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


class Node:
    """A piece of notation."""


@dataclass(frozen=True)
class Sym(Node):
    """A letter or word with accents, subscript and superscript: the bar on w with subscript ix."""

    base: str
    accents: tuple[str, ...] = ()
    sub: Node | None = None
    sup: Node | None = None
    primes: int = 0
    font: str = "italic"  # italic, bold, roman, function
    latex: str = ""  # how LaTeX writes the letter, where its name doesn't say


@dataclass(frozen=True)
class Num(Node):
    text: str


@dataclass(frozen=True)
class Ratio(Node):
    """A small numeric fraction such as ½."""

    top: int
    below: int


@dataclass(frozen=True)
class Sum(Node):
    """Signed terms: (+1, a), (-1, b) is a - b."""

    terms: tuple[tuple[int, Node], ...]


@dataclass(frozen=True)
class Prod(Node):
    """Factors under one operation: "" juxtaposition, "odot" and "oslash" entry by entry, "cdot", "times"."""

    factors: tuple[Node, ...]
    op: str = ""


@dataclass(frozen=True)
class Frac(Node):
    top: Node
    below: Node


@dataclass(frozen=True)
class Power(Node):
    base: Node
    exponent: Node
    entrywise: bool = False


@dataclass(frozen=True)
class Transposed(Node):
    base: Node


@dataclass(frozen=True)
class Call(Node):
    """f(a, b), or f²(a) with a power on the function's name."""

    fn: Node
    args: tuple[Node, ...]
    power: Node | None = None


@dataclass(frozen=True)
class Fence(Node):
    """Content between a pair of signs: paren, bracket, abs, norm."""

    kind: str
    body: Node


@dataclass(frozen=True)
class Root(Node):
    body: Node


@dataclass(frozen=True)
class Big(Node):
    """A sum or product sign with limits."""

    op: str  # sum, prod
    lower: Node
    upper: Node | None
    body: Node


@dataclass(frozen=True)
class Partial(Node):
    """∂top/∂below."""

    top: Node
    below: Node
    plus: bool = False  # ∂⁺: in one equation alone, everything else held


@dataclass(frozen=True)
class Entry(Node):
    """An entry of something that isn't a plain symbol: (Wx)_i."""

    base: Node
    indices: tuple[Node, ...]


@dataclass(frozen=True)
class Rel(Node):
    """a = b = c, a ∈ b, a > 0."""

    parts: tuple[Node, ...]
    ops: tuple[str, ...]


@dataclass(frozen=True)
class Listed(Node):
    """a, b, c; with op "" just side by side."""

    items: tuple[Node, ...]
    op: str = ","


@dataclass(frozen=True)
class Word(Node):
    """Upright words inside a formula."""

    text: str


@dataclass(frozen=True)
class Grid(Node):
    """A matrix or column of numbers, or (blocks) a matrix of matrices, whose transpose has the transposed ones."""

    rows: tuple[tuple[Node, ...], ...]
    blocks: bool = False


@dataclass(frozen=True)
class Cases(Node):
    rows: tuple[tuple[Node, Node], ...]


IDENTITY = Sym("I")
ATOM, POSTFIX, CALL, PRODUCT, ENTRYWISE, BIG, SUM, RELATION, LIST = 100, 90, 80, 70, 60, 50, 40, 10, 5

PRECEDENCE: dict[type, int] = {
    Sym: ATOM, Num: ATOM, Ratio: ATOM, Fence: ATOM, Root: ATOM, Frac: ATOM, Partial: ATOM, Grid: ATOM, Cases: ATOM, Word: ATOM,
    Power: POSTFIX, Transposed: POSTFIX, Entry: POSTFIX, Call: CALL, Prod: PRODUCT, Big: BIG, Sum: SUM, Rel: RELATION, Listed: LIST,
}  # fmt: skip


def precedence(node: Node) -> int:
    """How tightly the node holds together."""
    if isinstance(node, Prod):
        return {"odot": ENTRYWISE, "oslash": ENTRYWISE - 1}.get(node.op, PRODUCT)
    if isinstance(node, Sym) and node.sup is not None:
        return POSTFIX
    if isinstance(node, Num) and node.text.startswith("-"):
        return SUM
    return PRECEDENCE[type(node)]


def starts_with_digit(node: Node) -> bool:
    """Whether juxtaposition would run its digits into those before it: 2·3, not 23."""
    match node:
        case Num() | Ratio():
            return not (isinstance(node, Num) and node.text.startswith("-"))
        case Power() | Transposed() | Entry():
            return starts_with_digit(node.base)
        case Prod():
            return starts_with_digit(node.factors[0])
        case Frac():
            return starts_with_digit(node.top)
    return False


def is_tall(node: Node) -> bool:
    """Whether brackets around it must grow: fractions, signs with limits, grids, nested brackets."""
    match node:
        case Frac() | Partial() | Big() | Grid() | Cases() | Root() | Fence():
            return True
        case Sum():
            return any(is_tall(t) or _bracket(t, SUM + 1) > 0 for _, t in node.terms)
        case Prod():
            return any(is_tall(f) or _bracket(f, precedence(node)) > 0 for f in node.factors)
        case Power() | Transposed() | Entry():
            return is_tall(node.base) or _bracket(node.base, POSTFIX) > 0
        case Call():
            return any(map(is_tall, node.args))
        case Rel():
            return any(map(is_tall, node.parts))
        case Listed():
            return any(map(is_tall, node.items))
    return False


def needs_fence(node: Node, needed: int) -> bool:
    """Whether the node stands in brackets where at least that precedence is needed; fractions do under an exponent."""
    return precedence(node) < needed or (needed >= POSTFIX and isinstance(node, Frac | Partial | Ratio))


def product(factors: list[Node], op: str = "") -> Node:
    """A product; products of the same kind inside are opened."""
    opened: list[Node] = []
    for f in factors:
        opened.extend(f.factors if isinstance(f, Prod) and f.op == op else [f])
    return opened[0] if len(opened) == 1 else Prod(tuple(opened), op)


def transposed(node: Node) -> Node:
    """The transpose, carried inside products: (AB)ᵀ is BᵀAᵀ, and twice is nothing."""
    if isinstance(node, Transposed):
        return node.base
    if isinstance(node, Grid) and node.blocks:
        cells = [[c if isinstance(c, Num) or c == IDENTITY else transposed(c) for c in row] for row in node.rows]
        return Grid(tuple(zip(*cells, strict=True)), True)
    if isinstance(node, Prod) and node.op == "":
        return product([transposed(f) if _has_shape(f) else f for f in reversed(node.factors)])
    return Transposed(node)


def _has_shape(node: Node) -> bool:
    return not isinstance(node, Num | Ratio)


def with_accent(node: Sym, accent: str) -> Sym:
    return replace(node, accents=(*node.accents, accent))


# -- widths -------------------------------------------------------------------------------------------------------

_GAPS = {"": 0.1, "odot": 1.3, "oslash": 1.3, "cdot": 0.8, "times": 1.3}


def width(node: Node, scale: float = 1.0) -> float:
    """Width on the page, in em of the text size: an estimate on the generous side, for line breaks."""
    small = 0.72 * scale
    match node:
        case Sym():
            letters = 0.58 * scale * (1 if len(node.base) < 2 or node.base in GREEK else 0.85 * len(node.base))
            scripts = [width(s, small) for s in (node.sub, node.sup) if s is not None]
            return letters + max(scripts, default=0) + 0.3 * scale * node.primes
        case Num() | Word():
            return 0.52 * scale * len(node.text)
        case Ratio():
            return 0.65 * scale
        case Sum():
            return (
                sum(width(t, scale) + _bracket(t, SUM + 1) for _, t in node.terms)
                + (1.5 if scale == 1 else 0.75 * scale) * (len(node.terms) - 1)
                + 0.2
            )
        case Prod():
            inner = sum(width(f, scale) + _bracket(f, precedence(node)) for f in node.factors)
            return inner + _GAPS[node.op] * scale * (len(node.factors) - 1)
        case Frac() | Partial():
            extra = 1.2 * scale if isinstance(node, Partial) else 0.3
            return max(width(node.top, scale), width(node.below, scale)) + extra
        case Power():
            return width(node.base, scale) + width(node.exponent, small) + _bracket(node.base, POSTFIX + 1) + 0.5 * node.entrywise
        case Transposed():
            return width(node.base, scale) + 0.5 * scale + _bracket(node.base, POSTFIX)
        case Call():
            return (
                width(node.fn, scale)
                + width(Listed(node.args), scale)
                + 0.85 * scale
                + (width(node.power, small) if node.power else 0)
            )
        case Fence():
            return width(node.body, scale) + 0.8 * scale
        case Root():
            return width(node.body, scale) + 1.0 * scale
        case Big():
            return max(1.5 * scale, width(node.lower, small)) + width(node.body, scale) + 0.3
        case Entry():
            return width(node.base, scale) + sum(width(i, small) for i in node.indices) + _bracket(node.base, POSTFIX)
        case Rel():
            return sum(width(p, scale) for p in node.parts) + 1.6 * scale * len(node.ops)
        case Listed():
            return sum(width(i, scale) for i in node.items) + 0.6 * scale * max(len(node.items) - 1, 0)
        case Grid():
            columns = zip(*node.rows, strict=True)
            return sum(max(width(c, scale) for c in column) + 1.0 for column in columns) + 1.0
        case Cases():
            return max(width(a, scale) + width(b, scale) for a, b in node.rows) + 2.5
    raise TypeError(f"no width for {type(node).__name__}")


def _bracket(node: Node, needed: int) -> float:
    return 0.9 if precedence(node) < needed else 0.0


# -- letters ------------------------------------------------------------------------------------------------------

GREEK: dict[str, str] = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ", "iota": "ι",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "ell": "ℓ", "nabla": "∇",
}  # fmt: skip
