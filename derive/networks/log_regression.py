from derive import Scalar, exp, log, network


@network
def log_regression(x: Scalar, w1: Scalar, w2: Scalar, t: Scalar):
    """Regression on the logarithm."""
    z = w1 * x + w2 * x**2
    y = exp(z)
    L = (log(y) - log(t)) ** 2 / 2
    return L
