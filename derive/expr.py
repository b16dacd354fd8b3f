"""Expressions: a few node kinds with exact symbolic shapes, interned so that `is` is structural equality.

| kind     | meaning                                                                                   |
|----------|-------------------------------------------------------------------------------------------|
| `Var`    | a named quantity, or its adjoint, perhaps at an instant: x, h[t-1], the adjoint of W       |
| `Lin`    | a weighted sum of expressions of one shape; weights are exact SymPy numbers or dimensions  |
| `Ein`    | a generalised einsum: absent letters are summed, new ones broadcast, repeats are diagonals |
| `Map`    | a function of the table, or one of its derivatives, entry by entry                         |
| `Comp`   | a named composition (softmax, squared norm): prints as itself, means its body              |
| `Opaque` | a scalar function left open, such as a loss l_t(h[t]), or its gradient                     |
| `Over`   | a sum or an ordered product over time                                                      |
| `Jac`    | the symbol of a Jacobian, du/dv, before its value is put in                                |
| `Stack`  | an array written entry by entry, [[1, 2], [3, x]]                                          |
| `Unit`   | a unit vector e_k, so that an entry x_k is a contraction                                   |
| `Block`  | the place of a block in a larger array: ones at (before + i, i), so that [h; x] is E₁h + E₂x |
| `Square` | a function of a square matrix that is not entry by entry: its inverse, its determinant     |

Nodes are SymPy `Basic` objects, so they travel through SymPy containers, but they are immutable, hashed by
identity, and walked iteratively with a memo: SymPy's own walks are exponential on shared graphs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakValueDictionary

import sympy
from sympy.core.basic import Basic
from sympy.core.symbol import Str

if TYPE_CHECKING:
    from derive.ops import Composition, Function

Shape = tuple[Any, ...]
Letters = tuple[int, ...]


class DeriveError(ValueError):
    """Input that can't be used; the message says where and what would be right."""


class ShapeError(DeriveError):
    """Two shapes that don't fit; the message holds both."""


class Misread(ShapeError):
    """Signs that mean nothing for what they stand at: two indices of a scalar. They may be meant otherwise."""


class MissingRule(DeriveError):
    """The engine lacks a rule. Nothing ever falls back to zero."""


class Instant(NamedTuple):
    """A point in time, base + offset: ("t", -1) is t-1, ("T", 0) the last step, ("", 3) the constant 3."""

    base: str
    offset: int = 0

    def __str__(self) -> str:
        if not self.base:
            return str(self.offset)
        return self.base + (f"{self.offset:+d}" if self.offset else "")

    def shifted(self, steps: int) -> Instant:
        return Instant(self.base, self.offset + steps)

    def put(self, base: str, instant: Instant) -> Instant:
        """This instant with `base` replaced: t+1 with t := T-1 is T."""
        return Instant(instant.base, instant.offset + self.offset) if self.base == base else self

    def at(self, times: dict[str, int]) -> int:
        """Its number, given one for each base."""
        return (times[self.base] if self.base else 0) + self.offset


ROW = sympy.Symbol("1", positive=True, integer=True)  # the first size of a vector written lying down: not a matrix of one row


def show_shape(shape: Shape) -> str:
    """Readable shape: a scalar, R^n, R^(n x d)."""
    if not shape:
        return "a scalar"
    if len(shape) == 1:
        return f"R^({shape[0]})" if " " in str(shape[0]) else f"R^{shape[0]}"
    return f"R^({' x '.join(f'({s})' if getattr(s, 'is_Add', False) else str(s) for s in shape)})"


def show_operand(e: Expr) -> str:
    """An operand with its shape, for messages; a row says that it isn't a matrix of one row."""
    if not e.shape:
        return f"{e} (a scalar)"
    row = ", a row (the transpose of a vector)," if is_row(e) else ""
    return f"{e} in {show_shape(e.shape)}{row}"


_interned: WeakValueDictionary[tuple, Expr] = WeakValueDictionary()


def _intern(cls: type, key: tuple, **fields: Any) -> Any:
    full = (cls, *key)
    node = _interned.get(full)
    if node is None:
        node = Basic.__new__(cls)
        node.kids = ()
        for name, value in fields.items():
            setattr(node, name, value)
        _interned[full] = node
    return node


MOST_PARTS = 500  # of a number such as e² + e: they may be shared, but SymPy walks through them as often as they stand
MOST_BITS = 14_000  # of an integer: 4,214 digits, the last that Python writes


def _bounded(value: Any) -> None:
    """Raises DeriveError for a number that is too long to be computed with."""
    count, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        count += 1
        if count > MOST_PARTS:
            raise DeriveError(f"a number of more than {MOST_PARTS} parts")
        if part.is_Rational and (part.p.bit_length() > MOST_BITS or part.q.bit_length() > MOST_BITS):
            raise DeriveError(f"a number of more than {MOST_BITS * 3 // 10} digits")
        waiting.extend(part.args)


def exact(value: Any) -> sympy.Expr:
    """An exact SymPy number; a float is read as the decimal it prints as (0.1 is 1/10)."""
    if isinstance(value, sympy.Expr) and not isinstance(value, sympy.Float):
        _bounded(value)
        if value.is_number and (value.is_real is False or value.is_finite is False or value is sympy.nan):
            raise DeriveError(f"{value} is not a real number")
        floats = value.atoms(sympy.Float)
        return value.xreplace({f: sympy.Rational(str(f)) for f in floats}) if floats else value
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise DeriveError(f"{value} is not a number")
    if isinstance(value, int):
        return sympy.Integer(value)
    if isinstance(value, Fraction):
        return sympy.Rational(value.numerator, value.denominator)
    return sympy.Rational(str(value))


class Expr(Basic):
    """Base of all nodes: a shape, children, arithmetic. Built by the constructors below, never by class call."""

    __slots__ = ("__weakref__", "kids", "shape")
    _op_priority = 100.0  # SymPy numbers on the left hand over to our __rmul__ and friends
    shape: Shape
    kids: tuple[Expr, ...]
    printer: Callable[..., str] | None = None  # set by derive.printing
    table: dict[str, Callable[..., Any]] = {}  # noqa: RUF012  # power, recip and to_sympy, set by the modules that know them

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{cls.__name__} nodes are built by the functions in derive.expr and derive.ops")

    # -- the interface of a kind ----------------------------------------------------------------------------

    def children(self) -> tuple[Expr, ...]:
        return self.kids

    def with_children(self, children: Sequence[Expr]) -> Expr:
        return self

    def _fields(self) -> tuple[Basic, ...]:
        return ()

    # -- SymPy's side ---------------------------------------------------------------------------------------

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    @property
    def args(self) -> tuple[Basic, ...]:
        return (*self._fields(), *self.children())

    @property
    def func(self) -> Callable[..., Expr]:
        fields = len(self._fields())
        return lambda *args: self.with_children(args[fields:])

    def _hashable_content(self) -> tuple[Basic, ...]:
        return self.args

    def atoms(self, *types: type) -> set:
        wanted = types or (Var,)
        return {node for node in postorder(self) if isinstance(node, wanted)}

    @property
    def free_symbols(self) -> set:
        return self.atoms(Var)

    def has(self, *patterns: Any) -> bool:
        nodes = set(postorder(self))
        fields = {atom for n in nodes for f in n._fields() for atom in f.atoms()}

        def there(p: Any) -> bool:
            if isinstance(p, type):
                return any(isinstance(n, p) for n in nodes)
            return p in nodes if isinstance(p, Expr) else p in fields

        return any(map(there, patterns))

    def xreplace(self, rule: dict) -> Expr:
        return rebuild(self, lambda node: rule.get(node, node))

    def _xreplace(self, rule: dict) -> tuple[Expr, bool]:  # SymPy's containers call this one
        new = self.xreplace(rule)
        return new, new is not self

    def has_free(self, *patterns: Any) -> bool:
        return self.has(*patterns)

    has_xfree = _has = has_free

    def find(self, query: Any, group: bool = False) -> Any:
        test = query if callable(query) and not isinstance(query, type) else lambda n: isinstance(n, query) or n is query
        return {node for node in postorder(self) if test(node)}

    def count(self, query: Any) -> int:
        return len(self.find(query))

    def doit(self, **hints: Any) -> Expr:
        return self

    def replace(self, *args: Any, **kwargs: Any) -> Expr:
        raise TypeError("replace is SymPy's; use xreplace({node: node})")

    def __reduce__(self) -> Any:
        raise TypeError("expressions are interned and are not pickled: keep the network's source")

    def subs(self, *args: Any, **kwargs: Any) -> Expr:  # type: ignore[override]
        raise TypeError("subs is SymPy's; use xreplace({node: node}) for expressions and at_time for instants")

    def count_ops(self, visual: Any = None) -> int:
        return sum(1 for node in postorder(self) if node.children())

    def copy(self) -> Expr:
        return self

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: dict) -> Expr:
        return self

    # -- arithmetic -----------------------------------------------------------------------------------------

    @property
    def T(self) -> Expr:
        return transpose(self)

    def __neg__(self) -> Expr:
        return lin([(-1, self)], self.shape)

    def __add__(self, other: Any) -> Expr:
        return _sum(self, 1, other, "add")

    def __radd__(self, other: Any) -> Expr:
        return _sum(as_expr(other, self.shape), 1, self, "add")

    def __sub__(self, other: Any) -> Expr:
        return _sum(self, -1, other, "subtract")

    def __rsub__(self, other: Any) -> Expr:
        return _sum(as_expr(other, self.shape), -1, self, "subtract")

    def __mul__(self, other: Any) -> Expr:
        return hadamard(self, other) if isinstance(other, Expr) else lin([(exact(other), self)], self.shape)

    def __rmul__(self, other: Any) -> Expr:
        return lin([(exact(other), self)], self.shape)

    def __pow__(self, n: Any) -> Expr:
        return self.table["power"](self, n)

    def __truediv__(self, other: Any) -> Expr:
        if isinstance(other, Expr):
            return self * self.table["recip"](other)
        if exact(other) == 0:
            raise DeriveError(f"a division of {self} by zero")
        return self * (1 / exact(other))

    def __rtruediv__(self, other: Any) -> Expr:
        return self.table["recip"](self) * other

    def __matmul__(self, other: Any) -> Expr:
        return matmul(self, other)

    def to_sympy(self, sizes: Any = None) -> Any:
        """A scalar as a SymPy expression, a matrix as an explicit Matrix for the given sizes; see derive.convert."""
        return self.table["to_sympy"](self, sizes)

    def __str__(self) -> str:
        return self.printer("text") if self.printer else object.__repr__(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.printer('latex')}$" if self.printer else ""


class Var(Expr):
    """A named quantity; `bar` marks its adjoint; `time` is the instant of a sequence's entry."""

    __slots__ = ("bar", "name", "time")
    name: str
    time: Instant | None
    bar: bool

    def _fields(self) -> tuple[Basic, ...]:
        return (Str(self.name), sympy.Tuple(*self.shape), Str(str(self.time)), Str("bar" if self.bar else ""))

    def at(self, instant: Instant | None) -> Var:
        return var(self.name, self.shape, instant, self.bar)

    @property
    def adjoint(self) -> Var:
        return var(self.name, self.shape, self.time, True)

    @property
    def key(self) -> str:
        """The name in dictionaries: h, or h[0] for an entry at a fixed instant."""
        fixed = self.time is not None and self.time.base == ""
        return f"{self.name}[{self.time}]" if fixed else self.name


class Lin(Expr):
    """A weighted sum, in the order in which it was written."""

    __slots__ = ("terms",)
    terms: tuple[tuple[sympy.Expr, Expr], ...]

    def _fields(self) -> tuple[Basic, ...]:
        return (sympy.Tuple(*(c for c, _ in self.terms)), sympy.Tuple(*self.shape))

    def with_children(self, children: Sequence[Expr]) -> Expr:
        return lin([(c, e) for (c, _), e in zip(self.terms, children, strict=True)], self.shape)


class Ein(Expr):
    """Sum over the letters that `out` lacks of the product of the factors' entries.

    Letters are 0, 1, … in order of appearance in `out`, then in the factors; `dims` holds their sizes. An output
    letter that no factor has is a broadcast, one that stands twice in `out` is a diagonal (zero elsewhere).
    """

    __slots__ = ("dims", "factors", "out")
    factors: tuple[tuple[Expr, Letters], ...]
    out: Letters
    dims: tuple[Any, ...]

    def _fields(self) -> tuple[Basic, ...]:
        letters = sympy.Tuple(*(sympy.Tuple(*ls) for _, ls in self.factors))
        return (sympy.Tuple(*self.out), letters, sympy.Tuple(*self.dims))

    def with_children(self, children: Sequence[Expr]) -> Expr:
        factors = [(e, ls) for e, (_, ls) in zip(children, self.factors, strict=True)]
        return ein(factors, self.out, dict(enumerate(self.dims)))

    @property
    def summed(self) -> tuple[int, ...]:
        return tuple(i for i in range(len(self.dims)) if i not in self.out)


class Map(Expr):
    """fn, or its `order`-th derivative, of every entry of `arg`."""

    __slots__ = ("arg", "fn", "order")
    fn: Function
    arg: Expr
    order: int

    def _fields(self) -> tuple[Basic, ...]:
        return (Str(str(self.fn)), sympy.Integer(self.order))

    def with_children(self, children: Sequence[Expr]) -> Expr:
        return apply(self.fn, children[0], self.order)


class Comp(Expr):
    """A named composition of other expressions: prints as itself, means `body`."""

    __slots__ = ("inputs", "record")
    record: Composition
    inputs: tuple[Expr, ...]

    def _fields(self) -> tuple[Basic, ...]:
        return (Str(self.record.name),)

    def with_children(self, children: Sequence[Expr]) -> Expr:
        return compose(self.record, *children)

    @property
    def body(self) -> Expr:
        return self.record.body(*self.inputs)


class Opaque(Expr):
    """An open scalar function of one argument, perhaps one for each instant; order 1 is its gradient."""

    __slots__ = ("arg", "name", "order", "time")
    name: str
    time: Instant | None
    arg: Expr
    order: int

    def _fields(self) -> tuple[Basic, ...]:
        return (Str(self.name), Str(str(self.time)), sympy.Integer(self.order))

    def with_children(self, children: Sequence[Expr]) -> Expr:
        return opaque(self.name, self.time, children[0], self.order)


class Over(Expr):
    """Sum, or matrix product with the latest factor on the left, of `body` for index = lo … hi."""

    __slots__ = ("body", "hi", "index", "kind", "lo")
    kind: str
    body: Expr
    index: str
    lo: Instant
    hi: Instant

    def _fields(self) -> tuple[Basic, ...]:
        return (Str(self.kind), Str(self.index), Str(str(self.lo)), Str(str(self.hi)))

    def with_children(self, children: Sequence[Expr]) -> Expr:
        return over(self.kind, children[0], self.index, self.lo, self.hi)


class Jac(Expr):
    """The Jacobian of `top` with respect to `below`; shape: the shape of top, then that of below.

    `direct` means: in the equation of top alone, its other quantities held; otherwise along every path. The engine
    differentiates with respect to quantities; a hand derivation also with respect to an expression, where it stands in top.
    """

    __slots__ = ("below", "deep", "direct", "top")
    top: Expr
    below: Any
    direct: bool
    deep: int  # how many Jacobians in each other this is

    def _fields(self) -> tuple[Basic, ...]:
        return (Str("direct" if self.direct else "total"), self.top, self.below)


class Stack(Expr):
    """An array of given integer sizes, written entry by entry; the entries are scalars, in row-major order."""

    __slots__ = ()

    def _fields(self) -> tuple[Basic, ...]:
        return (sympy.Tuple(*self.shape),)

    def with_children(self, children: Sequence[Expr]) -> Expr:
        return stack(children, self.shape)


class Unit(Expr):
    """The unit vector of `size` entries whose entry `place` (from 1; may be a formula in the sizes) is one."""

    __slots__ = ("place",)
    place: sympy.Expr

    def _fields(self) -> tuple[Basic, ...]:
        return (*self.shape, self.place)


class Block(Expr):
    """The matrix with ones at (before + i, i), in R^(size x width): E v is v from row `before` + 1 on, Eᵀ u these entries of u."""

    __slots__ = ("before",)
    before: sympy.Expr

    def _fields(self) -> tuple[Basic, ...]:
        return (*self.shape, self.before)


class Square(Expr):
    """A function of a square matrix as a whole: fn is "inverse" or "det"."""

    __slots__ = ("arg", "fn")
    fn: str
    arg: Expr

    def _fields(self) -> tuple[Basic, ...]:
        return (Str(self.fn),)

    def with_children(self, children: Sequence[Expr]) -> Expr:
        return square(self.fn, children[0])


# -- constructors -------------------------------------------------------------------------------------------------


def var(name: str, shape: Iterable[Any] = (), time: Instant | None = None, bar: bool = False) -> Var:
    """A named quantity of that shape."""
    if not name.isidentifier():
        raise DeriveError(f"{name!r} is not a name")
    shape = tuple(sympy.Integer(s) if isinstance(s, int) else s for s in shape)
    return _intern(Var, (name, shape, time, bar), name=name, shape=shape, time=time, bar=bar)


def lin(terms: Iterable[tuple[Any, Expr]], shape: Shape) -> Expr:
    """Σ c·e: nested sums with weight ±1 opened, equal terms collected in the place of the first, zeros dropped."""
    total: dict[Expr, sympy.Expr] = {}
    shape = tuple(sympy.Integer(d) if type(d) is int else d for d in shape)

    def collect(c: sympy.Expr, e: Expr) -> None:
        if isinstance(e, Lin) and (len(e.terms) <= 1 or c in (1, -1)):
            for inner, child in e.terms:
                collect(c * inner, child)
        else:
            total[e] = total.get(e, sympy.S.Zero) + c

    for c, e in terms:
        if e.shape != shape:
            raise ShapeError(f"a sum of {show_shape(shape)} and {show_shape(e.shape)}")
        collect(exact(c), e)
    kept = tuple((c, e) for e, c in total.items() if c != 0)
    if len(kept) == 1 and kept[0][0] == 1:
        return kept[0][1]
    return _intern(Lin, (kept, shape), terms=kept, shape=shape, kids=tuple(e for _, e in kept))


def zeros(shape: Shape) -> Expr:
    return lin((), shape)


def is_zero(e: Expr) -> bool:
    return isinstance(e, Lin) and not e.terms


def ones(shape: Shape) -> Expr:
    return ein([], tuple(range(len(shape))), dict(enumerate(shape)))


def is_ones(e: Expr) -> bool:
    return isinstance(e, Ein) and not e.factors and len(set(e.out)) == len(e.out)


def constant(value: Any, shape: Shape = ()) -> Expr:
    return lin([(value, ones(shape))], shape)


def constant_value(e: Expr) -> sympy.Expr | None:
    """The number that every entry of `e` is, where it is one by its form."""
    if is_ones(e):
        return sympy.S.One
    if is_zero(e):
        return sympy.S.Zero
    if isinstance(e, Lin) and len(e.terms) == 1 and is_ones(e.terms[0][1]):
        return e.terms[0][0]
    return None


def ein(factors: Iterable[tuple[Expr, Letters]], out: Letters, dims: dict[int, Any] | None = None) -> Expr:
    """The einsum in normal form: numbers outside, transposes, ones and identities absorbed, letters canonical.

    `dims` is needed for letters that only `out` has. Raises ShapeError where one letter has two sizes.
    """
    sizes = {i: sympy.Integer(d) if isinstance(d := dims[i], int) else d for i in out if i in dims} if dims else {}
    same: dict[int, int] = {}

    def root(letter: int) -> int:
        while letter in same:
            letter = same[letter]
        return letter

    weight: sympy.Expr = sympy.S.One
    kept: list[tuple[Expr, Letters]] = []
    todo = list(factors)[::-1]
    for e, letters in todo:
        for letter, size in zip(letters, e.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ShapeError(f"sizes {sizes[letter]} and {size} under one index")
    while todo:
        e, letters = todo.pop()
        if isinstance(e, Lin) and len(e.terms) < 2:
            if not e.terms:
                return zeros(tuple(sizes[i] for i in out))
            weight *= e.terms[0][0]
            todo.append((e.terms[0][1], letters))
        elif isinstance(e, Ein) and _is_relabelling(e):
            outer: dict[int, int] = {}
            for inner, letter in zip(e.out, letters, strict=True):
                a, b = root(letter), root(outer.setdefault(inner, letter))
                if a != b:
                    same[a] = b
            todo.extend((child, tuple(outer[i] for i in ls)) for child, ls in e.factors)
        else:
            kept.append((e, letters))
    kept = [(e, tuple(map(root, ls))) for e, ls in kept]
    out = tuple(map(root, out))
    present = {i for _, ls in kept for i in ls}.union(out)
    for letter in {root(i) for i in sizes} - present:  # summed over ones: counts
        weight *= 1 if sizes[letter] is ROW else sizes[letter]
    if len(kept) == 1 and kept[0][1] == out and len(set(out)) == len(out):
        return lin([(weight, kept[0][0])], kept[0][0].shape)
    order: dict[int, int] = {}
    for letter in (*out, *(i for _, ls in kept for i in ls)):
        order.setdefault(letter, len(order))
    canonical = tuple((e, tuple(order[i] for i in ls)) for e, ls in kept)
    canonical_out = tuple(order[i] for i in out)
    sized = tuple(sizes[i] for i in order)
    shape = tuple(sizes[i] for i in out)
    key = (canonical, canonical_out, sized)
    node = _intern(Ein, key, factors=canonical, out=canonical_out, dims=sized, shape=shape, kids=tuple(e for e, _ in canonical))
    return node if weight == 1 else lin([(weight, node)], shape)


def _is_relabelling(e: Ein) -> bool:
    return len(e.factors) <= 1 and all(i in e.out for _, ls in e.factors for i in ls)


def apply(fn: Function, arg: Expr, order: int = 0) -> Expr:
    """fn (or its derivative of that order) of every entry of arg."""
    value = constant_value(arg)
    if value is not None and order == 0 and (known := fn.at_constant(value)) is not None:
        return constant(known, arg.shape)
    return _intern(Map, (fn, arg, order), fn=fn, arg=arg, order=order, shape=arg.shape, kids=(arg,))


def compose(record: Composition, *inputs: Expr) -> Expr:
    """The named composition of these inputs; its body gives the shape, and the shape errors."""
    return _intern(Comp, (record, inputs), record=record, inputs=inputs, shape=record.body(*inputs).shape, kids=inputs)


def opaque(name: str, time: Instant | None, arg: Expr, order: int = 0) -> Expr:
    """An open scalar function of `arg`, or its gradient, which has the shape of `arg`."""
    if order > 1:
        raise MissingRule(f"second derivative of the open function {name}: give it a formula instead")
    shape = arg.shape if order else ()
    return _intern(Opaque, (name, time, arg, order), name=name, time=time, arg=arg, order=order, shape=shape, kids=(arg,))


def over(kind: str, body: Expr, index: str, lo: Instant, hi: Instant) -> Expr:
    """Σ (kind "sum") or ∏ (kind "product", latest on the left) of body for index = lo … hi; empty: 0 or identity."""
    if is_zero(body) and kind == "sum":
        return body
    if kind == "product" and not ((len(body.shape) == 2 and body.shape[0] == body.shape[1]) or not body.shape):
        raise ShapeError(f"a product over time needs square factors, not {show_shape(body.shape)}")
    key = (kind, body, index, lo, hi)
    return _intern(Over, key, kind=kind, body=body, index=index, lo=lo, hi=hi, shape=body.shape, kids=(body,))


DEEPEST = 4  # Jacobians in each other


def jac(top: Expr, below: Expr, direct: bool = True) -> Expr:
    """The symbol of a Jacobian. Raises DeriveError where it is one of Jacobians of Jacobians, and so on."""
    deep = 1 + max(
        (n.deep for e in (top, below) if not isinstance(e, Var) for n in postorder(e) if isinstance(n, Jac)), default=0
    )
    if deep > DEEPEST:
        raise DeriveError(f"derivatives of derivatives, more than {DEEPEST} in each other")
    return _intern(Jac, (top, below, direct), top=top, below=below, direct=direct, deep=deep, shape=top.shape + below.shape)


def stack(entries: Iterable[Expr], shape: Iterable[Any]) -> Expr:
    """An array from its entries in row-major order."""
    parts, sizes = tuple(entries), tuple(sympy.Integer(s) for s in shape)
    if any(e.shape for e in parts) or len(parts) != math.prod(map(int, sizes)):
        raise ShapeError(f"an array in {show_shape(sizes)} needs as many scalars, not {len(parts)} entries")
    return _intern(Stack, (parts, sizes), shape=sizes, kids=parts)


def unit(size: Any, place: Any) -> Expr:
    """The unit vector e_place with `size` entries; places count from 1."""
    size, place = exact(size), exact(place)
    if place.is_Integer and (place < 1 or (size.is_Integer and place > size)):
        raise ShapeError(f"entry {place} of a vector with {size} entries")
    return _intern(Unit, (size, place), shape=(size,), place=place)


def block(size: Any, before: Any, width: Any) -> Expr:
    """The place of `width` rows behind the first `before` of `size`; all of them: the identity. Raises ShapeError."""
    size, before, width = exact(size), exact(before), exact(width)
    after = sympy.expand(size - before - width)
    if before.is_negative or after.is_negative or not width.is_positive:
        raise ShapeError(f"{width} rows behind the first {before} of {size}")
    if before == after == 0:
        return ein([], (0, 0), {0: size})
    return _intern(Block, (size, before, width), shape=(size, width), before=before)


def concat(*parts: Expr) -> Expr:
    """[h; x]: vectors and scalars one below the other as one vector, or matrices of equally many columns as one matrix.

    [A B], side by side, is concat(A.T, B.T).T. Raises ShapeError where the numbers of columns differ.
    """
    if not parts:
        raise ShapeError("concat takes vectors, or matrices")
    wide = max(parts, key=lambda e: len(e.shape))
    rank, columns = max(len(wide.shape), 1), wide.shape[1:]
    for e in parts:
        if (rank == 2 and len(e.shape) != 2) or rank > 2 or e.shape[1:] != columns or is_row(e):
            raise ShapeError(f"can't put {show_operand(e)} above or below {show_operand(wide)}")
    if len(parts) == 1 and wide.shape:
        return wide
    heights = [e.shape[0] if e.shape else sympy.S.One for e in parts]
    size, before, terms = sympy.expand(sympy.Add(*heights)), sympy.S.Zero, []
    for e, height in zip(parts, heights, strict=True):
        if not e.shape:
            placed = ein([(unit(size, before + 1), (0,)), (e, ())], (0,))
        else:
            placed = ein([(block(size, before, height), (0, 1)), (e, (1, *range(2, rank + 1)))], (0, *range(2, rank + 1)))
        terms.append((1, placed))
        before = sympy.expand(before + height)
    return lin(terms, (size, *columns))


def square(fn: str, arg: Expr) -> Expr:
    """The inverse or the determinant of a square matrix."""
    if len(arg.shape) != 2 or arg.shape[0] != arg.shape[1]:
        raise ShapeError(f"the {fn} of {show_operand(arg)}: a square matrix is needed")
    return _intern(Square, (fn, arg), fn=fn, arg=arg, shape=arg.shape if fn == "inverse" else (), kids=(arg,))


def inverse(a: Expr) -> Expr:
    """The inverse of a square matrix."""
    return square("inverse", a)


def det(a: Expr) -> Expr:
    """The determinant of a square matrix."""
    return square("det", a)


# -- arithmetic with shape rules ----------------------------------------------------------------------------------


def as_expr(value: Any, shape: Shape = ()) -> Expr:
    """A number becomes a constant of that shape; an expression stays."""
    return value if isinstance(value, Expr) else constant(value, shape)


def _sum(a: Expr, sign: int, other: Any, verb: str) -> Expr:
    b = as_expr(other, a.shape)
    if a.shape != b.shape:
        if not a.shape and (value := constant_value(a)) is not None:
            a = constant(value, b.shape)
        elif not b.shape and (value := constant_value(b)) is not None:
            b = constant(value, a.shape)
        else:
            raise ShapeError(f"can't {verb} {show_operand(a)} and {show_operand(b)}")
    return lin([(1, a), (sign, b)], a.shape)


def hadamard(a: Expr, b: Expr) -> Expr:
    """Entry by entry; a scalar multiplies everything."""
    if a.shape and b.shape and a.shape != b.shape:
        hint = "; `@` is the matrix product" if len(a.shape) + len(b.shape) > 2 else ""
        raise ShapeError(f"can't multiply {show_operand(a)} by {show_operand(b)} entry by entry{hint}")
    out = tuple(range(max(len(a.shape), len(b.shape))))
    return ein([(a, out if a.shape else ()), (b, out if b.shape else ())], out)


def times(a: Any, b: Any) -> Any:
    """a * b as it was written: a product of three has three factors, so that its derivatives keep their order."""
    if not (isinstance(a, Ein) and isinstance(b, Expr) and a.factors and a.shape in ((), b.shape)):
        return a * b
    if any(letters not in ((), a.out) for _, letters in a.factors) or len(set(a.out)) != len(a.out) or (b.shape and not a.shape):
        return a * b
    return ein([*a.factors, (b, a.out if b.shape else ())], a.out, dict(enumerate(a.dims)))


def is_row(e: Expr) -> bool:
    """A vector written lying down: the transpose of a vector, and what matrices make of it."""
    return len(e.shape) == 2 and e.shape[0] is ROW


def transpose(e: Expr) -> Expr:
    """Swap the axes of a matrix; a vector becomes a 1 × n row, and that row the vector again."""
    if not e.shape:
        return e
    if len(e.shape) == 1:
        return ein([(e, (1,))], (0, 1), {0: ROW})
    if len(e.shape) != 2:
        raise ShapeError(f"only vectors and matrices have a transpose, not {show_shape(e.shape)}")
    return _stood_up(e) if is_row(e) else ein([(e, (0, 1))], (1, 0))


def _stood_up(row: Expr) -> Expr:
    """The vector that a row is, written without its row axis where the parts allow it."""
    match row:
        case Lin():
            return lin([(c, _stood_up(e)) for c, e in row.terms], row.shape[1:])
        case Map():
            return apply(row.fn, _stood_up(row.arg), row.order)
        case Ein() if all(row.out[0] not in letters for _, letters in row.factors):
            return ein(row.factors, row.out[1:], dict(enumerate(row.dims)))
    return ein([(row, (0, 1))], (1,))


def matmul(a: Expr, b: Any) -> Expr:
    """The matrix product; two vectors give their inner product, a vector and a row their outer product."""
    if not isinstance(b, Expr) or not a.shape or not b.shape:
        raise ShapeError(f"`@` needs vectors or matrices: {a} @ {b}; use `*` for a scalar")
    if len(a.shape) == 1 and is_row(b):
        return ein([(a, (0,)), (transpose(b), (1,))], (0, 1))
    if a.shape[-1] != b.shape[0]:
        raise ShapeError(f"can't multiply {show_operand(a)} by {show_operand(b)}")
    if is_row(a) and len(b.shape) == 1:
        a = transpose(a)
    left = tuple(range(len(a.shape) - 1))
    right = tuple(range(len(left) + 1, len(left) + len(b.shape)))
    middle = len(left)
    return ein([(a, (*left, middle)), (b, (middle, *right))], left + right)


# -- walks --------------------------------------------------------------------------------------------------------


def postorder(*roots: Expr) -> Iterator[Expr]:
    """Every node once, children before parents, left to right."""
    seen: set[Expr] = set()
    stack: list[tuple[Expr, bool]] = [(r, False) for r in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((c, False) for c in reversed(node.children()) if c not in seen)


def written_size(e: Expr) -> int:
    """The nodes of an expression when it is written out: what is shared counts as often as it stands."""
    sizes: dict[Expr, int] = {}
    for node in postorder(e):
        inside = written_size(node.top) + written_size(node.below) if isinstance(node, Jac) else 0
        sizes[node] = 1 + inside + sum(sizes[c] for c in node.children())
    return sizes[e]


def rebuild(root: Expr, change: Callable[[Expr], Expr], memo: dict[Expr, Expr] | None = None) -> Expr:
    """The expression with `change` applied to every node, bottom up, each node once."""
    memo = {} if memo is None else memo
    if root in memo:
        return memo[root]
    for node in postorder(root):
        if node in memo:
            continue
        old = node.children()
        new = [memo[c] for c in old]
        same = all(a is b for a, b in zip(old, new, strict=True))
        memo[node] = change(node if same else node.with_children(new))
    return memo[root]


def at_time(root: Expr, base: str, instant: Instant) -> Expr:
    """Replace the free time index `base` by `instant`; bound indices are left alone and renamed where they'd capture."""
    if instant == Instant(base):
        return root
    memo: dict[Expr, Expr] = {}
    for node in _outside_binders(root):
        match node:
            case Var() if node.time is not None:
                memo[node] = node.at(node.time.put(base, instant))
            case Jac():
                memo[node] = jac(at_time(node.top, base, instant), at_time(node.below, base, instant), node.direct)
            case Opaque():
                time = node.time.put(base, instant) if node.time else None
                memo[node] = opaque(node.name, time, memo[node.arg], node.order)
            case Over():
                memo[node] = _over_at_time(node, base, instant)
            case _:
                old = node.children()
                new = [memo[c] for c in old]
                same = all(a is b for a, b in zip(old, new, strict=True))
                memo[node] = node if same else node.with_children(new)
    return memo[root]


def _outside_binders(root: Expr) -> Iterator[Expr]:
    """Post-order that does not enter sums and products over time: their index is not ours."""
    seen: set[Expr] = set()
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if not isinstance(node, Over):
                stack.extend((c, False) for c in reversed(node.children()))


def _over_at_time(node: Over, base: str, instant: Instant) -> Expr:
    lo, hi, body, index = node.lo.put(base, instant), node.hi.put(base, instant), node.body, node.index
    if index != base:
        if index == instant.base:
            taken = {base, instant.base, *time_indices(body)}
            index = next(name for name in "tskijlmnuvpqr" if name not in taken)
            body = at_time(body, node.index, Instant(index))
        body = at_time(body, base, instant)
    return over(node.kind, body, index, lo, hi)


def time_indices(root: Expr) -> set[str]:
    """Names of every time index in the expression, free or bound."""
    found: set[str] = set()
    for node in postorder(root):
        if isinstance(node, Var | Opaque) and node.time is not None:
            found.add(node.time.base)
        elif isinstance(node, Over):
            found.update((node.index, node.lo.base, node.hi.base))
        elif isinstance(node, Jac):
            found |= time_indices(node.top) | time_indices(node.below)
    return found - {""}
