"""What the names of a document mean: the network's quantities, functions, sizes, aliases, and what the document defines itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import sympy

from derive import ops
from derive.expr import DeriveError, Expr, Instant, Var, at_time, var
from derive.printing.names import split
from derive.reader.parser import parse
from derive.reader.syntax import Commas, Fence, Node, Number, Product, Relation, Scripted, Sum, Symbol, unscripted, walk
from derive.reader.tokens import Unreadable
from derive.system import INDEX, System

Key = tuple[str, tuple[str, ...]]

LOSSES = ("L", "J", "E", "C", "ell", "loss", "cost", "Loss", "Cost", "CE", "MSE", "NLL", "l")


@dataclass(frozen=True)
class Named:
    """A name's meaning: an expression of its shape, at the instant t where it is a sequence. `tag` is what its scripts say beyond indices."""

    tag: str
    expr: Expr
    sequential: bool = False
    axis: int | None = None  # one index picks along this axis: u_w is column w of U
    introduced: bool = False  # by the document itself
    letters: tuple[str, ...] = ()  # the indices with which the document defined it: δ_k and δ_j may be two things
    carried: tuple[str, ...] = ()  # the indices of its formula that it doesn't show: u = e^{z_k}
    above: str = ""  # the end of the tag that stands above in brackets, where there is a subscript, too
    given: bool = False  # by numbers alone: a formula may yet say what it is
    worked: bool = False  # of these: worked out from numbers, so that a further number says what came out
    chain: Any = None  # a derivative that waits for a layout, where that is what the name was given

    def at(self, instant: Instant | None) -> Expr:
        return at_time(self.expr, INDEX, instant) if self.sequential and instant is not None else self.expr


@dataclass(frozen=True)
class Template:
    """A function that the document defines by a formula in its parameters."""

    parameters: tuple[tuple[str, tuple[str, ...]], ...]
    body: Node
    source: str


FUNCTIONS: dict[str, Any] = {
    "sigma": ops.sigmoid, "sigmoid": ops.sigmoid, "tanh": ops.tanh, "exp": ops.exp, "log": ops.log, "ln": ops.log,
    "relu": ops.relu, "ReLU": ops.relu,
    "softplus": ops.softplus, "silu": ops.silu, "SiLU": ops.silu, "swish": ops.silu, "gelu": ops.gelu, "GELU": ops.gelu,
    "sin": ops.sin, "cos": ops.cos,
    "erf": ops.erf, "sign": ops.sign, "sgn": ops.sign, "abs": ops.absolute, "sqrt": ops.sqrt, "softmax": ops.softmax, "logsumexp": ops.logsumexp,
    "LSE": ops.logsumexp, "leakyrelu": ops.leaky_relu, "LeakyReLU": ops.leaky_relu, "elu": ops.elu, "ELU": ops.elu,
}  # fmt: skip


@dataclass
class Scope:
    """Names and conventions. `vectors`: column or row; `layout`: auto, gradient, jacobian, denominator; `elementwise`: signs."""

    system: System | None = None
    vectors: str = "column"
    layout: str = "auto"
    elementwise: frozenset[str] = frozenset()
    delta: str = "auto"
    log: sympy.Expr | None = None
    index_base: int = 1
    names: dict[Key, list[Named]] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=lambda: dict(FUNCTIONS))
    sizes: dict[str, sympy.Expr] = field(default_factory=dict)
    last: set[str] = field(default_factory=lambda: {"T"})
    onehot: dict[str, Named] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    times: set[str] = field(default_factory=lambda: {"t", "T", "tau"})
    objective: Expr | None = None  # the loss that the document itself defines, after which bars speak of it
    clock: str = "t"  # the letter of the network's time index in this document
    unsized: dict[Key, Any] = field(default_factory=dict)  # P = I - 11ᵀ/N, whose size its place will say
    errors: Key | None = None  # the family of quantities whose adjoints the document calls δ
    first: int = 1  # the first instant, while there is no network yet
    time: str = "both"  # where instants stand: subscript, superscript or both
    until: float = math.inf  # by the processor's clock: when what is being read must be done
    window: dict[str, sympy.Expr] = field(
        default_factory=dict
    )  # letters that run over the words around a word, and how many these are
    stages: dict[tuple[Key, str], tuple[Any, tuple[str, ...]]] = field(
        default_factory=dict
    )  # names given formulas, with their indices
    paired: dict[str, tuple[tuple[Node, ...], Node]] = field(default_factory=dict)  # δ_{t,k}: its letters and what it is
    called: dict[Node, Node] = field(default_factory=dict)  # CE(y, ŷ), ∂L/∂h|_{direct}: what the document says they are
    families: dict[tuple[Any, ...], Var] = field(default_factory=dict)  # the quantities of the words in a window, v_{c+j}
    lying: dict[str, bool] = field(default_factory=dict)  # whether rows and lists lie, in the formula at hand
    numerator: bool | None = None  # whether ∂L/∂W is the transpose; None while nothing says it
    summing: bool = False  # whether the document is known to sum without a sign
    implied: bool = True  # whether an index that stands twice may be summed without a sign: the document writes no other sums
    pairs: set[str] = field(default_factory=set)  # functions that are losses of a pair of words
    events: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # conditional probabilities that the document defines

    def copy(self) -> Scope:
        own: dict[str, Any] = {f.name: type(v)(v) for f in fields(self) if isinstance(v := getattr(self, f.name), dict | set)}
        return replace(self, **{**own, "names": {k: list(v) for k, v in self.names.items()}})

    # -- filling --------------------------------------------------------------------------------------------

    def add(self, key: Key, named: Named) -> None:
        """A later meaning of the same name and tag replaces an earlier one."""
        kept = [
            n
            for n in self.names.get(key, [])
            if (n.tag, n.sequential, n.letters, n.axis) != (named.tag, named.sequential, named.letters, named.axis)
        ]
        self.names[key] = [named, *kept]
        if key[0] in self.functions and not key[1] and not named.tag and not named.sequential and named.axis is None:
            del self.functions[key[0]]

    def add_var(self, v: Var) -> None:
        base, accents, number, tail = split(v.name)
        self.add((base, accents), Named(plain_tag(number + tail), v, v.time is not None))

    def add_size(self, size: Any) -> None:
        for s in getattr(size, "free_symbols", ()):
            if s.name != "1":
                self.sizes.setdefault(s.name, s)

    @property
    def timed(self) -> bool:
        """Whether anything here is a sequence."""
        return any(n.sequential for found in self.names.values() for n in found)

    @property
    def words(self) -> list[str]:
        """Names of several letters: the tokenizer has to know them."""
        return [
            *(head for head, _ in self.names if len(head) > 1),
            *(f for f in self.functions if len(f) > 1),
            *(s for s in self.sizes if len(s) > 1),
        ]

    @property
    def loss(self) -> Var | None:
        return self.system.loss if self.system is not None else None

    # -- asking ---------------------------------------------------------------------------------------------

    def candidates(self, head: str, accents: tuple[str, ...]) -> list[Named]:
        """The meanings of a letter with its accents; a letter of the other case where this one has none."""
        found = self.names.get((head, accents))
        if found:
            return found
        other = head.swapcase() if len(head) == 1 else head[:1].swapcase() + head[1:]
        return [n for n in self.names.get((other, accents), []) if n.tag] if len(head) == 1 and head not in self.functions else []


_SIGNS = {"+": "plus", "*": "star", "-": "minus", "star": "star", "ast": "star", "dagger": "dagger"}


def plain_tag(text: str) -> str:
    """A script as a tag: without commas, braces and blanks."""
    return "".join(c for c in text if c.isalnum() or c in "+-'")


def flat(node: Node | None) -> str:
    """A script as text: W_{ix} is "ix", W^{(1)} and W^{[1]} are "1", h_{t-1} is "t-1"."""
    match node:
        case None:
            return ""
        case Number():
            return node.text
        case Symbol():
            return _SIGNS.get(node.head, node.head) + "".join(node.accents)
        case Fence():
            return flat(node.body)
        case Product():
            return "".join(flat(n) for _, n in node.factors)
        case Commas():
            return "".join(flat(n) for n in node.items)
        case Sum():
            return "".join(("-" if s < 0 else "+" if k else "") + flat(n) for k, (s, n) in enumerate(node.terms))
        case Scripted():
            return flat(node.base) + flat(node.sub) + flat(node.sup) + "'" * node.primes
        case Relation():
            return "".join(map(flat, node.parts))
    return getattr(node, "text", "")


def network_scope(system: System | None) -> Scope:
    """The names of a network: quantities, initial values, open functions, sizes."""
    scope = Scope(system)
    if system is None:
        return scope
    for f in system.functions:
        scope.functions[split(f.name)[0]] = f
    for equation in system.equations:
        for node in equation.right.find(lambda n: getattr(getattr(n, "fn", None), "style", "") == "open"):
            scope.functions[split(node.fn.name)[0]] = node.fn
    for v in system.quantities.values():
        scope.add_var(v)
        for size in v.shape:
            scope.add_size(size)
    return scope


def name_of(text: str) -> tuple[Key, Node]:
    """The letter and accents of a name written in LaTeX, with the whole node. Raises DeriveError."""
    try:
        node = parse(text, list(_words(text)))
    except Unreadable as error:
        raise DeriveError(f"{text!r} is not a name: {error}") from None
    base = unscripted(node)
    if not isinstance(base, Symbol):
        raise DeriveError(f"{text!r} is not a name")
    primes = node.primes if isinstance(node, Scripted) else 0
    return (base.head, (*base.accents, *["prime"] * primes)), node


def _words(text: str) -> list[str]:
    stem = text.strip().lstrip("\\").split("_")[0].split("^")[0]
    return [stem] if stem.isalpha() and len(stem) > 1 else []


MOST_AXES = 8  # of a quantity
LONGEST_SIZE = 100  # names, numbers and signs of a size


def shape_of(text: str, scope: Scope) -> tuple[sympy.Expr, ...]:
    """A shape from a declaration: "scalar", "n", "n x d", "3 x 3". Raises DeriveError."""
    if text.strip() in ("scalar", "1", ""):
        return ()
    sizes = []
    for part in re.split(r"\\times|[×*]|(?<![_A-Za-z])x(?![A-Za-z])|(?<=\d)x(?=\d)", text):
        sizes.append(size_named(part.strip(), scope))
    if len(sizes) > MOST_AXES:
        raise DeriveError(f"{len(sizes)} axes: at most {MOST_AXES} can be had")
    return tuple(sizes)


def size_named(text: str, scope: Scope) -> sympy.Expr:
    """A size: a name, a number, or a sum of names, numbers and multiples such as n + d, 2(n + d), 4h. Raises DeriveError."""
    text = re.sub(r"\\[cl]?dot\b", "·", text)
    parts = _SIZE.findall(text) if re.search(r"[-+·()]|^\d+\s*[^\d\s]", text) else []
    if len(parts) < 2:
        return _single_size(text, scope)
    if len(parts) > LONGEST_SIZE:
        raise DeriveError(f"{text[:20]!r} … is no size: {len(parts)} signs, at most {LONGEST_SIZE} are read")
    size, left = _size_sum(parts, scope)
    if left or size.is_nonpositive:
        raise DeriveError(f"{text!r} is not a size: a name, a number or a sum such as n + d is needed")
    return size


_SIZE = re.compile(r"\d+|[-+·()]|[^-+·()\d\s][^-+·()\s]*")


def _size_sum(parts: list[str], scope: Scope) -> tuple[sympy.Expr, list[str]]:
    total, sign = sympy.S.Zero, 1
    while parts:
        term, parts = _size_product(parts, scope)
        total += sign * term
        if not parts or parts[0] not in ("+", "-"):
            break
        sign, parts = (1 if parts[0] == "+" else -1), parts[1:] or [""]
    return sympy.expand(total), parts


def _size_product(parts: list[str], scope: Scope) -> tuple[sympy.Expr, list[str]]:
    size = sympy.S.One
    first = True
    while first or (parts and parts[0] not in ("+", "-", ")")):
        head, *rest = parts or [""]
        if head == "·" and not first:
            head, *rest = rest or [""]
        if head == "(":
            inner, rest = _size_sum(rest, scope)
            if rest[:1] != [")"]:
                raise DeriveError("a bracket in a size is never closed")
            rest = rest[1:]
        else:
            inner = _single_size(head, scope)
        size, parts, first = size * inner, rest, False
    return size, parts


def _single_size(text: str, scope: Scope) -> sympy.Expr:
    if text.isdecimal() and len(text) < 5 and int(text) > 0:
        return sympy.Integer(int(text))
    name = text.replace("{", "").replace("}", "").replace("\\", "")
    if not name.replace("_", "").isalnum() or name[:1].isdigit():
        raise DeriveError(f"{text!r} is not a size: a name or a number is needed")
    size = sympy.Symbol(name, positive=True, integer=True)
    return scope.sizes.setdefault(name, size)


def declare(scope: Scope, text: str, shape: tuple[sympy.Expr, ...], sequential: bool = False) -> Var:
    """A quantity without a network: x in R^n."""
    key, node = name_of(text)
    tag = flat(node.sub) + flat(node.sup) if isinstance(node, Scripted) else ""
    name = identifier(key, tag)
    if scope.system is not None and name in scope.system.quantities:
        name += "_here"  # a name of the network that means something else in this part
    v = var(name, shape, Instant(INDEX) if sequential else None)
    scope.add(key, Named(plain_tag(tag), v, sequential))
    return v


def identifier(key: Key, tag: str, raised: bool = False) -> str:
    """A Python name for a LaTeX name: W^{(1)} is W1, W_1 is W_1, \\hat y is yhat, w_{ix} is w_ix."""
    head, accents = key
    stem = "".join(c for c in head if c.isalnum()) or "v"
    stem += "".join(accents)
    tag = "".join(c for c in tag if c.isalnum())
    if raised and tag.isdigit():
        return stem + tag
    return f"{stem}_{tag}" if tag else stem


def free_letters(node: Node) -> set[str]:
    """Every single letter in a node, for guesses about which are in use."""
    return {n.head for n in walk(node) if isinstance(n, Symbol)}


__all__ = [
    "FUNCTIONS", "LOSSES", "Key", "Mapping", "Named", "Scope", "Template", "declare", "flat", "free_letters", "identifier", "name_of",
    "network_scope", "plain_tag", "shape_of", "size_named",
]  # fmt: skip
