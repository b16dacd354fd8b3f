"""Every measurement, in one run, as ratios: python -m benchmarks [--quick]."""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import derive
from benchmarks import judging, peers
from derive.program import straight_line


def seconds(work: Callable[[], Any], runs: int) -> float:
    """Median time of a call."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def table(title: str, rows: list[list[str]]) -> None:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    print(f"\n{title}")
    for row in rows:
        print(
            "  " + "  ".join(cell.rjust(w) if k else cell.ljust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True)))
        )


def built_here() -> Callable:
    """Read the network's text, derive it for symbolic T, and have a callable."""
    return derive.network(derive.load("lstm_scalar").system.text).solve(list(peers.LSTM_WEIGHTS)).evaluate


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    return {{"h0": "h[0]", "c0": "c[0]"}.get(k, k): v for k, v in values.items()}


def deriving(grid: tuple[int, ...], runs: int) -> None:
    """Time to derive lstm_scalar and get a callable, and of a call; each divided by ours."""
    builders: dict[str, Callable[[int], Callable]] = {
        "JAX scan + jit": peers.jax_scan, "JAX unrolled + jit (a)": peers.jax_unrolled, "CasADi SX": lambda T: peers.casadi_lstm(T).run,
        "PyTorch eager": peers.torch_lstm,
    }  # fmt: skip
    built_here()
    rows = [["derive and get a callable, theirs / ours", *(f"T = {T}" for T in grid)]]
    calls = [["one call, theirs / ours", *(f"T = {T}" for T in grid)]]
    ours = {T: seconds(built_here, runs) for T in grid}
    evaluate = built_here()
    call_ours = {T: seconds(lambda T=T: evaluate(renamed(peers.lstm_values(T))), runs) for T in grid}
    for name, build in builders.items():
        row, call = [name], [name]
        for T in grid:
            few = runs if T < 100 else max(1, runs // 2)
            f = build(T)
            f(peers.lstm_values(T))
            work = (
                (lambda T=T, f=f: f(peers.lstm_values(T))) if name.startswith("PyTorch") else (lambda T=T, build=build: build(T))
            )
            row.append(f"{seconds(work, few) / ours[T]:.2f}")
            call.append(f"{seconds(lambda T=T, f=f: f(peers.lstm_values(T)), runs) / call_ours[T]:.3f}")
        rows.append(row)
        calls.append(call)
    rows.append(["ours, ms", *(f"{1e3 * ours[T]:.1f}" for T in grid)])
    calls.append(["ours, ms", *(f"{1e3 * call_ours[T]:.1f}" for T in grid)])
    table("lstm_scalar, symbolic T here, one T at a time there (PyTorch: one eager forward and backward pass)", rows)
    table("lstm_scalar, value and gradients at numbers", calls)
    print("  (a) above T = 64 without XLA's fusion pass, which at T = 256 needs more than 24 GB")


def operations() -> None:
    """Operations of (value + gradient) / value, straight-line programs of scalar operations."""
    mlp, lstm, T = derive.load("mlp"), derive.load("lstm_scalar"), 16
    sizes = {"d": peers.SIZES["d"], "n": peers.SIZES["n"], "m": peers.SIZES["m"], "k": peers.SIZES["k"]}
    rows = [["operations", "value", "value + gradient", "ratio"]]
    for what, net, T_, names, casadi in (
        ("MLP 8-16-16-4", mlp, 1, peers.MLP_PARAMETERS, peers.casadi_mlp(peers.SIZES)),
        (f"lstm_scalar T = {T}", lstm, T, peers.LSTM_WEIGHTS, peers.casadi_lstm(T)),
    ):
        size = sizes if net is mlp else {}
        value = straight_line(net.system, size, T_).operations
        both = net.solve(list(names)).program(size, T_).operations
        rows.append([f"{what}: derive", str(value), str(both), f"{both / value:.3f}"])
        theirs = peers.casadi_operations(casadi.value), peers.casadi_operations(casadi.value_and_gradient)
        rows.append([f"{what}: CasADi", *map(str, theirs), f"{theirs[1] / theirs[0]:.3f}"])
    for what, fun, values, names in (
        ("MLP 8-16-16-4", peers.jax_mlp_loss(), peers.mlp_values(peers.SIZES), peers.MLP_PARAMETERS),
        (f"lstm_scalar T = {T}", peers.jax_unrolled_loss(T, explicit=True), peers.lstm_values(T), peers.LSTM_WEIGHTS),
    ):
        counted = peers.jax_operations(fun, peers.jax_arguments(values, names), exact_dot=True)
        rows.append([f"{what}: JAX, jaxpr", *map(str, counted), f"{counted[1] / counted[0]:.3f}"])
    table("operations, gradients of the parameters", rows)


def chain_text(layers: int) -> str:
    lines = ["def chain(x: Vector[n], W: Matrix[n, n]):", "    h0 = x + tanh(W @ x)"]
    lines += [f"    h{k} = h{k - 1} + tanh(W @ h{k - 1})" for k in range(1, layers)]
    return "\n".join([*lines, f"    L = sqnorm(h{layers - 1})", "    return L"])


def chains(runs: int) -> None:
    """Time to derive a residual chain of n layers; the slope of the log-log line by least squares."""
    sizes = (100, 200, 400, 700, 1000)
    networks = {n: derive.network(chain_text(n)) for n in sizes}
    networks[100].solve()
    times = {n: min(seconds(networks[n].solve, 1) for _ in range(max(3, runs))) for n in sizes}
    xs, ys = [math.log(n) for n in sizes], [math.log(times[n]) for n in sizes]
    slope = statistics.linear_regression(xs, ys).slope
    read = {n: seconds(lambda n=n: derive.network(chain_text(n)), 3) for n in sizes}
    read_slope = statistics.linear_regression(xs, [math.log(read[n]) for n in sizes]).slope
    table("a chain of n layers h + tanh(W h)", [
        ["n", *map(str, sizes), "slope"], ["derive, s", *(f"{times[n]:.3f}" for n in sizes), f"{slope:.2f}"],
        ["read the text, s", *(f"{read[n]:.3f}" for n in sizes), f"{read_slope:.2f}"],
    ])  # fmt: skip


def imports(runs: int) -> None:
    """import derive against import sympy, in fresh processes, in turn."""

    def once(module: str) -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", f"import {module}"], check=True), 1)

    pairs = [(once("derive"), once("sympy")) for _ in range(max(5, runs))]
    ratio = statistics.median(a / b for a, b in pairs)
    table("import", [["import derive / import sympy", f"{ratio:.2f}"]])


def verdicts() -> None:
    """Time for a line of the judge and of the checker, in courts that are warm, and for whole documents."""
    rows = [["one line, ms", "lines", "median", "90 %", "slowest"]]
    for what, found in (
        ("judge: gallery, as expressions", judging.judged_lines()),
        ("checker: gallery, from LaTeX", judging.read_lines()),
        ("checker: seeds, from LaTeX", [s for name in judging.seeds() for s in judging.relations(name)]),
        ("the same, in new courts", [s for name in judging.seeds() for s in judging.relations(name, seen=False)]),
    ):
        ordered = sorted(found)
        middle, high = statistics.median(ordered), ordered[9 * len(ordered) // 10]
        rows.append([what, str(len(found)), *(f"{1e3 * s:.1f}" for s in (middle, high, ordered[-1]))])
    table("verdicts (goal: a median under 20 ms)", rows)
    whole = {name: judging.whole(name) for name in judging.seeds()}
    table("derive check, slips and counterexamples included (goal: the largest under 5 s)", [
        ["document", *whole], ["relations", *(str(n) for n, _ in whole.values())], ["s", *(f"{s:.2f}" for _, s in whole.values())],
    ])  # fmt: skip


def against_sympy() -> None:
    """The judge on lines for every size, and SymPy's simplify(a - b) on their entrywise 2 × 2 forms, with a limit."""
    rows = [["line", "judge, ms", "again", "verdict", "SymPy, s", "shown", "SymPy / judge"]]
    ratios, shown = [], 0
    for k, (name, left, right) in enumerate(judging.sample()):
        ours, again, verdict = judging.by_judge(name, left, right)
        theirs = judging.by_sympy(k)
        seconds_, zero = theirs if theirs is not None else (judging.LIMIT, False)
        ratios.append(seconds_ / ours)
        shown += zero
        line = f"{name}: {left} = {right}"
        shorter = line if len(line) < 60 else line[:59] + "…"
        over = "> " * (theirs is None)
        rows.append([
            shorter, f"{1e3 * ours:.1f}", f"{1e3 * again:.1f}", verdict.verdict,
            f"{over}{seconds_:.2f}", "yes" if zero else "no", f"{over}{seconds_ / ours:.0f}",
        ])  # fmt: skip
    table(f"simplify(a - b), entrywise, every size 2, at most {judging.LIMIT:.0f} s a line", rows)
    print(f"  SymPy shows {shown} of {len(ratios)}; median of SymPy / judge {statistics.median(ratios):.0f}")


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks")
    options.add_argument("--quick", action="store_true", help="fewer runs, T up to 64")
    options.add_argument("--judge", action="store_true", help="the judge and the checker only, which need no other library")
    chosen = options.parse_args()
    quick, runs = chosen.quick, 3 if chosen.quick else 7
    if chosen.judge:
        verdicts()
        against_sympy()
        return
    imports(runs)
    chains(5 if quick else 9)  # before the peers are loaded: their objects slow Python's collector
    verdicts()
    against_sympy()
    operations()
    deriving(tuple(T for T in peers.GRID if T <= 64) if quick else peers.GRID, runs)


if __name__ == "__main__":
    main()
