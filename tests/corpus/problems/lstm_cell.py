# ruff: noqa: B032
from derive import Matrix, Sequence, Time, Vector, dims, network, sigmoid, tanh

n, d = dims("n d")


@network
def lstm_cell(
    t: Time,
    x: Sequence[Vector[d]],
    W_f: Matrix[n, n],
    U_f: Matrix[n, d],
    W_i: Matrix[n, n],
    U_i: Matrix[n, d],
    W_o: Matrix[n, n],
    U_o: Matrix[n, d],
    W_c: Matrix[n, n],
    U_c: Matrix[n, d],
):
    """LSTM cell without biases and without a loss, W for the hidden state and U for the input."""
    h[0]: Vector[n]
    c[0]: Vector[n]
    f[t] = sigmoid(W_f @ h[t - 1] + U_f @ x[t])
    i[t] = sigmoid(W_i @ h[t - 1] + U_i @ x[t])
    o[t] = sigmoid(W_o @ h[t - 1] + U_o @ x[t])
    ctilde[t] = tanh(W_c @ h[t - 1] + U_c @ x[t])
    c[t] = f[t] * c[t - 1] + i[t] * ctilde[t]
    h[t] = o[t] * tanh(c[t])
