# ruff: noqa: B032
from derive import Scalar, Sequence, Time, network


@network
def linear_rnn_steps(t: Time, x: Sequence[Scalar], y: Sequence[Scalar], w_x: Scalar, w_h: Scalar, w_y: Scalar):
    """Linear recurrent network, the loss of every step by name."""
    h[0]: Scalar
    h[t] = w_h * h[t - 1] + w_x * x[t]
    yhat[t] = w_y * h[t]
    ell[t] = (yhat[t] - y[t]) ** 2
    L = sum(ell[t] for t in Time)
    return L
