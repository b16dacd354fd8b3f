"""A Python function, as text, to a system of equations. The text is parsed, never executed.

def residual(x: Vector[d], W1: Matrix[n, d]):      declarations
    z = W1 @ x                                     one equation for each assignment
    h[0]: Vector[n]                                an initial value that is given
    h[t] = tanh(U @ h[t - 1] + x[t])               a recurrence
    L = sum(sqnorm(h[t]) for t in Time)            a sum over time
    return L                                       the loss
"""

from __future__ import annotations

import ast
import difflib
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy

from derive.expr import DeriveError, Expr, Instant, Var, as_expr, at_time, opaque, over, postorder, var
from derive.ops import CALLABLES, CONSTANTS
from derive.system import INDEX, LAST, Equation, NetworkError, OpenFunction, System

KINDS = {"Scalar": 0, "Vector": 1, "Matrix": 2}
Sizes = dict[str, Any]


def read_function(text: str, sizes: Sizes | None = None, name: str | None = None, place: str = "") -> System:
    """The system that one function's source describes.

    sizes: what dimension names mean outside the text (d = 3); others are positive integer symbols.
    name: which function, where the text holds several. Raises NetworkError with the equation and what would be right.
    """
    text = textwrap.dedent(text)
    try:
        module = ast.parse(text)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise NetworkError(f"{_at(place, error.lineno or 0)}not Python: {error.msg}: {line}") from None
    functions = [n for n in module.body if isinstance(n, ast.FunctionDef) and name in (None, n.name)]
    if len(functions) != 1:
        found = ", ".join(f.name for f in functions) or "none"
        raise NetworkError(
            f"{place or 'this text'} should hold one network, a function such as `def net(x: Scalar): …`; found {found}"
        )
    return _Reader(functions[0], sizes or {}, place, text).system()


def dimension(name: str) -> sympy.Symbol:
    """The symbol of a size."""
    return sympy.Symbol(name, positive=True, integer=True)


def _at(place: str, line: int) -> str:
    return f"{place}:{line}: " if place else f"line {line}: " if line else ""


@dataclass
class _Reader:
    """Reads one function. Names are settled first (what is declared, what is defined), then the equations in dependence order."""

    function: ast.FunctionDef
    sizes: Sizes
    place: str
    text: str
    declared: dict[str, Var] = field(default_factory=dict)
    initial: dict[str, dict[int, Var]] = field(default_factory=dict)
    functions: dict[str, OpenFunction] = field(default_factory=dict)
    assigned: dict[str, ast.Assign] = field(default_factory=dict)
    known: dict[str, Var] = field(default_factory=dict)
    index: str = INDEX
    first: int = 1
    returned: str | None = None
    sequences: set[str] = field(default_factory=set)

    # -- the whole ------------------------------------------------------------------------------------------

    def system(self) -> System:
        self._declarations()
        self._statements()
        equations = self._equations()
        loss = next((e.left for e in equations if e.name == self.returned), None)
        scalar = loss is not None and loss.time is None and not loss.shape
        return System(
            name=self.function.name, title=self._title(), declared=tuple(self.declared.values()),
            initial=tuple(v for by_time in self.initial.values() for _, v in sorted(by_time.items())),
            functions=tuple(self.functions.values()), equations=equations, first=self.first,
            loss=loss if scalar else None, returned=loss, text=self.text,
        )  # fmt: skip

    def _title(self) -> str:
        doc = ast.get_docstring(self.function) or self.function.name.replace("_", " ")
        return doc.splitlines()[0].rstrip(".")

    @cached_property
    def _lines(self) -> list[bytes]:
        return self.text.encode().splitlines(keepends=True)

    def source(self, node: ast.AST) -> str:
        """The text of a node (`ast.get_source_segment` splits the whole text at every call)."""
        if getattr(node, "end_lineno", None) is None:
            return ast.unparse(node)
        lines = self._lines[node.lineno - 1 : node.end_lineno]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return " ".join(b"".join(lines).decode().split())

    def _fail(self, node: ast.AST, message: str) -> NetworkError:
        source = self.source(node) if isinstance(node, ast.stmt) else None
        where = f" in `{source}`" if source else ""
        return NetworkError(f"{_at(self.place, getattr(node, 'lineno', 0))}{message}{where}")

    # -- declarations ---------------------------------------------------------------------------------------

    def _declarations(self) -> None:
        arguments = self.function.args
        if arguments.vararg or arguments.kwarg or arguments.defaults or arguments.kw_defaults:
            raise self._fail(self.function, "parameters are declared one by one, `W: Matrix[n, d]`, without defaults")
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self._declare(argument)

    def _declare(self, argument: ast.arg) -> None:
        name, annotation = argument.arg, argument.annotation
        if name == LAST and self.sequences:
            raise self._fail(argument, f"{LAST} is the last instant; choose another name")
        kind, inside = self._annotation(annotation, argument)
        if kind == "Time":
            self.index, self.first = name, self._first(inside, argument)
        elif kind == "Function":
            self.functions[name] = OpenFunction(name)
        elif kind == "Sequence":
            inner, sizes = self._annotation(inside[0] if inside else None, argument)
            if inner not in KINDS:
                raise self._fail(argument, f"`{name}`: a sequence of what? Write Sequence[Scalar] or Sequence[Vector[d]]")
            self.sequences.add(name)
            self.declared[name] = var(name, self._shape(inner, sizes, argument), Instant(INDEX))
        else:
            self.declared[name] = var(name, self._shape(kind, inside, argument))

    def _annotation(self, node: ast.expr | None, where: ast.AST) -> tuple[str, list[ast.expr]]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode="eval").body
        base = node.value if isinstance(node, ast.Subscript) else node
        kind = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
        if kind not in {*KINDS, "Sequence", "Time", "Function"}:
            what = f"`{where.arg}`" if isinstance(where, ast.arg) else "a declaration"
            given = f", not `{ast.unparse(node)}`" if node is not None else ""
            raise self._fail(where, f"{what} needs Scalar, Vector[n], Matrix[n, d], Sequence[…], Time or Function{given}")
        inside = node.slice if isinstance(node, ast.Subscript) else None
        return kind, list(inside.elts) if isinstance(inside, ast.Tuple) else [inside] if inside is not None else []

    def _first(self, inside: list[ast.expr], where: ast.AST) -> int:
        start = inside[0].lower if inside and isinstance(inside[0], ast.Slice) else inside[0] if inside else None
        if start is None or (isinstance(start, ast.Name) and start.id == LAST):
            return 1
        value = self._integer(start)
        if value is None:
            raise self._fail(where, "time starts at a whole number: Time is 1 … T, Time[0] is 0 … T")
        return value

    def _integer(self, node: ast.expr | None) -> int | None:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._integer(node.operand)
            return None if value is None else -value
        return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None

    def _shape(self, kind: str, sizes: list[ast.expr], where: ast.AST) -> tuple[sympy.Expr, ...]:
        if len(sizes) != KINDS[kind]:
            example = {"Scalar": "Scalar", "Vector": "Vector[n]", "Matrix": "Matrix[n, d]"}[kind]
            raise self._fail(where, f"{kind} takes {KINDS[kind]} sizes, as in {example}; here it has {len(sizes)}")
        return tuple(self._size(s, where) for s in sizes)

    def _size(self, node: ast.expr, where: ast.AST) -> sympy.Expr:
        match node:
            case ast.Constant(value=int(value)) if value > 0:
                return sympy.Integer(value)
            case ast.Name(id=name):
                meaning = self.sizes.get(name)
                if isinstance(meaning, int) and meaning > 0:
                    return sympy.Integer(meaning)
                return dimension(str(meaning) if isinstance(meaning, sympy.Symbol) else name)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
                a, b = self._size(left, where), self._size(right, where)
                return a + b if isinstance(op, ast.Add) else a - b if isinstance(op, ast.Sub) else a * b
        raise self._fail(
            where, f"`{ast.unparse(node)}` is not a size: use a name, a positive number, or a sum or product of them"
        )

    # -- statements -----------------------------------------------------------------------------------------

    def _statements(self) -> None:
        for statement in self.function.body:
            match statement:
                case ast.Expr(value=ast.Constant()) | ast.Pass():
                    continue
                case ast.AnnAssign(target=ast.Subscript(value=ast.Name(id=name), slice=slot), value=None):
                    self._initial(name, slot, statement)
                case ast.Assign(targets=[ast.Name(id=name)]):
                    self._define(name, statement)
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=slot)]):
                    if not (isinstance(slot, ast.Name) and slot.id == self.index):
                        raise self._fail(
                            statement,
                            f"an equation defines {name}[{self.index}], for every {self.index}; "
                            f"a given value is declared, `{name}[0]: Scalar`,",
                        )
                    self.sequences.add(name)
                    self._define(name, statement)
                case ast.Return(value=ast.Name(id=name)):
                    self.returned = name
                case ast.Return(value=value) if value is not None:
                    self._define("L", ast.copy_location(ast.Assign([ast.Name("L")], value), statement))
                    self.returned = "L"
                case _:
                    raise self._fail(
                        statement,
                        "a network is made of equations `name = expression`, given values `h[0]: Vector[n]` and a `return`; this is neither:",
                    )
        if self.returned is not None and self.returned not in self.assigned:
            raise self._fail(self.function.body[-1], f"`{self.returned}` is returned but no equation defines it,")

    def _define(self, name: str, statement: ast.Assign) -> None:
        if name in self.assigned:
            first = self.source(self.assigned[name])
            raise self._fail(statement, f"`{name}` is defined twice, first by `{first}`: give the second one a name of its own,")
        if name in self.declared or name in self.functions or name in (self.index, LAST):
            raise self._fail(statement, f"`{name}` is declared as given, and can't be defined too,")
        self.assigned[name] = statement

    def _initial(self, name: str, slot: ast.expr, statement: ast.AnnAssign) -> None:
        instant = self._integer(slot)
        if instant is None or instant >= self.first:
            raise self._fail(statement, f"an initial value is given before time starts, `{name}[{self.first - 1}]`,")
        kind, sizes = self._annotation(statement.annotation, statement)
        if kind not in KINDS:
            raise self._fail(statement, f"`{name}[{instant}]` is a Scalar, Vector[n] or Matrix[n, d],")
        given = var(name, self._shape(kind, sizes, statement), Instant("", instant))
        others = self.initial.setdefault(name, {})
        if instant in others:
            raise self._fail(statement, f"`{name}[{instant}]` is declared twice,")
        others[instant] = given

    # -- equations ------------------------------------------------------------------------------------------

    def _equations(self) -> tuple[Equation, ...]:
        """In the order of the page; read in an order in which every shape is known."""
        for name in self.initial:
            if name not in self.assigned and name not in self.declared:
                raise self._fail(self.function, f"`{name}` has an initial value but no equation `{name}[{self.index}] = …`,")
        done: dict[str, Equation] = {}
        pending = list(self.assigned.items())
        for name, given in self.initial.items():
            if name in self.assigned:
                self.known[name] = next(iter(given.values())).at(Instant(INDEX))
        while pending:
            later = []
            for name, statement in pending:
                try:
                    done[name] = self._equation(name, statement)
                except _Later as wait:
                    later.append((name, statement, wait))
            if len(later) == len(pending):
                raise self._stuck([(name, s, str(wait)) for name, s, wait in later])
            pending = [(name, s) for name, s, _ in later]
        return tuple(done[name] for name in self.assigned)

    def _stuck(self, pending: list[tuple[str, ast.Assign, str]]) -> NetworkError:
        wants = {name: wait for name, _, wait in pending}
        for name, _, _ in pending:
            path = [name]
            while wants.get(path[-1]) and wants[path[-1]] not in path:
                path.append(wants[path[-1]])
            if wants.get(path[-1]) in path:
                cycle = path[path.index(wants[path[-1]]) :]
                sources = "; ".join(ast.unparse(self.assigned[c]) for c in cycle)
                return self._fail(
                    self.assigned[cycle[0]],
                    f"a cycle: {' needs '.join([*cycle, cycle[0]])} ({sources}). A quantity must not depend on itself at the same "
                    f"instant; a recurrence takes it at {self.index}-1. See",
                )
        return self._fail(pending[0][1], "an equation that can't be ordered,")

    def _equation(self, name: str, statement: ast.Assign) -> Equation:
        sequential = name in self.sequences
        reading = _Reading(self, statement, sequential)
        source = self.source(statement)
        try:
            right = as_expr(reading.expression(statement.value))
        except (NetworkError, _Later):
            raise
        except (DeriveError, TypeError) as error:
            raise self._fail(statement, f"{error},") from None
        left = var(name, right.shape, Instant(INDEX) if sequential else None)
        for given in self.initial.get(name, {}).values():
            if given.shape != left.shape:
                raise self._fail(statement, f"{given.key} is declared in {given.shape}, but the equation gives {left.shape},")
        self.known[name] = left
        return Equation(left, right, source, statement.lineno)


class _Later(Exception):
    """This equation needs one that hasn't been read yet: its shape isn't known."""


@dataclass
class _Reading:
    """Reads one right side."""

    page: _Reader
    statement: ast.Assign
    sequential: bool
    bound: dict[str, tuple[str, Instant, Instant]] = field(default_factory=dict)

    def _fail(self, message: str) -> NetworkError:
        return self.page._fail(self.statement, message)

    def expression(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return sympy.Rational(str(value)) if isinstance(value, float) else sympy.Integer(value)
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute(value=inside, attr="T"):
                return as_expr(self.expression(inside)).T
            case ast.UnaryOp(op=ast.USub(), operand=inside):
                return -self.expression(inside)
            case ast.UnaryOp(op=ast.UAdd(), operand=inside):
                return self.expression(inside)
            case ast.BinOp():
                return self._chain(node)
            case ast.Call(func=ast.Name(id="sum"), args=[ast.GeneratorExp() as generator]):
                return self._sum(generator)
            case ast.Call(func=ast.Subscript(value=ast.Name(id=name), slice=slot), args=[inside]) if name in self.page.functions:
                return opaque(name, self._instant(slot, name), as_expr(self.expression(inside)))
            case ast.Call(func=ast.Name(id=name), args=[inside]) if name in self.page.functions:
                return opaque(name, None, as_expr(self.expression(inside)))
            case ast.Call(func=ast.Name() | ast.Attribute() as function):
                return self._call(function, node)
            case ast.Subscript(value=ast.Name(id=name), slice=slot):
                return self._entry(name, slot)
        raise self._fail(f"`{ast.unparse(node)}` can't be read: use names, numbers, + - * / ** @, .T and functions,")

    def _chain(self, node: ast.BinOp) -> Any:
        """A binary operation; the left spine is walked in a loop, because sums can be thousands of terms long."""
        spine = []
        here: ast.expr = node
        while isinstance(here, ast.BinOp):
            spine.append(here)
            here = here.left
        value = self.expression(here)
        for step in reversed(spine):
            value = self._binary(step.op, value, self.expression(step.right))
        return value

    def _binary(self, op: ast.operator, a: Any, b: Any) -> Any:
        match op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                return a / b
            case ast.MatMult():
                return as_expr(a) @ as_expr(b)
            case ast.Pow():
                if isinstance(b, Expr):
                    raise self._fail("an exponent must be a constant; for a^b write exp(b * log(a)),")
                return a**b
        raise self._fail(f"`{type(op).__name__}` is not an operation of the engine,")

    def _name(self, name: str) -> Any:
        page = self.page
        if name in page.sequences:
            raise self._fail(f"`{name}` is a sequence: write `{name}[{page.index}]` (or `{name}[{LAST}]` for its last entry),")
        if name in page.declared:
            return page.declared[name]
        if name in page.known:
            return page.known[name]
        if name in page.assigned:
            raise _Later(name)
        if name in CONSTANTS:
            return CONSTANTS[name]
        dims = {str(s) for v in page.declared.values() for size in v.shape for s in size.free_symbols}
        if name in dims:
            return dimension(name)
        if name == LAST and self._timed():
            return dimension(LAST)
        raise self._fail(
            f"`{name}` is not defined{self._near(name)}: declare it in the function's parameters or give it an equation,"
        )

    def _timed(self) -> bool:
        return bool(self.page.sequences)

    def _near(self, name: str, among: Any = None) -> str:
        names = among or [*self.page.declared, *self.page.assigned]
        close = difflib.get_close_matches(name, names, n=1)
        return f" (did you mean `{close[0]}`?)" if close else ""

    def _call(self, function: ast.expr, node: ast.Call) -> Any:
        name = function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
        if name in self.page.sequences or name in self.page.declared or name in self.page.assigned:
            raise self._fail(f"`{name}` is a quantity, not a function: a product is written with `*` or `@`,")
        rule = CALLABLES.get(name)
        if rule is None:
            raise self._fail(f"`{name}` is not a function of the table{self._near(name, CALLABLES)}; `derive list` shows them,")
        arguments = [self.expression(a) for a in node.args]
        named = {k.arg: self.expression(k.value) for k in node.keywords if k.arg}
        sized = name in ("rows", "columns", "broadcast", "identity", "ones")
        return rule(*(a if sized or (i and not isinstance(a, Expr)) else as_expr(a) for i, a in enumerate(arguments)), **named)

    # -- time -----------------------------------------------------------------------------------------------

    def _entry(self, name: str, slot: ast.expr) -> Expr:
        page = self.page
        if name not in page.sequences:
            known = name in page.declared or name in page.assigned
            hint = (
                "has no time index; entries of vectors and matrices have no names of their own"
                if known
                else f"is not defined{self._near(name)}"
            )
            raise self._fail(f"`{name}` {hint}: `{name}[{ast.unparse(slot)}]`,")
        instant = self._instant(slot, name)
        self._reaches(name, instant)
        given = page.initial.get(name, {})
        if instant.base == "" and instant.offset in given:
            return given[instant.offset]
        quantity = page.declared.get(name, page.known.get(name))
        if quantity is None:
            raise _Later(name)
        return quantity.at(instant)

    def _reaches(self, name: str, instant: Instant) -> None:
        """Every instant that this use takes has an equation or a given value."""
        page, given = self.page, self.page.initial.get(name, {})
        lo, hi = self._span(instant)
        missing = [k for k in range(lo.offset, page.first) if lo.base == "" and k not in given]
        if missing:
            entry = f"{name}[{missing[-1]}]"
            raise self._fail(
                f"`{name}[{instant}]` takes `{entry}` when {page.index} = {page.first}, and that initial value is not given: declare it "
                f"in the body, `{entry}: Scalar` or `{entry}: Vector[n]`,"
            )
        if hi.base == LAST and hi.offset > 0:
            raise self._fail(f"`{name}[{instant}]` reaches past {LAST}: {page.index} runs over {page.first} … {LAST},")

    def _span(self, instant: Instant) -> tuple[Instant, Instant]:
        """First and last instant that an instant in this equation stands for."""
        for index, lo, hi in self.bound.values():
            if instant.base == index:
                return lo.shifted(instant.offset), hi.shifted(instant.offset)
        if instant.base == INDEX:
            return Instant("", self.page.first + instant.offset), Instant(LAST, instant.offset)
        return instant, instant

    def _instant(self, slot: ast.expr, name: str) -> Instant:
        """t, t-1, T, T-1, 0."""
        page = self.page
        offset, base = 0, slot
        if isinstance(slot, ast.BinOp) and isinstance(slot.op, ast.Add | ast.Sub):
            step = page._integer(slot.right)
            if step is not None:
                base, offset = slot.left, step if isinstance(slot.op, ast.Add) else -step
        number = page._integer(base)
        if number is not None:
            return Instant("", number + offset)
        if isinstance(base, ast.Name):
            if base.id in self.bound:
                return Instant(self.bound[base.id][0], offset)
            if base.id == LAST:
                return Instant(LAST, offset)
            if base.id == page.index:
                if self.sequential:
                    return Instant(INDEX, offset)
                raise self._fail(
                    f"`{name}[{ast.unparse(slot)}]` stands in an equation without {page.index} on its left: define "
                    f"`{ast.unparse(self.statement.targets[0])}[{page.index}]`, sum over time, "
                    f"`sum(… for {page.index} in Time)`, or take `{name}[{LAST}]`,"
                )
        raise self._fail(f"`{name}[{ast.unparse(slot)}]`: an instant is {page.index}, {page.index}-1, {LAST} or a number,")

    def _sum(self, node: ast.GeneratorExp) -> Expr:
        page = self.page
        loop = node.generators[0]
        if len(node.generators) != 1 or loop.ifs or not isinstance(loop.target, ast.Name):
            raise self._fail(f"a sum over time is `sum(… for {page.index} in Time)`,")
        lo, hi = self._range(loop.iter)
        index = "s" if self.sequential else INDEX
        index = "sklmnpqr"[len(self.bound)] if self.bound else index
        inner = _Reading(page, self.statement, self.sequential, {**self.bound, loop.target.id: (index, lo, hi)})
        body = as_expr(inner.expression(node.elt))
        if not any(isinstance(v, Var) and v.time is not None for v in postorder(body)) and not page.sequences:
            raise self._fail("a sum over time in a network without sequences,")
        return over("sum", body, index, lo, hi)

    def _range(self, node: ast.expr) -> tuple[Instant, Instant]:
        match node:
            case ast.Name(id="Time") | ast.Attribute(attr="Time"):
                return Instant("", self.page.first), Instant(LAST)
            case ast.Call(func=ast.Name(id="range"), args=[lo, hi]):
                return self._instant(lo, "range"), self._instant(hi, "range").shifted(-1)
        raise self._fail(f"a sum runs over `Time` or `range(1, {LAST} + 1)`, not `{ast.unparse(node)}`,")


def resolve_sizes(function: Callable[..., Any]) -> Sizes:
    """What the names in a function's module and closure mean, for sizes."""
    names = dict(getattr(function, "__globals__", {}))
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        names[name] = cell.cell_contents
    return {k: v for k, v in names.items() if isinstance(v, int | sympy.Symbol) and not isinstance(v, bool)}


__all__ = ["at_time", "dimension", "read_function", "resolve_sizes"]
