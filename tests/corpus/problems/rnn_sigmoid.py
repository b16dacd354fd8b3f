# ruff: noqa: B032
from derive import Function, Matrix, Sequence, Time, Vector, dims, network, sigmoid

n, d = dims("n d")


@network
def rnn_sigmoid(t: Time, x: Sequence[Vector[d]], W: Matrix[n, n], U: Matrix[n, d], ell: Function):
    """Recurrent network with an open loss at the end."""
    h[0]: Vector[n]
    z[t] = W @ h[t - 1] + U @ x[t]
    h[t] = sigmoid(z[t])
    L = ell(h[T])
    return L
