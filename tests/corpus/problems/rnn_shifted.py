# ruff: noqa: B032
from derive import Function, Matrix, Sequence, Time, Vector, dims, network, sigmoid

n, d = dims("n d")


@network
def rnn_shifted(t: Time, x: Sequence[Vector[d]], W_h: Matrix[n, n], W_x: Matrix[n, d], ell: Function):
    """Recurrent network with a shifted sigmoid and an open loss at the end."""
    h[0]: Vector[n]
    z[t] = W_h @ h[t - 1] + W_x @ x[t]
    h[t] = sigmoid(z[t]) - 1 / 2
    L = ell(h[T])
    return L
