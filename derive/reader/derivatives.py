"""Derivatives as people write them: ∂u/∂v, dL/dv, ∇_v L, dv. Each keeps the axes of its two sides until a layout is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive.adjoint import local_jacobian
from derive.expr import DeriveError, Ein, Expr, Instant, Opaque, Over, Var, at_time, ein, jac, lin, rebuild, var
from derive.ops import Composition, Function
from derive.reader import names, windows
from derive.reader.scope import LOSSES, Template, flat
from derive.reader.syntax import (
    ALONE,
    Commas,
    Differential,
    Fence,
    Fraction,
    Nabla,
    Node,
    Number,
    Product,
    Scripted,
    Symbol,
    unscripted,
)
from derive.reader.values import Chain, Value, contract, divide, inner, is_row_shape, transposed
from derive.system import INDEX, OpenFunction

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning

Rest = list[tuple[str, Node]]


@dataclass(frozen=True)
class Parts:
    """∂top / (factor ∂below): top None for an operator that waits for what it acts on."""

    top: Node | None
    below: tuple[Node, ...]
    factor: Node | None = None
    order: int = 1
    alone: bool = False  # ∂⁺: in one equation, everything else held


def parts(m: Meaning, node: Fraction) -> Parts | None:
    """The derivative that a fraction is, or None where it is a quotient."""
    over, under = node.top, node.bottom
    if (
        m.scope.delta == "auto"
        and (d := _varied(m, over)) is not None
        and (b := _varied(m, under)) is not None
        and b.body is not None
    ):
        over, under = d, b  # δL/δv
    top, bottom = _stripped(m, over), _stripped(m, under)
    if top is None or not top[0]:
        return None
    if bottom is None or not bottom[0]:
        loose = _is_round(node.top) and isinstance(node.bottom, Symbol | Scripted)
        if not loose:
            return None
        m.notes.append(f"{m.text(node)} read as a derivative")
        return Parts(top[1][0] if top[1] else None, (node.bottom,))
    if not bottom[1]:
        return None
    order = 2 if len(bottom[1]) == 2 or 2 in (top[3], bottom[3]) else 1
    return Parts(top[1][0] if top[1] else None, tuple(bottom[1]), bottom[2], order, _is_round(node.top, ALONE))


def _varied(m: Meaning, node: Node) -> Differential | None:
    """δv as a differential, where δ is no name."""
    items = list(node.factors) if isinstance(node, Product) else [("", node)]
    first = items[0][1]
    if not _is_prefix_delta(m, first) or any(op for op, _ in items):
        return None
    return Differential("∂", _joined(items[1:]) if len(items) > 1 else None, start=node.start, end=node.end)


def _is_round(node: Node, sign: str | None = None) -> bool:
    first = node.factors[0][1] if isinstance(node, Product) else node
    return isinstance(first, Differential) and sign in (None, first.sign)


def _stripped(m: Meaning, node: Node) -> tuple[bool, list[Node], Node | None, int] | None:
    """(whether it is a differential, what it is of, a factor before it, its order)."""
    if isinstance(node, Differential):
        return True, [node.body] if node.body is not None else [], None, node.order
    if _is_d(m, node, True):
        return True, [], None, 1
    glued = unscripted(node)
    if isinstance(glued, Symbol) and glued.head[:1] == "d" and len(glued.head) == 2 and names.find(m, node) is None:
        bare = Symbol(glued.head[1:], glued.accents, start=glued.start + 1, end=glued.end)  # dz, where dz^{[1]} is a name
        return True, [replace(node, base=bare) if isinstance(node, Scripted) else bare], None, 1
    if not isinstance(node, Product):
        return None
    items = list(node.factors)
    if isinstance(items[0][1], Scripted) and flat(items[0][1].sup) == "2" and _is_d(m, items[0][1].base, True) and len(items) > 1:
        return True, [_joined(items[1:])], None, 2  # d²f
    start = next((k for k, (_, n) in enumerate(items) if isinstance(n, Differential) or _is_d(m, n, True)), None)
    if start is None or (start > 0 and not isinstance(items[start][1], Differential)):
        return None
    before = _joined(items[:start]) if start else None
    found: list[Node] = []
    order = 1
    group: Rest = []
    for _, n in items[start:]:
        if (
            isinstance(n, Differential)
            or (_is_d(m, n, True) and n is items[start][1])
            or (_is_d(m, n, True) and group and _is_d(m, items[start][1], True))
        ):
            if group:
                found.append(_joined(group))
            group = []
            order = max(order, n.order) if isinstance(n, Differential) else 1
            if isinstance(n, Differential) and n.body is not None:
                group = [("", n.body)]
        else:
            group.append((_, n) if group else ("", n))
    if group:
        found.append(_joined(group))
    return True, found, before, order


def _is_d(m: Meaning, node: Node, fraction: bool = False) -> bool:
    if isinstance(node, Symbol) and node.head == "delta" and not node.accents:
        return m.scope.delta == "partial"
    size = m.reading.sized and not fraction
    return isinstance(node, Symbol) and node.head == "d" and not node.accents and (fraction or ("d", ()) not in m.scope.names) and not size


def _joined(items: Rest) -> Node:
    if len(items) == 1:
        return items[0][1]
    return Product((("", items[0][1]), *items[1:]), start=items[0][1].start, end=items[-1][1].end)


# -- values -------------------------------------------------------------------------------------------------------


def value(m: Meaning, p: Parts, top: Value | None = None) -> Value:
    """The derivative with the axes of its top, then of its below; an explicit top value is given for operators."""
    if p.order == 2 or len(p.below) > 1:
        return _second(m, p, top)
    if _by_parameter(m, p.below):
        if top is None:
            assert p.top is not None
            top = m.value(p.top)
        return Value(names.change(m, top.expr), top.labels)
    below, places, flipped = _below(m, p.below[0])
    direct = p.alone or not m.reading.total or p.below[0].start in m.local_at
    if top is None:
        assert p.top is not None
        top = top_value(m, _of_its_argument(m, p.top, p.below[0]))
        direct = direct or (isinstance(top.expr, Opaque) and below.expr in top.expr.arg.children())  # ∂f(x, h)/∂h
    if not places and isinstance(top.expr, Var):
        below, places = _quantity(m, below)
    step = _at_one_step(m, top.expr, below.expr) if p.alone and not top.labels and not below.labels else None
    if step is not None and isinstance(top.expr, Var):  # ∂⁺h_t/∂W: by way of what else the step computes
        if places:
            return names.place(m, Value(step), places, skip=top.rank)
        return Value(step, (), Chain(top.expr, below.expr, top.rank, len(below.shape), False))
    result = derivative(m, top, below, places, direct, step=p.alone or (direct and m.pulled))
    result = _flipped(m, result, below, places) if flipped else result
    lies = isinstance(p.top, Scripted) and flat(p.top.sup) in ("T", "top") and is_row_shape(top.shape)
    if lies and len(below.shape) == 1 and not places and not flipped:
        result = transposed(Value(result.expr, result.labels))  # ∂zᵀ/∂x has a column for each entry of z
    if p.factor is not None:
        chain = result.chain
        result = divide(result.plain(), m.value(p.factor))
        result = Value(result.expr, result.labels, chain)
    return result


def _flipped(m: Meaning, result: Value, below: Value, places: tuple[Node, ...]) -> Value:
    """∂L/∂vᵀ lies, ∂u/∂vᵀ has a row for each entry of u, and ∂L/∂Wᵀ is the transpose of ∂L/∂W."""
    if len(below.shape) == 1 and not places:
        return Value(result.expr, result.labels, laid=True) if result.rank == 2 else transposed(m.settled(result.plain()))
    if result.rank < 2:
        return result
    axes = tuple(range(len(result.expr.shape)))
    return Value(ein([(result.expr, axes)], (*axes[:-2], axes[-1], axes[-2])), result.labels, result.chain)


def _of_its_argument(m: Meaning, top: Node, below: Node) -> Node:
    """∂σ/∂z, of a function without its argument: of σ(z)."""
    base = unscripted(top)
    if not isinstance(base, Symbol) or base.accents or names.find(m, top) is not None or (base.head, ()) in m.local:
        return top
    if not isinstance(m.scope.functions.get(base.head), Function | Composition):
        return top
    return Product((("", top), ("", Fence("paren", below, start=top.start, end=top.end))), start=top.start, end=top.end)


def derivative(m: Meaning, top: Value, below: Value, places: tuple[Node, ...], direct: bool = False, step: bool = False) -> Value:
    """∂top/∂below: an adjoint where the top is the loss, a Jacobian otherwise; then the entries that are asked for.

    step: the loss's own equation alone, as in ∂⁺L/∂h, or beside the loss's own adjoint.
    """
    top = _standing(top)
    loss = m.scope.loss
    if _unrelated(m, top.expr, below.expr):
        raise DeriveError(f"how {'the loss' if top.expr in (loss, LOSS) else top.expr} depends on {below.expr} isn't said")
    if isinstance(below.expr, Var) and not below.labels and ((top.expr is loss and not step) or top.expr is LOSS):
        tensor, head = Value(below.expr.adjoint), None
    elif top.expr is LOSS:
        raise m.fail("the loss is not known", Symbol("L"))
    else:
        e = jac(top.expr, below.expr, direct)
        rank = len(top.labels)
        # a labelled below is one below for each label: the derivative of the same one
        tensor, head = _same_labels(Value(e, top.labels), below, rank), top.expr
        if loss is not None and isinstance(head, Over):
            head = None
    top_rank = top.rank
    below_rank = len(below.shape)
    if places and places[0] is COLUMN and below_rank < 2:
        raise m.fail(f"a column of {below.expr}", places[-1])
    if places and places[0] is COLUMN:  # u_w, column w of U: its index is on the last axis
        places = places[1:]
        axes = tuple(range(len(tensor.expr.shape)))
        tensor = Value(ein([(tensor.expr, axes)], (*axes[:-2], axes[-1], axes[-2])), tensor.labels)
    if places:
        tensor = names.place(m, tensor, places, skip=top_rank)
        below_rank -= len(places)
    chain = Chain(None if top.expr in (loss, LOSS) else head, below.expr, top_rank, below_rank, _through(top.expr, below.expr))
    return Value(tensor.expr, tensor.labels, chain)


def _through(top: Expr, below: Expr) -> bool:
    """Whether a Jacobian runs from one instant of a state to another."""
    if not isinstance(top, Var) or not isinstance(below, Var) or top.name != below.name:
        return False
    return top.time != below.time or (top.time is not None and not top.time.base)  # ∂h_3/∂h_3 among the terms of a sum


def immediate(m: Meaning, a: Value, b: Value) -> Value:
    """In ∂L/∂h_k ∂h_k/∂W the last factor is how W enters at step k alone: the earlier steps are other terms of the sum."""
    x, y = a.chain, b.chain
    if x is None or y is None or x.below is not y.top or b.labels or y.top is None:
        return b
    if m.reading.immediate == 1 and not x.through:
        return b
    e = _at_one_step(m, y.top, y.below)
    return b if e is None else Value(e, (), y)


def _at_one_step(m: Meaning, top: Expr, below: Expr) -> Expr | None:
    """How a parameter enters a state at its own instant, earlier states held; None for anything else."""
    system = m.scope.system
    if system is None or not isinstance(top, Var) or not isinstance(below, Var) or top.time is None or below.time is not None:
        return None
    if system.owner(top) is None or below.name not in {v.name for v in system.declared}:
        return None
    inside: Expr = top
    for _ in range(len(system.equations) + 1):
        if below in inside.atoms(Var):
            return jac(inside, below, True)
        here = {v for v in inside.atoms(Var) if v.time == top.time and not v.bar and system.owner(v) is not None}
        if not here:
            return None
        put_in = {v: at_time(system.by_name[v.name].right, INDEX, v.time) for v in here if v.time is not None}
        inside = inside.xreplace(put_in)
    return None


def _unrelated(m: Meaning, top: Expr, below: Expr) -> bool:
    """Whether a name that is declared, and stands in no equation, is what something else is differentiated by."""
    system, loss = m.scope.system, m.scope.loss
    if system is None or not isinstance(below, Var) or below.name in system.quantities or below.bar:
        return False
    if top is LOSS or top is loss:
        return loss is None or below not in loss.atoms(Var)
    return isinstance(top, Var) and top is not below and top.name not in system.quantities


def at_instant(m: Meaning, p: Parts, when: Instant) -> Value:
    """∂J/∂W |_{(t)}: by way of W where it stands in the equations of that instant, and nowhere else."""
    assert p.top is not None
    top, (below, places, _) = top_value(m, p.top), _below(m, p.below[0])
    system = m.scope.system
    if (
        system is None
        or not isinstance(below.expr, Var)
        or below.expr.time is not None
        or top.labels
        or below.labels
        or p.order > 1
    ):
        raise m.fail("a derivative at one instant by something that isn't a parameter", p.below[0])
    n, rank = top.rank, len(below.shape)
    out, inner, tail = tuple(range(n)), tuple(range(n, n + 9)), tuple(range(n + 9, n + 9 + rank))
    terms = []
    for equation in system.equations:
        if equation.left.time is not None and below.expr in equation.right.atoms(Var):
            q, own = equation.left.at(when), jac(at_time(equation.right, INDEX, when), below.expr, True)
            middle = inner[: len(q.shape)]
            terms.append((1, ein([(jac(top.expr, q, False), out + middle), (own, middle + tail)], out + tail)))
    if not terms:
        raise m.fail("a derivative at one instant by what stands in no equation of one", p.below[0])
    shape = (*top.expr.shape, *below.expr.shape)
    result = Value(lin(terms, shape), (), Chain(None, below.expr, n, rank, False))
    return names.place(m, result, places, skip=n) if places else result


def _same_labels(tensor: Value, below: Value, rank: int) -> Value:
    if not below.labels:
        return tensor
    axes = list(range(len(tensor.expr.shape)))
    first = len(axes) - len(below.expr.shape)
    index = {name: k for k, name in enumerate(tensor.labels)}
    labels = list(tensor.labels)
    for k, name in enumerate(below.labels):
        if name in index:
            axes[first + k] = index[name]
        else:
            index[name] = first + k
            labels.append(name)
    out = (
        [index[name] for name in labels]
        + list(range(rank, first))
        + list(range(first + len(below.labels), len(tensor.expr.shape)))
    )
    return Value(ein([(tensor.expr, tuple(axes))], tuple(out)), tuple(labels))


COLUMN = Symbol("column")  # stands before the index of a column
LOSS = var("loss_of_the_problem")  # of a problem that has none


def top_value(m: Meaning, node: Node) -> Value:
    """What is differentiated. L(w), CE(y, ŷ) are the loss; f(x, h) is what the network calls f."""
    loss = _loss_call(m, node) if not windows.elsewhere(m, node) else None
    if loss is not None:
        return loss
    return m.value(node)


def _loss_call(m: Meaning, node: Node) -> Value | None:
    """The loss, with or without its arguments: under the problem's name, or a usual one where the problem has none of that name."""
    base = node
    if isinstance(node, Product) and len(node.factors) == 2 and isinstance(node.factors[1][1], Fence):
        base = node.factors[0][1]
    symbol = unscripted(base)
    if not isinstance(symbol, Symbol) or isinstance(base, Scripted):
        return None
    found = names.find(m, base)
    if found is not None:
        return Value(found.expr) if found.expr is m.scope.loss else None
    if symbol.head in LOSSES and symbol.head not in m.scope.functions and not symbol.accents and m.scope.system is not None:
        return Value(m.scope.loss) if m.scope.loss is not None else Value(LOSS)
    return None


def _below(m: Meaning, node: Node) -> tuple[Value, tuple[Node, ...], bool]:
    """(what is differentiated by, its indices, whether it was transposed). Entries of Wᵀ are entries of W."""
    below, places, flipped = _written(m, node)
    if flipped and places and len(below.shape) == 2 and COLUMN not in places:
        return below, (places[1], places[0]) if len(places) == 2 else (COLUMN, *places), False
    return below, places, flipped


def _written(m: Meaning, node: Node) -> tuple[Value, tuple[Node, ...], bool]:
    """The same, with the indices as they stand."""
    base = node
    bracket: tuple[Node, ...] = ()
    if isinstance(node, Fence) and node.kind in ("paren", "bracket"):
        return _written(m, node.body)
    if (
        isinstance(node, Product)
        and len(node.factors) == 2
        and isinstance(node.factors[1][1], Fence)
        and node.factors[1][1].kind == "bracket"
    ):
        base = node.factors[0][1]
        inside = node.factors[1][1].body
        bracket = inside.items if isinstance(inside, Commas) else (inside,)
    if (
        isinstance(base, Scripted)
        and isinstance(base.base, Fence)
        and base.base.kind == "paren"
        and base.sub is not None
        and base.sup is None
    ):
        below, places, flipped = _written(m, base.base)
        items = next(names.spread_digits(names.script_items(base.sub), len(below.shape) - len(places)))
        return below, (*places, *items), flipped
    if isinstance(base, Symbol) and (base.head, base.accents) in m.local:
        return m.local[base.head, base.accents], bracket, False
    if isinstance(base, Symbol | Scripted) and isinstance(unscripted(base), Symbol):
        found = names.find(m, base)
        if (
            found is not None
            and not found.primes
            and not (found.exponent is not None and flat(found.exponent) not in ("top", "T"))
        ):
            when = found.instant
            if found.named.sequential and when is None:
                when = m.instant
            expr = found.named.at(when)
            if found.named.axis == 1 and found.places:
                return Value(expr), (COLUMN, *found.places, *bracket), found.exponent is not None
            if found.bar:
                expr = names.adjoint_of(m, expr)
            return Value(expr), (*found.places, *bracket), found.exponent is not None
    return _standing(m.value(node)), (), False


def _quantity(m: Meaning, v: Value) -> tuple[Value, tuple[Node, ...]]:
    """σ(wᵀx_i) as the p_i of the network that it is, with its indices; a formula that no equation has as it stands."""
    system = m.scope.system
    if system is None or system.sequential or isinstance(v.expr, Var):
        return v, ()
    whole = _in_order(explicit(m, v.expr, ()))
    equal = [e.left for e in system.equations if e.left.shape == v.expr.shape and _in_order(explicit(m, e.left, ())) == whole]
    return (Value(equal[0]), tuple(map(Symbol, v.labels))) if len(equal) == 1 else (v, ())


def _in_order(e: Expr) -> Expr:
    """e with the factors of its products in one order, for comparisons."""
    e = e.with_children([_in_order(c) for c in e.children()]) if e.children() else e
    if not isinstance(e, Ein):
        return e
    return ein(sorted(e.factors, key=lambda f: (str(f[0]), f[1])), e.out, dict(enumerate(e.dims)))


def _standing(v: Value) -> Value:
    return transposed(v) if is_row_shape(v.shape) else v


def _second(m: Meaning, p: Parts, top: Value | None) -> Value:
    """∂²u/∂v∂w: the derivative of a derivative."""
    if top is None:
        assert p.top is not None
        top = top_value(m, p.top)
    below = list(p.below)
    if len(below) == 1:
        node = below[0]
        if isinstance(node, Scripted) and isinstance(node.sup, Number) and node.sup.text == "2":
            node = (
                node.base
                if node.sub is None
                else Scripted(node.base, node.sub, None, node.primes, start=node.start, end=node.end)
            )
        elif isinstance(node, Product) and len(node.factors) == 2 and flat(node.factors[1][1]).startswith(("w", "x")):
            node = node.factors[0][1]
        below = [node, node]
    pairs = []
    lying = [isinstance(node, Scripted) and flat(node.sup) in ("top", "T") for node in below[:2]]
    for node in below[:2] if lying == [False, True] else reversed(below[:2]):  # ∂u ∂vᵀ: u along the rows
        if isinstance(node, Scripted) and flat(node.sup) in ("top", "T"):
            bare = Scripted(node.base, node.sub, None, node.primes, start=node.start, end=node.end)
            node = bare if node.sub is not None else node.base
        by, places, _ = _below(m, node)
        pairs.append((by, places))
    return twice(m, top, pairs[0], pairs[1])


# -- neighbours ---------------------------------------------------------------------------------------------------


ORDERS = {
    "gradient": 1,
    "jacobian": 1,
    "denominator": -1,
}  # of tops in a product; where ∂L/∂v has the shape of v both are written


def meet(a: Value, b: Value, layout: str = "gradient") -> Value | None:
    """∂u/∂v ∂v/∂w contracts all of v's axes, in the order of the layout; None where they don't meet."""
    x, y = a.chain, b.chain
    if x is None or y is None:
        return None
    if x.below is y.top and y.top is not None and x.below_rank == y.top_rank and (order := _order(x, y, 1, layout)) is not None:
        met = contract(a.plain(), b.plain(), x.below_rank)
        return Value(met.expr, met.labels, Chain(x.top, y.below, x.top_rank, y.below_rank, x.through or y.through, order=order))
    if y.below is x.top and x.top is not None and y.below_rank == x.top_rank and (order := _order(y, x, -1, layout)) is not None:
        met = contract(b.plain(), a.plain(), y.below_rank)
        return Value(met.expr, met.labels, Chain(y.top, x.below, y.top_rank, x.below_rank, x.through or y.through, order=order))
    return None


def _order(outer: Chain, inner: Chain, here: int, layout: str) -> int | None:
    """On which side the tops stand in the whole product; None where that changes within it. Numbers may stand anywhere."""
    if not outer.below_rank:
        here = 0
    if here and ORDERS.get(layout, here) != here:
        return None
    found = {outer.order, inner.order, here} - {0}
    return None if len(found) > 1 else found.pop() if found else 0


def bridged(m: Meaning, a: Value, b: Value) -> Value:
    """∂u/∂v … ∂w/∂x: the dots are the Jacobians in between, ∂v/∂w as a whole."""
    x, y = a.chain, b.chain
    if x is None or y is None or y.top is None:
        raise m.fail("dots between things that are no derivatives", Symbol("dots"))
    middle = Value(jac(x.below, y.top, False), (), Chain(x.below, y.top, x.below_rank, y.top_rank))
    first = meet(a, middle)
    met = meet(first, b) if first is not None else None
    if met is None:
        raise m.fail("dots between derivatives that don't follow each other", Symbol("dots"))
    return met


def applied(m: Meaning, node: Node, rest: Rest) -> tuple[Value, Rest] | None:
    """Operators that act on what follows: ∂/∂x (…), ∇_W L, and dW for the adjoint of W."""
    if isinstance(node, Fraction):
        p = parts(m, node)
        if p is None or p.top is not None:
            return None
        if not rest or rest[0][0]:
            raise m.fail("a derivative of nothing", node)
        if isinstance(rest[0][1], Fence):
            return value(m, p, m.value(rest[0][1])), rest[1:]
        count = len(rest) if m.reading.wide else next((k for k, (op, _) in enumerate(rest) if op), len(rest))
        return value(m, p, m.value(_joined(rest[:count]))), rest[count:]
    if isinstance(node, Nabla):
        found, left = _nabla(m, node, rest)
        return _own(found), left
    if _is_d(m, node) and m.reading.differential and rest and not rest[0][0]:
        return _differential(m, rest)
    if (_is_d(m, node) or _is_prefix_delta(m, node)) and rest and not rest[0][0] and isinstance(rest[0][1], Symbol | Scripted):
        below = rest[0][1]
        glued = m.source[node.end : below.start].strip(" \\,{}") in ("", "mathbf", "boldsymbol", "bm", "mathrm", "bf")
        if glued and names.find(m, below) is not None:
            by, places, flipped = _below(m, below)
            found = _own(derivative(m, _loss_or_none(m), by, places))
            if m.reading.summed:
                found = names.summed(m, found, by.expr.shape)
            return transposed(m.settled(found)) if flipped else found, rest[1:]
    return None


def _own(v: Value) -> Value:
    """∇_W L and dW lie as W does, whatever the layout of fractions says of matrices."""
    return replace(v, chain=replace(v.chain, own=True)) if v.chain is not None else v


def of_loss(m: Meaning, body: Node) -> Value:
    """The derivative of the loss by a name with its indices."""
    by, places, flipped = _below(m, body)
    found = _own(derivative(m, _loss_or_none(m), by, places))
    return transposed(m.settled(found)) if flipped else found


def at_itself(node: Node, rest: Rest) -> bool:
    """∂Φ_i/∂a_j (a), (∇_x f)(x): the bracket says where the derivative is taken, which is where everything is."""
    inside = unscripted(node)
    if isinstance(inside, Fence) and isinstance(inside.body, Product) and isinstance(inside.body.factors[0][1], Nabla):
        return bool(rest) and not rest[0][0] and isinstance(rest[0][1], Fence) and isinstance(rest[0][1].body, Symbol)
    if not isinstance(node, Fraction) or not isinstance(node.bottom, Differential) or not rest or rest[0][0]:
        return False
    below, at = node.bottom.body, rest[0][1]
    base = unscripted(below)
    if not isinstance(at, Fence) or at.kind != "paren" or not isinstance(base, Symbol):
        return False
    entries = [isinstance(n, Scripted) and n.sub is not None for n in (node.top.body if isinstance(node.top, Differential) else None, below)]
    return at.body == base or (all(entries) and isinstance(at.body, Symbol) and not at.body.accents)  # ∂y_1/∂w_1 (x)


def _is_prefix_delta(m: Meaning, node: Node) -> bool:
    """δh_t for the adjoint of h_t: a δ without scripts that is no name."""
    return isinstance(node, Symbol) and node.head == "delta" and not node.accents and ("delta", ()) not in m.scope.names


def _differential(m: Meaning, rest: Rest) -> tuple[Value, Rest]:
    """dX is any change of X; d(…) the change of what follows by the changes that the relation names."""
    target = rest[0][1]
    if isinstance(target, Symbol) and (target.head, target.accents) in m.local:
        return Value(var(f"d_{target.head}", m.local[target.head, target.accents].expr.shape)), rest[1:]
    if isinstance(target, Symbol | Scripted):
        found = names.find(m, target)
        free = found is not None and (found.expr in m.varied if m.varied else _free(m, found.expr))
        if found is not None and not found.places and found.exponent is None and free:
            expr = found.expr
            assert isinstance(expr, Var)
            return Value(var(f"d_{expr.name}", expr.shape)), rest[1:]
    if isinstance(target, Symbol) and (out := names.open_loss(m, target)) is not None:  # dL = <Ō, dO> of any loss
        return inner(Value(out.adjoint), _change(m, Value(out))), rest[1:]
    _, value, left = m.operand(rest)
    return _change(m, m.settled(value)), left


def _free(m: Meaning, e: Expr) -> bool:
    return isinstance(e, Var) and (m.scope.system is None or m.scope.system.owner(e) is None)


def _change(m: Meaning, value: Value) -> Value:
    """The differential of a value by the names whose dX stands in the relation."""
    return Value(names.change(m, value.expr, None if m.varied else m.differentials), value.labels)


def _by_parameter(m: Meaning, below: tuple[Node, ...]) -> bool:
    """d/dt where t is no name: the change along a path of the inputs."""
    return len(below) == 1 and below[0] == Symbol("t") and ("t", ()) not in m.scope.names and not m.scope.timed


def explicit(m: Meaning, e: Expr, stops: tuple[Expr, ...]) -> Expr:
    """e with the network's equations put in, down to what is differentiated by: so that it can be differentiated twice."""
    system = m.scope.system
    if system is None:
        return e
    if system.sequential:
        raise m.fail("a second derivative through time", Symbol("d"))
    for _ in range(len(system.equations) + 1):
        inner = [v for v in e.atoms(Var) if not v.bar and v not in stops and system.owner(v) is not None]
        if not inner:
            return e
        e = rebuild(e, lambda n, inner=tuple(inner): system.by_name[n.name].right if n in inner else n)  # type: ignore[misc]
    return e


def ancestors(m: Meaning, e: Expr) -> set[Var]:
    """What an expression is computed from, at every remove."""
    system = m.scope.system
    found: set[Var] = set()
    waiting = [e]
    while waiting:
        inside = waiting.pop()
        right = (
            system.by_name[inside.name].right
            if system is not None and isinstance(inside, Var) and system.owner(inside)
            else inside
        )
        fresh = {v for v in right.atoms(Var) if not v.bar and v is not inside} - found
        found |= fresh
        waiting += fresh
    return found


def twice(m: Meaning, top: Value, first: tuple[Value, tuple[Node, ...]], second: tuple[Value, tuple[Node, ...]]) -> Value:
    """∂/∂second ∂top/∂first, both by quantities: shape of the top, of first, of second, then the entries that are asked for."""
    a, b = first[0].expr, second[0].expr
    if not isinstance(a, Var) or not isinstance(b, Var) or a.time is not None or b.time is not None:
        raise m.fail("a second derivative by something that is not a quantity", Symbol("d"))
    e = explicit(m, top.expr, (a, b))
    hessian = local_jacobian(local_jacobian(e, a), b)
    value = Value(hessian, top.labels)
    rank = top.rank
    if second[1]:
        value = names.place(m, value, second[1], skip=rank + len(a.shape))
    if first[1]:
        value = names.place(m, value, first[1], skip=rank)
    return value


def _loss_or_none(m: Meaning) -> Value:
    return Value(m.scope.loss) if m.scope.loss is not None else Value(LOSS)


def _nabla(m: Meaning, node: Nabla, rest: Rest) -> tuple[Value, Rest]:
    around = rest[1][1] if len(rest) > 1 and not rest[1][0] and isinstance(rest[0][1], Symbol | Scripted) else None
    if isinstance(around, Scripted) and isinstance(around.base, Fence) and around.sub is None and flat(around.sup) in ("T", "top"):
        found, left = _nabla(m, node, [rest[0], ("", around.base), *rest[2:]])  # ∇f(x)ᵀ is (∇f(x))ᵀ
        return transposed(m.settled(found)), left
    if node.order == 2:
        return _hessian(m, node, rest)
    if not rest or rest[0][0]:
        if node.below is None:
            raise m.fail("∇ of nothing", node)
        inner, places, flipped = _below(m, node.below)
        found = derivative(m, _loss_or_none(m), inner, places)
        return _flipped(m, found, inner, places) if flipped else found, rest
    target = rest[0][1]
    opened = _open_slope(m, target, rest[1:]) if node.below is None else None
    if opened is not None:
        return opened, rest[2:]
    if node.below is None:
        argument = rest[1][1].body if len(rest) > 1 and not rest[1][0] and isinstance(rest[1][1], Fence) else None
        if _loss_call(m, target) is not None and isinstance(argument, Symbol | Scripted):  # ∇J(w)
            inner, places, _ = _below(m, argument)
            return derivative(m, top_value(m, target), inner, places), rest[2:]
        by = _only_one(m, target, argument)
        if by is not None:
            used = 2 if argument is not None else 1
            return derivative(m, top_value(m, _joined(rest[:used])), by, ()), rest[used:]
        if _loss_call(m, target) is not None:
            by = _parameter(m)
            if by is None:
                raise m.fail("∇ of the loss, without saying by what", node)
            return derivative(m, top_value(m, target), by, ()), rest[1:] if argument is None else rest[2:]
        inner, places, _ = _below(m, target)
        return derivative(m, _loss_or_none(m), inner, places), rest[1:]
    inner, places, flipped = _below(m, node.below)
    used = _taken(m, inner, rest)
    top = top_value(m, _joined(rest[:used]))
    found = derivative(m, top, inner, places)
    found = _flipped(m, found, inner, places) if flipped else found
    return found, rest[used:]


def _taken(m: Meaning, by: Value, rest: Rest) -> int:
    """How many factors a gradient is taken of: the one of ∇_w f · v, two of ∇_w L(w), all of ∇_w wᵀA w and of ∇_w ½ f."""
    target = rest[0][1]
    if len(rest) > 1 and not rest[1][0] and isinstance(rest[1][1], Fence) and isinstance(target, Symbol | Scripted):
        return 2
    every = next((k for k, (op, _) in enumerate(rest) if op), len(rest))
    if _loss_call(m, target) is not None:
        return 1
    if m.function_of(target) is not None:
        return every
    try:
        v = m.value(target)
    except DeriveError:
        return 1
    system = m.scope.system
    depends = any(a is by.expr or (system is not None and system.owner(a) is not None) for a in v.expr.atoms(Var))
    return 1 if depends and not v.rank else every


def _only_one(m: Meaning, target: Node, argument: Node | None) -> Value | None:
    """What ∇f is taken by where nothing says it: the argument of f(x), or the one vector that a scalar of the document is made of."""
    if _loss_call(m, target) is not None:
        return None
    if argument is not None and isinstance(argument, Symbol | Scripted):
        found = names.find(m, argument)
        return Value(found.expr) if found is not None and not found.places and not found.bar else None
    head = target.head if isinstance(target, Symbol) else ""
    template = m.scope.functions.get(head)
    if isinstance(template, Template) and len(template.parameters) == 1:
        found = names.find(m, Symbol(*template.parameters[0]))
        if found is not None:
            return Value(found.expr)
    try:
        value = m.value(target)
    except DeriveError:
        return None
    if value.rank or value.labels:
        return None
    e = value.expr
    if isinstance(e, Var) and not isinstance(target, Fence):
        if m.scope.loss is not None or m.scope.system is None or m.scope.system.sequential:
            return None
        e = explicit(m, e, ())
    vectors = [v for v in e.atoms(Var) if len(v.shape) == 1 and not v.bar]
    return Value(vectors[0]) if len(vectors) == 1 else None


def _open_slope(m: Meaning, target: Node, rest: Rest) -> Value | None:
    """∇ℓ_t(h_t): the gradient of an open function of one argument."""
    found = m.function_of(target)
    if found is None or not isinstance(found[1], OpenFunction) or not rest or rest[0][0] or not isinstance(rest[0][1], Fence):
        return None
    if isinstance(rest[0][1].body, Commas):
        return None
    primed = replace(target, primes=1) if isinstance(target, Scripted) else Scripted(target, primes=1)
    return m.call(found[1], primed, rest[0][1].body)


def _parameter(m: Meaning) -> Value | None:
    """The one vector of parameters by its usual name, which ∇J is taken by where nothing says it."""
    known = m.scope.system.quantities.values() if m.scope.system is not None else ()
    vectors = [v for v in known if len(v.shape) == 1 and v.name in ("w", "theta", "x", "beta")]
    return Value(vectors[0]) if len(vectors) == 1 else None


def _hessian(m: Meaning, node: Nabla, rest: Rest) -> tuple[Value, Rest]:
    """∇²_w J: by the one parameter that the loss has where none is named."""
    below = node.below
    by = _parameter(m) if below is None else _below(m, below)[0]
    top, left = _loss_or_none(m), rest
    if below is None and rest and not rest[0][0]:
        argument = rest[1][1].body if len(rest) > 1 and not rest[1][0] and isinstance(rest[1][1], Fence) else None
        only = _only_one(m, rest[0][1], argument)
        by = only if only is not None else by
    if rest and not rest[0][0]:
        if by is None:
            raise m.fail("∇² without saying by what", node)
        used = _taken(m, by, rest)
        top, left = top_value(m, _joined(rest[:used])), rest[used:]
    if by is None:
        raise m.fail("∇² without saying by what", node)
    return twice(m, top, (by, ()), (by, ())), left
