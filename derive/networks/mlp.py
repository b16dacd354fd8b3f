from derive import Matrix, Vector, dims, log, network, softmax, tanh

d, n, m, k = dims("d n m k")


@network
def mlp(
    x: Vector[d],
    W1: Matrix[n, d],
    b1: Vector[n],
    W2: Matrix[m, n],
    b2: Vector[m],
    W3: Matrix[k, m],
    b3: Vector[k],
    t: Vector[k],
):
    """Two hidden layers, softmax and cross-entropy."""
    z1 = W1 @ x + b1
    h1 = tanh(z1)
    z2 = W2 @ h1 + b2
    h2 = tanh(z2)
    z3 = W3 @ h2 + b3
    p = softmax(z3)
    L = -(t @ log(p))
    return L
