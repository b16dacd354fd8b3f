"""Networks as a person meets them: the decorator, and a value object with everything that can be asked of it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from derive.expr import DeriveError, Expr
from derive.jacobian import Jacobian, jacobian
from derive.numeric import Evaluator, Values, point
from derive.printing import Style, write
from derive.pysource import read_function, resolve_sizes
from derive.reader.document import read_text
from derive.reader.problem import read_problem
from derive.reader.scope import Scope
from derive.solution import Solution, instant_of
from derive.spelling import spellings
from derive.system import NetworkError, System


class Network:
    """A network: named equations. Ask it for its solution, its values, a Jacobian, a verdict on a derivation."""

    checker: ClassVar[Callable[..., Any] | None] = None  # set by derive.check

    def __init__(self, system: System, scope: Scope | None = None, style: Style | None = None):
        self.system = system
        self.scope = scope  # how its LaTeX names things, where it was written in LaTeX
        self.style = style or Style()

    @property
    def name(self) -> str:
        return self.system.name

    @property
    def title(self) -> str:
        return self.system.title

    def solve(self, wrt: list[str] | None = None) -> Solution:
        """Every adjoint, and the gradients of `wrt` (of every parameter and input by default).

        Raises NetworkError where the network has no scalar loss.
        """
        return Solution(self.system, wrt, style=self.style)

    def forward(self, values: Values, T: int | None = None) -> dict[str, Any]:
        """Every node at these values: name -> array; sequences have one entry per t along the first axis."""
        done = Evaluator(point(self.system, values, T)).forward()
        return {name: done.collect(v) for name, v in self.system.nodes.items()}

    def jacobian(self, top: str, below: str, direct: bool = False) -> Jacobian:
        """∂top/∂below in matrix form (rows are top); names as in y, h[t], h[t-1]; direct: other quantities held."""
        return jacobian(self.system, instant_of(self.system, top), instant_of(self.system, below), direct)

    def check(self, text: str, scope: Mapping[str, Any] | str | Path | None = None) -> Any:
        """The report on a line or a text of LaTeX: a verdict on each relation, the first wrong one.

        scope: what its names mean, a scope file or its tables. Raises DeriveError where the text can't be used as a whole.
        """
        checker = type(self).checker
        if checker is None:
            raise DeriveError("nothing checks derivations here: import derive")
        return checker(self, text, scope)

    def __getitem__(self, name: str) -> Expr:
        """The right side of an equation."""
        equation = self.system.by_name.get(name)
        if equation is None:
            raise NetworkError(f"{self.name} has no equation for {name!r}; it defines {', '.join(self.system.by_name)}")
        return equation.right

    def lines(self, language: str = "text") -> list[tuple[str, str]]:
        return [(write(e.left, language, self.style), write(e.right, language, self.style)) for e in self.system.equations]

    def __str__(self) -> str:
        lines = self.lines()
        wide = max((len(left) for left, _ in lines), default=0)
        given = ", ".join(f"{write(v, style=self.style)} {_in(v.shape)}" for v in self.system.independent.values())
        ending = f"loss {self.system.loss.name}" if self.system.loss is not None else "no loss"
        body = [f"  {left:>{wide}} = {right}" for left, right in lines]
        return "\n".join([f"{self.title} ({self.name}, {ending})", f"  given {given}", *body])

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        rows = " \\\\\n".join(f"{left} &= {right}" for left, right in self.lines("latex"))
        return f"$$\\begin{{aligned}}\n{rows}\n\\end{{aligned}}$$"


def _in(shape: tuple) -> str:
    return f"∈ R^{'×'.join(map(str, shape))}" if shape else "∈ R"


def network(source: Callable[..., Any] | str) -> Network:
    """A network from a function (as a decorator) or from the text of one. The function is read, never called.

    In a plain Python prompt, where a function's source can't be found, give the text.
    """
    if isinstance(source, str):
        return Network(read_function(source))
    if not inspect.isfunction(source):
        raise NetworkError(f"a network is made of a function or of its text, not of {source!r:.80}")
    try:
        lines, start = inspect.getsourcelines(source)
    except (OSError, TypeError, SyntaxError):
        raise NetworkError(
            f"the source of {getattr(source, '__name__', source)!r} can't be found (a plain Python prompt keeps none): "
            f'give its text, network("""def {getattr(source, "__name__", "net")}(…): …""")'
        ) from None
    text = "".join(lines)
    place = Path(inspect.getsourcefile(source) or "").name
    return Network(read_function(_padded(text, start), resolve_sizes(source), source.__name__, place))


def _padded(text: str, start: int) -> str:
    """The text at its own line numbers, so that messages name them."""
    return "\n" * (start - 1) + text


# -- where networks come from -------------------------------------------------------------------------------------


def gallery() -> list[str]:
    """Names of the networks that come with the package."""
    return sorted(p.stem for p in (Path(__file__).parent / "networks").glob("[a-z]*.py"))


def load(problem: str | Path) -> Network:
    """A network by its gallery name, or from a .py or .tex file with one network (which is only read, never run)."""
    text = str(problem)
    if text.endswith(".py"):
        return _from_file(Path(text))
    if text.endswith(".tex"):
        return _from_latex(Path(text))
    if text not in gallery():
        raise DeriveError(f"no network {text!r}: give a .py file, or one of {', '.join(gallery())}")
    return getattr(importlib.import_module(f"derive.networks.{text}"), text)


def _from_latex(path: Path) -> Network:
    text = read_text(path)
    problem = read_problem(text, path.stem if path.stem.isidentifier() else "problem")
    return Network(problem.system, problem.scope, Style(time=problem.time, spelled=spellings(text, problem)))


def _from_file(path: Path) -> Network:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DeriveError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DeriveError(f"{path}: not a text file in UTF-8") from None
    except ValueError as error:  # a path with a null byte, or with a lone surrogate
        raise DeriveError(f"{str(path)!r}: not a path: {error}") from None
    return Network(read_function(text, place=path.name))


__all__ = ["Network", "gallery", "load", "network"]
