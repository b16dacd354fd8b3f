"""Solutions to sheets: the context that the templates set, made of strings only.

The mathematics is written here, in one language at a time; a template holds loops and layout. What is not marked as
trusted is escaped by the template's environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from markupsafe import Markup

from derive import definitions, picture
from derive.assume import Forced, assumption
from derive.crosscheck import Report, check_jacobian
from derive.explain import explanations
from derive.expr import Comp, Ein, Expr, Instant, Map, Opaque, Over, Var, at_time, is_zero, jac, ones, postorder, rebuild, var
from derive.jacobian import Jacobian, Paths
from derive.numeric import Evaluator
from derive.printing import Style
from derive.printing.breaking import rows as broken
from derive.printing.express import Speller, number
from derive.printing.figures import below, short, value_node
from derive.printing.names import letter
from derive.printing.notation import Call, Listed, Node, Num, Partial, Prod, Rel, Sum, Sym, Word, width
from derive.printing.pycode import definition
from derive.simplify import simplify
from derive.solution import Solution
from derive.sweep import Adjoint, Line, Reason, Step
from derive.system import INDEX, LAST, System
from derive.typeset import LANGUAGES, Language, Latex, environment, escaped

DETAILS = ("answer", "steps", "full")
FORMULA_WIDTH = 33.0  # em, of the 41 em of the page: the rest is for the left side and a margin of error
ONE_ROW = 25.0  # em: equalities that fit in this stand in one row
TABLE_CELL = 17.0
ERROR_BOUNDS = (-11, -8, -6)  # powers of ten in the column of the cross-check
WIDE = 37.0  # em: rows without a reason
SHOWN_STEPS = 4  # instants of a worked example that are written out


@dataclass
class Problem:
    """One network, and what is asked of it. A problem without a solution asks for Jacobians only."""

    system: System
    solution: Solution | None
    title: str = ""
    task: str = ""
    jacobians: list[tuple[Jacobian, str]] = field(default_factory=list)
    paths: Paths | None = None
    expand: int | None = None
    given: list[str] = field(default_factory=list)
    zeros: dict[str, Forced] = field(default_factory=dict)
    run: Evaluator | None = None
    report: Report | None = None
    wrt: list[str] | None = None

    def check(self, points: int = 5, seed: int = 0) -> Problem:
        """Cross-check the solution and the Jacobians. Raises CrossCheckFailed; a sheet is only written after this."""
        for j, _ in self.jacobians:
            check_jacobian(self.system, j, seed=seed)
        if self.solution is not None:
            self.report = self.solution.crosscheck(points, seed).require()
        return self


@dataclass
class Sheet:
    """Problems under one title, in one style, at one level of detail."""

    title: str
    problems: list[Problem]
    style: Style = field(default_factory=Style)
    detail: str = "steps"
    subtitle: str = "worked solution"

    def render(self, target: str) -> str:
        """The sheet as "tex", "html" or "md". Raises where a solution was not cross-checked."""
        for p in self.problems:
            if p.solution is not None and (p.report is None or not p.report.passed):
                raise ValueError(f"{p.title}: a sheet is not written before its gradients are cross-checked")
        language = LANGUAGES[target]
        context = {
            "title": self.title, "subtitle": self.subtitle, "detail": self.detail,
            "problems": [_Writer(p, self.style, language, self.detail, k + 1).context() for k, p in enumerate(self.problems)],
            "numbered": len(self.problems) > 1,
        }  # fmt: skip
        safe = context if target == "html" else escaped(context)
        return environment(target).get_template(f"sheet.{target}.j2").render(safe)


# -- one problem --------------------------------------------------------------------------------------------------


@dataclass
class _Writer:
    """Writes the strings of one problem."""

    problem: Problem
    style: Style
    language: Language
    detail: str
    number: int

    @cached_property
    def system(self) -> System:
        return self.problem.system

    @cached_property
    def speller(self) -> Speller:
        loss = self.system.loss
        name, partial = loss.name if loss is not None else "L", self.style.adjoint == "partial"
        return Speller(replace(self.style, loss=name, marked=partial))

    @cached_property
    def marking(self) -> Speller:
        """For Jacobians: the derivative in one equation alone is marked, because the other kind stands beside it."""
        return Speller(replace(self.speller.style, marked=True))

    def context(self) -> dict[str, Any]:
        p = self.problem
        solved = p.solution is not None
        return {
            "title": p.title or self.system.title, "task": p.task, "number": self.number, "solved": solved,
            "declarations": self._declarations(), "equations": self._equations(), "loss": self._loss(),
            "picture": self._picture(), "definitions": self._definitions(),
            "adjoints": self._adjoint_rows() if solved else [], "gradients": self._gradient_rows() if solved else [],
            "closed": self._closed_rows() if solved else [],
            "closed_title": self._closed_title() if solved else "", "remarks": self._remarks() if solved else [],
            "explanations": self._explanations(), "jacobians": self._jacobians(), "paths": self._paths(),
            "zeros": self._zeros(), "table": self._table() if solved else [], "check": self._check(),
            "values": self._values(), "conventions": self._conventions(),
        }  # fmt: skip

    # -- small things ---------------------------------------------------------------------------------------

    def spell(self, e: Expr) -> Node:
        return self.speller.spell(e)

    def math(self, e: Expr | Node) -> Any:
        return self.language.math(e if isinstance(e, Node) else self.spell(e))

    def _space(self, shape: Sequence[Any]) -> Node:
        if not shape:
            return Sym("R", font="blackboard")
        sizes: list[Node] = [letter(str(s)) if s.is_Symbol else number(s) for s in shape]
        exponent = sizes[0] if len(sizes) == 1 else _times(sizes)
        return Sym("R", font="blackboard", sup=exponent)

    def _dim(self, v: Var) -> Any:
        return self.language.math(Rel((Word(""), self._space(v.shape)), ("∈",)))

    def _reason(self, reason: Reason, limit: float = 24.0) -> Any:
        """The grey words behind a line; equations that are too long for it are named by their left side."""
        pieces: list[str | Node] = []
        for p in reason:
            if isinstance(p, str):
                pieces.append(p)
            elif isinstance(p, Expr):
                pieces.append(self.spell(p))
            else:
                left, right = self.spell(p[0]), self.spell(p[1])
                whole = Rel((left, right), ("=",))
                pieces += [whole] if width(whole) < limit else ["the equation of ", left]
        total = sum(width(p) if isinstance(p, Node) else 0.45 * len(p) for p in pieces)
        if total > 38 and len(reason) > 1:
            pairs = [p for p in reason if isinstance(p, tuple)]
            rules: list[Node] = [Rel((self.spell(a), self.spell(b)), ("=",)) for a, b in pairs if isinstance(a, Map)]
            lefts = [self.spell(a) for a, _ in pairs if not isinstance(a, Map)]
            if lefts:
                short: list[str | Node] = ["the equations of ", Listed(tuple(lefts[:6]))]
                return self.language.join([*short, *(x for r in rules for x in ("; ", r))])
        return self.language.join(pieces)

    # -- the problem ----------------------------------------------------------------------------------------

    def _declarations(self) -> Any:
        """x, s ∈ R^d, W ∈ R^(n×d), …"""
        groups: dict[tuple, list[Node]] = {}
        for v in self.system.independent.values():
            groups.setdefault(v.shape, []).append(self.spell(v))
        pieces: list[str | Node] = ["For "]
        for k, (shape, names) in enumerate(groups.items()):
            pieces.append(", " if k else "")
            for n in names[:-1]:
                pieces += [n, ", "]
            pieces.append(Rel((names[-1], self._space(shape)), ("∈",)))
        if self.system.sequential:
            first, _ = self.system.range
            pieces += ["; ", Rel((Sym(INDEX), Listed((Num(str(first)), Sym("dots"), Sym(LAST)))), ("=",))]
        for f in self.system.functions:
            pieces += ["; ", letter(f.name), " is an open function"]
        return self.language.join([*pieces, ":"])

    def _equations(self) -> list[dict[str, Any]]:
        return [self._row(e.left, [("=", self.spell(e.right))], "") for e in self.system.equations]

    def _loss(self) -> Any:
        return self.math(self.system.loss) if self.system.loss is not None else ""

    def _picture(self) -> Any:
        drawn = picture.picture(self.system, adjoints=self.problem.solution is not None)
        if drawn is None or self.language.name == "md" or len(self.system.equations) < 2:
            return ""
        run = self.problem.run
        if run is not None and not self.system.sequential:
            drawn.values = {v: short(run.named[v]) for v in drawn.spots if not v.shape and v in run.named}
        if self.language.name == "html":
            return Markup(picture.svg(drawn, self.speller.style))
        return Latex(picture.tikz(drawn, self.speller.style))

    def _definitions(self) -> list[Any]:
        """The activations that the network uses, as scalar functions: latexify for LaTeX, our notation for the page."""
        used = {n.fn.name for e in self.system.equations for n in postorder(e.right) if isinstance(n, Map)}
        functions = [f for name, f in vars(definitions).items() if name in used]
        if self.language.name == "html":
            return [self.language.math(definition(f)) for f in functions]
        return [Latex(_latexified(f)) for f in functions]

    # -- derivations ----------------------------------------------------------------------------------------

    def _row(
        self, left: Expr | Node | None, equalities: list[tuple[str, Node]], why: Any, dim: Any = "", room: float = FORMULA_WIDTH
    ) -> dict[str, Any]:
        """One row of a derivation: left side, right sides, the reason. Long right sides are broken."""
        node = left if isinstance(left, Node) or left is None else self.spell(left)
        lines: list[Any] = []
        for k, (op, right) in enumerate(equalities):
            parts = broken(right, room)
            for m, (lead, part) in enumerate(parts):
                body = self.language.continued(lead, part)
                lines.append({"op": op if m == 0 and k > 0 else "", "body": body, "more": m > 0})
        return {"left": self.language.bare(node) if node is not None else "", "lines": lines, "why": why, "dim": dim}

    def _line_rows(self, line: Line) -> list[dict[str, Any]]:
        """The rows of one formula's derivation, at this level of detail."""
        dim = self._dim(line.node) if line.node.shape or self.detail == "full" else ""
        bar = line.node.adjoint
        if self.detail == "answer":
            forms = (
                [line.formula]
                if line.short is line.formula or not self._fits(line.formula, line.short)
                else [line.formula, line.short]
            )
            return [self._row(bar, [("=", self.spell(f)) for f in forms], self._when(line), dim)]
        rows: list[dict[str, Any]] = []
        for k, (afters, reason) in enumerate(self._grouped(line)):
            left = bar if k == 0 else None
            rows.append(self._row(left, [("=", self.spell(a)) for a in afters], reason, dim if k == 0 else ""))
        return rows

    def _grouped(self, line: Line) -> list[tuple[list[Expr], Any]]:
        """Steps in rows: short equalities share one; constants put in are not a row of their own below full detail."""
        steps = list(line.steps)
        if self.detail != "full":
            steps = _joined(steps, lambda s: width(self.spell(s.after)) > FORMULA_WIDTH)
        rows: list[tuple[list[Expr], list[Reason]]] = []
        for step in steps:
            small = rows and width(self.spell(step.after)) + sum(width(self.spell(a)) + 1.5 for a in rows[-1][0]) < ONE_ROW
            joined = sum(len(str(r)) for r in rows[-1][1]) + len(step.because) if rows else 0
            if small and (joined < 90 or len(rows[-1][0]) < 2) and self.detail != "full":
                rows[-1][0].append(step.after)
                rows[-1][1].append(step.reason)
            else:
                rows.append(([step.after], [step.reason]))
        when = self._when(line)
        out = []
        for k, (afters, reasons) in enumerate(rows):
            joined_reason: tuple = ()
            for r in dict.fromkeys(reasons):
                fresh = tuple(p for p in r if isinstance(p, str) or p not in joined_reason)
                if any(p not in (", ", "; ") for p in fresh):
                    joined_reason += (("; ",) if joined_reason else ()) + fresh
            words = self._reason(joined_reason)
            out.append((afters, self.language.trusted(f"{when}; {words}") if k == 0 and when else words))
        return out

    def _fits(self, a: Expr, b: Expr) -> bool:
        return width(self.spell(a)) + width(self.spell(b)) < FORMULA_WIDTH - 3

    def _when(self, line: Line) -> Any:
        """Which instants a formula of a sequence is for."""
        v = line.node
        if v.time is None or line.when != "generic":
            return ""
        adjoint = self._adjoint(v)
        ends = [when for when, _ in adjoint.boundary if when.base == LAST]
        if not ends:
            return ""
        least = min(ends, key=lambda i: i.offset)
        return self.language.join(
            [
                Rel(
                    (Sym(INDEX), letter(LAST) if not least.offset else Sum(((1, Sym(LAST)), (-1, Num(str(-least.offset)))))),
                    ("<",),
                )
            ]
        )

    def _adjoint(self, v: Var) -> Adjoint:
        assert self.problem.solution is not None
        return self.problem.solution.sweep.adjoints[v.key]

    def _adjoint_rows(self) -> list[dict[str, Any]]:
        """The computed nodes, from the loss backwards."""
        assert self.problem.solution is not None
        sweep = self.problem.solution.sweep
        named = [sweep.adjoints[e.name] for e in reversed(self.system.ordered)]
        return [row for a in named for line in _worth_showing(a) for row in self._line_rows(line)]

    def _gradient_rows(self) -> list[dict[str, Any]]:
        assert self.problem.solution is not None
        solution = self.problem.solution
        keys = [w for w in solution.wrt if w in self.system.independent]
        return [row for key in keys for line in _worth_showing(solution.sweep.adjoints[key]) for row in self._line_rows(line)]

    def _closed_rows(self) -> list[dict[str, Any]]:
        """Gradients with everything put in, where that says more than the line above and can be read."""
        solution = self.problem.solution
        assert solution is not None
        rows = []
        for key, closed in solution.closed_forms.items():
            if closed is None or closed is solution.gradients[key] or is_zero(closed) or key in self.system.by_name:
                continue
            node = self.spell(closed)
            if max(width(part) for _, part in broken(node, FORMULA_WIDTH)) > FORMULA_WIDTH:
                continue
            rows.append(self._row(self._gradient_symbol(self.system.nodes[key]), [("=", node)], ""))
        return rows

    def _closed_title(self) -> str:
        """Closed forms where no adjoint is left in any; in time the states' adjoints stay."""
        assert self.problem.solution is not None
        left = [v for c in self.problem.solution.closed_forms.values() if c is not None for v in c.atoms(Var) if v.bar]
        return "With the other adjoints put in" if left else "In closed form"

    def _gradient_symbol(self, v: Var) -> Node:
        style = replace(self.speller.style, adjoint="partial", marked=False)
        return Speller(style).spell(v.adjoint)

    def _remarks(self) -> list[Any]:
        """What a formula becomes for a target whose entries sum to one."""
        assert self.problem.solution is not None
        found = []
        for a in self.problem.solution.sweep.adjoints.values():
            sums = [n for n in postorder(a.formula) if isinstance(n, Ein) and _is_total_of_given(n, self.system)]
            if sums and isinstance(sums[0], Ein):
                short = simplify(rebuild(a.formula, lambda n, s=sums[0]: _one(n) if n is s else n)).expr  # type: ignore[misc]
                what = Rel((self.spell(sums[0]), self.spell(_one(sums[0]))), ("=",))
                result = Rel((self.spell(a.node.adjoint), self.spell(short)), ("=",))
                example = ", such as one-hot rows: " if sums[0].shape else ", such as a one-hot vector: "
                found.append(self.language.join(["For a target with ", what, example, result, "."]))
        return found

    def _explanations(self) -> list[Any]:
        if self.detail != "full" or self.problem.solution is None:
            return []
        return [self.language.join(e.pieces) for e in explanations(self.system, self.speller)]

    # -- Jacobians, paths, assumptions ----------------------------------------------------------------------

    def _jacobians(self) -> list[dict[str, Any]]:
        out = []
        for j, layout in self.problem.jacobians:
            speller = self.marking if j.direct or len(j.parts) > 1 else self.speller
            symbol, value = speller.spell(j.symbol), speller.spell(j.expr)
            rows = []
            if self.detail != "answer" and len(j.parts) > 1:
                rows += [self._row(speller.spell(a), [("=", speller.spell(b))], "") for a, b in j.parts]
                if j.along is not None:
                    rows.append(self._row(symbol, [("=", speller.spell(j.along))], "one product for every path"))
            words = "every other quantity held" if j.direct else ""
            forms = [value, *([speller.spell(j.short)] if j.short is not None else [])]
            left: Node | None = None if rows and j.along is not None else symbol
            for form in forms:
                if left is not None or max(width(part) for _, part in broken(form, WIDE)) <= WIDE:
                    rows.append(self._row(left, [("=", form)], words, room=WIDE))
                    left = None
            if layout == "both" and len(j.expr.shape) == 2:
                rows.append(self._row(Word("in the other layout: "), [("", speller.spell(j.transposed))], ""))
            out.append({"rows": rows, "title": self.math(symbol), "direct": j.direct})
        return out

    def _paths(self) -> dict[str, Any] | None:
        p = self.problem.paths
        if p is None:
            return None
        top = Speller(replace(self.speller.style, adjoint="partial", marked=False)).spell(p.parameter.adjoint)
        h_k, h_t = p.state.at(Instant("k")), p.state.at(p.end)
        between = _partial(self.spell(h_t), self.spell(h_k))
        rows = []
        if isinstance(p.loss_term, Var) and p.summed:
            rows.append(self._row(p.loss_term, [("=", self.spell(self._summand()))], "the loss of one instant"))
        rows += [
            self._row(self.spell(p.step.symbol), [("=", self.spell(p.step.expr))], "one step"),
            self._row(between, [("=", self.spell(p.product_symbols)), ("=", self.spell(p.product))], "latest factor on the left"),
            self._row(self.spell(h_k.adjoint), [("=", self.spell(p.back))], "the loss, back through the product", self._dim(h_k)),
            self._row(
                top,
                [("=", self.spell(p.symbols))],
                self.language.join(["a term for every path from the loss to ", self.spell(p.parameter)]),
            ),
        ]
        if width(self.spell(p.value)) < WIDE:
            rows.append(self._row(None, [("=", self.spell(p.value))], "everything put in"))
        expansion: list[dict[str, Any]] = []
        if self.problem.expand is not None:
            for t, terms in p.expansion(self.problem.expand, self.system.first):
                total = Sum(tuple((1, self.spell(term)) for term in terms)) if len(terms) > 1 else self.spell(terms[0])
                lead = "=" if not expansion else "+"
                row = self._row(
                    top if not expansion else None,
                    [("", total)],
                    self.language.join([Rel((Sym(INDEX), Num(str(t))), ("=",))]),
                    room=FORMULA_WIDTH - 3,
                )
                expansion.append({**row, "lead": lead})
        return {"rows": rows, "expansion": expansion, "last": self.problem.expand}

    def _summand(self) -> Expr:
        """The term of the loss for one instant."""
        assert self.system.loss is not None
        right = self.system.by_name[self.system.loss.name].right
        assert isinstance(right, Over)
        return right.body

    def _zeros(self) -> list[Any]:
        p = self.problem
        out = []
        if p.zeros:
            signs = [assumption(self.system, g) for g in p.given]
            relations: list[Node] = [Rel((self.spell(a.node), Num("0")), ("<" if a.sign < 0 else ">",)) for a in signs]
            out.append(self.language.join(["Suppose ", Listed(tuple(relations)), "."]))
        for key, forced in p.zeros.items():
            bar = self.spell(self.system.independent[key].adjoint)
            if forced.zero:
                chain: list[str | Node] = []
                for a, b in forced.reasons:
                    chain += [", " if chain else "", Rel((self.spell(a), self.spell(b)), ("=",))]
                out.append(self.language.join([Rel((bar, Num("0")), ("=",)), ", whatever the rest: ", *chain, "."]))
            elif forced.example is None:
                out.append(
                    self.language.join([bar, " is undecided: no reason for a zero was found, and no point where it isn't."])
                )
            else:
                out.append(
                    self.language.join(
                        [
                            bar,
                            f" is not forced to be zero: at a random such point it is {forced.example:.4g}.",
                        ]
                    )
                )
        return out

    # -- table, check, numbers ------------------------------------------------------------------------------

    def _table(self) -> list[dict[str, Any]]:
        """Node, equation, adjoint, cross-check."""
        solution, report = self.problem.solution, self.problem.report
        assert solution is not None and report is not None
        errors = {**report.per_node, **report.per_gradient}
        rows = []
        for name in (
            *(e.name for e in reversed(self.system.ordered)),
            *(w for w in solution.wrt if w in self.system.independent),
        ):
            a = solution.sweep.adjoints[name]
            equation = self.system.by_name.get(name) if a.node.key not in self.system.independent else None
            rule = self._cell(self.spell(equation.right)) if equation is not None else ""
            rows.append(
                {
                    "node": self.math(a.node),
                    "rule": rule,
                    "adjoint": self._cell(self.spell(a.formula)),
                    "check": self._error(errors.get(name)),
                }
            )
        return rows

    def _cell(self, node: Node) -> Any:
        return self.language.math(node) if width(node) <= TABLE_CELL else self.language.escape("(above)")

    def _error(self, e: float | None) -> Any:
        """A bound on a relative error, coarse enough to be the same on every machine: what is below it is rounding."""
        if e is None:
            return ""
        return self.language.math(below(next((k for k in ERROR_BOUNDS if 10 * e < 10.0**k), ERROR_BOUNDS[-1])))

    def _check(self) -> dict[str, Any] | None:
        report = self.problem.report
        if report is None:
            return None
        also = ", and to seven digits to central differences,"
        method = f"complex steps{also}" if report.method == "complex step" else "central differences"
        sizes = [", ".join(f"{k} = {n}" for k, n in s.items()) for s in report.sizes if s]
        example = f"; sizes such as {sizes[0]}" if sizes else ""
        lasts = sorted(set(report.lasts)) if self.system.sequential else []
        times = f"; T = {', '.join(map(str, lasts))}" if lasts else ""
        return {
            "points": report.points,
            "method": method,
            "error": self._error(report.max_relative_error),
            "sizes": example + times,
        }

    def _values(self) -> list[dict[str, Any]]:
        """Every equation, then every adjoint from the loss backwards, as formula = substitution = value."""
        run, solution = self.problem.run, self.problem.solution
        if run is None:
            return []
        shown = list(run.instants())[:SHOWN_STEPS] if self.system.sequential else []
        rows = [
            self._row(v, [("=", value_node(run.named[v]))], "given")
            for g in self.system.independent.values()
            for v, _ in self._entries(g, shown)
        ]
        rows += [
            row
            for e in self.system.ordered
            for v, t in self._entries(e.left, shown)
            for row in self._worked(v, e.right, t, t in (None, *shown[:1]))
        ]
        if solution is not None:
            nodes = [e.name for e in reversed(self.system.ordered)] + [w for w in solution.wrt if w in self.system.independent]
            for name in dict.fromkeys(nodes):
                a = solution.sweep.adjoints[name]
                for v, t in self._entries(a.node, shown[::-1]):
                    rows += self._worked(v.adjoint, run.formula(a, t), t, t in (None, *shown[::-1][:1]))
        return rows

    def _entries(self, v: Var, shown: list[int]) -> list[tuple[Var, int | None]]:
        generic = v.time is not None and v.time.base == INDEX
        return [(v.at(Instant("", t)), t) for t in shown] if generic else [(v, None)]

    def _worked(self, v: Var, formula: Expr, t: int | None, spelled: bool) -> list[dict[str, Any]]:
        """formula = substitution = value, in as many rows as it takes; the formula is not repeated for every t."""
        run = self.problem.run
        assert run is not None
        plain = run.concrete(formula, {**({INDEX: t} if t is not None else {}), LAST: run.at.last})
        numbers = {leaf: value_node(run.named[leaf], bracketed=True) for leaf in plain.atoms(Var) if leaf in run.named}
        shown = at_time(formula, INDEX, Instant("", t)) if t is not None else formula
        forms = [self.spell(at_time(shown, LAST, Instant("", run.at.last)))] if spelled else []
        if not any(isinstance(n, Opaque) for n in postorder(plain)):
            filled = Speller(self.speller.style, numbers).spell(plain)
            forms += [filled] if width(filled) < FORMULA_WIDTH and filled not in forms else []
        result = value_node(run.named[v])
        forms += [result] if not forms or forms[-1] != result else []
        packed: list[list[Node]] = []
        for f in forms:
            if packed and sum(width(x) + 1.6 for x in [*packed[-1], f]) < FORMULA_WIDTH:
                packed[-1].append(f)
            else:
                packed.append([f])
        return [self._row(None if k else v, [("=", f) for f in row], "") for k, row in enumerate(packed)]

    # -- conventions ----------------------------------------------------------------------------------------

    def _conventions(self) -> list[Any]:
        nodes = [n for e in self.system.equations for n in postorder(e.right)]
        vectors = any(v.shape for v in self.system.quantities.values())
        out: list[list[str | Node]] = []
        if self.problem.solution is not None:
            v = var_v(self.speller)
            what = " has the shape of " if vectors else ": "
            tail: list[str | Node] = [what, Sym("v"), " (gradient convention); a node"] if vectors else [": a node"]
            out.append([Rel((v[0], v[1]), ("=",)), *tail, " collects one term from every equation that uses it"])
        if vectors and (self.problem.jacobians or self.problem.paths or self.detail != "answer"):
            out.append(["a Jacobian has a row for each entry of its numerator"])
        if self.speller.style.marked or any(j.direct or len(j.parts) > 1 for j, _ in self.problem.jacobians):
            out.append(
                [self.marking.spell(jac(var("u"), var("v"))), " is taken in one equation alone, every other quantity held"]
            )
        if self.problem.paths is not None:
            held = self.spell(jac(self.problem.paths.state.at(Instant("k")), self.problem.paths.parameter))
            before = self.spell(self.problem.paths.state.at(Instant("k", -1)))
            out.append(["along the paths ", held, " is taken with ", before, " held, and an empty product is the identity"])
        functions = [self.speller._name(n) for n in nodes if isinstance(n, Map) and n.shape and n.fn.style == "call"]
        if functions:
            out.append(
                [
                    Listed(tuple(dict.fromkeys(functions))),
                    " act" + "s" * (len(set(functions)) == 1) + " entry by entry, as ",
                    Sym("odot", font="operator"),
                    " multiplies",
                ]
            )
        soft = next((n for n in nodes if isinstance(n, Comp) and n.record.name == "softmax"), None)
        if soft is not None:
            z = var("u", soft.shape[-1:])
            rule = Rel((self.spell(soft.record(z)), self.spell(soft.record.body(z))), ("=",))
            out.append([rule, ", for each row" if len(soft.shape) == 2 else ""])
        if self.system.sequential and self.problem.solution is not None:
            out.append(["adjoints beyond ", Sym(LAST), " are zero"])
        if any(isinstance(n, Map) and n.fn.kinks for n in nodes):
            relu = Sym("relu", primes=1, font="function", latex=r"\operatorname{relu}")
            out.append(["at a kink the slope is that of the left side: ", Rel((Call(relu, (Num("0"),)), Num("0")), ("=",))])
        return [self.language.join(pieces) for pieces in out]


def var_v(speller: Speller) -> tuple[Node, Node]:
    """The adjoint's symbol for a quantity v, and what it stands for."""
    v = var("v")
    partial = Speller(replace(speller.style, adjoint="partial", marked=False)).spell(v.adjoint)
    shown = speller.spell(v.adjoint)
    return (shown, partial) if shown != partial else (partial, Word("the gradient"))


def _times(sizes: list[Node]) -> Node:
    return Prod(tuple(sizes), "times")


def _partial(top: Node, below: Node) -> Node:
    return Partial(top, below)


def _one(e: Expr) -> Expr:
    return ones(e.shape)


def _is_total_of_given(e: Ein, system: System) -> bool:
    """1ᵀt, or the row sums of Y, of something that is given."""
    return (
        len(e.factors) == 1
        and isinstance(e.factors[0][0], Var)
        and e.factors[0][0].key in system.independent
        and len(e.summed) == 1
    )


def _worth_showing(a: Adjoint) -> list[Line]:
    """The generic line and the ends; a generic line that is only ever zero gives way to its ends."""
    if a.boundary and is_zero(a.formula):
        return [line for _, line in a.boundary]
    return list(a.lines)


def _joined(steps: list[Step], long: Callable[[Step], bool]) -> list[Step]:
    """Putting in L̄ = 1 joined with the line before it; so is opening a derivative, where the line is a long one."""
    out: list[Step] = []
    for s in steps:
        last = out[-1] if out else None
        opening = s.rule == "simplification" and last is not None and long(last)
        if last is not None and last.rule == "local derivative" and (s.rule == "substitution" or opening):
            reason = (*last.reason, "; ", *s.reason) if opening else last.reason
            out[-1] = Step(last.rule, last.before, s.after, reason)
        else:
            out.append(s)
    return out


def _latexified(function: Any) -> str:
    """latexify's LaTeX of a scalar definition."""
    import latexify

    letters = {"sigmoid": "sigma"}
    return str(latexify.get_latex(function, use_math_symbols=True, expand_functions={"exp"}, identifiers=letters))
