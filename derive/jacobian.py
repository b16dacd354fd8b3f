"""Jacobians between nodes, local and along every path; products of them through time; the sum over paths.

A Jacobian ∂u/∂v has the shape of u, then that of v (rows are u: the numerator layout); the other layout is its transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from derive.adjoint import local_jacobian, pulls
from derive.expr import (
    ROW,
    Expr,
    Instant,
    Jac,
    Letters,
    Opaque,
    Over,
    Var,
    at_time,
    ein,
    jac,
    lin,
    over,
    postorder,
    rebuild,
    transpose,
    var,
    zeros,
)
from derive.simplify import Equations, open_derivatives, simplify
from derive.sweep import Sweep
from derive.system import INDEX, LAST, Equation, NetworkError, System, occurrences


@dataclass(frozen=True)
class Jacobian:
    """∂top/∂below as a tensor expression, and the local Jacobians that it was composed of."""

    top: Var
    below: Var
    expr: Expr
    direct: bool
    parts: tuple[tuple[Jac, Expr], ...] = ()
    along: Expr | None = None  # the sum over paths of products of the parts' symbols
    short: Expr | None = None  # with σ′ in the nodes' own values, where that is another form

    @property
    def transposed(self) -> Expr:
        """The same in the denominator layout: the shape of below, then that of top. Only for two vectors."""
        if len(self.expr.shape) != 2:
            raise NetworkError(
                f"the Jacobian of {self.top} with respect to {self.below} is a tensor of rank {len(self.expr.shape)}"
            )
        return transpose(self.expr)

    @property
    def symbol(self) -> Jac:
        return jac(self.top, self.below, self.direct)

    def __str__(self) -> str:
        return f"{self.symbol} = {self.expr}"

    __repr__ = __str__


def jacobian(system: System, top: Var, below: Var, direct: bool = False) -> Jacobian:
    """∂top/∂below along every path between them; direct: in the equation of top alone, everything else held.

    Sequences: give them at instants, h[t] and h[t-1]. Between instants of one base every step in between is followed.
    """
    if direct:
        right, _ = _right(system, top)
        return Jacobian(top, below, _tidy(_squeeze(local_jacobian(right, below))), True)
    _require_path(system, below, top)
    known: dict[Var, Expr] = {below: _identity(below)}
    parts: list[tuple[Jac, Expr]] = []
    for v in _between(system, below, top):
        right, equation = _right(system, v)
        leaves = [leaf for leaf in occurrences(right) if leaf in known]
        if v is not top and not leaves:
            continue
        _require_plain(equation, below)
        terms = []
        for leaf in leaves:
            local = local_jacobian(right, leaf)
            parts.append((jac(v, leaf), _tidy(_squeeze(local))))
            terms.append((1, _compose(local, known[leaf], v, leaf, below)))
        if terms:
            known[v] = lin(terms, v.shape + below.shape)
        if v is top:
            break
    found = known.get(top, zeros(top.shape + below.shape))
    kept = _on_the_way(parts, top)
    paths_ = _paths([j for j, _ in kept], top, below)
    along = lin([(1, _chained(list(chain))) for chain in paths_], top.shape + below.shape) if paths_ else None
    value = _tidy(_squeeze(found)) if not paths_ else _sum_of_products(paths_, dict(kept))
    short = simplify(Equations(system).rewrite(value, Instant(INDEX))).expr
    return Jacobian(top, below, value, False, kept, along, short if short is not value else None)


def _paths(symbols: list[Jac], top: Var, below: Var) -> list[list[Jac]]:
    """The symbols along every path, from top down; none where there is one part only, or more than can be written."""
    chains: dict[Var, list[list[Jac]]] = {below: [[]]}
    for j in symbols:
        chains.setdefault(_node(j), []).extend([j, *chain] for chain in chains.get(j.below, []))
    found = chains.get(top, [])
    rows = any(ROW in j.top.shape for j in symbols)
    return found if 0 < len(found) <= 8 and len(symbols) > 1 and not rows else []


def _node(j: Jac) -> Var:
    assert isinstance(j.top, Var)
    return j.top


def _sum_of_products(paths_: list[list[Jac]], values: dict[Jac, Expr]) -> Expr:
    """The Jacobian as a sum over paths of products of the local ones, so that no bracket is left open."""
    terms = []
    for chain in paths_:
        product = values[chain[-1]]
        for outer in reversed(chain[:-1]):
            product = _compose(values[outer], product, _node(outer), outer.below, chain[-1].below)
        terms.append((1, product))
    return _tidy(lin(terms, terms[0][1].shape))


def _on_the_way(parts: list[tuple[Jac, Expr]], top: Var) -> tuple[tuple[Jac, Expr], ...]:
    """The local Jacobians that top's was composed of; those of side branches left out."""
    needed: set[Expr] = {top}
    kept = []
    for symbol, value in reversed(parts):
        if symbol.top in needed:
            needed.add(symbol.below)
            kept.append((symbol, value))
    return tuple(reversed(kept))


def _tidy(e: Expr) -> Expr:
    return simplify(open_derivatives(e)).expr


def _identity(v: Var) -> Expr:
    letters = tuple(range(len(v.shape)))
    return ein([], letters + letters, dict(enumerate(v.shape)))


def _compose(outer: Expr, inner: Expr, top: Var, middle: Var, below: Var) -> Expr:
    rows = tuple(range(len(top.shape)))
    mid = tuple(range(20, 20 + len(middle.shape)))
    columns = tuple(range(40, 40 + len(below.shape)))
    return ein([(outer, rows + mid), (inner, mid + columns)], rows + columns)


def _squeeze(e: Expr) -> Expr:
    """Axes of size 1, which a row vector brings in, dropped."""
    keep = tuple(k for k, d in enumerate(e.shape) if d is not ROW)
    return e if len(keep) == len(e.shape) else ein([(e, tuple(range(len(e.shape))))], keep)


def _right(system: System, v: Var) -> tuple[Expr, Equation]:
    equation = system.by_name.get(v.name)
    if equation is None or v in system.initial:
        raise NetworkError(f"{v} has no equation: a Jacobian is of something that the network computes")
    if v.time is None or v.time == Instant(INDEX):
        return equation.right, equation
    return at_time(equation.right, INDEX, v.time), equation


def _require_path(system: System, below: Var, top: Var) -> None:
    """Refuse what runs through all of time: that is a product or a sum over instants, not one formula."""
    _right(system, top)
    way = _on_a_path(system, below, top)
    sequences = [e for e in way if e.sequential]
    if below.time is None:
        carried = any(v.time != Instant(INDEX) for e in sequences for v in occurrences(e.right) if v.time is not None)
        through_time = bool(sequences) and (top.time is None or carried)
    else:
        backwards = top.time is not None and top.time.base == below.time.base and top.time.offset < below.time.offset
        ahead = any(
            isinstance(n, Over) or (isinstance(n, Var) and n.time is not None and n.time.base != INDEX)
            for e in way
            for n in postorder(e.right)
        )
        through_time = top.time is None or len(sequences) < len(way) or (backwards and ahead)
    if through_time and way:
        raise NetworkError(
            f"{top} depends on {below} through all of time: ask for one step, as in h[t] and h[t-1], for the direct Jacobian, or for paths"
        )
    if below.time is not None and top.time is not None and below.time.base != top.time.base:
        raise NetworkError(f"{top} and {below} have no fixed distance in time; give both at t, as in h[t] and h[t-1]")


def _on_a_path(system: System, below: Var, top: Var) -> list[Equation]:
    """The equations through which a change of below can move top, at whatever instants."""
    uses = {e.name: {v.name for v in occurrences(e.right)} for e in system.equations}

    def closure(start: str, step: Callable[[str], set[str]]) -> set[str]:
        found, todo = {start}, [start]
        while todo:
            fresh = step(todo.pop()) - found
            found |= fresh
            todo += fresh
        return found

    after = closure(below.name, lambda n: {name for name, used in uses.items() if n in used})
    before = closure(top.name, lambda n: uses.get(n, set()))
    return [e for e in system.equations if e.name in after & before and top.name in after]


def _require_plain(equation: Equation, below: Var) -> None:
    """Refuse an equation on the way that looks at other instants than a fixed number of steps back."""
    relative = all(v.time is None or v.time.base == INDEX for v in occurrences(equation.right))
    summed = any(isinstance(n, Over) for n in postorder(equation.right))
    if below.time is not None and (summed or not relative):
        raise NetworkError(
            f"`{equation.source}` takes more than one instant: no Jacobian with respect to {below} leads through it"
        )


def _between(system: System, below: Var, top: Var) -> Iterator[Var]:
    """The nodes after `below` up to `top`, in the order of computation, at each instant between theirs."""
    if below.time is not None and top.time is not None:
        for offset in range(below.time.offset, top.time.offset + 1):
            given = not top.time.base and offset < system.first
            for e in system.ordered:
                v = e.left.at(Instant(top.time.base, offset))
                if e.sequential and v is not below and not given:
                    yield v
        return
    for e in system.ordered:
        if e.left is not below:
            yield e.left if not e.sequential or top.time is None else e.left.at(top.time)


# -- through time -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paths:
    """How the loss reaches earlier states, and a shared parameter through them, for a network with one recurrent state.

    step: ∂h_i/∂h_{i-1}; product: ∂h_t/∂h_k; back: the adjoint of h_k as a sum over the later losses; symbols: the
    parameter's gradient as a sum over t and k in Jacobian symbols; value: with everything put in.
    Where the loss depends on h_T alone, t is T and there is no sum over it.
    """

    state: Var
    parameter: Var
    step: Jacobian
    product_symbols: Expr
    product: Expr
    loss_term: Expr
    loss_slope: Expr
    back: Expr
    symbols: Expr
    value: Expr
    summed: bool

    @property
    def end(self) -> Instant:
        return Instant(INDEX) if self.summed else Instant(LAST)

    def expansion(self, last: int, first: int) -> list[tuple[int, list[Expr]]]:
        """For each t, the terms for k = first … t, as products of Jacobians."""
        instants = range(first, last + 1) if self.summed else [last]
        return [(t, [self._term(t, k) for k in range(first, t + 1)]) for t in instants]

    def _term(self, t: int, k: int) -> Expr:
        def at(v: Var, n: int) -> Var:
            return v.at(Instant("", n))

        h = self.state
        loss = at_time(self.loss_term, self.end.base, Instant("", t))
        chain: list[Expr] = [jac(loss, at(h, t), False)]
        chain += [jac(at(h, i), at(h, i - 1), False) for i in range(t, k, -1)]
        return _chained([*chain, jac(at(h, k), self.parameter, False)])


def _chained(jacobians: list[Expr]) -> Expr:
    """The contraction of each Jacobian with the next; each starts with the axes that the one before ends with."""
    letters = 0
    factors: list[tuple[Expr, Letters]] = []
    open_axes: tuple[int, ...] = ()
    for e in jacobians:
        fresh = tuple(range(letters, letters + len(e.shape) - len(open_axes)))
        letters += len(fresh)
        factors.append((e, open_axes + fresh))
        joined = len(factors[-1][1]) - (len(_below(e)))
        open_axes = factors[-1][1][joined:]
    first, letters_of_first = factors[0]
    return ein(factors, letters_of_first[: len(first.shape) - len(_below(first))] + open_axes)


def _below(e: Expr) -> tuple:
    if isinstance(e, Jac):
        return e.below.shape
    return _below(e.body) if isinstance(e, Over) else e.shape


def _one_use(system: System, state: Var, theta: Var, at: Instant) -> list[Expr]:
    """How theta enters the state at one instant, the state before held: ∂⁺h_k/∂θ, or ∂⁺h_k/∂z_k ∂⁺z_k/∂θ through nodes on the way."""
    trail = [state]
    while theta not in occurrences(system.by_name[trail[-1].name].right):
        inner = [
            v for v in occurrences(system.by_name[trail[-1].name].right)
            if v.time == state.time and v.name in system.by_name and theta in _reached(system, v)
        ]  # fmt: skip
        if len(inner) != 1:  # several ways: the state's equation with the nodes of its instant put in
            return [jac(at_time(_one_instant(system, state, theta), INDEX, at), theta, True)]
        trail.append(inner[0])
    chain = [v.at(at) for v in trail]
    return [jac(a, b, True) for a, b in zip(chain, [*chain[1:], theta], strict=True)]


def _reached(system: System, v: Var) -> set[Var]:
    """The quantities that v is made of at its own instant."""
    found: set[Var] = set()
    todo = [v]
    while todo:
        for w in occurrences(system.by_name[todo.pop().name].right):
            if w not in found:
                found.add(w)
                if w.time == v.time and w.name in system.by_name:
                    todo.append(w)
    return found


def paths(sweep: Sweep, parameter: str) -> Paths:
    """The double sum for ∂L/∂parameter. Raises NetworkError where the network isn't of that kind."""
    system = sweep.system
    state = recurrent_state(system)
    theta = system.find(parameter)
    step = jacobian(system, state, state.at(Instant(INDEX, -1)))
    summed, summand, slope = _loss_term(sweep, state)
    first, last = system.range
    i, k, t = Instant("i"), Instant("k"), Instant(INDEX) if summed else last
    span = ("i", k.shifted(1), t)
    h_k, h_t = state.at(k), state.at(t)
    product_symbols = over("product", jac(state.at(i), state.at(i.shifted(-1)), False), *span)
    product = over("product", at_time(step.expr, INDEX, i), *span)

    def over_losses(e: Expr, lowest: Instant) -> Expr:
        return over("sum", e, INDEX, lowest, last) if summed else e

    chain = _chained([jac(summand, h_t, False), product_symbols, *_one_use(system, state, theta, k)])
    symbols = over_losses(over("sum", chain, "k", first, t), first)
    reached = _apply_transposed(product, slope)
    inside = _one_instant(system, state, theta)
    found = next(p.value for p in pulls(at_time(inside, INDEX, k), h_k.adjoint) if p.leaf is theta)
    value = open_derivatives(rebuild(found, lambda n: reached if n is h_k.adjoint else n))
    total = over_losses(over("sum", value, "k", first, t), first)
    return Paths(state, theta, step, product_symbols, product, summand, slope, over_losses(reached, k), symbols, total, summed)


def _inside_step(system: System, state: Var) -> set[str]:
    """The sequences through which the state is computed from the step before."""
    found = {state.name}
    while more := {v.name for n in found for v in occurrences(system.by_name[n].right) if v.name in system.by_name} - found:
        found |= more
    return found


def _one_instant(system: System, state: Var, theta: Var) -> Expr:
    """The state from the step before: its equation with the other nodes of the instant put in.

    Raises NetworkError where the parameter also acts on the loss around the state: the double sum would miss that.
    """
    e = system.by_name[state.name].right
    inlined: dict[str, None] = {state.name: None}
    while inner := [v for v in occurrences(e) if v.name in system.by_name and v.time == Instant(INDEX)]:
        inlined.update(dict.fromkeys(v.name for v in inner))
        e = rebuild(e, lambda n, found=tuple(inner): system.by_name[n.name].right if n in found else n)  # type: ignore[misc]
    hidden = inlined.keys() - {state.name}
    around = [
        q.name
        for q in system.equations
        if q.name not in inlined and (hidden | {theta.name}) & {v.name for v in occurrences(q.right)}
    ]
    if around or theta not in occurrences(e):
        how = f"acts on {', '.join(around)} around {state}" if around else f"does not act on {state}"
        raise NetworkError(f"{theta} {how}: its gradient is not a sum over paths through {state}")
    return e


def _apply_transposed(product: Expr, slope: Expr) -> Expr:
    if not slope.shape:
        return slope * product
    return ein([(product, (0, 1)), (slope, (0,))], (1,))


def recurrent_state(system: System) -> Var:
    """The one sequence that is carried from t-1 to t. Raises NetworkError where there are others, or longer lags."""
    lagged = {
        v.at(Instant(INDEX))
        for e in system.equations
        if e.sequential
        for v in occurrences(e.right)
        if v.time and v.time.base == INDEX and v.time.offset < 0 and v.name in system.by_name
    }
    if len(lagged) != 1 or any(
        v.time and v.time.offset < -1 for e in system.equations for v in occurrences(e.right) if v.time and v.time.base == INDEX
    ):
        names = ", ".join(sorted(v.name for v in lagged)) or "none"
        raise NetworkError(
            f"a product over time needs one state that carries everything from t-1 to t; {system.name} has {names}"
        )
    return lagged.pop()


def _loss_term(sweep: Sweep, state: Var) -> tuple[bool, Expr, Expr]:
    """Whether the loss is a sum over time; the loss of one instant; its gradient with respect to the state at that instant."""
    right = sweep.system.by_name[sweep.loss.name].right
    adjoint = sweep.adjoints[state.name]
    if isinstance(right, Over) and right.index == INDEX:
        summand = right.body if isinstance(right.body, Opaque) else var(sweep.loss.name, (), Instant(INDEX))
        inside = _inside_step(sweep.system, state)
        around = [t for t in adjoint.terms if t.lag != 0 and t.used_by.name not in inside]
        if around or any(t.point is not None for t in adjoint.terms):
            raise NetworkError(f"{sweep.loss} looks at {state} from another instant: its gradient is not a sum over such paths")
        slope = lin([(1, t.value) for t in adjoint.terms if t.lag == 0], state.shape)
        return True, summand, _tidy(_without_adjoints(slope, sweep))
    users = {v for e in sweep.system.equations if not e.sequential for v in occurrences(e.right) if v.time is not None}
    if users != {state.at(Instant(LAST))}:
        raise NetworkError(
            f"paths through time need a loss that is a sum over time, or one in {state.at(Instant(LAST))} alone, not {right}"
        )
    points = lin([(1, t.value) for t in adjoint.terms if t.point == Instant(LAST)], state.shape)
    return False, right if isinstance(right, Opaque) else sweep.loss, _tidy(_without_adjoints(points, sweep))


def _without_adjoints(e: Expr, sweep: Sweep) -> Expr:
    """Adjoints of the same instant replaced by their formulas, until none is left."""
    while bars := [v for v in e.atoms(Var) if v.bar]:
        if any(sweep.adjoints[v.name].boundary and v.time == Instant(INDEX) for v in bars):
            raise NetworkError("the loss of one instant reaches the state through other instants: no sum over such paths")
        e = rebuild(e, lambda n: sweep.adjoints[n.name].at(n.time or Instant(INDEX)) if isinstance(n, Var) and n.bar else n)
    return e


__all__ = ["Jacobian", "Paths", "jacobian", "paths", "recurrent_state"]
