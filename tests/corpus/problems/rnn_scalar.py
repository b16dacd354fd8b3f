# ruff: noqa: B032
from derive import Function, Scalar, Sequence, Time, network, sigmoid


@network
def rnn_scalar(t: Time, x: Sequence[Scalar], w: Scalar, u: Scalar, ell: Function):
    """Recurrent network with one number as state and an open loss at the end."""
    h[0]: Scalar
    z[t] = w * h[t - 1] + u * x[t]
    h[t] = sigmoid(z[t])
    L = ell(h[T])
    return L
