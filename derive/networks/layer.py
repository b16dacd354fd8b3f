from derive import Matrix, Vector, dims, network, sigmoid

d, n = dims("d n")


@network
def layer(x: Vector[d], W: Matrix[n, d]):
    """One layer and its Jacobians."""
    y = sigmoid(W @ x)
    z = (W @ x).T
