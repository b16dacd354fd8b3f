from derive import Scalar, network, relu


@network
def relu_sparsity(x: Scalar, w1: Scalar, w2: Scalar, w3: Scalar, w4: Scalar, w5: Scalar, t: Scalar):
    """Sparsity of ReLU gradients."""
    z3 = w3 * x
    h3 = relu(z3)
    z1 = w2 * h3
    h1 = relu(z1)
    z2 = w4 * h3
    h2 = relu(z2)
    y = w1 * h1 + w5 * h2
    L = (y - t) ** 2 / 2
    return L
