from derive import Matrix, Sequence, Time, Vector, dims, network, sigmoid, sqnorm, tanh

n, d = dims("n d")


@network
def lstm(
    t: Time,
    x: Sequence[Vector[d]],
    y: Sequence[Vector[n]],
    W_f: Matrix[n, d],
    U_f: Matrix[n, n],
    b_f: Vector[n],
    W_i: Matrix[n, d],
    U_i: Matrix[n, n],
    b_i: Vector[n],
    W_o: Matrix[n, d],
    U_o: Matrix[n, n],
    b_o: Vector[n],
    W_c: Matrix[n, d],
    U_c: Matrix[n, n],
    b_c: Vector[n],
):
    """Long short-term memory."""
    h[0]: Vector[n]
    c[0]: Vector[n]
    f[t] = sigmoid(W_f @ x[t] + U_f @ h[t - 1] + b_f)
    i[t] = sigmoid(W_i @ x[t] + U_i @ h[t - 1] + b_i)
    o[t] = sigmoid(W_o @ x[t] + U_o @ h[t - 1] + b_o)
    ctilde[t] = tanh(W_c @ x[t] + U_c @ h[t - 1] + b_c)
    c[t] = f[t] * c[t - 1] + i[t] * ctilde[t]
    h[t] = o[t] * tanh(c[t])
    L = sum(sqnorm(h[t] - y[t]) / 2 for t in Time)
    return L
