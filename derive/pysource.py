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
import contextlib
import difflib
import inspect
import math
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy

from derive.expr import DeriveError, Expr, Instant, Var, as_expr, at_time, exact, opaque, over, postorder, show_shape, times, var
from derive.ops import CALLABLES, CONSTANTS, Composition
from derive.system import INDEX, LAST, Equation, NetworkError, OpenFunction, System

LARGEST_EXPONENT = 1000
LARGEST_NUMBER = 3500  # bits
KINDS = {"Scalar": 0, "Vector": 1, "Matrix": 2}
Sizes = dict[str, Any]


def read_function(text: str, sizes: Sizes | None = None, name: str | None = None, place: str = "") -> System:
    """The system that one function's source describes.

    sizes: what dimension names mean outside the text (d = 3); others are positive integer symbols.
    name: which function, where the text holds several. Raises NetworkError with the equation and what would be right.
    """
    module = _parsed(_margin(text).removeprefix("\ufeff"), place)
    function = _chosen(module, name, place)
    given = {**_module_sizes(module), **(sizes or {})}
    reader = _Reader(function, given, place, module.source)
    try:
        return reader.system()
    except RecursionError:
        raise NetworkError(
            f"{_at(place, function.lineno)}{function.name} is nested too deeply: give parts of it names of their own"
        ) from None


def _parsed(text: str, place: str) -> Any:
    """The syntax tree, with the text that it was made from. Raises NetworkError for what is not Python."""
    try:
        text.encode()
        module: Any = _parse(text)
    except SyntaxError as error:
        line = (error.text or "").strip()[:80]
        raise NetworkError(f"{_at(place, error.lineno or 0)}not Python: {error.msg}: {line}") from None
    except (ValueError, RecursionError, MemoryError) as error:  # surrogates, towers of brackets
        raise NetworkError(f"{place or 'this text'}: not Python that can be read: {str(error)[:80]}") from None
    module.source = text
    return module


def _parse(text: str) -> ast.Module:
    """`ast.parse` with room for sums of thousands of terms, which are as many levels deep."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 12_000))
    try:
        return ast.parse(text)
    finally:
        sys.setrecursionlimit(limit)


def _margin(text: str) -> str:
    """The text moved to the margin; a function from inside another, whose comments may stand at the margin, under an `if`."""
    text = textwrap.dedent(text)
    first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    return "if 1:\n" + text.removeprefix("\n") if first[:1].isspace() else text


def _chosen(module: Any, name: str | None, place: str) -> ast.FunctionDef:
    """The function to read: the only one, the only one that is decorated, or the one of that name."""
    bodies = [*module.body, *(n for top in module.body if isinstance(top, ast.If) for n in top.body)]
    functions = [n for n in bodies if isinstance(n, ast.FunctionDef) and name in (None, n.name)]
    if len(functions) > 1:
        functions = [
            f for f in functions if any(ast.unparse(d).split(".")[-1] == "network" for d in f.decorator_list)
        ] or functions
    if len(functions) != 1:
        found = ", ".join(f.name for f in functions) or "none"
        what = "one network, a function such as `def net(x: Scalar): …`"
        raise NetworkError(f"{place or 'this text'} should hold {what}; found {found}")
    return functions[0]


def _module_sizes(module: Any) -> Sizes:
    """Sizes that the text itself sets: d = 3."""
    return {
        target.id: n.value.value
        for n in module.body
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant) and type(n.value.value) is int
        for target in n.targets
        if isinstance(target, ast.Name)
    }


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
    timed: bool = False
    returned: str | None = None
    sequences: set[str] = field(default_factory=set)

    # -- the whole ------------------------------------------------------------------------------------------

    def system(self) -> System:
        self._declarations()
        self._statements()
        if not self.assigned:
            raise self._fail(self.function, f"{self.function.name} has no equation: write `name = expression`,")
        equations = self._equations()
        self._no_clash()
        loss = next((e.left for e in equations if e.name == self.returned), None)
        scalar = loss is not None and loss.time is None and not loss.shape
        system = System(
            name=self.function.name, title=self._title(), declared=tuple(self.declared.values()),
            initial=tuple(v for by_time in self.initial.values() for _, v in sorted(by_time.items())),
            functions=tuple(self.functions.values()), equations=equations, first=self.first,
            loss=loss if scalar else None, returned=loss, text=self.text,
        )  # fmt: skip
        try:
            system.stages  # noqa: B018  # an order of computation exists
        except NetworkError as error:
            circular = next((e for e in equations if e.sequential), equations[0])
            raise NetworkError(f"{_at(self.place, circular.line)}{error}") from None
        return system

    def _no_clash(self) -> None:
        """A letter is a size or a quantity, not both."""
        quantities = {*self.declared, *self.assigned}
        sizes = {str(s) for v in (*self.declared.values(), *self.known.values()) for d in v.shape for s in d.free_symbols}
        if clash := sorted(sizes & quantities):
            raise self._fail(self.function, f"`{clash[0]}` is a size and a quantity too: rename one of them,")

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
        if arguments.vararg or arguments.kwarg or arguments.defaults or any(arguments.kw_defaults):
            raise self._fail(self.function, "parameters are declared one by one, `W: Matrix[n, d]`, without defaults")
        everything = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        for argument in everything:
            self._declare(argument)
        if LAST in self.declared and self.sequences:
            raise self._fail(next(a for a in everything if a.arg == LAST), f"{LAST} is the last instant; choose another name")

    def _declare(self, argument: ast.arg) -> None:
        name, annotation = argument.arg, argument.annotation
        if name in self.declared or name in self.functions:
            raise self._fail(argument, f"`{name}` is declared twice")
        kind, inside = self._annotation(annotation, argument)
        if kind == "Time":
            if self.timed:
                raise self._fail(argument, f"`{name}`: there is one time index, and it is `{self.index}`")
            self.timed, self.index, self.first = True, name, self._first(inside, argument)
        elif kind == "Function":
            self.functions[name] = OpenFunction(name)
        elif kind == "Sequence":
            inner, sizes = self._annotation(inside[0], argument) if len(inside) == 1 else ("", [])
            if inner not in KINDS:
                raise self._fail(argument, f"`{name}`: a sequence of what? Write Sequence[Scalar] or Sequence[Vector[d]]")
            self.sequences.add(name)
            self.declared[name] = var(name, self._shape(inner, sizes, argument), Instant(INDEX))
        else:
            self.declared[name] = var(name, self._shape(kind, inside, argument))

    def _annotation(self, node: ast.expr | None, where: ast.AST) -> tuple[str, list[ast.expr]]:
        written = ast.unparse(node) if node is not None else ""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            written = node.value
            try:
                node = ast.parse(written, mode="eval").body
            except SyntaxError:
                node = None
        base = node.value if isinstance(node, ast.Subscript) else node
        kind = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
        if kind not in {*KINDS, "Sequence", "Time", "Function"}:
            what = f"`{where.arg}`" if isinstance(where, ast.arg) else "a declaration"
            given = f", not `{written[:80]}`" if written else ""
            raise self._fail(where, f"{what} needs Scalar, Vector[n], Matrix[n, d], Sequence[…], Time or Function{given}")
        inside = node.slice if isinstance(node, ast.Subscript) else None
        return kind, list(inside.elts) if isinstance(inside, ast.Tuple) else [inside] if inside is not None else []

    def _first(self, inside: list[ast.expr], where: ast.AST) -> int:
        """Time, Time[T], Time[0], Time[0:T]: where it starts; it always ends at T."""
        slot = inside[0] if inside else None
        start = slot.lower if isinstance(slot, ast.Slice) else slot
        end = slot.upper if isinstance(slot, ast.Slice) else None
        if end is not None and not (isinstance(end, ast.Name) and end.id == LAST):
            raise self._fail(
                where, f"time ends at {LAST}, whose number is given later: Time[1:{LAST}], not Time[{ast.unparse(slot or end)}]"
            )
        if start is None or (isinstance(start, ast.Name) and start.id == LAST):
            return 1
        value = self._integer(start)
        if value is None or len(inside) > 1:
            raise self._fail(where, f"time starts at a whole number: Time is 1 … {LAST}, Time[0] is 0 … {LAST}")
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
        size = self._size_formula(node)
        if size is None or (size.is_number and not size > 0):
            known = "use a name, a positive number, or a sum or product of them"
            raise self._fail(where, f"`{ast.unparse(node)[:80]}` is not a size: {known}")
        return size

    def _size_formula(self, node: ast.expr) -> sympy.Expr | None:
        match node:
            case ast.Constant(value=int(value)) if type(value) is int:
                return sympy.Integer(value)
            case ast.Name(id=name):
                return self.meaning(name) or dimension(name)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
                a, b = self._size_formula(left), self._size_formula(right)
                if a is None or b is None:
                    return None
                return a + b if isinstance(op, ast.Add) else a - b if isinstance(op, ast.Sub) else a * b
        return None

    def meaning(self, name: str) -> sympy.Expr | None:
        """What a name around the function stands for: a number or a size."""
        known = self.sizes.get(name)
        if type(known) is int and known > 0:
            return sympy.Integer(known)
        return dimension(str(known)) if isinstance(known, sympy.Symbol) else None

    # -- statements -----------------------------------------------------------------------------------------

    def _statements(self) -> None:
        for statement in self.function.body:
            if self.returned is not None:
                raise self._fail(statement, "`return` ends a network; this stands after it:")
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
                    taken = {*self.declared, *self.assigned, *self.functions}
                    self.returned = next(n for n in ("L", "loss", "L_", "loss_") if n not in taken)
                    self._define(self.returned, ast.copy_location(ast.Assign([ast.Name(self.returned)], value), statement))
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
            if name not in self.sequences:
                raise self._fail(
                    self.function,
                    f"`{name}` has an initial value but no equation `{name}[{self.index}] = …`: it is not a sequence,",
                )
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
                    f"instant; a recurrence takes it at {self.index}-1,",
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
                raise self._fail(
                    statement,
                    f"{given.key} is declared in {show_shape(given.shape)}, the equation gives {show_shape(left.shape)},",
                )
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
            case ast.Constant(value=int(value)) if type(value) is int:
                return self._sane(sympy.Integer(value))
            case ast.Constant(value=float(value)):
                return self._decimal(node, value)
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
            case ast.Call(func=ast.Subscript(value=ast.Name(id=name), slice=slot), args=[inside], keywords=[]) if (
                name in self.page.functions
            ):
                return opaque(name, self._instant(slot, name), as_expr(self.expression(inside)))
            case ast.Call(func=ast.Name(id=name), args=[inside], keywords=[]) if name in self.page.functions:
                return opaque(name, None, as_expr(self.expression(inside)))
            case ast.Call(func=ast.Name() as function):
                return self._call(function, node)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module)) as function) if not self._quantity(module):
                return self._call(function, node)
            case ast.Call(func=ast.Attribute(attr=name)):
                hint = f": write `{name}(…)`, not a method," if name in CALLABLES else "; the sum of all entries is `total(x)`,"
                raise self._fail(
                    f"`{name}` is not a function of the table here" + (hint if name in CALLABLES or name == "sum" else ",")
                )
            case ast.Subscript(value=ast.Name(id=name), slice=slot):
                return self._entry(name, slot)
        raise self._fail(f"`{ast.unparse(node)}` can't be read: use names, numbers, + - * / ** @, .T and functions,")

    def _decimal(self, node: ast.expr, value: float) -> Any:
        """A float is the decimal that was written; one that Python's floats can't hold is refused, not made 0."""
        mantissa = self.page.source(node).lower().split("e")[0]
        if not math.isfinite(value) or (value == 0 and any(c in "123456789" for c in mantissa)):
            raise self._fail(f"`{self.page.source(node)[:40]}` is beyond the range of floating-point numbers,")
        return self._sane(sympy.Rational(str(value)))

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
                return self._sane(a + b)
            case ast.Sub():
                return self._sane(a - b)
            case ast.Mult():
                return self._sane(times(a, b))
            case ast.Div():
                if not isinstance(b, Expr) and b == 0:
                    raise self._fail("a division by zero")
                return self._sane(a / b)
            case ast.MatMult():
                return as_expr(a) @ as_expr(b)
            case ast.Pow():
                return self._sane(a ** self._exponent(a, b))
        raise self._fail(f"`{type(op).__name__}` is not an operation of the engine,")

    def _exponent(self, a: Any, b: Any) -> Any:
        """A constant of moderate size: x^n is a table function for each n."""
        if isinstance(b, Expr) or (isinstance(a, Expr) and not b.is_number):
            raise self._fail("an exponent must be a constant; for a^b write exp(b * log(a)),")
        if b.is_number and (not b.is_real or abs(b) > LARGEST_EXPONENT):
            raise self._fail(f"an exponent is a real number up to {LARGEST_EXPONENT},")
        if a == 0 and b.is_number and b < 0:
            raise self._fail("a division by zero")
        return b

    def _sane(self, value: Any) -> Any:
        """Numbers stay real, finite and of moderate length, so that arithmetic on a page can't eat the machine."""
        if isinstance(value, Expr) or not value.is_number:
            return value
        if value.is_real is False or value.is_finite is False:
            raise self._fail("a number that is not real and finite")
        if value.is_Rational and max(abs(value.p), value.q).bit_length() > LARGEST_NUMBER:
            raise self._fail("a number of more than a thousand digits")
        return value

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
        given = (*page.declared.values(), *(v for by_time in page.initial.values() for v in by_time.values()))
        if name in {str(s) for v in given for size in v.shape for s in size.free_symbols}:
            return dimension(name)
        if (meaning := page.meaning(name)) is not None:
            return meaning
        if name == LAST and self._timed():
            return dimension(LAST)
        raise self._fail(
            f"`{name}` is not defined{self._near(name)}: declare it in the function's parameters or give it an equation,"
        )

    def _quantity(self, name: str) -> bool:
        return name in self.page.declared or name in self.page.assigned or name in self.page.functions

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
        if name in self.page.functions:
            raise self._fail(f"`{name}` takes one argument,")
        if name == "sum":
            raise self._fail("`sum` of what? The sum of all entries is `total(x)`, a sum over time `sum(… for t in Time)`,")
        rule = CALLABLES.get(name)
        if rule is None:
            raise self._fail(f"`{name}` is not a function of the table{self._near(name, CALLABLES)}; `derive list` shows them,")
        arguments = [self.expression(a) for a in node.args]
        named = {k.arg or "**": self.expression(k.value) for k in node.keywords}
        return rule(*self._arguments(name, rule, arguments, named))

    def _arguments(self, name: str, rule: Callable[..., Expr], given: list[Any], named: dict[str, Any]) -> list[Any]:
        """The arguments in their places. The first is a quantity; what follows is one too, a size, or a constant parameter."""
        target = rule.body if isinstance(rule, Composition) else rule
        parameters = [p for p in inspect.signature(target).parameters.values() if p.kind is not p.VAR_POSITIONAL]
        open_end = len(parameters) < len(inspect.signature(target).parameters)
        names = [p.name for p in parameters]
        required = sum(p.default is p.empty for p in parameters)
        unknown = [k for k in named if k not in names[len(given) :]]
        if unknown or not required <= len(given) + len(named) <= (len(given) if open_end else len(names)):
            extra = f"; `{unknown[0]}` is none of them" if unknown else ""
            takes = [*names, *(["sizes"] if open_end else [])]
            raise self._fail(f"`{name}` takes the argument{'s' * (len(takes) > 1)} {', '.join(takes)}{extra},")
        values = [*given, *(named.get(n, p.default) for n, p in list(zip(names, parameters, strict=True))[len(given) :])]
        return [self._argument(name, k, value) for k, value in enumerate(values)]

    def _argument(self, name: str, k: int, value: Any) -> Any:
        if name in ("identity", "ones") or (k > 0 and name in ("rows", "columns", "broadcast")):
            return value  # sizes: checked by the contraction
        if k > 0 and name in ("leaky_relu", "elu", "power"):
            if isinstance(value, Expr) or not exact(value).is_number:
                what = "an exponent must be a constant; for a^b write exp(b * log(a))"
                raise self._fail(f"{what}," if name == "power" else f"the parameter of `{name}` must be a constant number,")
            return self._exponent(sympy.S.One, exact(value)) if name == "power" else self._sane(exact(value))
        return as_expr(value)

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
        self._reaches(name, instant, ast.unparse(slot).replace(" ", ""))
        given = page.initial.get(name, {})
        if instant.base == "" and instant.offset in given:
            return given[instant.offset]
        quantity = page.declared.get(name, page.known.get(name))
        if quantity is None:
            raise _Later(name)
        return quantity.at(instant)

    def _reaches(self, name: str, instant: Instant, written: str) -> None:
        """Every instant that this use takes has an equation or a given value."""
        page, given = self.page, self.page.initial.get(name, {})
        lo, hi = self._span(instant)
        missing = [k for k in range(lo.offset, page.first) if lo.base == "" and k not in given]
        if missing:
            entry = f"{name}[{missing[-1]}]"
            raise self._fail(
                f"`{name}[{written}]` takes `{entry}` when {page.index} = {page.first}, and that initial value is not given: "
                f"declare it in the body, `{entry}: Scalar` or `{entry}: Vector[n]`,"
            )
        if hi.base == LAST and hi.offset > 0:
            raise self._fail(f"`{name}[{written}]` reaches past {LAST}: {page.index} runs over {page.first} … {LAST},")

    def _span(self, instant: Instant) -> tuple[Instant, Instant]:
        """First and last instant that an instant in this equation stands for."""
        lo, hi = instant, instant
        for index, first, last in self.bound.values():
            if instant.base == index:
                lo, hi = first.shifted(instant.offset), last.shifted(instant.offset)
        if lo.base == INDEX and self.sequential:
            lo = Instant("", self.page.first + lo.offset)
        return lo, Instant(LAST, hi.offset) if hi.base == INDEX and self.sequential else hi

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
        if len(self.bound) > 4:
            raise self._fail("sums over time nested too deeply: give the inner ones equations of their own,")
        index = "sklmn"[len(self.bound)] if self.bound else index
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
        with contextlib.suppress(ValueError):  # a cell that is still empty
            names[name] = cell.cell_contents
    return {k: v for k, v in names.items() if isinstance(v, int | sympy.Symbol) and not isinstance(v, bool)}


__all__ = ["at_time", "dimension", "read_function", "resolve_sizes"]
