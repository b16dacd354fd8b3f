"""Other systems on the same networks: JAX, CasADi and PyTorch on ``lstm_scalar`` and ``mlp``.

Every library is imported inside the function that uses it: one that is missing raises ImportError there only.
All the computations are in float64.  The callables share one convention, ``f(values) -> (value, gradients)``:
``values`` maps the names of a network to numbers or arrays (``x`` of the LSTM holds x[1], ..., x[T]; ``h0`` and
``c0`` are h[0] and c[0]) and ``gradients`` maps each name differentiated to an array of the shape of its value.
The option ``wrt`` is "parameters" (the weights and biases) or "all" (the parameters and the inputs).
"""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

SIZES = {"d": 8, "n": 16, "m": 16, "k": 4}
GRID = (4, 16, 64, 256)

LSTM_WEIGHTS = ("w_ix", "w_ih", "w_fx", "w_fh", "w_ox", "w_oh", "w_gx", "w_gh")
LSTM_INPUTS = ("x", "y", "h0", "c0")
MLP_PARAMETERS = ("W1", "b1", "W2", "b2", "W3", "b3")
MLP_INPUTS = ("x", "t")


# Names, shapes and values


def lstm_names(wrt: str = "parameters") -> tuple[str, ...]:
    """The names with respect to which the LSTM is differentiated."""
    return _chosen(LSTM_WEIGHTS, LSTM_INPUTS, wrt)


def mlp_names(wrt: str = "parameters") -> tuple[str, ...]:
    """The names with respect to which the MLP is differentiated."""
    return _chosen(MLP_PARAMETERS, MLP_INPUTS, wrt)


def _chosen(parameters: tuple, inputs: tuple, wrt: str) -> tuple[str, ...]:
    if wrt not in ("parameters", "all"):
        raise ValueError(f'wrt is "parameters" or "all", not {wrt!r}')
    return parameters + inputs if wrt == "all" else parameters


def lstm_shapes(T: int) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter and input of the LSTM."""
    return {name: (T,) if name == "x" else () for name in LSTM_WEIGHTS + LSTM_INPUTS}


def mlp_shapes(sizes: dict[str, int]) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter and input of the MLP."""
    d, n, m, k = (sizes[name] for name in "dnmk")
    return {"W1": (n, d), "b1": (n,), "W2": (m, n), "b2": (m,), "W3": (k, m), "b3": (k,), "x": (d,), "t": (k,)}


def lstm_values(T: int, seed: int = 0) -> dict[str, Any]:
    """Random values for the LSTM."""
    return _random(lstm_shapes(T), seed)


def mlp_values(sizes: dict[str, int], seed: int = 0) -> dict[str, Any]:
    """Random values for the MLP; the target t is a probability vector."""
    import numpy as np

    values = _random(mlp_shapes(sizes), seed)
    weights = np.exp(values["t"])
    return {**values, "t": weights / weights.sum()}


def _random(shapes: dict, seed: int) -> dict[str, Any]:
    import numpy as np

    generator = np.random.default_rng(seed)
    return {name: np.asarray(generator.normal(size=shape)) for name, shape in shapes.items()}


# JAX


def jax_scan(T: int, wrt: str = "parameters") -> Callable:
    """The LSTM as a ``lax.scan``: traced and compiled anew at each call."""
    return _jax_compiled(jax_scan_loss(T), lstm_shapes(T), lstm_names(wrt))


def jax_unrolled(T: int, wrt: str = "parameters", fusion: bool | None = None) -> Callable:
    """The LSTM as T copies of the cell: traced and compiled anew at each call.

    ``fusion=False`` compiles without XLA's pass of fusion, ``True`` with it, as by default in JAX.  On the CPU the time
    and memory of that pass explode with T: with JAX 0.10.2, a few seconds at T = 64, minutes at T = 128, and more than
    24 GB at T = 256.  Hence ``None``: with fusion up to T = 64, without it beyond.
    """
    options = None if (T <= 64 if fusion is None else fusion) else {"xla_disable_hlo_passes": "fusion"}
    return _jax_compiled(jax_unrolled_loss(T), lstm_shapes(T), lstm_names(wrt), options)


def jax_mlp(sizes: dict[str, int], wrt: str = "parameters") -> Callable:
    """The MLP: traced and compiled anew at each call."""
    return _jax_compiled(jax_mlp_loss(), mlp_shapes(sizes), mlp_names(wrt))


def _jax_compiled(loss: Callable, shapes: dict, names: tuple[str, ...], options: dict | None = None) -> Callable:
    """Compile the value and the gradient of ``loss(chosen, others)`` with respect to ``chosen``, ahead of time."""
    jax = _jax()
    import numpy as np

    args = jax_arguments({name: jax.ShapeDtypeStruct(shape, np.float64) for name, shape in shapes.items()}, names)
    compiled = jax.jit(jax.value_and_grad(loss)).lower(*args).compile(compiler_options=options)

    def run(values: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        arrays = {name: np.asarray(values[name], dtype=np.float64) for name in shapes}
        value, gradients = compiled(*jax_arguments(arrays, names))
        return float(value), {name: np.asarray(gradients[name]) for name in names}

    return run


def _jax() -> Any:
    """JAX in double precision (a setting of the process)."""
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


def jax_arguments(values: dict[str, Any], names: tuple[str, ...]) -> tuple[dict, dict]:
    """The two arguments of a loss: the values differentiated, and the others."""
    chosen = {name: values[name] for name in names}
    return chosen, {name: value for name, value in values.items() if name not in chosen}


def jax_scan_loss(T: int, explicit: bool = False) -> Callable:
    """The loss of the LSTM, a function of ``jax_arguments``, with a loop; see ``_jax_cell`` for ``explicit``."""
    jax = _jax()
    cell = _jax_cell(explicit)

    def loss(chosen: dict, others: dict) -> Any:
        v = {**chosen, **others}

        def step(state: tuple, x: Any) -> tuple:
            return cell(v, state, x), None

        (h, _), _ = jax.lax.scan(step, (v["h0"], v["c0"]), v["x"], length=T)
        return (h - v["y"]) ** 2 / 2

    return loss


def jax_unrolled_loss(T: int, explicit: bool = False) -> Callable:
    """The loss of the LSTM, a function of ``jax_arguments``, unrolled; see ``_jax_cell`` for ``explicit``."""
    _jax()
    import jax.numpy as jnp

    cell = _jax_cell(explicit)

    def loss(chosen: dict, others: dict) -> Any:
        v = {**chosen, **others}
        xs, state = jnp.unstack(v["x"]), (v["h0"], v["c0"])
        for t in range(T):
            state = cell(v, state, xs[t])
        return (state[0] - v["y"]) ** 2 / 2

    return loss


def _jax_cell(explicit: bool) -> Callable:
    """One step of the LSTM; sigmoid is the primitive ``logistic`` or, if ``explicit``, 1 / (1 + exp(-x))."""
    import jax
    import jax.numpy as jnp

    def written(x: Any) -> Any:
        return 1 / (1 + jnp.exp(-x))

    return _lstm_cell(written if explicit else jax.nn.sigmoid, jnp.tanh)


def _lstm_cell(sigmoid: Callable, tanh: Callable) -> Callable:
    """One step of the LSTM, with the functions of a library."""

    def cell(v: dict, state: tuple, x: Any) -> tuple:
        h, c = state
        i = sigmoid(v["w_ix"] * x + v["w_ih"] * h)
        f = sigmoid(v["w_fx"] * x + v["w_fh"] * h)
        o = sigmoid(v["w_ox"] * x + v["w_oh"] * h)
        g = tanh(v["w_gx"] * x + v["w_gh"] * h)
        c = f * c + i * g
        return o * tanh(c), c

    return cell


def jax_mlp_loss() -> Callable:
    """The loss of the MLP, a function of ``jax_arguments``; softmax is exp(z) / sum(exp(z)), without a shift."""
    _jax()
    import jax.numpy as jnp

    def loss(chosen: dict, others: dict) -> Any:
        v = {**chosen, **others}
        h1 = jnp.tanh(v["W1"] @ v["x"] + v["b1"])
        h2 = jnp.tanh(v["W2"] @ h1 + v["b2"])
        e = jnp.exp(v["W3"] @ h2 + v["b3"])
        p = e / jnp.sum(e)
        return -(v["t"] @ jnp.log(p))

    return loss


# PyTorch


def torch_lstm(T: int) -> Callable:
    """The LSTM in eager mode: each call of the callable runs the forward and the backward pass."""
    import torch

    cell = _lstm_cell(torch.sigmoid, torch.tanh)

    def run(values: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        v = {name: torch.tensor(values[name], dtype=torch.float64) for name in LSTM_WEIGHTS + LSTM_INPUTS}
        weights = [v[name].requires_grad_() for name in LSTM_WEIGHTS]
        xs, state = v["x"].unbind(), (v["h0"], v["c0"])
        for t in range(T):
            state = cell(v, state, xs[t])
        loss = (state[0] - v["y"]) ** 2 / 2
        gradients = torch.autograd.grad(loss, weights)
        return loss.item(), {name: g.numpy() for name, g in zip(LSTM_WEIGHTS, gradients, strict=True)}

    return run


# CasADi


class Casadi(NamedTuple):
    """A network in CasADi: the Function of the value, that of the value and the gradient, and the callable."""

    value: Any
    value_and_gradient: Any
    run: Callable


def casadi_lstm(T: int, wrt: str = "parameters", cse: bool = False) -> Casadi:
    """The LSTM in CasADi SX, unrolled; ``cse`` asks CasADi to eliminate the common subexpressions."""
    import casadi as ca

    v = _casadi_symbols(lstm_shapes(T))
    cell, state = _lstm_cell(_casadi_sigmoid, ca.tanh), (v["h0"], v["c0"])
    for t in range(T):
        state = cell(v, state, v["x"][t])
    return _casadi_functions((state[0] - v["y"]) ** 2 / 2, v, lstm_names(wrt), cse)


def casadi_mlp(sizes: dict[str, int], wrt: str = "parameters", cse: bool = False) -> Casadi:
    """The MLP in CasADi SX; softmax is exp(z) / sum(exp(z)), without a shift; ``cse`` as in ``casadi_lstm``."""
    import casadi as ca

    v = _casadi_symbols(mlp_shapes(sizes))
    h1 = ca.tanh(v["W1"] @ v["x"] + v["b1"])
    h2 = ca.tanh(v["W2"] @ h1 + v["b2"])
    e = ca.exp(v["W3"] @ h2 + v["b3"])
    p = e / ca.sum1(e)
    return _casadi_functions(-ca.dot(v["t"], ca.log(p)), v, mlp_names(wrt), cse)


def _casadi_sigmoid(x: Any) -> Any:
    import casadi as ca

    return 1 / (1 + ca.exp(-x))


def _casadi_symbols(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    import casadi as ca

    return {name: ca.SX.sym(name, *shape) for name, shape in shapes.items()}


def _casadi_functions(loss: Any, v: dict[str, Any], names: tuple[str, ...], cse: bool) -> Casadi:
    """Differentiate once with respect to all the names (one reverse sweep), then build the two Functions."""
    import casadi as ca

    columns = [ca.vec(v[name]) for name in names]
    offsets = [0]
    for column in columns:
        offsets.append(offsets[-1] + column.numel())
    parts = ca.vertsplit(ca.gradient(loss, ca.vertcat(*columns)), offsets)
    gradients = [ca.reshape(part, v[name].shape) for name, part in zip(names, parts, strict=True)]
    inputs, options = list(v.values()), {"cse": cse}
    value = ca.Function("value", inputs, [loss], options)
    both = ca.Function("value_and_gradient", inputs, [loss, *gradients], options)
    return Casadi(value, both, _casadi_callable(both, tuple(v), names))


def _casadi_callable(function: Any, inputs: tuple[str, ...], names: tuple[str, ...]) -> Callable:
    import numpy as np

    def run(values: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        value, *gradients = function(*(values[name] for name in inputs))
        pairs = zip(names, gradients, strict=True)
        return float(value), {name: g.full().reshape(np.shape(values[name])) for name, g in pairs}

    return run


# Counts of scalar operations


def casadi_operations(f: Any) -> int:
    """The number of scalar operations of the straight-line program of a CasADi Function of SX expressions.

    Every arithmetic or elementary-function instruction is 1: addition, subtraction, product, quotient, negation,
    square, double, inverse, exp, log, tanh, ...  Inputs, outputs and constants are 0.  A dot product of n terms is
    2 n - 1, a sigmoid, written as 1 / (1 + exp(-x)), is 4, and its product by y only 4 as well: CasADi simplifies while
    it builds expressions, here (1 / a) y into y / a.
    """
    import casadi as ca

    free = {ca.OP_INPUT, ca.OP_OUTPUT, ca.OP_CONST}
    return sum(f.instruction_id(k) not in free for k in range(f.n_instructions()))


JAX_ELEMENTWISE = {
    "add",
    "add_any",
    "sub",
    "mul",
    "div",
    "neg",
    "exp",
    "log",
    "tanh",
    "logistic",
    "integer_pow",
    "square",
    "pow",
    "sqrt",
    "max",
    "min",
}
JAX_REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod"}
JAX_FREE = {
    "reshape",
    "broadcast_in_dim",
    "transpose",
    "copy",
    "copy_p",
    "squeeze",
    "slice",
    "split",
    "concatenate",
    "pad",
    "convert_element_type",
    "stop_gradient",
    "stack",
    "unstack",
    "expand_dims",
    "dynamic_slice",
    "rev",
    "iota",
}


def jax_operations(fun: Callable, args: tuple, exact_dot: bool = False) -> tuple[int, int]:
    """The scalar operations of ``fun(*args)``, and of its value and gradient with respect to ``args[0]``, in JAX.

    They are those of the jaxpr, before the simplifications of the compiler, less the equations of which no result
    is used.  An elementwise primitive counts the size of its output (``logistic`` is 1 for each element), a
    reduction of n terms n - 1, a product of m x k and k x n matrices 2 m n k, or m n (2 k - 1) if ``exact_dot``
    (the number of products and additions, as in ``casadi_operations``: an outer product has no addition).  What
    only moves data counts 0.  A loop or an unknown primitive raises NotImplementedError: unroll the network.
    """
    jax = _jax()
    programs = (fun, jax.value_and_grad(fun))
    value, both = (_jaxpr_operations(jax.make_jaxpr(program)(*args).jaxpr, exact_dot) for program in programs)
    return value, both


def _jaxpr_operations(jaxpr: Any, exact_dot: bool, used: list[bool] | None = None) -> int:
    """The operations of the equations on which the outputs (those marked in ``used``) depend."""
    marks = used or [True] * len(jaxpr.outvars)
    live = {id(var) for var, mark in zip(jaxpr.outvars, marks, strict=True) if mark}
    total = 0
    for equation in reversed(jaxpr.eqns):
        marks = [id(var) in live for var in equation.outvars]
        if any(marks):
            total += _equation_operations(equation, exact_dot, marks)
            live.update(id(var) for var in equation.invars)
    return total


def _equation_operations(equation: Any, exact_dot: bool, marks: list[bool]) -> int:
    name, out = equation.primitive.name, equation.outvars[0].aval.size
    if name in JAX_FREE:
        return 0
    if name in JAX_ELEMENTWISE:
        return out
    if name in JAX_REDUCTIONS:
        return equation.invars[0].aval.size - out
    if name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        terms = prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        return out * (2 * terms - 1 if exact_dot else 2 * terms)
    inner = equation.params.get("jaxpr" if name in ("jit", "pjit") else "call_jaxpr")
    if inner is None:
        raise NotImplementedError(f"no count for the primitive {name}")
    return _jaxpr_operations(getattr(inner, "jaxpr", inner), exact_dot, marks)
