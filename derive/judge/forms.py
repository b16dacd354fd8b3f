"""The ring of canonical forms: weighted sums of products of powers of atoms.

A term has no summed index of its own: what is summed over an index is one atom, a contraction, so that products are unions and
recip(xᵀx) xᵀx is 1. All sums are multiplied out. What is done here are identities wherever both sides are defined.

| atom     | is                                                                                                      |
|----------|---------------------------------------------------------------------------------------------------------|
| var      | an entry of a named quantity                                                                            |
| constant | a size, or a number that isn't rational                                                                 |
| number   | a whole number under a root                                                                             |
| delta    | 1 where two indices are equal, else 0                                                                   |
| block    | an entry of the place of a block, upto: 1 where an index is at most a bound; in `blocks`                |
| le       | 1 where one instant is not after another, else 0: the range of a sum over time                          |
| con      | a product summed over indices and instants                                                              |
| exp      | e to the power of one term of weight one: powers of it add up                                           |
| sum      | a sum that is no single term, under a root or in a denominator                                          |
| fn, sign | a function of an entry; sign                                                                            |
| whole    | what depends on a whole array: an inverse, a determinant, an open function, a product over time         |
| jac      | an entry of a Jacobian of one named quantity with respect to another                                    |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from itertools import product as pairs
from typing import Any

import sympy

from derive.expr import ROW, MissingRule
from derive.judge import blocks
from derive.judge.facts import Facts
from derive.judge.labelling import (
    END,
    ORIGIN,
    Atom,
    Budget,
    Coef,
    Exceeded,
    Factor,
    Index,
    Powers,
    Undefined,
    atom,
    labelled,
    place,
    place_of,
)

Mono = frozenset[tuple[Factor, Coef]]
Poly = dict[Mono, Coef]

UNIT: Mono = frozenset()
ONE: Poly = {UNIT: 1}
ZERO: Poly = {}
LE = atom("le", None, (), 2, positive=True)
WRITTEN = 8  # entries
FOLDED = 40  # rewritings of one product; more of them would be a loop


def accumulate(total: Poly, terms: Poly, weight: Coef = 1) -> Poly:
    """total + weight · terms, in place."""
    for mono, c in terms.items():
        new = total.get(mono, 0) + c * weight
        if new:
            total[mono] = new
        else:
            del total[mono]
    return total


def whole(c: Coef) -> Coef:
    """The same number, an int where it is one."""
    return c.numerator if isinstance(c, Fraction) and c.denominator == 1 else c


def single(factor: Factor, power: Coef = 1) -> Poly:
    return {frozenset(((factor, power),)): 1}


def leaves_of(terms: Poly) -> frozenset[Atom]:
    return frozenset(leaf for mono in terms for (a, _), _ in mono for leaf in a.leaves)


def is_positive(mono: Iterable[tuple[Factor, Coef]]) -> bool:
    """Nowhere negative: positive atoms, even powers, roots."""
    return all(a.positive or whole(e).__class__ is Fraction or e % 2 == 0 for (a, _), e in mono)


def positive_terms(terms: Poly) -> bool:
    return all(c > 0 and is_positive(mono) for mono, c in terms.items())


def _nonnegative(a: Atom) -> bool:
    return a.positive


def _strictly_positive(a: Atom) -> bool:
    return a.kind in ("exp", "number") or (a.kind == "constant" and a.positive)


def labels_of(terms: Poly) -> set[int]:
    """Every label of space in it."""
    return {label for mono in terms for (a, index), _ in mono for label in index[: len(a.space)]}


def instants_of(terms: Poly) -> set[int]:
    """Every label of time in it."""
    return {label for mono in terms for (a, index), _ in mono for label, _ in index[len(a.space) :]}


class Ring:
    """Arithmetic of forms, where these facts about instants hold. Raises Exceeded, Undefined and MissingRule."""

    def __init__(self, budget: Budget, facts: Facts | None = None):
        self.budget, self.facts = budget, facts or Facts()
        self.depth = 0
        self.explicit = False  # whether sums over few entries are written out

    # -- sums and products -------------------------------------------------------------------------------------

    def mul(self, left: Poly, right: Poly) -> Poly:
        if len(left) > len(right):
            left, right = right, left
        if len(left) == 1 and UNIT in left:
            c = left[UNIT]
            return right if c == 1 else {m: whole(c * d) for m, d in right.items()}
        total: Poly = {}
        for (a, c), (b, d) in pairs(left.items(), right.items()):
            self.budget.check(len(total))
            powers = dict(a)
            for factor, e in b:
                new = whole(powers.get(factor, 0) + e)
                if new:
                    powers[factor] = new
                else:
                    del powers[factor]
            self._add_normal(total, powers, whole(c * d))
        return total

    def scaled(self, terms: Poly, c: Coef) -> Poly:
        return {m: whole(c * d) for m, d in terms.items()} if c else {}

    def product(self, parts: Iterable[Poly]) -> Poly:
        total = ONE
        for terms in parts:
            total = self.mul(total, terms)
        return total

    def _add_normal(self, total: Poly, powers: dict[Factor, Coef], c: Coef) -> None:
        self.budget.check(factors=len(powers))
        for a, _ in powers:
            if a.special:
                accumulate(total, self._normal(powers), c)
                return
        accumulate(total, {frozenset(powers.items()): 1}, c)

    def _normal(self, powers: dict[Factor, Coef]) -> Poly:
        """The product, with the relations of deltas, ranges, roots of numbers, signs and denominators used."""
        self.depth += 1
        if self.depth > FOLDED:
            raise Exceeded("a product that goes on being rewritten")
        try:
            return self._folded(powers)
        finally:
            self.depth -= 1

    def _folded(self, powers: dict[Factor, Coef]) -> Poly:
        by_kind: dict[str, list[Factor]] = {}
        for factor in powers:
            by_kind.setdefault(factor[0].kind, []).append(factor)
        for kind in ("delta", "le", *blocks.PLACED):
            for factor in by_kind.get(kind, ()):
                if powers[factor] < 0:
                    raise Undefined("a division by zero")
                powers[factor] = 1
        if "delta" in by_kind and (moved := self._identified(powers, by_kind["delta"])) is not None:
            return moved
        if not by_kind.keys().isdisjoint(blocks.PLACED) and (met := blocks.folded(self, powers)) is not None:
            return met
        if "le" in by_kind and not self._ranged(powers, by_kind["le"]):
            return ZERO
        c: Coef = 1
        for factor in by_kind.get("number", ()):
            c *= self._rooted(powers, factor)
        for factor in by_kind.get("sign", ()):
            self._signed(powers, factor)
        for factor in by_kind.get("sum", ()):
            if powers[factor] >= 1:
                n = math.floor(powers[factor])
                rest = {f: e for f, e in powers.items() if f is not factor}
                if e := whole(powers[factor] - n):
                    rest[factor] = e
                opened = self.power(self.opened(*factor), n)
                return self.scaled(self.mul({frozenset(rest.items()): 1}, opened), c)
        for factor in by_kind.get("sum", ()):
            if powers[factor] < 0 and (reduced := self._divided(powers, factor)) is not None:
                return self.scaled(reduced, c)
        return {frozenset(powers.items()): whole(c)}

    def _identified(self, powers: dict[Factor, Coef], deltas: list[Factor]) -> Poly | None:
        """With δ_ij in a product, j is i; None where nothing else has j."""
        for factor in deltas:
            i, j = factor[1]
            others = {f: e for f, e in powers.items() if f is not factor}
            if any(j in index[: len(a.space)] for a, index in others):
                return self.mul({frozenset(((factor, 1),)): 1}, self.relabelled({frozenset(others.items()): 1}, {j: i}))
        return None

    def _ranged(self, powers: dict[Factor, Coef], ranges: list[Factor]) -> bool:
        """Ranges that follow from the others dropped; False where they contradict each other."""
        if len(ranges) < 2:
            return True
        kept = self.facts.reduced([(a[0], b[0], b[1] - a[1]) for _, (a, b) in ranges])
        if kept is None:
            return False
        for factor in ranges:
            (a, _), (b, d) = factor[1]
            if (a, b, d) not in kept:
                del powers[factor]
        return True

    def _rooted(self, powers: dict[Factor, Coef], factor: Factor) -> Coef:
        e = powers.pop(factor)
        n = math.floor(e)
        if e != n:
            powers[factor] = whole(e - n)
        return Fraction(factor[0].data) ** n

    def _signed(self, powers: dict[Factor, Coef], factor: Factor) -> None:
        """s³ = s and, where it is defined, s⁻¹ = s; x s(x)² = x, also where x is 0."""
        e = powers[factor] = abs(powers[factor])
        if e > 2:
            e = powers[factor] = 2 - e % 2
        inner = self.opened(*factor) if e == 2 else {}
        if len(inner) == 1 and all(powers.get(f, 0) > 0 and n > 0 for f, n in next(iter(inner))):
            del powers[factor]

    def _divided(self, powers: dict[Factor, Coef], factor: Factor) -> Poly | None:
        """m / P for the leading term m of P is (1 − rest / P) / weight: fractions in lowest form."""
        a, index = factor
        if a.lead is None:
            a.lead = max(a.terms, key=lambda row: (sum(e for _, e in row[1]), [(f[0].serial, f[1], e) for f, e in row[1]]))
        space, times = self._slots(a, index)
        lead = self.product(self.moved(f, e, space, times) for f, e in a.lead[1])
        ((mono, c),) = lead.items() if len(lead) == 1 else ((UNIT, 1),)
        c *= a.lead[0]
        if not mono or any(f[0].special or e < 0 for f, e in mono):
            return None
        rest = dict(powers)
        for f, e in mono:
            if rest.get(f, 0) < e:
                return None
            rest[f] = whole(rest[f] - e)
            if not rest[f]:
                del rest[f]
        others = accumulate(dict(self.opened(a, index)), {mono: c}, -1)
        base = {frozenset(rest.items()): Fraction(1) / c}
        raised = dict(rest)
        raised[factor] = whole(raised[factor] + 1)
        if not raised[factor]:
            del raised[factor]
        return accumulate(self.mul({frozenset(raised.items()): 1}, {UNIT: Fraction(1) / c}), self.mul(base, others), -1)

    # -- labels ------------------------------------------------------------------------------------------------

    def placed(self, a: Atom, index: Index, e: Coef = 1) -> Poly:
        """A power of the atom at these indices. Indices that coincide may make it another one: a diagonal, a 1."""
        if a.kind == "delta":
            return self.power(self.delta(index[0], index[1], a.space[0]), e)
        if a.kind == "le":
            return self.power(self.le(index[0], index[1]), e)
        if a.kind in blocks.PLACED:
            return self.power(blocks.placed(self, a, index), e)
        if a.kind == "jac":
            return self.power(self.resolved(a, index), e)
        if a.terms and self._clash(a, index):
            return self.power(self._again(a, index), e)
        factor = (a, a.least(index))
        return self._normal({factor: e}) if a.special else single(factor, e)

    def resolved(self, a: Atom, index: Index) -> Poly:
        """A Jacobian at these instants; a network may know it."""
        return single((a, index))

    def _clash(self, a: Atom, index: Index) -> bool:
        wide = len(a.space)
        labels = index[:wide]
        fixed = sum(label < 0 for label in labels)
        if a.kind != "whole" and (len(set(labels)) < wide or fixed > 1 or (fixed and a.deltas)):
            return True
        return a.times > 1 and len({label for label, _ in index[wide:]}) < a.times

    def _again(self, a: Atom, index: Index) -> Poly:
        if a.kind == "con":
            inner, bound, times = self.unfolded(a, index, self._fresh(index))
            return self.contract(self.product(self.placed(*f, e) for f, e in inner), bound, times)
        if a.kind == "whole":
            return self.rewhole(a, index, self.opened(a, (*range(len(a.space)), *index[len(a.space) :])))
        return self.made(a, self.opened(a, index))

    def made(self, a: Atom, terms: Poly) -> Poly:
        """An atom of the same kind as `a`, of other terms."""
        match a.kind:
            case "exp":
                return self.exp(terms)
            case "sum":
                return terms
            case "sign":
                return self.sign(terms)
        return self.applied(a.data, terms)

    def applied(self, fn: Any, terms: Poly) -> Poly:
        """A function of the table of a form; in `calculus`."""
        raise NotImplementedError

    def rewhole(self, a: Atom, index: Index, terms: Poly) -> Poly:
        """`a`, which depends on a whole array, of other terms, whose axes are 0, 1, …; at this index."""
        wide = len(a.space)
        factor = self.named(a.kind, a.data, terms, axes=tuple(range(wide)), space=a.space)
        return single((factor[0], (*index[:wide], *factor[1][wide:])))

    def _slots(self, a: Atom, index: Index) -> tuple[dict[int, int], dict[int, tuple[int, int]]]:
        wide = len(a.space)
        return dict(enumerate(index[:wide])), dict(enumerate(index[wide:]))

    def opened(self, a: Atom, index: Index, own: Mapping[int, tuple[int, int]] = {}) -> Poly:
        """What the atom is made of, a sum, at these indices; own: where its own instant is."""
        space, times = self._slots(a, index)
        times.update(own)
        total: Poly = {}
        for c, powers in a.terms:
            accumulate(total, self.product(self.moved(f, e, space, times) for f, e in powers), c)
        return total

    def unfolded(self, a: Atom, index: Index, fresh: int) -> tuple[Powers, dict[int, Any], frozenset[int]]:
        """What a contraction sums, with the labels that it sums over, counted from `fresh`."""
        space, times = self._slots(a, index)
        sizes, count = a.bound
        bound = {fresh + k: size for k, size in enumerate(sizes)}
        space.update((len(a.space) + k, fresh + k) for k in range(len(sizes)))
        times.update((a.times + k, (fresh + k, 0)) for k in range(count))
        powers = tuple(((f, self._moved_index(f, i, space, times)), e) for (f, i), e in a.terms[0][1])
        return powers, bound, frozenset(range(fresh, fresh + count))

    @staticmethod
    def _moved_index(a: Atom, index: Index, space: Mapping[int, int], times: Mapping[int, tuple[int, int]]) -> Index:
        wide = len(a.space)
        moved = [space.get(label, label) for label in index[:wide]]
        for label, offset in index[wide:]:
            to = times.get(label)
            moved.append((label, offset) if to is None else (to[0], to[1] + offset))  # type: ignore[arg-type]
        return tuple(moved)

    def moved(self, factor: Factor, e: Coef, space: Mapping[int, int], times: Mapping[int, tuple[int, int]]) -> Poly:
        return self.placed(factor[0], self._moved_index(*factor, space, times), e)

    def relabelled(self, terms: Poly, space: Mapping[int, int] = {}, times: Mapping[int, tuple[int, int]] = {}) -> Poly:
        """The form with other labels, all at once."""
        if not space and not times:
            return terms
        total: Poly = {}
        for mono, c in terms.items():
            accumulate(total, self.product(self.moved(f, e, space, times) for f, e in mono), c)
        return total

    @staticmethod
    def _fresh(index: Iterable[Any]) -> int:
        return 1 + max((k if isinstance(k, int) else k[0] for k in index), default=0)

    # -- atoms -------------------------------------------------------------------------------------------------

    def named(
        self, kind: str, data: Any, terms: Poly, axes: tuple[int, ...] = (), space: tuple[Any, ...] | None = None,
        positive: bool = False, bound: frozenset[int] = frozenset(),
    ) -> Factor:  # fmt: skip
        """The atom made of these terms, at their labels.

        axes: labels that are its first slots, of these sizes, whether they occur or not. bound: an instant of its own.
        """
        shape = labelled([(c, tuple(m)) for m, c in terms.items()], times=bound, axes=axes)
        if space is None:
            return atom(kind, data, shape.sizes, len(shape.times), shape.terms, group=shape.group, positive=positive), shape.slots
        rows = self._on_axes(
            shape.terms, {k: axes.index(label) if label in axes else label for k, label in enumerate(shape.space)}
        )
        return atom(kind, data, space, len(shape.times), rows, shape.bound), (*axes, *shape.times)

    def _on_axes(self, terms: Any, where: dict[int, int]) -> Any:
        """Slots renumbered to the axes that they are: an axis along which nothing varies has none."""
        if all(k == v for k, v in where.items()):
            return terms
        return tuple((c, tuple(((a, self._moved_index(a, i, where, {})), e) for (a, i), e in powers)) for c, powers in terms)

    def delta(self, i: int, j: int, size: Any) -> Poly:
        if i == j:
            return ONE
        if i < 0 and j < 0 and all(place_of(k).is_Integer for k in (i, j)):
            return ZERO
        return single((atom("delta", None, (size, size), group=((0, 1), (1, 0)), positive=True), (min(i, j), max(i, j))))

    def le(self, a: tuple[int, int], b: tuple[int, int]) -> Poly:
        """1 where a is not after b."""
        width = b[1] - a[1]
        if a[0] == b[0]:
            return ONE if width >= 0 else ZERO
        if self.facts.implied(a[0], b[0], width):
            return ONE
        if self.facts.implied(b[0], a[0], -width - 1):
            return ZERO
        return single((LE, ((a[0], 0), (b[0], width))))

    def same_instant(self, a: tuple[int, int], b: tuple[int, int]) -> Poly:
        return self.mul(self.le(a, b), self.le(b, a))

    def number(self, value: Any) -> Poly:
        """An exact SymPy number, a size, or a formula of them."""
        if value is ROW:
            return ONE
        if value.is_Rational:
            c = whole(Fraction(int(value.p), int(value.q)))
            return {UNIT: c} if c else ZERO
        if value.is_Add:
            total: Poly = {}
            for part in value.args:
                accumulate(total, self.number(part))
            return total
        if value.is_Mul:
            return self.product(self.number(part) for part in value.args)
        if value.is_Pow and value.exp.is_Rational:
            return self.power(self.number(value.base), whole(Fraction(int(value.exp.p), int(value.exp.q))))
        return single((atom("constant", value, positive=bool(value.is_positive)), ()))

    # -- powers ------------------------------------------------------------------------------------------------

    def power(self, terms: Poly, e: Coef) -> Poly:
        """terms^e for a rational e."""
        if e == 0:
            return ONE
        if e == 1:
            return terms
        if not terms:
            if e < 0:
                raise Undefined("a division by zero")
            return ZERO
        if len(terms) == 1:
            ((mono, c),) = terms.items()
            return self._power_of_term(mono, c, e)
        if isinstance(e, int) and e > 0:
            half = self.power(terms, e // 2)
            squared = self.mul(half, half)
            return self.mul(squared, terms) if e % 2 else squared
        content, rest = self.content(terms, None if isinstance(e, int) else _nonnegative)
        if len(rest) == 1:
            return self.mul(self.power(content, e), self.power(rest, e))
        if not rest:
            raise Undefined("a power of zero")
        own = self._normal({self.named("sum", None, rest, positive=positive_terms(rest)): e})
        return own if content is ONE else self.mul(self.power(content, e), own)

    def _power_of_term(self, mono: Mono, c: Coef, e: Coef) -> Poly:
        if abs(e) > 10000 and abs(c) != 1:
            raise Exceeded(f"the power {e} of a number")
        if isinstance(e, int):
            return self.scaled(self._normal({f: whole(n * e) for f, n in mono}), whole(Fraction(c) ** e))
        roots = {f: whole(n * e) for f, n in mono if f[0].positive or isinstance(n, Fraction)}  # the root of x² is not x
        left = [(f, n) for f, n in mono if f not in roots]
        if c > 0 and len(left) == 1 and left[0][1] % 2:
            ((f, n),), left = left, []
            roots[f] = whole(n * e)
        total = self.mul(self._normal(roots), self._root_of_number(abs(c), e))
        if left or c < 0:
            inner = {frozenset(left): 1 if c > 0 else -1}
            total = self.mul(total, self._normal({self.named("sum", None, inner): e}))
        return total

    def _root_of_number(self, c: Coef, e: Coef) -> Poly:
        powers: dict[Factor, Coef] = {}
        for prime, n in _primes(Fraction(c)).items():
            powers[atom("number", prime, positive=True), ()] = whole(n * e)
        return self._normal(powers)

    def content(self, terms: Poly, only: Callable[[Atom], bool] | None = None) -> tuple[Poly, Poly]:
        """A term that divides the sum, and the sum over it: the least power of every atom, the greatest common divisor.

        only: which atoms; where it is given, the weight of the content is positive, too.
        """
        monos = [dict(m) for m in terms]
        least: dict[Factor, Coef] = {}
        for factor in {f for m in monos for f in m}:
            if factor[0].kind in ("delta", "le", "sign", *blocks.PLACED) or (only is not None and not only(factor[0])):
                continue
            e = min(m.get(factor, 0) for m in monos)
            if e:
                least[factor] = e
        weights = [Fraction(c) for c in terms.values()]
        divisor = Fraction(math.gcd(*(w.numerator for w in weights)), math.lcm(*(w.denominator for w in weights)))
        if only is None:
            divisor *= self._sign_of(terms)
        if not least and divisor == 1:
            return ONE, terms
        content = self.scaled(self._normal(least), whole(divisor))
        over = self.scaled(self._normal({f: -e for f, e in least.items()}), whole(1 / divisor))
        return content, self.mul(over, terms)

    def _sign_of(self, terms: Poly) -> int:
        """A sign that P and −P have opposite, whatever their labels are."""
        balance = sum((c > 0) - (c < 0) for c in terms.values())
        if balance:
            return 1 if balance > 0 else -1
        plain, other = (labelled([(s * c, tuple(m)) for m, c in terms.items()]).terms for s in (1, -1))
        return 1 if _order(plain) <= _order(other) else -1

    # -- functions ---------------------------------------------------------------------------------------------

    def exp(self, terms: Poly) -> Poly:
        total = ONE
        for mono, c in terms.items():
            if len(mono) == 1:
                ((factor, e),) = mono
                if e == 1 and factor[0].kind == "fn" and factor[0].data == "log":
                    total = self.mul(total, self.power(self.opened(*factor), c))
                    continue
            total = self.mul(total, {frozenset(((self.named("exp", None, {mono: 1}, positive=True), c),)): 1})
        return total

    def log(self, terms: Poly) -> Poly:
        """The logarithm; of a product, the sum where all but one of the factors are positive."""
        if not terms:
            raise Undefined("the logarithm of zero")
        total: Poly = {}
        if len(terms) > 1:
            content, rest = self.content(terms, _nonnegative)
            if len(rest) > 1:
                accumulate(total, single(self.named("fn", "log", rest)))
                return total if content is ONE else accumulate(total, self.log(content))
            return accumulate(accumulate(total, self.log(content)), self.log(rest))
        ((mono, c),) = terms.items()
        if any(a.kind in ("delta", "le", *blocks.PLACED) for (a, _), _ in mono):
            raise Undefined("the logarithm of zero")
        for prime, n in _primes(Fraction(abs(c))).items():
            accumulate(total, single(self.named("fn", "log", {UNIT: prime})), n)
        left = [(f, e) for f, e in mono if not is_positive(((f, e),))]
        if c > 0 and len(left) == 1 and left[0][1] % 2:
            left = []
        for factor, e in mono:
            if (factor, e) not in left:
                accumulate(total, self._log_of(factor, e), e)
        if left or c < 0:
            accumulate(total, single(self.named("fn", "log", {frozenset(left): 1 if c > 0 else -1})))
        return {m: whole(w) for m, w in total.items()}

    def _log_of(self, factor: Factor, e: Coef) -> Poly:
        a, index = factor
        if a.kind == "exp":
            return self.opened(a, index)
        inner = self.opened(a, index) if a.kind == "sum" else single(factor)
        if not a.positive and isinstance(e, int) and e % 2 == 0:  # log x² is defined where log x isn't
            return self.scaled(single(self.named("fn", "log", self.power(inner, abs(e)))), Fraction(1, abs(e)))
        return single(self.named("fn", "log", inner))

    def sign(self, terms: Poly) -> Poly:
        if not terms:
            return ZERO
        _, terms = self.content(terms, _strictly_positive)
        if all(c > 0 and all(_strictly_positive(a) for (a, _), _ in m) for m, c in terms.items()):
            return ONE
        s = self._sign_of(terms)
        return self.scaled(single(self.named("sign", None, self.scaled(terms, s))), s)

    # -- contractions ------------------------------------------------------------------------------------------

    def contract(self, terms: Poly, bound: Mapping[int, Any], times: frozenset[int] = frozenset()) -> Poly:
        """The sum over these labels of space, given with their sizes, and of time."""
        if not bound and not times:
            return terms
        for k, size in bound.items() if self.explicit else ():
            if size.is_Integer and size <= WRITTEN:
                return self.contract(self._entries(terms, k, int(size)), {i: s for i, s in bound.items() if i != k}, times)
        total: Poly = {}
        for mono, c in terms.items():
            self.budget.check(len(total))
            accumulate(total, self._contracted(mono, bound, times), c)
        return total

    def _entries(self, terms: Poly, label: int, size: int) -> Poly:
        total: Poly = {}
        for k in range(1, size + 1):
            accumulate(total, self.relabelled(terms, {label: place(sympy.Integer(k))}))
        return total

    def _contracted(self, mono: Mono, bound: Mapping[int, Any], times: frozenset[int]) -> Poly:
        for (a, index), _ in mono:
            if a.kind == "delta" and (index[0] in bound or index[1] in bound):
                gone, kept = (index[1], index[0]) if index[1] in bound else index
                rest = {frozenset(p for p in mono if p[0] != (a, index)): 1}
                return self.contract(self.relabelled(rest, {gone: kept}), {k: s for k, s in bound.items() if k != gone}, times)
        if times and (fixed := self._only_instant(mono, times)) is not None:
            label, to = fixed
            return self.contract(self.relabelled({mono: 1}, {}, {label: to}), bound, times - {label})
        inside: list[tuple[Factor, Coef]] = []
        outside: list[tuple[Factor, Coef]] = []
        for (a, index), e in mono:
            wide = len(a.space)
            met = any(k in bound for k in index[:wide]) or any(k in times for k, _ in index[wide:])
            (inside if met else outside).append(((a, index), e))
        opened = self._opened_up(inside, outside, bound, times)
        if opened is not None:
            return opened
        if (found := blocks.summed(self, mono, bound, times)) is not None:
            return found
        total: Poly = {frozenset(outside): 1}
        for parts, own, own_times in _components(inside, bound, times):
            total = self.mul(total, self._component(parts, own, own_times))
        touched = labels_of({frozenset(inside): 1})
        for k, size in bound.items():
            if k not in touched:
                total = self.mul(total, self.number(size))
        if times - instants_of({frozenset(inside): 1}):
            raise MissingRule("a sum over all of time")
        return total

    def _opened_up(self, inside: list, outside: list, bound: Mapping[int, Any], times: frozenset[int]) -> Poly | None:
        """Contractions in what is summed give up their own summed labels; None where there are none."""
        cons = [((a, index), e) for (a, index), e in inside if a.kind == "con" and e >= 1]
        if not cons:
            return None
        every = (k for (_, index), _ in inside + outside for k in index)
        fresh = max(self._fresh(every), self._fresh(bound), self._fresh(times))
        self.budget.check(factors=sum(math.floor(e) for _, e in cons))
        bound = dict(bound)
        parts = [single(f, e) for f, e in inside + outside if (f, e) not in cons]
        for (a, index), e in cons:
            for _ in range(math.floor(e)):
                powers, new, new_times = self.unfolded(a, index, fresh)
                fresh += max(len(new), len(new_times))
                bound.update(new)
                times |= new_times
                parts += [self.placed(*f, n) for f, n in powers]
            if e != math.floor(e):
                parts.append(single((a, index), whole(e - math.floor(e))))
        self.budget.check(factors=len(parts))
        return self.contract(self.product(parts), bound, frozenset(times))

    def _only_instant(self, mono: Mono, times: frozenset[int]) -> tuple[int, tuple[int, int]] | None:
        """A summed instant that its ranges leave one value."""
        ranges = [(i[0][0], i[1][0], i[1][1] - i[0][1]) for (a, i), _ in mono if a.kind == "le"]
        return self.facts.fixed(ranges, times)

    def _component(self, powers: list[tuple[Factor, Coef]], bound: dict[int, Any], times: frozenset[int]) -> Poly:
        """A product that its summed labels hold together, as one atom."""
        for rule in (self._cancelled, self._inverted):
            if (found := rule(powers, bound, times)) is not None:
                return found
        shape = labelled([(1, powers)], bound, times)
        con = atom(
            "con", None, shape.sizes, len(shape.times), shape.terms, shape.bound, shape.group, positive=is_positive(powers)
        )
        return single((con, con.least(shape.slots)))

    def _cancelled(self, powers: list, bound: dict[int, Any], times: frozenset[int]) -> Poly | None:
        """Σ_ij a_i e_ij (Σ_j e_ij)⁻¹ is Σ_i a_i: a contraction in a denominator whose terms stand beside it."""
        for (a, index), e in powers:
            if a.kind != "con" or e > 0 or a.bound[1]:
                continue
            others = [p for p in powers if p[0] != (a, index)]
            fresh = self._fresh(k for (_, i), _ in powers for k in i)
            pattern, summed, _ = self.unfolded(a, index, fresh)
            found = _matched(list(pattern), others, {}, frozenset(summed), frozenset(bound))
            if found is None:
                continue
            used, met = found
            left = [p for k, p in enumerate(others) if k not in used]
            gone = set(met.values())
            if gone & labels_of({frozenset(left): 1}) or gone & set(index[: len(a.space)]) or len(gone) < len(met):
                continue
            rest = self.product([*(single(f, n) for f, n in left), self.power(single((a, index)), whole(e + 1))])
            return self.contract(rest, {k: s for k, s in bound.items() if k not in gone}, times)
        return None

    def _inverted(self, powers: list, bound: dict[int, Any], times: frozenset[int]) -> Poly | None:
        """A A⁻¹ and A⁻¹ A are the identity."""
        for (a, index), e in powers:
            if a.kind != "whole" or a.data[0] != "inverse" or e != 1 or len(a.terms) != 1:
                continue
            others = [p for p in powers if p[0] != (a, index)]
            for near, far in ((0, 1), (1, 0)):
                if index[near] in bound and (found := self._neighbour(a, index, near, far, others, bound, times)) is not None:
                    return found
        return None

    def _neighbour(
        self, a: Atom, index: Index, near: int, far: int, others: list, bound: dict[int, Any], times: frozenset[int]
    ) -> Poly | None:
        fresh = self._fresh(k for (_, i), _ in others for k in i)
        labels = [0, 0]
        labels[far], labels[near] = index[near], fresh  # A[x, k] beside A⁻¹[k, y]; A[k, x] beside A⁻¹[y, k]
        ((mono, c),) = self.opened(a, (*labels, *index[2:])).items()
        pattern, open_ = list(mono), frozenset((fresh,))
        if len(pattern) == 1 and pattern[0][0][0].kind == "con" and pattern[0][1] == 1 and not pattern[0][0][0].bound[1]:
            inner, summed, _ = self.unfolded(*pattern[0][0], fresh + 1)
            pattern, open_ = list(inner), open_ | summed.keys()
        found = _matched(pattern, others, {}, open_, None)
        if found is None or fresh not in found[1]:
            return None
        used, met = found
        left = [p for k, p in enumerate(others) if k not in used]
        gone = {index[near], *(met[k] for k in open_ if k != fresh and k in met)}
        beside = labels_of({frozenset(left): 1}) | {met[fresh], index[far]}
        if gone & beside or not gone <= bound.keys() or len(gone) < len(open_):
            return None
        rest = self.product(single(f, n) for f, n in left)
        same = self.delta(met[fresh], index[far], a.space[0])
        rest = self.mul(self.scaled(rest, Fraction(1) / c), same)
        return self.contract(rest, {k: s for k, s in bound.items() if k not in gone}, times)

    # -- the whole truth ---------------------------------------------------------------------------------------

    def cleared(self, terms: Poly) -> Poly:
        """The form times its denominators: zero exactly where the form is."""
        for _ in range(20):
            found = [((a, index), e) for m in terms for (a, index), e in m if a.kind == "sum" and e < 0]
            if not found:
                break
            factor = min(found, key=lambda p: (p[0][0].serial, p[0][1]))[0]
            e = min(n for f, n in found if f == factor)
            terms = self._times(terms, factor, -e)
        return terms

    def _times(self, terms: Poly, factor: Factor, e: Coef) -> Poly:
        total: Poly = {}
        for mono, c in terms.items():
            powers = dict(mono)
            powers[factor] = whole(powers.get(factor, 0) + e)
            if not powers[factor]:
                del powers[factor]
            self._add_normal(total, powers, c)
        return total


def _matched(
    pattern: list[tuple[Factor, Coef]], others: list[tuple[Factor, Coef]], met: dict[int, int], open_: frozenset[int],
    allowed: frozenset[int] | None,
) -> tuple[frozenset[int], dict[int, int]] | None:  # fmt: skip
    """Which of the others are the pattern, and what its open labels are there; allowed: what they may be."""
    if not pattern:
        return frozenset(), met
    ((a, index), e), *rest = pattern
    for k, ((b, other), n) in enumerate(others):
        if a is not b or e != n:
            continue
        for p in b.group or (tuple(range(len(other))),):
            new = _bound_to(index, tuple(other[i] for i in p), met, open_, allowed)
            if new is None:
                continue
            marked = [(q if i != k else (((LE, ()), 0))) for i, q in enumerate(others)]
            found = _matched(rest, marked, new, open_, allowed)
            if found is not None:
                return found[0] | {k}, found[1]
    return None


def _bound_to(
    index: Index, other: Index, met: dict[int, int], open_: frozenset[int], allowed: frozenset[int] | None
) -> dict[int, int] | None:
    new = dict(met)
    for x, y in zip(index, other, strict=True):
        if isinstance(x, int) and x in open_:
            if new.setdefault(x, y) != y or (allowed is not None and y not in allowed):
                return None
        elif x != y:
            return None
    return new


def _components(
    powers: list[tuple[Factor, Coef]], bound: Mapping[int, Any], times: frozenset[int]
) -> Iterable[tuple[list[tuple[Factor, Coef]], dict[int, Any], frozenset[int]]]:
    """The factors in groups that share summed labels."""
    groups: list[tuple[set[Any], list[tuple[Factor, Coef]]]] = []
    for (a, index), e in powers:
        wide = len(a.space)
        met: set[Any] = {k for k in index[:wide] if k in bound} | {("t", k) for k, _ in index[wide:] if k in times}
        members = [((a, index), e)]
        apart = []
        for group in groups:
            if group[0] & met:
                met |= group[0]
                members = group[1] + members
            else:
                apart.append(group)
        groups = [*apart, (met, members)]
    for met, members in groups:
        yield (
            members,
            {k: bound[k] for k in met if not isinstance(k, tuple)},
            frozenset(k[1] for k in met if isinstance(k, tuple)),
        )


def _primes(c: Fraction) -> dict[int, int]:
    """The prime powers of a positive fraction; large numbers stay whole."""
    found: dict[int, int] = {}
    for n, sign in ((c.numerator, 1), (c.denominator, -1)):
        parts = sympy.factorint(n) if n < 10**12 else {n: 1}
        for prime, e in parts.items():
            found[int(prime)] = found.get(int(prime), 0) + sign * int(e)
    return {p: e for p, e in found.items() if e}


def _order(terms: Any) -> Any:
    return [(c, [(f[0].serial, f[1], e) for f, e in powers]) for c, powers in terms]


__all__ = ["END", "ONE", "ORIGIN", "ZERO", "Poly", "Ring"]
