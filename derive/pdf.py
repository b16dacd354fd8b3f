"""LaTeX to PDF, where a TeX is present: without shell escape, with a time limit, reading only what TeX itself owns."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

TIME_LIMIT = 120.0  # seconds
SIZE_LIMIT = 20_000_000  # bytes of PDF


@dataclass(frozen=True)
class Compiled:
    """The PDF, and what TeX complained about."""

    pdf: bytes | None
    errors: tuple[str, ...]
    overfull: tuple[str, ...]


def tex_program() -> str | None:
    """Where pdflatex is, or None."""
    return shutil.which("pdflatex")


def compile_tex(text: str) -> Compiled:
    """Compile twice (tables settle). Raises FileNotFoundError where there is no pdflatex."""
    program = tex_program()
    if program is None:
        raise FileNotFoundError("pdflatex is not installed")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sheet.tex").write_text(text, encoding="utf-8")
        command = [program, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"]
        safe = {**os.environ, "openin_any": "p", "openout_any": "p", "SOURCE_DATE_EPOCH": "0", "max_print_line": "1000"}
        log = ""
        for _ in range(2):
            try:
                done = subprocess.run(command, cwd=folder, env=safe, capture_output=True, timeout=TIME_LIMIT, check=False)
            except subprocess.TimeoutExpired:
                return Compiled(None, (f"pdflatex took more than {TIME_LIMIT:.0f} s",), ())
            log = done.stdout.decode("utf-8", "replace")
            if done.returncode:
                break
        written = Path(folder) / "sheet.pdf"
        pdf = written.read_bytes() if done.returncode == 0 and written.exists() and written.stat().st_size < SIZE_LIMIT else None
    lines = log.splitlines()
    errors = tuple(line for line in lines if line.startswith("!"))
    return Compiled(
        pdf,
        errors or (() if pdf else ("pdflatex failed",)),
        tuple(line for line in lines if re.match(r"Overfull \\[hv]box", line)),
    )
