from derive import Scalar, Sequence, Time, network


@network
def linear_rnn(t: Time, x: Sequence[Scalar], y: Sequence[Scalar], w_x: Scalar, w_h: Scalar, w_y: Scalar):
    """Linear recurrent network."""
    h[0]: Scalar
    h[t] = w_h * h[t - 1] + w_x * x[t]
    yhat[t] = w_y * h[t]
    L = sum((yhat[t] - y[t]) ** 2 for t in Time)
    return L
