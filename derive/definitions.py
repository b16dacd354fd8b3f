"""The table's functions as a textbook defines them: scalar Python that latexify prints and the engine reads.

Nothing here is executed. `exp`, `log`, … are the table's own, so a definition may use what stands above it.
"""

# ruff: noqa: F821
# mypy: ignore-errors


def sigmoid(x):
    return 1 / (1 + exp(-x))


def tanh(x):
    return (exp(x) - exp(-x)) / (exp(x) + exp(-x))


def relu(x):
    return x if x > 0 else 0


def leaky_relu(x, alpha):
    return x if x > 0 else alpha * x


def elu(x, alpha):
    return x if x > 0 else alpha * (exp(x) - 1)


def softplus(x):
    return log(1 + exp(x))


def silu(x):
    return x / (1 + exp(-x))


def gelu(x):
    return x / 2 * (1 + erf(x / sqrt(2)))


def gelu_tanh(x):
    return x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))
