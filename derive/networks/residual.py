from derive import Matrix, Vector, dims, network, sigmoid, sqnorm

d, n = dims("d n")


@network
def residual(x: Vector[d], W1: Matrix[n, d], b1: Vector[n], W2: Matrix[d, n], b2: Vector[d], r: Vector[n], s: Vector[d]):
    """Residual network with a linear regulariser."""
    z = W1 @ x + b1
    h = sigmoid(z)
    y = x + W2 @ h + b2
    R = r @ h
    S = sqnorm(y - s) / 2
    E = R + S
    return E
