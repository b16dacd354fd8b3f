from derive import Scalar, Sequence, Time, network, sigmoid, tanh


@network
def lstm_scalar(
    t: Time,
    x: Sequence[Scalar],
    y: Scalar,
    w_ix: Scalar,
    w_ih: Scalar,
    w_fx: Scalar,
    w_fh: Scalar,
    w_ox: Scalar,
    w_oh: Scalar,
    w_gx: Scalar,
    w_gh: Scalar,
):
    """Univariate LSTM."""
    h[0]: Scalar
    c[0]: Scalar
    i[t] = sigmoid(w_ix * x[t] + w_ih * h[t - 1])
    f[t] = sigmoid(w_fx * x[t] + w_fh * h[t - 1])
    o[t] = sigmoid(w_ox * x[t] + w_oh * h[t - 1])
    g[t] = tanh(w_gx * x[t] + w_gh * h[t - 1])
    c[t] = f[t] * c[t - 1] + i[t] * g[t]
    h[t] = o[t] * tanh(c[t])
    L = (h[T] - y) ** 2 / 2
    return L
