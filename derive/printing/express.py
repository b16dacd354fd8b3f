"""Expressions to notation: einsums to matrix products where there is a matrix form, to indices where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sympy

from derive.blocks import Part, grid
from derive.expr import (
    ROW,
    Block,
    Comp,
    Ein,
    Expr,
    Jac,
    Letters,
    Lin,
    Map,
    MissingRule,
    Opaque,
    Over,
    Square,
    Stack,
    Unit,
    Var,
    constant_value,
    is_ones,
    is_zero,
)
from derive.printing.names import Style, instant, letter, symbol
from derive.printing.notation import (
    Big,
    Call,
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
    product,
    transposed,
)
from derive.simplify import factors_of

ONE_VECTOR = Sym("1", font="bold")
INDICES = "ijklmnpqrsuv"


@dataclass(frozen=True)
class Speller:
    """Spells expressions in one style; `numbers` stand in for the quantities that they are the values of."""

    style: Style = field(default_factory=Style)
    numbers: Mapping[Var, Node] = field(default_factory=dict, hash=False)

    def spell(self, e: Expr) -> Node:
        """The notation of an expression."""
        value = constant_value(e)
        if value is not None:
            return number(value) if not e.shape or value == 0 else _times(value, ONE_VECTOR if len(e.shape) == 1 else _all_ones())
        if isinstance(e, Lin | Ein | Block) and (cells := grid(e)) is not None:
            return self._blocks(cells, e)
        match e:
            case Var():
                return self.numbers.get(e) or symbol(e, self.style)
            case Lin():
                return Sum(tuple(self._term(c, x) for c, x in e.terms)) if len(e.terms) > 1 else self._single(*e.terms[0])
            case Ein():
                return self._einsum(e)
            case Map():
                return self._map(e)
            case Comp():
                return self._composition(e)
            case Opaque():
                return self._opaque(e)
            case Over():
                return self._over(e)
            case Jac():
                top = self.spell(e.top)
                shown = top.fn if isinstance(e.top, Opaque) and isinstance(top, Call) else top
                return Partial(shown, self.spell(e.below), plus=e.direct and self.style.marked)
            case Stack():
                width = int(e.shape[-1])
                entries = [self.spell(c) for c in e.kids]
                if len(e.shape) == 1:
                    return Grid(tuple((c,) for c in entries))
                return Grid(tuple(tuple(entries[k : k + width]) for k in range(0, len(entries), width)))
            case Unit():
                return Sym("e", sub=number(e.place), font="bold")
            case Square():
                arg = self.spell(e.arg)
                return Power(arg, Num("-1")) if e.fn == "inverse" else Call(Sym("det", font="function", latex=r"\det"), (arg,))
        raise MissingRule(f"no notation for {type(e).__name__}: it needs a case in printing.express")

    def _blocks(self, cells: list[list[Part | None]], e: Expr) -> Node:
        rows = tuple(tuple(Num("0") if p is None else self.spell(p.value) for p in row) for row in cells)
        matrices = len(e.shape) == 2 and not any(p is not None and p.single for row in cells for p in row)
        return Grid(rows, matrices)

    # -- sums -----------------------------------------------------------------------------------------------

    def _term(self, c: sympy.Expr, x: Expr) -> tuple[int, Node]:
        negative = c.could_extract_minus_sign() and not c.is_Add
        c = -c if negative else c
        node = number(c) if is_ones(x) else _times(c, self.spell(x))
        return (-1 if negative else 1), node

    def _single(self, c: sympy.Expr, x: Expr) -> Node:
        sign, node = self._term(c, x)
        return node if sign > 0 else Sum(((-1, node),))

    # -- functions ------------------------------------------------------------------------------------------

    def _map(self, e: Map) -> Node:
        arg, fn = self.spell(e.arg), e.fn
        if e.order:
            return Call(self._name(e), (arg,))
        match fn.style:
            case "power":
                return self._power(e, arg, fn.parameters[0])
            case "exp" if not e.shape:
                return Power(Sym("e", font="roman-e"), arg)
            case "sqrt":
                return Root(arg)
            case "abs":
                return Fence("abs", arg)
            case "step":
                return Prod((ONE_VECTOR, Fence("bracket", Rel((arg, Num("0")), (">",)))))
        return Call(self._name(e), (arg,))

    def _name(self, e: Map) -> Sym:
        fn = e.fn
        return Sym(fn.text or fn.name, primes=e.order, font="function", sub=self._parameters(e), latex=fn.latex)

    def _parameters(self, e: Map) -> Node | None:
        shown = [number(p) for p in e.fn.parameters] if e.fn.style == "call" else []
        return Listed(tuple(shown)) if shown else None

    def _power(self, e: Map, arg: Node, n: sympy.Expr) -> Node:
        if n < 0:
            below = arg if n == -1 else self._power(e, arg, -n)
            return Frac(Num("1"), below) if not e.shape else Prod((Num("1"), below), "oslash")
        if n == sympy.S.Half and not e.shape:
            return Root(arg)
        if isinstance(arg, Call) and arg.power is None and isinstance(e.arg, Map):
            return Call(arg.fn, arg.args, number(n))
        return Power(arg, number(n), entrywise=bool(e.shape))

    def _composition(self, e: Comp) -> Node:
        args = tuple(map(self.spell, e.inputs))
        if e.record.style == "sqnorm":
            return Power(Fence("norm", args[0]), Num("2"))
        if e.record.style == "norm":
            return Fence("norm", args[0])
        return Call(Sym(e.record.name, font="function", latex=e.record.latex), args)

    def _opaque(self, e: Opaque) -> Node:
        fn = letter(e.name)
        if e.time is not None:
            fn = Sym(fn.base, fn.accents, sub=instant(e.time), font=fn.font)
        return Call(Listed((Sym("nabla"), fn), "") if e.order else fn, (self.spell(e.arg),))

    def _over(self, e: Over) -> Node:
        lower = Rel((Sym(e.index), instant(e.lo)), ("=",))
        body = self.spell(e.body)
        if e.kind == "product" and isinstance(body, Prod):
            body = Fence("bracket", body)
        return Big("sum" if e.kind == "sum" else "prod", lower, instant(e.hi), body)

    # -- einsums --------------------------------------------------------------------------------------------

    def _einsum(self, e: Ein) -> Node:
        chain = self._jacobian_chain(e)
        if chain is not None:
            return chain
        try:
            return _Contraction(self, e).matrix_form()
        except _NoMatrixForm:
            return self.index_form(e)

    def _jacobian_chain(self, e: Ein) -> Node | None:
        """∂l/∂h_t ∂h_t/∂h_k ∂h_k/∂W: Jacobians, each contracted with the next, side by side."""
        if len(e.factors) < 2 or not all(isinstance(f, Jac | Over) or _is_gradient(f) for f, _ in e.factors):
            return None
        letters = [ls for _, ls in e.factors]
        here = letters[0]
        for nxt in letters[1:]:
            shared = [i for i in here if i in nxt]
            if not shared or here[-len(shared) :] != nxt[: len(shared)] or any(i in e.out for i in shared):
                return None
            here = here[: -len(shared)] + nxt[len(shared) :]
        if here != e.out:
            return None
        return Prod(tuple(Fence("paren", n) if isinstance(n, Big) else n for n in (self.spell(f) for f, _ in e.factors)))

    def index_form(self, e: Ein, names: dict[int, str] | None = None) -> Node:
        """Entry by entry: Σ_j W_ij x_j, with i, j, … for the letters."""
        if len(set(e.out)) != len(e.out):
            raise MissingRule("a diagonal tensor of rank above 2 has no notation here: ask for an entry of it")
        hidden = {i for f, ls in e.factors if isinstance(f, Jac) for i in ls[len(f.top.shape) :]}
        shown = [i for i in range(len(e.dims)) if i not in hidden]
        taken = {v.name for v in e.atoms(Var)}
        free = [c for c in INDICES if c not in taken] or list(INDICES)
        names = names or ({i: free[k] for k, i in enumerate(shown)} | dict.fromkeys(hidden, free[-1]))
        entries = [self.entry(f, ls, names) for f, ls in factors_of(e)]
        body = Prod(tuple(entries)) if len(entries) > 1 else entries[0] if entries else Num("1")
        return Big("sum", Listed(tuple(Sym(names[i]) for i in e.summed)), None, body) if e.summed else body

    def entry(self, e: Expr, letters: Letters, names: dict[int, str]) -> Node:
        """The entry of e at those letters."""
        if not letters:
            return self.spell(e)
        if isinstance(e, Jac):
            rank = len(e.top.shape)
            top = self.entry(e.top, letters[:rank], names)
            return Partial(top, self.spell(e.below), plus=e.direct and self.style.marked)
        if isinstance(e, Lin):
            terms = [(c, self.entry(x, letters, names) if not is_ones(x) else Num("1")) for c, x in e.terms]
            return Fence(
                "paren",
                Sum(
                    tuple(
                        (-1 if c.could_extract_minus_sign() else 1, _times(abs(c), n) if n != Num("1") else number(abs(c)))
                        for c, n in terms
                    )
                ),
            )
        if isinstance(e, Map) and e.fn.style == "call":
            spelled = self._map(e)
            assert isinstance(spelled, Call)
            return Call(spelled.fn, (self.entry(e.arg, letters, names),))
        indices = tuple(Sym(names[i]) for i in letters)
        node = self.spell(e)
        if isinstance(node, Sym):
            sub = Listed(indices, "") if node.sub is None else Listed((node.sub, Listed(indices, "")))
            return Sym(node.base, node.accents, sub, node.sup, node.primes, node.font)
        return Entry(node, indices)


def _is_gradient(e: Expr) -> bool:
    return isinstance(e, Opaque) and e.order == 1


class _NoMatrixForm(Exception):
    """The einsum needs indices."""


@dataclass
class _Item:
    """A partial product: its notation, the letters of its rows and columns (none, one or two)."""

    node: Node
    letters: Letters
    below: bool = False  # stands under an entrywise fraction

    def oriented(self, letters: Letters) -> Node:
        return self.node if self.letters == letters else transposed(self.node)


class _Contraction:
    """Matrix notation for an einsum: Hadamard products merged, sums made products, scalars in front."""

    def __init__(self, speller: Speller, e: Ein):
        self.e, self.speller = e, speller
        self.out = e.out
        self.scalars: list[Node] = []
        self.under: list[Node] = []
        self.items: list[_Item] = []
        for f, letters in factors_of(e):
            self._add(f, letters)

    def _add(self, f: Expr, letters: Letters) -> None:
        inverse = isinstance(f, Map) and not f.order and f.fn.style == "power" and f.fn.parameters[0] < 0
        if inverse and len(letters) == len(set(letters)) < 3:
            assert isinstance(f, Map)
            n = -f.fn.parameters[0]
            node = self.speller.spell(f.arg) if n == 1 else self.speller._power(f, self.speller.spell(f.arg), n)
            if letters:
                self.items.append(_Item(node, letters, below=True))
            else:
                self.under.append(node)
        elif not letters:
            node = self.speller.spell(f)
            self.scalars.append(Fence("paren", node) if _is_contraction(f) and isinstance(node, Prod | Big) else node)
        elif len(letters) > 2:
            raise _NoMatrixForm
        elif len(letters) == 2 and letters[0] == letters[1]:
            self._diagonal(f, letters[0])
        else:
            self.items.append(_Item(self.speller.spell(f), letters))

    def _diagonal(self, f: Expr, i: int) -> None:
        alone = sum(i in ls for _, ls in factors_of(self.e)) == 1 and i not in self.out
        name = "tr" if alone else "diag"
        node = Call(Sym(name, font="function"), (self.speller.spell(f),))
        if alone:
            self.scalars.append(node)
        else:
            self.items.append(_Item(node, (i,)))

    def matrix_form(self) -> Node:
        out = self.out
        if len(out) > 2:
            raise _NoMatrixForm
        if len(out) == 2 and out[0] == out[1]:
            self.out = out[:1]
            return Call(Sym("diag", font="function"), (self._vector(),)) if self.items else _scaled(self, Sym("I"))
        while True:
            self._merge()
            letter = self._next_sum()
            if letter is None:
                break
            self._contract(letter)
        return [self._scalar, self._vector, self._matrix][len(self.out)]()

    # -- joining --------------------------------------------------------------------------------------------

    def _merge(self) -> None:
        """Items over the same letters become one, entry by entry."""
        groups: dict[frozenset, list[_Item]] = {}
        for item in self.items:
            groups.setdefault(frozenset(item.letters), []).append(item)
        self.items = [joined for group in groups.values() for joined in self._grouped(group)]

    def _grouped(self, group: list[_Item]) -> list[_Item]:
        """Vectors whose product is summed stay two, as in uᵀv; with more of them uᵀ(v ⊙ w)."""
        letters = group[0].letters
        inner = len(letters) == 1 and letters[0] not in self.out and self._sums(letters[0]) == len(group)
        if not inner or len(group) < 2 or any(i.below for i in group[:1]):
            return [self._entrywise(group)]
        return [group[0], self._entrywise(group[1:])]

    def _entrywise(self, group: list[_Item]) -> _Item:
        letters = group[0].letters
        if len(letters) == 2 and letters[::-1] == self.out:
            letters = self.out
        above = [i.oriented(letters) for i in group if not i.below]
        below = [i.oriented(letters) for i in group if i.below]
        top = product(above, "odot") if above else Num("1")
        if not below:
            return _Item(top, letters)
        if len(letters) == 1 and not above and self._sums(letters[0]) > 0:
            return _Item(Prod((top, *below), "oslash"), letters)
        return _Item(
            Prod((top, product(below, "odot") if len(below) == 1 else Fence("paren", product(below, "odot"))), "oslash"), letters
        )

    def _sums(self, letter: int) -> int:
        return sum(letter in item.letters for item in self.items) if letter not in self.out else 0

    def _next_sum(self) -> int | None:
        """A letter to sum next: first those that leave the smallest result."""
        summed = [i for i in dict.fromkeys(i for item in self.items for i in item.letters) if i not in self.out]
        if not summed:
            return None

        def rank(i: int) -> tuple[int, int]:
            involved = [item for item in self.items if i in item.letters]
            return len({x for item in involved for x in item.letters} - {i}), summed.index(i)

        return min(summed, key=rank)

    def _contract(self, i: int) -> None:
        involved = [item for item in self.items if i in item.letters]
        rest = [item for item in self.items if i not in item.letters]
        if len(involved) == 3 and sum(len(x.letters) for x in involved) == 5:
            vector = next(x for x in involved if len(x.letters) == 1)
            first, second = (x for x in involved if len(x.letters) == 2)
            k = next(x for x in second.letters if x != i)
            scaled = product([Call(Sym("diag", font="function"), (vector.node,)), second.oriented((i, k))])
            involved = [first, _Item(scaled, (i, k))]
        if len(involved) == 1:
            joined = self._sum_alone(involved[0], i)
        elif len(involved) == 2:
            joined = self._join(involved[0], involved[1], i)
        else:
            raise _NoMatrixForm
        if joined.letters:
            self.items = [*rest, joined] if len(involved) == 1 else self._placed(rest, joined, involved[0])
        else:
            self.items = rest
            self.scalars.append(joined.node)

    def _placed(self, rest: list[_Item], joined: _Item, first: _Item) -> list[_Item]:
        place = sum(1 for item in self.items[: self.items.index(first)] if item in rest) if first in self.items else len(rest)
        return [*rest[:place], joined, *rest[place:]]

    def _sum_alone(self, item: _Item, i: int) -> _Item:
        if self.e.dims[i] is ROW and len(item.letters) == 2:
            return _Item(transposed(item.oriented((i, _other(item, i) or 0))), (_other(item, i) or 0,))
        if len(item.letters) == 1:
            return _Item(product([Transposed(ONE_VECTOR), item.node]), ())
        if not {*item.letters} & {*self.out} and self._sums(item.letters[0]) == self._sums(item.letters[1]) == 1:
            return _Item(product([Transposed(ONE_VECTOR), item.node, ONE_VECTOR]), ())
        other = next(x for x in item.letters if x != i)
        return _Item(product([item.oriented((other, i)), ONE_VECTOR]), (other,))

    def _join(self, a: _Item, b: _Item, i: int) -> _Item:
        """Σ_i a b as a product, oriented so that the result needs no transpose."""
        free_a, free_b = _other(a, i), _other(b, i)
        if free_a is None and free_b is None:
            return _Item(product([transposed(a.node), b.node]), ())
        if free_a is None or (free_b is not None and self.out[:1] == (free_b,)):
            a, b, free_a, free_b = b, a, free_b, free_a
        assert free_a is not None
        left = a.oriented((free_a, i))
        if free_b is None:
            return _Item(product([left, b.node]), (free_a,))
        return _Item(product([left, b.oriented((i, free_b))]), (free_a, free_b))

    # -- the last step --------------------------------------------------------------------------------------

    def _scalar(self) -> Node:
        return _scaled(self, None)

    def _vector(self) -> Node:
        self._merge()
        i = self.out[0]
        if any(item.letters != (i,) for item in self.items):
            raise _NoMatrixForm
        return _scaled(self, self.items[0].node if self.items else ONE_VECTOR)

    def _matrix(self) -> Node:
        i, j = self.out
        vectors = {item.letters[0]: item.node for item in self.items if len(item.letters) == 1}
        matrices = [item.oriented((i, j)) for item in self.items if len(item.letters) == 2]
        if matrices:
            left, right = ([Call(Sym("diag", font="function"), (vectors[k],))] if k in vectors else [] for k in (i, j))
            body = product([*left, matrices[0], *right])
        elif self.e.dims[i] is ROW and i not in vectors:
            column = vectors.get(j, ONE_VECTOR)
            written_lying = len(self.e.factors) > 1 and len(self.e.factors[0][1]) == 1  # xᵀW stays so; (Wx)ᵀ too
            body = transposed(column) if written_lying else Transposed(column)
        else:
            body = product([vectors.get(i, ONE_VECTOR), transposed(vectors.get(j, ONE_VECTOR))])
        return _scaled(self, body)


def _other(item: _Item, i: int) -> int | None:
    return next((x for x in item.letters if x != i), None)


def _is_contraction(e: Expr) -> bool:
    return isinstance(e, Ein) and bool(e.summed)


def _scaled(c: _Contraction, body: Node | None) -> Node:
    """Scalars in front of the body, scalar denominators under a fraction bar."""
    lone = body is None and len(c.scalars) == 1
    scalars = [s.body if lone and isinstance(s, Fence) and s.kind == "paren" else s for s in c.scalars]
    closed = [Fence("paren", s) if body is not None and _inner_product(s) else s for s in scalars]
    factors = [*closed, *([body] if body is not None else [])]
    top = product(factors) if factors else Num("1")
    return Frac(top, product(c.under)) if c.under else top


def _inner_product(node: Node) -> bool:
    return isinstance(node, Prod) and any(isinstance(f, Transposed) for f in node.factors)


def _all_ones() -> Node:
    return product([ONE_VECTOR, Transposed(ONE_VECTOR)])


# -- numbers ------------------------------------------------------------------------------------------------------


def _times(c: sympy.Expr, node: Node) -> Node:
    if c == 1:
        return node
    if node == ONE_VECTOR and c.is_number:
        return product([number(c), node])
    top, below = c.as_numer_denom()
    if isinstance(node, Frac) and node.top == Num("1") and not c.is_Rational:
        return Frac(number(top), product([number(below), node.below]) if below != 1 else node.below)
    if isinstance(node, Frac) and not c.is_Rational:
        return Frac(_times(top, node.top), product([number(below), node.below])) if below != 1 else _times_plain(c, node)
    return _times_plain(c, node)


def _decimal(p: int, q: int) -> Node:
    """An exact decimal fraction; a very small one as m · 10^-k."""
    digits = Decimal(p) / Decimal(q)
    plain = f"{digits:f}"
    if len(plain) <= 9:
        return Num(plain)
    mantissa, exponent = f"{digits.normalize():e}".split("e")
    power = Power(Num("10"), Sum(((-1, Num(str(-int(exponent)))),)))
    return power if mantissa == "1" else Prod((Num(mantissa), power), "cdot")


def _times_plain(c: sympy.Expr, node: Node) -> Node:
    return product([number(c), node])


def number(c: Any) -> Node:
    """An exact number, or a formula in sizes, as notation."""
    c = sympy.sympify(c)
    if c.is_Integer:
        return Num(str(c))
    if c.is_Rational:
        q, p = int(c.q), int(c.p)
        if p < 0:
            return Sum(((-1, number(-c)),))
        return _decimal(p, q) if q > 8 and set(sympy.factorint(q)) <= {2, 5} else Ratio(p, q)
    if c.is_Symbol or c in (sympy.pi, sympy.E):
        return letter(str(c)) if c.is_Symbol else Sym("pi") if c is sympy.pi else Sym("e")
    if c.could_extract_minus_sign() and not c.is_Add:
        return Sum(((-1, number(-c)),))
    if c.is_Add:
        terms = sorted(c.as_ordered_terms(), key=lambda t: bool(t.could_extract_minus_sign()))
        return Sum(tuple((-1, number(-t)) if t.could_extract_minus_sign() else (1, number(t)) for t in terms))
    top, below = c.as_numer_denom()
    if below != 1:
        return Frac(number(top), number(below))
    if c.is_Mul:
        return product([number(a) for a in c.as_ordered_factors()])
    if c.is_Pow:
        return Root(number(c.base)) if c.exp == sympy.S.Half else Power(number(c.base), number(c.exp))
    raise MissingRule(f"no notation for the number {c}")


__all__ = ["Speller", "is_zero", "number"]
