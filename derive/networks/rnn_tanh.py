from derive import Matrix, Sequence, Time, Vector, dims, network, sqnorm, tanh

n, d, m = dims("n d m")


@network
def rnn_tanh(
    t: Time,
    x: Sequence[Vector[d]],
    target: Sequence[Vector[m]],
    W_hh: Matrix[n, n],
    W_xh: Matrix[n, d],
    W_hy: Matrix[m, n],
):
    """Recurrent network, many to many."""
    h[0]: Vector[n]
    h[t] = tanh(W_hh @ h[t - 1] + W_xh @ x[t])
    y[t] = W_hy @ h[t]
    L = sum(sqnorm(y[t] - target[t]) / 2 for t in Time)
    return L
