# ruff: noqa: B032
from derive import Scalar, Sequence, Time, network, tanh


@network
def rnn_memory(t: Time, x: Sequence[Scalar], target: Sequence[Scalar], w_hh: Scalar, w_xh: Scalar, w_hy: Scalar):
    """Recurrent network with an error at every step."""
    h[0]: Scalar
    h[t] = tanh(w_hh * h[t - 1] + w_xh * x[t])
    y[t] = w_hy * h[t]
    J[t] = (y[t] - target[t]) ** 2
    L = sum(J[t] for t in Time)
    return L
