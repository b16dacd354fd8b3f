from derive import Function, Matrix, Sequence, Time, Vector, dims, network, sigmoid

n = dims("n")


@network
def rnn(t: Time[0], x: Sequence[Vector[n]], W: Matrix[n, n], ell: Function):
    """Recurrent network with an open loss at every step."""
    h[-1]: Vector[n]
    h[t] = sigmoid(W @ h[t - 1] + x[t])
    L = sum(ell[t](h[t]) for t in Time)
    return L
