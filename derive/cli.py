"""The command line. Exit status: 0 all well; 1 something was refuted, or a cross-check failed; 2 the input or the call can't be used."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from derive.crosscheck import CrossCheckFailed
from derive.expr import DeriveError
from derive.network import gallery, load
from derive.printing import Style

FORMATS = ("tex", "html", "pdf", "md", "json")
REPORTS = ("json", "tex", "html", "pdf", "txt", "md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except CrossCheckFailed as failed:
        print(f"derive: the cross-check failed, nothing was written: {failed}", file=sys.stderr)
        return 1
    except DeriveError as error:
        print(f"derive: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"derive: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="derive", description="Derive the gradients of a neural network and write the worked solution."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="the gallery's networks and the table's functions")
    listing.add_argument("--json", action="store_true")
    listing.add_argument("--names", action="store_true", help="the networks' names alone, for scripts")
    listing.set_defaults(run=_list)

    solving = commands.add_parser("solve", help="solve networks and write their sheets")
    solving.add_argument("problem", nargs="+", help="a gallery name, a .py file with one network, or a .tex file")
    solving.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="where to write; without it, one text format goes to standard output"
    )
    solving.add_argument("--format", default="tex", help=f"comma-separated: {', '.join(FORMATS)}")
    solving.add_argument("--wrt", help="comma-separated names; all parameters and inputs by default")
    solving.add_argument("--at", type=Path, metavar="VALUES.json", help="numbers for everything that is given")
    solving.add_argument("--points", type=int, default=5, help="random points of the cross-check")
    _style_options(solving)
    solving.set_defaults(run=_solve)

    checking = commands.add_parser("check", help="mark a derivation written by hand, line by line")
    checking.add_argument("hand", metavar="HAND", help="a .tex, .md or .txt file; - for standard input")
    checking.add_argument("--problem", help="the network it speaks of: a gallery name, a .py or a .tex file")
    checking.add_argument("--scope", type=Path, metavar="FILE.toml", help="what its names mean, and its conventions")
    checking.add_argument("--json", action="store_true", help="the report as one JSON object")
    checking.add_argument(
        "-o", "--output", type=Path, metavar="REPORT", help=f"write the report there; its ending says how: {', '.join(REPORTS)}"
    )
    checking.set_defaults(run=_check)

    sheets = commands.add_parser("sheet", help="write the answer sheet of an assignment")
    sheets.add_argument("assignment", nargs="+", type=Path, metavar="ASSIGNMENT.toml")
    sheets.add_argument("-o", "--output", type=Path, metavar="DIR", default=Path("output"))
    sheets.add_argument("--format", default="tex,html,pdf")
    sheets.set_defaults(run=_sheet)

    doctor = commands.add_parser("doctor", help="what is installed, and what that makes possible")
    doctor.set_defaults(run=_doctor)
    return top


def _style_options(p: argparse.ArgumentParser) -> None:
    p.add_argument("--notation", choices=("bar", "delta", "partial"), default="bar", help="how adjoints are written")
    p.add_argument("--detail", choices=("answer", "steps", "full"), default="steps")
    p.add_argument("--time", choices=("superscript", "subscript"), help="h^(t) or h_t; by default as the problem writes it")
    p.add_argument("--layers", choices=("superscript", "subscript"), help="W^(1) or W_1; by default as the problem writes it")


def _style(options: argparse.Namespace, own: Style) -> Style:
    """The problem's own way of writing, unless another is asked for."""
    spelled = own.spelled if options.layers is None else {}
    return Style(options.time or own.time, options.layers or own.layers, options.notation, spelled=spelled)


# -- commands -----------------------------------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    from derive.ops import CALLABLES

    names = gallery()
    if options.names:
        print("\n".join(names))
        return 0
    if options.json:
        print(
            json.dumps(
                {"networks": [{"name": n, "title": load(n).title} for n in names], "functions": sorted(CALLABLES)}, indent=1
            )
        )
        return 0
    wide = max(map(len, names))
    for name in names:
        print(f"{name:<{wide}}  {load(name).title}")
    print(f"\nfunctions: {', '.join(sorted(CALLABLES))}")
    return 0


def _solve(options: argparse.Namespace) -> int:
    from derive.assignment import gallery_problem
    from derive.export import key_of, read_values
    from derive.sheet import Problem, Sheet

    formats = _formats(options.format)
    if options.output is None and (len(formats) > 1 or len(options.problem) > 1 or formats == ["pdf"]):
        raise DeriveError("several problems or formats, or a PDF, need a folder to write to: -o DIR")
    if options.points < 1:
        raise DeriveError("--points: at least 1 point")
    done: list[tuple[str, Sheet, dict[str, Any] | None]] = []
    for name in options.problem:
        net = load(name)
        style = _style(options, net.style)
        wrt = [key_of(net.system, w, style) for w in options.wrt.split(",")] if options.wrt else None
        if wrt is not None or "json" in formats:
            problem = Problem(net.system, net.solve(wrt), wrt=wrt)
        elif name in gallery():
            problem = gallery_problem(name)
        else:
            problem = _whole(net)
        problem.check(options.points)
        values = None
        if options.at is not None:
            values = read_values(net.system, options.at, style)
            problem.run = (problem.solution or net.solve()).run(values)
        done.append((net.name, Sheet(net.title, [problem], style, options.detail), values))
    for name, sheet, values in done:
        _write(name, sheet, formats, options.output, values)
    return 0


def _whole(net: Any) -> Any:
    """Every gradient; of a network without a loss the Jacobians of each of its equations with respect to its vectors."""
    from derive.sheet import Problem

    if net.system.returned is not None:
        return Problem(net.system, net.solve())
    pairs = [(e.left, v) for e in net.system.equations for v in net.system.declared if len(v.shape) < 2 and e.left.time is None]
    return Problem(net.system, None, jacobians=[(net.jacobian(a.name, b.name), "both") for a, b in pairs])


# -- marking ------------------------------------------------------------------------------------------------------


def _check(options: argparse.Namespace) -> int:
    """Mark a derivation: 1 where a line is refuted."""
    from derive.check import check_file
    from derive.check.text import WIDTH, show

    _writable(options.output, options.hand)
    problem = load(options.problem) if options.problem is not None else None
    report = check_file(options.hand, problem, options.scope)
    if options.output is not None:
        _write_report(report, options.output)
    if options.json:
        _say(json.dumps(report.to_json(), ensure_ascii=False, indent=1))
    elif options.output is not None:
        _say(str(options.output))
    else:
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else WIDTH
        _say(show(report, colour=terminal and "NO_COLOR" not in os.environ, width=width))
    return 0 if report.first_wrong is None else 1


def _writable(path: Path | None, hand: str) -> None:
    """Whether the report can be written there, asked before anything is judged. Raises DeriveError."""
    if path is None:
        return
    if path.suffix[1:].lower() not in REPORTS:
        raise DeriveError(f"-o {path}: a report ends in one of {', '.join('.' + r for r in REPORTS)}")
    if path.is_dir():
        raise DeriveError(f"-o {path}: this is a folder: name the report's file")
    if hand != "-" and path.exists() and Path(hand).exists() and path.samefile(hand):
        raise DeriveError(f"-o {path}: the report would replace the derivation")
    if path.suffix.lower() == ".pdf":
        from derive.pdf import tex_program

        if tex_program() is None:
            raise DeriveError(f"-o {path}: there is no pdflatex (`derive doctor` tells more); .html and .tex need none")


def _write_report(report: Any, path: Path) -> None:
    """The report in the format of its ending."""
    from derive.check.pages import page
    from derive.check.text import show

    suffix = path.suffix[1:].lower()
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == "json":
        text = json.dumps(report.to_json(), ensure_ascii=False, indent=1) + "\n"
    elif suffix in ("txt", "md"):
        text = show(report) + "\n"
        text = text if suffix == "txt" else f"~~~~text\n{text}~~~~\n"
    else:
        text = page(report, "html" if suffix == "html" else "tex")
    if suffix != "pdf":
        path.write_text(text, encoding="utf-8")
        return
    from derive.pdf import compile_tex

    compiled = compile_tex(text)
    if compiled.pdf is None:
        raise DeriveError(f"{path}: pdflatex failed: {'; '.join(compiled.errors)}")
    path.write_bytes(compiled.pdf)


def _say(text: str) -> None:
    """Print, whatever letters the terminal knows."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


# -- sheets -------------------------------------------------------------------------------------------------------


def _sheet(options: argparse.Namespace) -> int:
    from derive.assignment import read_assignment

    formats = _formats(options.format, allowed=("tex", "html", "pdf", "md"))
    ready = []
    for path in options.assignment:
        sheet = read_assignment(path)
        for problem in sheet.problems:
            problem.check()
        ready.append((path.stem, sheet))
    for name, sheet in ready:
        _write(name, sheet, formats, options.output, None)
    return 0


def _formats(text: str, allowed: Sequence[str] = FORMATS) -> list[str]:
    formats = [f.strip() for f in text.split(",") if f.strip()]
    for f in formats:
        if f not in allowed:
            raise DeriveError(f"--format {f}: known are {', '.join(allowed)}")
    if not formats:
        raise DeriveError(f"--format: give one of {', '.join(allowed)}")
    return formats


def _write(name: str, sheet: Any, formats: list[str], folder: Path | None, values: dict[str, Any] | None) -> None:
    """Write every format; what can't be written is said, what was written is named."""
    texts = {f: _render(sheet, f, values) for f in formats if f != "pdf"}
    if folder is None:
        print(next(iter(texts.values())))
        return
    folder.mkdir(parents=True, exist_ok=True)
    for f, text in texts.items():
        (folder / f"{name}.{f}").write_text(text, encoding="utf-8")
        print(folder / f"{name}.{f}")
    if "pdf" in formats:
        _write_pdf(name, texts.get("tex") or sheet.render("tex"), folder)


def _render(sheet: Any, target: str, values: dict[str, Any] | None) -> str:
    if target != "json":
        return sheet.render(target)
    from derive.export import solution_json

    problem = sheet.problems[0]
    return json.dumps(solution_json(problem.solution, problem.report, values, sheet.style), ensure_ascii=False, indent=1)


def _write_pdf(name: str, text: str, folder: Path) -> None:
    from derive.pdf import compile_tex, tex_program

    if tex_program() is None:
        print(f"{folder / name}.pdf: not written, there is no pdflatex (`derive doctor` tells more)", file=sys.stderr)
        return
    compiled = compile_tex(text)
    if compiled.pdf is None:
        raise DeriveError(f"{name}: pdflatex failed: {'; '.join(compiled.errors)}")
    (folder / f"{name}.pdf").write_bytes(compiled.pdf)
    print(folder / f"{name}.pdf")


def _doctor(options: argparse.Namespace) -> int:
    """Versions of what is used; what is optional says what it would add."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from derive.typeset import template_folder

    print(f"python       {platform.python_version()}")
    for package in ("sympy", "latexify-py", "jinja2", "numpy", "mpmath", "python-flint", "pytest"):
        try:
            print(f"{package:<12} {version(package)}")
        except PackageNotFoundError:
            print(f"{package:<12} not installed{' (only tests need it)' if package == 'pytest' else ''}")
    print(f"templates    {len(list(template_folder().glob('*.j2')))} found")
    for program, use in (("pdflatex", "PDF sheets"), ("chromium", "looking at the pages, in the tests")):
        found = shutil.which(program)
        print(f"{program:<12} {'found' if found else 'not found; it would allow: ' + use}")
    return 0
