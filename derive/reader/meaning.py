"""Syntax with a scope to values: what a formula means under one reading of what notation leaves open."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction as Rational
from typing import Any

import sympy

from derive import ops
from derive.expr import (
    DeriveError,
    Expr,
    Instant,
    Jac,
    Map,
    ShapeError,
    Var,
    constant_value,
    ein,
    inverse,
    over,
    rebuild,
    time_indices,
)
from derive.ops import exp, log, power
from derive.reader import arrays, bigs, calls, derivatives, dotted, names
from derive.reader.fillers import Filler, entries_of_ones, filler_of, filler_product, mixed, negative
from derive.reader.scope import Named, Scope, flat
from derive.reader.syntax import (
    Big,
    Choices,
    Commas,
    Differential,
    Dots,
    Evaluated,
    Fence,
    Fraction,
    Nabla,
    Node,
    Number,
    Product,
    Relation,
    Root,
    Rows,
    Scripted,
    Sum,
    Symbol,
    Words,
    unscripted,
    walk,
)
from derive.reader.tokens import GREEK, LARGEST, Unreadable
from derive.reader.values import (
    Chain,
    Value,
    add,
    added,
    contract,
    divide,
    entry,
    entrywise,
    identity,
    inner,
    is_row_shape,
    lies,
    number,
    product,
    scale,
    stacked,
    transposed,
)

_NOW = Instant("t")
_LAYOUTS = {
    "gradient": "∂L/∂v in the shape of v",
    "jacobian": "the numerator layout (∂L/∂v lies down)",
    "denominator": "the denominator layout",
}


@dataclass(frozen=True)
class Reading:
    """What notation leaves open. layout: gradient, jacobian, denominator; total: derivatives along every path, or in one
    equation; latest_left: the order of a product over time; repeated: a repeated index is summed."""

    layout: str = "gradient"
    total: bool = True
    latest_left: bool = True
    repeated: bool = False
    elementwise: bool = False  # vectors side by side
    sized: bool = False  # d before a name is the size d
    scaled: bool = False  # a vector before a matrix, in a Jacobian, scales its rows
    dotted: bool = False  # · beside derivatives
    differential: bool = False
    held: bool = False  # of differentials: those on the right are free, everything else is held
    summed: bool = False  # dZ for a batch is m ∂J/∂Z
    wide: bool = False  # a product binds the factors without its index, too
    immediate: int = 0  # ∂h_k/∂W is how W enters at step k alone: 1 after ∂h_t/∂h_k, 2 beside any derivative by h_k
    lying: bool = False  # δ as a row, like the derivative of the loss that it is
    whole: bool = False  # Σ_i a_i + b_i is the sum of both
    carried: bool = False  # u after u = e^{z_k} is of this k
    entries: bool = False  # x_k is an entry of x, and not row k of X
    printed: bool = False  # braces are not brackets
    shown: int = 0  # ∂/∂W_{ji} (W h + b) beside what has an index j: of entry j, or of the next index that fits
    diagonal: bool = False  # u ⊙ ∂h/∂z of vectors takes the diagonal of the Jacobian
    multiplied: bool = False  # H (A)^T of arrays is a product, though H depends on A
    sliced: bool = False  # W_{i,:} lies
    listed: bool = False  # so does (a, b, c)
    counting: bool = False  # a letter that is a size is an index in scripts
    mixed: bool = False  # dy/dx = ∂y/∂u ∂u/∂x + …: the later factors of each product in one equation alone
    numerator: bool = False  # ∂L/∂W of a matrix is the transpose
    batched: bool = False  # Σ δ of a batch adds the examples up
    added: bool = False  # with elementwise: L = -y log ŷ of vectors adds the entries

    def describe(self, default: Reading) -> list[str]:
        """How this reading differs from another, in words."""
        words = {
            "layout": _LAYOUTS[self.layout],
            "total": "total derivatives" if self.total else "derivatives in one equation alone",
            "latest_left": "the latest factor of a product on the left" if self.latest_left else "the earliest factor of a product on the left",
            "repeated": "a sum over repeated indices",
            "elementwise": "products of vectors entry by entry",
            "dotted": "· entry by entry",
            "sized": "d as the size",
            "scaled": "a vector before a matrix as a diagonal one",
            "differential": "d as a differential",
            "lying": "δ as a row",
            "whole": "a sum over the terms after it, too",
            "held": "everything held but what stands behind a d on the right",
            "summed": "dZ of a batch as the derivative of the sum of the losses",
            "wide": "all factors inside the product",
            "carried": "a name with the index of its formula",
            "entries": "x_k as an entry of x",
            "printed": "braces as no brackets",
            "shown": "the entry of the index that one side leaves out",
            "diagonal": "the diagonal of a Jacobian beside ⊙",
            "multiplied": "a name before brackets as a factor",
            "added": "the sum of the entries",
            "batched": "Σ over the examples of the batch",
            "sliced": "rows that lie",
            "listed": "lists that lie",
            "counting": "the letter of a size as an index",
            "mixed": "each last step in one equation alone",
            "numerator": "∂L/∂W as the transpose, in the numerator layout",
            "immediate": "∂h_k/∂W as the dependence at step k alone",
        }  # fmt: skip
        return [text for name, text in words.items() if getattr(self, name) != getattr(default, name)]


@dataclass
class Meaning:
    """Gives nodes their values. `bound`: indices bound by a sum; `clocks`: letters that run over time; `local`: dummy names."""

    scope: Scope
    reading: Reading
    source: str = ""
    bound: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)  # indices of sums up to a size, which are of entries
    clocks: set[str] = field(default_factory=set)
    rename: dict[str, str] = field(default_factory=dict)
    local: dict[tuple[str, tuple[str, ...]], Value] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    outside: frozenset[str] = frozenset()  # free indices of the other side
    counter: itertools.count = field(default_factory=itertools.count)
    steps: int = 0  # nodes that were read
    timeless: bool = True  # no instant stands in the relation
    listed: bool | None = None  # whether entries are listed, or named by their numbers; None before a relation was looked through
    raised: bool = False  # instants stand above without brackets, a^l and a^1, so that a^2 is one too
    pulled: bool = False  # the loss's own adjoint stands in the relation: a derivative of the loss beside it is one step
    instant: Instant = _NOW  # of a sequence written without one: T where the relation speaks of nothing but T
    free_scalars: bool = False
    strangers: list[str] = field(default_factory=list)  # letters that were read as any number
    apart: frozenset[frozenset[str]] = frozenset()  # letters that are said to be different
    terms: set[str] = field(default_factory=set)  # letters that stand alone as a term of a sum
    needs: list[tuple[Expr, Expr]] = field(default_factory=list)  # what has to be equal for the reading to be one
    masks: list[Value] = field(default_factory=list)  # where its conditions on indices are met
    met: list[Expr] = field(default_factory=list)  # steps of conditions, which must be met somewhere
    ordered: bool = False  # whether a product over time stands in an order that isn't that of the chain rule
    differentials: frozenset[str] = frozenset()  # names whose differential stands in the relation
    varied: frozenset[Var] = frozenset()  # what alone changes, where everything else is held
    settled_names: dict[int, tuple[Node, Any]] | None = None  # what names mean, once the relation has been looked through
    free: frozenset[str] | None = None  # the letters that aren't summed, where repeated ones are
    stated: list[Relation] = field(default_factory=list)  # conditions inside scripts, u_{w ≠ o}
    greek: set[str] = field(default_factory=set)  # Greek letters that stand as indices of a matrix
    arguments: dict[Node, list[Node]] = field(default_factory=dict)  # what the functions of the relation are taken of
    local_at: frozenset[int] = frozenset()  # where what stands is differentiated by in one equation alone
    lettered: set[str] = field(default_factory=set)  # of a, b, c, d, those that stand as scripts
    _bases: set[str] = field(default_factory=set)
    label_sizes: dict[str, sympy.Expr] = field(default_factory=dict)
    depth: int = 0

    def learn(self, node: Node) -> None:
        """What the indices of a formula run over, from the names that carry them; which instants it speaks of."""
        bases = self._bases
        self.listed = bool(self.listed) or any(
            isinstance(n, Dots) or (isinstance(n, Scripted) and isinstance(n.sub, Number)) for n in walk(node)
        )
        for n in walk(node):
            if isinstance(n, Sum):
                self.terms |= {term.head for _, term in n.terms if isinstance(term, Symbol)}
            if isinstance(n, Big):
                bigs.learn(self, n)
            if isinstance(n, Scripted) and n.sub is not None:
                items = names.script_items(n.sub)
                self.lettered |= {flat(i) for i in items} & set("abcd")
                self.greek |= {i.head for i in items if len(items) > 1 and isinstance(i, Symbol) and i.head in GREEK}
        self.raised = self.raised or any(names.raises_time(self, n) for n in walk(node))
        self.timeless = self.timeless and not any(names.speaks_of_time(self, n) for n in walk(node))
        for n in walk(node):
            if isinstance(n, Product):
                calls.learn(self, n)
                for (_, a), (op, b) in itertools.pairwise(n.factors):
                    if not op and isinstance(b, Fence) and b.kind == "bracket" and (found := names.find(self, a)) is not None:
                        if names.holds_arrays(self, b.body):
                            continue
                        self._learn(found, (*found.places, *(b.body.items if isinstance(b.body, Commas) else (b.body,))))
            elif isinstance(n, Symbol | Scripted) and (found := names.find(self, n)) is not None:
                self._learn(found, found.places)
                self.pulled = self.pulled or (found.bar and found.named.expr is self.scope.loss)
                if found.instant is not None:
                    bases.add(found.instant.base)
                    if found.places and len(found.places) == len(found.named.expr.shape) and found.instant.base:
                        self.clocks.add(found.instant.base)  # s_{i,1}: then s_i is that state at i
            elif isinstance(n, Big) and isinstance(n.sup, Symbol) and isinstance(n.sub, Relation):
                label, size = n.sub.parts[0], self.scope.sizes.get(n.sup.head)
                if isinstance(label, Symbol) and size is not None:
                    self.label_sizes.setdefault(label.head, size)

        self.instant = Instant("T") if "T" in bases and "t" not in bases else Instant("t")

    def _learn(self, found: names.Found, places: tuple[Node, ...]) -> None:
        shape = names.indexed_shape(found.named, places)
        if found.named.letters and not self._only(found.named):
            return  # δ_k and δ_j may be two things: what their letters run over is known from other names
        for place, size in zip(places, shape, strict=False):
            if isinstance(place, Symbol) and not place.accents:
                self.label_sizes.setdefault(place.head, size)

    def _only(self, named: Named) -> bool:
        """Whether a matrix that the document defined has this one meaning."""
        return len(named.letters) > 1 and any(known == [named] for known in self.scope.names.values())

    def text(self, node: Node) -> str:
        return self.source[node.start : node.end].strip() or flat(node)

    def fresh(self) -> str:
        return f"_{next(self.counter)}"

    def fail(self, message: str, node: Node) -> Unreadable:
        return Unreadable(message, node.start, self.text(node))

    # -- nodes ----------------------------------------------------------------------------------------------

    def value(self, node: Node) -> Value:
        """The value of an expression, with layouts settled. Raises Unreadable, ShapeError."""
        return self.settled(self.raw(node))

    def raw(self, node: Node) -> Value:
        """The same, where a derivative may still wait for its neighbours to say which of its axes they meet."""
        self.steps += 1
        if self.steps % 50 == 0 and time.process_time() > self.scope.until:
            raise DeriveError("reading it takes more time than it may")
        match node:
            case Number():
                return number(exact_number(node.text, self, node))
            case Symbol() | Scripted():
                return self.factors([("", node)])
            case Product():
                return self.factors(list(node.factors))
            case Sum():
                return self.sum(node)
            case Fence():
                return self.fence(node)
            case Fraction():
                return self.fraction(node)
            case Big():
                return bigs.value(self, node)
            case Root():
                return self.root(node)
            case Rows():
                return arrays.rows(self, node)
            case Choices():
                return arrays.choices(self, node)
            case Evaluated():
                return self.evaluated(node)
            case Differential(sign="∂", order=1, body=Symbol() | Scripted() as body) if self.scope.system is not None:
                return derivatives.of_loss(self, body)  # ∂x_i for ∂L/∂x_i
            case Differential():
                raise self.fail("∂ outside a derivative", node)
            case Nabla():
                return self.factors([("", node)])
            case Words():
                raise self.fail(
                    f"words, {node.text!r}, where a formula is needed" if node.text else "nothing where a formula is needed", node
                )
            case Dots():
                raise self.fail("dots: what they stand for can't be told here", node)
            case Commas():
                return arrays.listed(self, node)
            case Relation():
                raise self.fail("a relation inside a formula", node)
        raise self.fail(f"{type(node).__name__} can't be read", node)

    def evaluated(self, node: Evaluated) -> Value:
        """x |_{y=0}: the value with another one in the place of a quantity; of derivatives only those that are worked out."""
        where, instant = node.where, names.instant(self, node.where) if self.scope.timed else None
        parts = derivatives.parts(self, node.body) if isinstance(node.body, Fraction) and instant is not None else None
        if parts is not None and instant is not None and parts.top is not None:
            return derivatives.at_instant(self, parts, instant)
        if any(isinstance(n, Words) for n in walk(where)) or not isinstance(where, Relation) or where.ops != ("=",):
            raise self.fail("the part of a quantity that a bar names", node)
        v, name, to = (self.value(n) for n in (node.body, *where.parts))
        to = to.fill(name.shape, self) if isinstance(to, Filler) else to
        if not isinstance(name.expr, Var) or name.labels or to.labels or to.shape != name.shape:
            raise self.fail("what stands below a bar is no value of a quantity", where)
        if v.chain is not None or any(isinstance(n, Jac) or (isinstance(n, Var) and n.bar) for n in v.expr.atoms(Jac, Var)):
            raise self.fail("a derivative at a value, which isn't worked out yet", node)
        return Value(rebuild(v.expr, lambda n: to.expr if n is name.expr else n), v.labels)

    def sum(self, node: Sum) -> Value:
        if any(isinstance(term, Dots) for _, term in node.terms):
            return arrays.dotted_sum(self, node)
        written = bigs.whole(node.terms) if self.reading.whole else node.terms
        if self.reading.repeated and self.free is not None and len(node.terms) > 1:
            inside = {flat(i) for n in walk(node) if isinstance(n, Scripted) for i in names.script_items(n.sub)}
            if any(bigs.twice(node, letter) for letter in inside - self.free):
                return bigs.repeated(self, node, self.free)  # in brackets, too, each term has its own repeated indices
        terms = self.beside([(sign, self._term(term)) for sign, term in written if not isinstance(term, Words)])
        if len(terms) == 1:
            sign, only = terms[0]
            return only if sign == 1 else negative(only)
        fillers = [v for _, v in terms if isinstance(v, Filler)]
        if len(fillers) == len(terms) and len({v.kind for v in fillers}) > 1:
            outer = next((v.expr.shape[-1] for v in fillers if v.kind in ("rows", "columns")), None)
            if outer is None:
                return mixed(terms)
            return add([(sign, v.fill((outer, outer), self)) for sign, v in terms if isinstance(v, Filler)])  # I - 1 pᵀ
        if len(fillers) == len(terms) and all(v.more is None for v in fillers):
            total = add([(sign, Value(v.expr, v.labels)) for sign, v in terms])
            return Filler(total.expr, total.labels, kind=fillers[0].kind)  # a 1 + b 1
        return add(self.filled(terms))

    def _term(self, node: Node) -> Value:
        """A term of a sum: a scalar with a name of its own is added to every entry of what stands beside it."""
        v = self.raw(node)
        named = isinstance(node, Symbol | Scripted) and not isinstance(v, Filler) and not v.rank
        return replace(v, named=True) if named else v

    def beside(self, terms: list[tuple[int, Value]]) -> list[tuple[int, Value]]:
        """The terms of a sum in the layout of this reading. Raises ShapeError where only some are products of Jacobians that lie."""
        if any(v.laid and v.rank == 1 for _, v in terms) and any(v.chain is not None and v.chain.order == 1 for _, v in terms):
            raise ShapeError("a sum of a column and of a product of Jacobians that lies")
        chains = [v for _, v in terms if v.chain is not None and v.chain.top_rank == 1 == v.chain.below_rank]
        square = next((v for v in chains if v.shape[0] == v.shape[1]), None)
        if square is not None:  # 1 + ∂f/∂x: a number beside a Jacobian is a multiple of the identity
            one = identity(square.shape[0])
            plain = [not isinstance(v, Filler) and not v.rank and constant_value(v.expr) is not None for _, v in terms]
            terms = [(sign, scale(v, one) if number_ else v) for (sign, v), number_ in zip(terms, plain, strict=True)]
        return [(sign, self.settled(v)) for sign, v in terms]

    def filled(self, terms: list[tuple[int, Value]]) -> list[tuple[int, Value]]:
        """Identities and vectors of ones take their sizes from the other terms."""
        shape = next((v.shape for _, v in terms if v.rank and not isinstance(v, Filler)), None)
        return [(s, v.fill(shape, self) if isinstance(v, Filler) else v) for s, v in terms]

    def fence(self, node: Fence) -> Value:
        if node.kind in ("paren", "bracket", "brace"):
            if isinstance(node.body, Relation) and node.body.ops[0] in ("=", "≠", ">", "<", "≥", "≤"):
                return arrays.condition(self, node.body)  # [i = j] and (z > 0) are one where they hold
            beside = arrays.spaced(self, node.body) if node.kind == "bracket" and isinstance(node.body, Product) else None
            return beside if beside is not None else self.raw(node.body)
        if node.kind == "angle":
            items = node.body.items if isinstance(node.body, Commas) else (node.body,)
            if len(items) != 2:
                raise self.fail("⟨ ⟩ takes two", node)
            return inner(self.standing(items[0]), self.standing(items[1]))
        inside = bigs.argument(self, node.body) if node.kind == "abs" else self.value(node.body)
        if node.kind == "norm":
            return Value(ops.sqrt(square_sum(inside).expr), inside.labels)
        if inside.rank == 2 and not is_row_shape(inside.shape) and isinstance(node.body, Symbol | Scripted | Rows):
            return Value(ops.det(inside.expr))
        return Value(ops.absolute(inside.expr), inside.labels)

    def fraction(self, node: Fraction) -> Value:
        parts = derivatives.parts(self, node)
        if parts is not None:
            if parts.top is None:
                raise self.fail("a derivative of nothing", node)
            return derivatives.value(self, parts)
        if isinstance(node.top, Sum) and len(node.top.terms) == 1 and node.top.terms[0][0] == -1:  # \frac{-∂L}{∂x}
            plain = replace(node, top=node.top.terms[0][1])
            if derivatives.parts(self, plain) is not None:
                return scale(number(-1), self.fraction(plain))
        top, bottom = self.value(node.top), self.value(node.bottom)
        if bottom.rank == 2 and not is_row_shape(bottom.shape) and not top.rank:
            self.notes.append("a division by a matrix, entry by entry")
        return self.quotient(top, bottom)

    def quotient(self, a: Value, b: Value) -> Value:
        """a / b: 1/n stays a vector of ones where the 1 is one."""
        b = b.fill(a.shape, self) if isinstance(b, Filler) and not isinstance(a, Filler) else b
        if isinstance(a, Filler) and not isinstance(b, Filler):
            return filler_product(self, a, divide(number(1), b)) if not b.rank else divide(a.fill(b.shape, self), b)
        return divide(a, b)

    def root(self, node: Root) -> Value:
        inside = bigs.argument(self, node.body)
        if node.degree is not None and flat(node.degree) != "2":
            if not (isinstance(node.degree, Number) and node.degree.text.isdigit() and 0 < int(node.degree.text) < 100):
                raise self.fail("a root of that degree", node)
            return Value(power(inside.expr, sympy.Rational(1, int(node.degree.text))), inside.labels)
        return Value(ops.sqrt(inside.expr), inside.labels)

    def standing(self, node: Node) -> Value:
        v = self.value(node)
        return transposed(v) if is_row_shape(v.shape) else v

    def function_of(self, node: Node) -> tuple[str, Any] | None:
        """The function that a symbol names, if it names one here."""
        return calls.function_of(self, node)

    def call(self, fn: Any, node: Node, argument: Node) -> Value:
        """f(argument), with the primes and the power that stand at f."""
        return calls.call(self, fn, node, argument)

    # -- products -------------------------------------------------------------------------------------------

    def factors(self, items: list[tuple[str, Node]]) -> Value:
        """A product; functions take their arguments, derivatives meet at the axes they share."""
        self.depth += 1
        if self.depth > 400:
            raise Unreadable("a formula nested too deeply")
        operands: list[tuple[str, Value]] = []
        gap = False
        items = [(op, n) for op, n in items if not (isinstance(n, Words) and not op)]
        if not items:
            raise Unreadable("nothing where a formula is needed")
        if dotted.repeats(items) and (found := dotted.product(self, items)) is not None:
            self.depth -= 1
            return self._around(*found)
        while items:
            if (
                isinstance(items[0][1], Dots)
                and len(items) > 1
                and operands
                and (before := self.fold(operands)).chain is not None
            ):
                gap, operands, items = True, [(operands[0][0], before)], items[1:]
                continue
            op, value, items = self.operand(items)
            if gap:
                operands[-1], gap = (operands[-1][0], derivatives.bridged(self, operands[-1][1], value)), False
            else:
                operands.append((op, value))
        self.depth -= 1
        return self.folded(operands)

    def _around(self, big: Node, descending: bool, before: list[tuple[str, Node]], after: list[tuple[str, Node]]) -> Value:
        """The product over time that was written with dots, between the factors beside it."""
        saved = self.reading, self.ordered
        self.ordered = descending != (self.reading.layout != "denominator")  # no order for a chain of Jacobians: it is as written
        self.reading = replace(self.reading, latest_left=descending)
        try:
            middle = self.value(big)
        finally:
            self.reading, self.ordered = saved
        total = self.times(self.factors(before), "", middle) if before else middle
        return self.times(total, after[0][0], self.factors(after)) if after else total

    def fold(self, operands: list[tuple[str, Value]]) -> Value:
        """The product from left to right."""
        total = operands[0][1]
        for op, value in operands[1:]:
            total = self.times(total, op, value)
        return total

    def folded(self, operands: list[tuple[str, Value]]) -> Value:
        """The product, where u ⊙ W v is u ⊙ (W v), and u ⊙ v xᵀ is (u ⊙ v) xᵀ: as the entry by entry products fit."""
        signs = {"⊙", "∘", "⋆", "•", *self.scope.elementwise}
        between = [op in signs for op, _ in operands[1:]]
        if all(between) or not any(between) or "" in signs:
            return self.fold(operands)
        if not between[-1] and is_row_shape(operands[-1][1].shape):  # W^T u ⊙ v xᵀ: an outer product of all that stands before xᵀ
            with suppress(ShapeError):
                front = self.folded(operands[:-1])
                if front.rank == 1 and not is_row_shape(front.shape):
                    return self.fold([(operands[0][0], front), operands[-1]])
        tight, loose = ([[operands[0]]], [[operands[0]]])
        for alike_sign, operand in zip(between, operands[1:], strict=True):
            tight.append([operand]) if alike_sign else tight[-1].append(operand)
            loose[-1].append(operand) if alike_sign else loose.append([operand])
        for groups, strict in ((tight, True), (loose, True), (tight, False)):
            try:
                values = [self.fold(group) for group in groups]
                alike = [values] if groups is tight else [[v for _, v in group] for group in groups]
                if strict and not all(len({v.shape for v in vs if not isinstance(v, Filler)} - {()}) < 2 for vs in alike):
                    continue
                if strict and any(not v.rank and not isinstance(v, Filler) for vs in alike if len(vs) > 1 for v in vs):
                    continue
                return self.fold([(group[0][0], value) for group, value in zip(groups, values, strict=True)])
            except ShapeError:
                continue
        return self.fold(operands)

    def operand(self, items: list[tuple[str, Node]]) -> tuple[str, Value, list[tuple[str, Node]]]:
        """The first operand of a product and what is left: (sign before it, value, rest)."""
        (op, node), rest = items[0], items[1:]
        node = calls.primed(self, node)
        taken = calls.applied(self, node, rest)
        if taken is not None:
            return op, taken[0], taken[1]
        taken = derivatives.applied(self, node, rest)
        if taken is not None:
            return op, taken[0], taken[1]
        return op, self.single(node), rest[1:] if derivatives.at_itself(node, rest) else rest

    def single(self, node: Node) -> Value:
        """One factor by itself."""
        match node:
            case Scripted(base=Symbol(head="ones", accents=()), sub=Symbol() as index, sup=None) if (
                one := self.one_of(index)
            ) is not None:
                return one
            case Symbol() | Scripted() if isinstance(unscripted(node), Symbol):
                filler = filler_of(self, node)
                return filler if filler is not None else names.value_of(self, node)
            case Scripted():
                return self.scripted(node)
        return self.raw(node)

    def one_of(self, index: Symbol) -> Value | None:
        """1_i: entry i of a vector of ones, whose size another name with this index tells; None where it is the vector."""
        size = self.label_sizes.get(index.head)
        if index.accents or index.head in self.scope.sizes or size is None:
            return None
        return entry(Value(ein([], (0,), {0: size})), [names.index(self, index, None)])

    def scripted(self, node: Scripted) -> Value:
        """Scripts on something that is not a name: (W x)_i, (…)^T, ‖…‖_F^2."""
        base = node.base
        if isinstance(base, Fence) and base.kind == "norm":
            return self.norm(base, node)
        if isinstance(base, Fence) and base.kind == "angle" and node.sub is not None:
            return self.weighted(base, node)
        if isinstance(base, Fence) and base.kind == "abs" and node.sub is None and flat(node.sup) == "2":
            inside = self.value(base.body)
            if inside.rank == 1:
                return square_sum(inside)  # |v|^2 of a vector
        if isinstance(base, Words) or base is None:
            raise self.fail("scripts on nothing", node)
        if (
            isinstance(base, Fence)
            and base.kind in ("paren", "bracket", "brace")
            and node.sub is None
            and node.sup is None
            and node.primes
        ):
            if (found := calls.slope(self, node, base.body)) is not None:
                return found
            v = self.value(base)
            return transposed(v) if v.rank else self._bad_prime(node)
        if self.reading.repeated and isinstance(base, Fence) and node.sub is None and isinstance(node.sup, Number):
            return self.scripted_value(bigs.argument(self, base.body), node)  # (u_i v_i)^2: what is raised is a term of its own
        return self.scripted_value(self.value(base), node)

    def weighted(self, base: Fence, node: Scripted) -> Value:
        """⟨A, B⟩_F, and ⟨a, b⟩_W = aᵀ W b."""
        if flat(node.sub) in ("F", "2"):
            plain = self.value(base)
            return self.power(plain, node.sup, node) if node.sup is not None else plain
        pair = base.body.items if isinstance(base.body, Commas) else ()
        if len(pair) != 2 or node.sup is not None or node.sub is None:
            raise self.fail("what the script of these brackets means", node)
        try:
            a, weight, b = self.value(pair[0]), self.value(node.sub), self.value(pair[1])
        except ShapeError as error:
            raise self.fail(f"what the script of these brackets means: {error}", node) from None
        if weight.rank != 2 or not a.rank or not b.rank or weight.labels or weight.shape[0] != weight.shape[1]:
            raise self.fail("what the script of these brackets means", node)
        return product(transposed(a), product(weight, b))

    def _bad_prime(self, node: Node) -> Value:
        raise self.fail("a prime on something that is not a function", node)

    def scripted_value(self, value: Value, node: Scripted) -> Value:
        if node.sub is not None and value.rank == 2 and flat(node.sup) in ("top", "T") and not is_row_shape(value.shape):
            value, node = transposed(value), replace(node, sup=None)  # (A B)^T_{ij} is an entry of the transpose
        if node.sub is not None:
            items = next(names.spread_digits(names.script_items(node.sub), 1 if is_row_shape(value.shape) else value.rank))
            if not value.rank and value.labels and {flat(i) for i in items} <= set(value.labels):
                value = stacked(value, tuple(flat(i) for i in items))  # (δ_k)_k: the vector of all δ_k
            else:
                value = names.place(self, value, tuple(items))
        if node.sup is not None:
            value = self.power(value, node.sup, node)
        for _ in range(node.primes):
            value = transposed(value) if value.rank else self._bad_prime(node)
        return value

    def norm(self, base: Fence, node: Scripted) -> Value:
        inside = self.value(base.body)
        kind = flat(node.sub)
        if kind not in ("", "2", "F", "1"):
            raise self.fail(f"the norm {kind}", node)
        if kind == "1":
            result = added(Value(ops.absolute(inside.expr), inside.labels))
            return result if node.sup is None else self.power(result, node.sup, node)
        squared = square_sum(inside)
        if node.sup is not None and flat(node.sup) == "2":
            return squared
        result = Value(ops.sqrt(squared.expr), squared.labels)
        return result if node.sup is None else self.power(result, node.sup, node)

    def spread(self, v: Value, kind: str) -> Filler:
        """A vector as every row, or every column, of the matrix beside it."""
        return Filler(v.expr, v.labels, kind=kind)

    def times(self, a: Value, op: str, b: Value) -> Value:
        """a op b."""
        if isinstance(a, Filler) or isinstance(b, Filler):
            if op in ("/", "⊘"):
                return self.quotient(a, b)
            return entries_of_ones(self, a, op, b) or filler_product(self, a, b, op in self.scope.elementwise)
        if self.reading.diagonal and (op in ("⊙", "∘", "⋆", "•") or op in self.scope.elementwise):
            a, b = self._diagonal(a), self._diagonal(b)
        if self.reading.immediate == 1:
            b = derivatives.immediate(self, a, b)
        elif self.reading.immediate:
            a, b = derivatives.immediate(self, b, a), derivatives.immediate(self, a, b)
        met = derivatives.meet(a, b, self.reading.layout) if op not in ("/", "⊘", "⊙") else None
        if met is not None:
            return met
        if op not in ("/", "⊘") and (not a.rank or not b.rank) and (a.chain or b.chain):
            chained, other = (a, b) if a.chain else (b, a)
            if not other.chain and not other.rank:
                return _scaled_chain(chained, other)
        scaled = _rows_scaled(self, a, b) if op in ("⊙", "∘") or (op == "·" and (self.reading.elementwise or self._dotted(a, b))) else None
        if scaled is None and op in ("", "·", "×", "*"):
            scaled = _put_in(a, b)
        if scaled is not None:
            return scaled
        if op in ("⊙", "∘", "⋆"):  # entry by entry an adjoint is taken in its own shape, whatever the layout of fractions
            a, b = (
                v.plain() if v.chain is not None and not v.chain.top_rank and self.scope.vectors == "column" else v
                for v in (a, b)
            )
        laid = a.laid or b.laid or any(v.chain is not None and v.chain.top_rank and v.chain.below_rank for v in (a, b))
        a, b = self.settled(a), self.settled(b)
        if op in ("/", "⊘"):
            return divide(a, b)
        result = self.oriented_product(a, op, b)
        return replace(result, laid=True) if laid else result

    def oriented_product(self, a: Value, op: str, b: Value) -> Value:
        if not a.rank or not b.rank:
            return scale(a, b)
        if op in ("⊙", "∘", "⋆", "•") or op in self.scope.elementwise:
            met = a.rank == 1 and b.rank == 2 and not is_row_shape(b.shape) and a.shape[0] == b.shape[0]
            if met and op in ("·", "*", "×", "") and self.scope.layout != "gradient":
                return contract(a, b, 1)  # a row times a matrix, among products that are entry by entry
            if not op and a.rank == 2 and not is_row_shape(a.shape) and b.rank == 1 and a.shape[1] == b.shape[0]:
                return product(a, b)  # W x, where vectors side by side are multiplied entry by entry
            try:
                return entrywise(a, b)
            except ShapeError:
                if op in ("⊙", "∘"):
                    raise
                return product(a, b)
        if op == "⊗" and a.rank == 1 and b.rank == 1:
            return contract(a, b, 0)
        if op == "⊗" and is_row_shape(a.shape) and is_row_shape(b.shape):
            return contract(transposed(a), transposed(b), 0)
        if op == "⊗" and not (a.rank == 1 and is_row_shape(b.shape)):
            raise Unreadable("⊗ of matrices: their Kronecker product is not read (where it is entry by entry, the scope says so)")
        if (
            a.rank == 1
            and b.rank == 1
            and op == "·"
            and a.shape == b.shape
            and not self.scope.elementwise
            and not self._dotted(a, b)
        ):
            return inner(a, b)
        rows = is_row_shape(a.shape) and is_row_shape(b.shape)
        dotted = op == "·" and self._dotted(a, b)
        if rows and op == "·" and a.shape == b.shape and not self.scope.elementwise and not dotted:
            return inner(transposed(a), transposed(b))
        if (self.scope.elementwise or self.reading.elementwise or dotted) and a.shape == b.shape and (a.rank == 1 or lies(a)):
            return entrywise(a, b)
        if self.reading.elementwise and not op and _along_batch(a, b):
            return entrywise(a, b)
        if self.reading.scaled and not op and a.rank == 1 and b.rank == 2 and not is_row_shape(b.shape) and a.shape[0] == b.shape[0]:
            return entrywise(a, b) if a.shape[0] != b.shape[1] else product(Value(ops.diag(a.expr), a.labels), b)  # h (1 - h) W as diag(…) W
        return product(a, b)

    def _diagonal(self, v: Value) -> Value:
        """The diagonal of a square Jacobian of a vector by a vector, or of a matrix by a matrix, which has to be all of it."""
        c = v.chain
        if c is None or not c.top_rank or c.top_rank != c.below_rank or v.shape[: c.top_rank] != v.shape[c.top_rank :]:
            return v
        letters = tuple(range(len(v.labels) + c.top_rank))
        own = letters[len(v.labels) :]
        diagonal = ein([(v.expr, (*letters, *own))], letters)
        self.needs.append((v.expr, ein([(diagonal, letters)], (*letters, *own))))
        found = Value(diagonal, v.labels)
        return transposed(found) if self.scope.vectors == "row" and c.top_rank == 1 else found

    def _dotted(self, a: Value, b: Value) -> bool:
        """Whether a · of two vectors may be entry by entry: beside a derivative, where people write δ · σ'(z)."""
        return self.reading.dotted and any(v.chain is not None or _derived(v.expr) for v in (a, b))

    def settled(self, v: Value) -> Value:
        """A derivative in the layout of this reading."""
        chain = v.chain
        if chain is None:
            return v
        plain = v.plain()
        if chain.fixed:
            return transposed(plain) if self.scope.vectors == "row" and plain.rank == 1 else plain
        top, below = chain.top_rank, chain.below_rank
        lying = self.scope.vectors == "row"
        if not top and below == 1:
            return transposed(plain) if (self.reading.layout == "jacobian") != lying else plain
        if not top and below == 2 and self.reading.numerator and not chain.own:
            return transposed(plain)
        if top == 1 and not below:
            return transposed(plain) if (self.reading.layout == "denominator") != lying else plain
        if top and below and self.reading.layout == "denominator":
            count = len(v.labels)
            outer = tuple(range(count))
            axes = tuple(range(count, count + top + below))
            out = (*outer, *axes[top:], *axes[:top])
            return Value(ein([(plain.expr, outer + axes)], out), plain.labels)
        return plain

    # -- powers ---------------------------------------------------------------------------------------------

    def power(self, v: Value, exponent: Node, node: Node) -> Value:
        """v to a power, or its transpose, or its inverse, by what the exponent says and the shape allows."""
        v = self.settled(v)
        text = flat(exponent)
        counted = text == "t" == self.scope.clock and self.scope.timed  # W^t is a power where t counts
        if text in ("top", "intercal", "tran", "'") or (
            text in ("T", "t", "H", "tr", "dagger", "prime") and v.rank and not counted
        ):
            return transposed(v)
        if text == "T" and not v.rank:
            return v  # the transpose of a scalar
        if text in ("-top", "-T") and v.rank == 2:
            return transposed(Value(inverse(v.expr), v.labels))
        if (
            isinstance(exponent, Scripted)
            and isinstance(exponent.base, Symbol)
            and exponent.base.head in ("odot", "circ")
            and exponent.sup is not None
        ):
            return Value(power(v.expr, self.constant(exponent.sup)), v.labels)
        if (
            isinstance(exponent, Product)
            and isinstance(exponent.factors[0][1], Symbol)
            and exponent.factors[0][1].head in ("odot", "circ")
        ):
            return Value(power(v.expr, self.constant(exponent.factors[-1][1])), v.labels)
        if text == "star":
            raise self.fail("a star, a complex conjugate or an optimum: neither is read here", node)
        if isinstance(exponent, Fence) and isinstance(exponent.body, Product | Sum) and not isinstance(v, Filler) and not v.rank:
            exponent = exponent.body  # (σ² + ε)^{(-3/2)}
        if isinstance(exponent, Fence):
            raise self.fail(f"the script {self.text(exponent)} has no meaning for {self.text(node)} here", node)
        e: Value | DeriveError  # read once: a tower of exponents would be read twice at every storey
        strangers = len(self.strangers)
        try:
            e = self.value(exponent)
        except (Unreadable, ShapeError) as error:
            e = error
        fixed = constant_of(e.expr) if isinstance(e, Value) and not e.rank and not e.labels else None
        if fixed is not None and fixed.is_number:
            return self.number_power(v, fixed, node)
        ends = count_of(self, exponent)
        if ends is not None and not v.labels and (v.rank == 2 or not v.rank):
            del self.strangers[strangers:]  # the letters of W^{t-k} are instants
        return self.symbolic_power(v, ends, node, e)

    def number_power(self, v: Value, n: sympy.Expr, node: Node) -> Value:
        known = constant_of(v.expr) if not v.rank and not v.labels else None
        if known is not None and known.is_number:
            return number(safe_power(known, n, self, node))
        if abs(n) > 64:
            raise self.fail(f"the power {n}", node)
        if (
            v.rank == 2
            and not is_row_shape(v.shape)
            and v.shape[0] == v.shape[1]
            and n.is_integer
            and not v.labels
            and not self.scope.elementwise
        ):
            base = inverse(v.expr) if n < 0 else v.expr
            result = base
            for _ in range(abs(int(n)) - 1):
                result = result @ base
            return Value(result) if n != 0 else self._bad_prime(node)
        return Value(power(v.expr, n), v.labels)

    def symbolic_power(self, v: Value, ends: tuple[Instant, Instant] | None, node: Node, e: Value | DeriveError) -> Value:
        if ends is not None and (v.rank == 2 or not v.rank) and not v.labels:
            lo, hi = ends
            index = next(c for c in "ijkmnpqr" if c not in {lo.base, hi.base, *time_indices(v.expr)})
            return Value(over("product", v.expr, index, lo, hi))
        if ends is not None and not v.rank and len(v.labels) == 1:  # every entry to the same power
            index = next(c for c in "ijkmnpqr" if c not in {*v.labels, ends[0].base, ends[1].base, *time_indices(v.expr)})
            return Value(ops.diag(over("product", ops.diag(v.expr), index, *ends)), v.labels)
        if isinstance(e, DeriveError):
            raise e
        if v.rank == 2:
            raise self.fail("a matrix to that power", node)
        if v.rank and e.rank:
            return Value(exp(entrywise(e, Value(log(v.expr), v.labels)).expr), v.labels)
        value = scale(e, Value(log(v.expr), v.labels))
        return Value(exp(value.expr), value.labels)

    def exponential(self, exponent: Node) -> Value:
        v = self.value(exponent)
        return Value(exp(v.expr), v.labels)

    def constant(self, node: Node) -> sympy.Expr:
        """A number, or a number times sizes. Raises Unreadable where it is something else."""
        v = self.value(node)
        known = constant_of(v.expr) if not v.rank and not v.labels else None
        if known is None:
            raise self.fail(f"{self.text(node)} is not a number", node)
        return known


# -- numbers ------------------------------------------------------------------------------------------------------


def exact_number(text: str, m: Meaning, node: Node) -> sympy.Expr:
    if len(text) > LARGEST:
        raise m.fail(f"a number of {len(text)} digits", node)
    value = Rational(text if not text.startswith(".") else "0" + text)
    return sympy.Rational(value.numerator, value.denominator)


def safe_power(base: sympy.Expr, n: sympy.Expr, m: Meaning, node: Node) -> sympy.Expr:
    """base^n of numbers, within reason: a tower of powers is refused before it is computed."""
    if not (base.is_Rational and n.is_Rational):
        if n.is_Integer and abs(n) <= 64:
            return base**n
        raise m.fail("a power of that kind", node)
    digits = len(str(base.p)) + len(str(base.q))
    if abs(n) * digits > LARGEST or n.q > 100:
        raise m.fail(f"the number {m.text(node)} is too large", node)
    if base == 0 and n < 0:
        raise m.fail("a division by zero", node)
    if base < 0 and n.q != 1:
        raise m.fail("a root of a negative number", node)
    return base**n


def constant_of(e: Expr) -> sympy.Expr | None:
    from derive.expr import constant_value

    return constant_value(e)


def count_of(m: Meaning, node: Node) -> tuple[Instant, Instant] | None:
    """The exponent as a number of factors: n is 1 … n, T - i is i+1 … T."""
    if any(isinstance(n, Symbol | Scripted) and names.find(m, n) is not None for n in walk(node)):
        return None  # p^y with a quantity y
    plain = names.instant(m, node)
    if plain is not None and plain.base:
        return Instant("", 1), plain
    if isinstance(node, Sum) and len(node.terms) >= 2:
        ups = [t for s, t in node.terms if s == 1 and (i := names.instant(m, t)) is not None and i.base]
        downs = [t for s, t in node.terms if s == -1 and (i := names.instant(m, t)) is not None and i.base]
        rest = [(s, t) for s, t in node.terms if t not in ups and t not in downs]
        if (
            len(ups) == 1
            and len(downs) == 1
            and all(isinstance(t, Number) and t.text.isdigit() and len(t.text) < 4 for _, t in rest)
        ):
            hi, lo = names.instant(m, ups[0]), names.instant(m, downs[0])
            assert hi is not None and lo is not None
            more = sum(s * int(t.text) for s, t in rest if isinstance(t, Number))
            return lo.shifted(1), hi.shifted(more)
    return None


def square_sum(v: Value) -> Value:
    """Σ of the squares of the positional entries, ‖v‖²; softly the table's own where nothing is indexed."""
    if not v.labels:
        flatv = transposed(v) if is_row_shape(v.shape) else v
        return Value(ops.sqnorm(flatv.expr))
    return inner(v, v)


def _put_in(a: Value, b: Value) -> Value | None:
    """(ŷ − y) ∂θ/∂v: what stands for ∂L/∂θ, of the shape of θ, meets the axes of θ."""
    c = b.chain
    if (
        a.chain is not None
        or a.laid
        or c is None
        or not c.top_rank
        or not c.below_rank
        or a.rank != c.top_rank
        or a.shape != b.shape[: c.top_rank]
    ):
        return None
    met = contract(a, b.plain(), c.top_rank)
    return Value(met.expr, met.labels, Chain(None, c.below, 0, c.below_rank))


def _derived(e: Expr) -> bool:
    return any(v.bar for v in e.atoms(Var)) or bool(e.find(lambda n: isinstance(n, Jac) or (isinstance(n, Map) and n.order > 0)))


def _along_batch(v: Value, batch: Value) -> bool:
    """Whether a row can't meet a batch of rows beside it but entry by entry."""
    if batch.rank != 2 or lies(batch) or batch.shape[0] == batch.shape[1] or v.chain is not None or batch.chain is not None:
        return False
    return lies(v) and v.shape[-1] == batch.shape[1]


def _rows_scaled(m: Meaning, a: Value, b: Value) -> Value | None:
    """v ⊙ ∂u/∂w with v of the shape of u: each row of the Jacobian times its entry of v."""
    for v, j in ((a, b), (b, a)):
        c = j.chain
        if (
            c is not None
            and c.top_rank == 1 == c.below_rank
            and not j.labels
            and v.rank == 1
            and not v.labels
            and v.shape[0] == j.shape[0]
            and (v.chain is None or v.chain.fixed)
        ):
            return Value(ein([(v.expr, (0,)), (j.expr, (0, 1))], (0, 1)), (), c)
    return None


def _scaled_chain(chained: Value, factor: Value) -> Value:
    plain = scale(chained.plain(), factor)
    if plain.labels != chained.labels and len(plain.labels) == len(chained.labels):
        return plain
    return Value(plain.expr, plain.labels, chained.chain)
