from derive import Matrix, Vector, dims, log, network, rows, softmax, tanh, total

N, d, n, m, k = dims("N d n m k")


@network
def mlp_batch(
    X: Matrix[N, d],
    W1: Matrix[n, d],
    b1: Vector[n],
    W2: Matrix[m, n],
    b2: Vector[m],
    W3: Matrix[k, m],
    b3: Vector[k],
    Y: Matrix[N, k],
):
    """The same network for a batch, one example a row."""
    Z1 = X @ W1.T + rows(b1, N)
    H1 = tanh(Z1)
    Z2 = H1 @ W2.T + rows(b2, N)
    H2 = tanh(Z2)
    Z3 = H2 @ W3.T + rows(b3, N)
    P = softmax(Z3)
    L = -total(Y * log(P)) / N
    return L
