"""Right lines and wrong ones beside them, as people write them: what is said around a line must not make a wrong one right.

Every heuristic of the checker that forgives something (words around a formula, special cases, targets, rounded numbers, what is defined
later, further readings) has a line here that it must not forgive.
"""

from __future__ import annotations

from functools import cache

import pytest

from derive.check import Checker
from derive.check.settings import parts
from derive.network import Network
from derive.reader.problem import read_problem

WORST = ("refuted", "unreadable", "undecided", "definition", "agrees", "proved")
NETS = {
    "LIN": r"""% loss: L
% scalars: all
$x, y, w, b \in \mathbb{R}$
\begin{align} p &= w x + b \\ L &= \frac12 (p - y)^2 \end{align}""",
    "REG": r"""% loss: L
$X \in \mathbb{R}^{N \times d}$, $w \in \mathbb{R}^{d}$, $y \in \mathbb{R}^{N}$, $\lambda \in \mathbb{R}$
\begin{align} r &= X w - y \\ L &= \frac12 r^\top r + \frac{\lambda}{2} w^\top w \end{align}""",
    "QUAD": r"""% loss: L
$A \in \mathbb{R}^{n \times n}$, $w \in \mathbb{R}^{n}$, $b \in \mathbb{R}^{n}$
\begin{align} L &= w^\top A w + b^\top w \end{align}""",
    "MLP": r"""% loss: L
$x \in \mathbb{R}^{d}$, $W^{(1)} \in \mathbb{R}^{h \times d}$, $b^{(1)} \in \mathbb{R}^{h}$, $W^{(2)} \in \mathbb{R}^{k \times h}$, $b^{(2)} \in \mathbb{R}^{k}$, $t \in \mathbb{R}^{k}$
\begin{align} z^{(1)} &= W^{(1)} x + b^{(1)} \\ a^{(1)} &= \sigma(z^{(1)}) \\ z^{(2)} &= W^{(2)} a^{(1)} + b^{(2)} \\ y &= \mathrm{softmax}(z^{(2)}) \\ L &= -\sum_k t_k \log y_k \end{align}""",
    "SIG": r"""% loss: E
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{h \times d}$, $V \in \mathbb{R}^{k \times h}$, $t \in \mathbb{R}^{k}$
\begin{align} z &= W x \\ h &= \sigma(z) \\ a &= V h \\ o &= \sigma(a) \\ E &= \frac12 \sum_k (t_k - o_k)^2 \end{align}""",
    "BCE": r"""% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{k \times d}$, $t \in \mathbb{R}^{k}$
\begin{align} z &= W x \\ y &= \sigma(z) \\ L &= -\sum_k \left( t_k \log y_k + (1 - t_k) \log(1 - y_k) \right) \end{align}""",
    "SOFT": r"""% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{k \times d}$, $t \in \mathbb{R}^{k}$
\begin{align} z &= W x \\ p &= \mathrm{softmax}(z) \\ L &= -\sum_k t_k \log p_k \end{align}""",
    "SOFTB": r"""% loss: L
$X \in \mathbb{R}^{N \times d}$, $W \in \mathbb{R}^{d \times k}$, $Y \in \mathbb{R}^{N \times k}$
\begin{align} Z &= X W \\ P &= \mathrm{softmax}(Z) \\ L &= -\frac1N \sum_i \sum_k Y_{ik} \log P_{ik} \end{align}""",
    "RNN": r"""% loss: L
% time: t = 1..T
$x_t \in \mathbb{R}^{d}$, $h_0 \in \mathbb{R}^{n}$, $y_t \in \mathbb{R}^{m}$, $U \in \mathbb{R}^{n \times d}$, $W \in \mathbb{R}^{n \times n}$, $b \in \mathbb{R}^{n}$, $V \in \mathbb{R}^{m \times n}$
\begin{align} z_t &= U x_t + W h_{t-1} + b \\ h_t &= \tanh(z_t) \\ o_t &= V h_t \\ \hat y_t &= \mathrm{softmax}(o_t) \\ L_t &= -y_t^\top \log \hat y_t \\ L &= \sum_{t=1}^T L_t \end{align}""",
    "W2V": r"""% loss: J
$v_c \in \mathbb{R}^{d}$, $U \in \mathbb{R}^{d \times W}$, $y \in \mathbb{R}^{W}$
\begin{align} \theta &= U^{\top} v_c \\ \hat{y} &= \operatorname{softmax}(\theta) \\ J &= -\sum_{w=1}^{W} y_w \log \hat{y}_w \end{align}""",
    "NORM": r"""% loss: none
$x \in \mathbb{R}^{n}$
\begin{align}
\mu &= \frac{1}{n} \sum_i x_i \\
s &= \sqrt{\frac{1}{n} \sum_i (x_i - \mu)^2} \\
z_i &= \frac{x_i - \mu}{s}
\end{align}""",
    "LN": r"""% loss: none
$x, \gamma, \beta \in \mathbb{R}^{m}$, $\epsilon \in \mathbb{R}$
\begin{align} \mu &= \frac1m \sum_{i=1}^{m} x_i \\ v &= \frac1m \sum_{i=1}^{m} (x_i - \mu)^2 \\ \hat x_i &= (x_i - \mu) / \sqrt{v + \epsilon} \\ y_i &= \gamma_i \hat x_i + \beta_i \end{align}""",
    "ATT": r"""% loss: none
$Q \in \mathbb{R}^{n \times d}$, $K \in \mathbb{R}^{m \times d}$, $V \in \mathbb{R}^{m \times e}$
\begin{align} S &= Q K^\top / \sqrt{d} \\ A &= \mathrm{softmax}(S) \\ O &= A V \end{align}""",
    "GRU": r"""% loss: L
% time: t = 1..T
$x_t \in \mathbb{R}^{d}$, $h_0 \in \mathbb{R}^{n}$, $y_t \in \mathbb{R}^{n}$, $W_z, W_r, W_h \in \mathbb{R}^{n \times d}$, $U_z, U_r, U_h \in \mathbb{R}^{n \times n}$
\begin{align} z_t &= \sigma(W_z x_t + U_z h_{t-1}) \\ r_t &= \sigma(W_r x_t + U_r h_{t-1}) \\ \tilde h_t &= \tanh(W_h x_t + U_h (r_t \odot h_{t-1})) \\ h_t &= (1 - z_t) \odot h_{t-1} + z_t \odot \tilde h_t \\ L &= \frac12 \sum_{t=1}^T \| h_t - y_t \|^2 \end{align}""",
    "AE": r"""% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{n \times d}$, $b \in \mathbb{R}^{n}$, $c \in \mathbb{R}^{d}$
\begin{align} z &= W x + b \\ h &= \sigma(z) \\ \hat x &= W^\top h + c \\ L &= \frac12 \|\hat x - x\|^2 \end{align}""",
    "OPEN": r"""% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{n \times d}$, $t \in \mathbb{R}^{n}$, $\phi : \mathbb{R} \to \mathbb{R}$
\begin{align} z &= W x \\ h &= \phi(z) \\ L &= \frac12 \|h - t\|^2 \end{align}""",
    "LSTM": r"""% loss: L
% time: t = 1..T
$x_t \in \mathbb{R}^{d}$, $h_0, c_0 \in \mathbb{R}^{n}$, $y_t \in \mathbb{R}^{n}$, $W_f, W_i, W_o, W_g \in \mathbb{R}^{n \times d}$, $U_f, U_i, U_o, U_g \in \mathbb{R}^{n \times n}$
\begin{align} f_t &= \sigma(W_f x_t + U_f h_{t-1}) \\ i_t &= \sigma(W_i x_t + U_i h_{t-1}) \\ o_t &= \sigma(W_o x_t + U_o h_{t-1}) \\ g_t &= \tanh(W_g x_t + U_g h_{t-1}) \\ c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\ h_t &= o_t \odot \tanh(c_t) \\ L &= \frac12 \sum_{t=1}^T \| h_t - y_t \|^2 \end{align}""",
    "BN": r"""% loss: none
$x \in \mathbb{R}^{m}$, $\gamma, \beta, \epsilon \in \mathbb{R}$
\begin{align} \mu &= \frac1m \sum_{i=1}^{m} x_i \\ \sigma^2 &= \frac1m \sum_{i=1}^{m} (x_i - \mu)^2 \\ \hat x_i &= \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} \\ y_i &= \gamma \hat x_i + \beta \end{align}""",
    "SC": r"""% loss: E
% scalars: all
$x, w_1, w_2, b_1, b_2, t \in \mathbb{R}$
\begin{align} z_1 &= w_1 x + b_1 \\ h &= \sigma(z_1) \\ z_2 &= w_2 h + b_2 \\ o &= \sigma(z_2) \\ E &= \frac12 (t - o)^2 \end{align}""",
    "LR": r"""% loss: L
$x, y \in \mathbb{R}^{N}$, $w, b \in \mathbb{R}$
\begin{align} p_i &= w x_i + b \\ L &= \frac{1}{2N} \sum_i (p_i - y_i)^2 \end{align}""",
    "LY": r"""% loss: none
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{k \times d}$
\begin{align} z &= W x \\ y &= \mathrm{softmax}(z) \end{align}""",
    "RES": r"""% loss: L
$x \in \mathbb{R}^{n}$, $W_1, W_2 \in \mathbb{R}^{n \times n}$, $t \in \mathbb{R}^{n}$
\begin{align} h &= \mathrm{relu}(W_1 x) \\ y &= x + W_2 h \\ L &= \frac12 \|y - t\|^2 \end{align}""",
    "CAT": r"""% loss: L
% time: t = 1..T
$x_t \in \mathbb{R}^{d}$, $h_0 \in \mathbb{R}^{n}$, $y_t \in \mathbb{R}^{n}$, $W \in \mathbb{R}^{n \times (n+d)}$, $b \in \mathbb{R}^{n}$
\begin{align} h_t &= \tanh(W [h_{t-1}; x_t] + b) \\ L &= \frac12 \sum_{t=1}^T \|h_t - y_t\|^2 \end{align}""",
    "BATCH": r"""% loss: L
$X \in \mathbb{R}^{N \times d}$, $W_1 \in \mathbb{R}^{d \times h}$, $W_2 \in \mathbb{R}^{h \times k}$, $Y \in \mathbb{R}^{N \times k}$
\begin{align} H &= \sigma(X W_1) \\ P &= H W_2 \\ L &= \frac{1}{2N} \|P - Y\|^2 \end{align}""",
    "KL": r"""% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{k \times d}$, $c, t \in \mathbb{R}^{k}$
\begin{align} z &= W x \\ p &= \mathrm{softmax}(z) \\ L &= -\sum_k c_k t_k \log p_k \end{align}""",
    "MSE": r"""% loss: J
$X \in \mathbb{R}^{m \times n}$, $y \in \mathbb{R}^{m}$, $\theta \in \mathbb{R}^{n}$
\begin{align} h &= X \theta \\ J &= \frac{1}{2m} \sum_{i=1}^m (h_i - y_i)^2 \end{align}""",
    "LOGI": r"""% loss: J
$X \in \mathbb{R}^{m \times n}$, $y \in \mathbb{R}^{m}$, $\theta \in \mathbb{R}^{n}$
\begin{align} h &= \sigma(X \theta) \\ J &= -\frac1m \sum_{i=1}^m \left( y_i \log h_i + (1-y_i) \log(1-h_i) \right) \end{align}""",
    "RELU": r"""% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{h \times d}$, $v \in \mathbb{R}^{h}$, $y \in \mathbb{R}$
\begin{align} z &= W x \\ a &= \max(0, z) \\ p &= v^\top a \\ L &= (p - y)^2 \end{align}""",
    "DEEP": r"""% loss: C
% time: l = 1..L
$a^{0} \in \mathbb{R}^{n}$, $w^{l} \in \mathbb{R}^{n \times n}$, $b^{l} \in \mathbb{R}^{n}$, $y \in \mathbb{R}^{n}$
\begin{align} z^{l} &= w^{l} a^{l-1} + b^{l} \\ a^{l} &= \sigma(z^{l}) \\ C &= \frac12 \|y - a^{L}\|^2 \end{align}""",
    "VAE": r"""% loss: L
$x \in \mathbb{R}^{d}$, $W_m, W_s \in \mathbb{R}^{n \times d}$, $\xi \in \mathbb{R}^{n}$
\begin{align} \mu &= W_m x \\ s &= W_s x \\ z &= \mu + e^{s} \odot \xi \\ L &= \frac12 \|z\|^2 + \frac12 \sum_i (\mu_i^2 + e^{2 s_i} - 2 s_i - 1) \end{align}""",
    "MHA": r"""% loss: L
$x \in \mathbb{R}^{n \times d}$, $W_q, W_k, W_v \in \mathbb{R}^{d \times d}$, $y \in \mathbb{R}^{n \times d}$
\begin{align} Q &= x W_q \\ K &= x W_k \\ V &= x W_v \\ A &= \mathrm{softmax}(Q K^\top) \\ O &= A V \\ L &= \frac12 \|O - y\|^2 \end{align}""",
    "RMS": r"""% loss: none
$x, g \in \mathbb{R}^{n}$
\begin{align} r &= \sqrt{\frac1n \sum_i x_i^2} \\ y_i &= g_i \frac{x_i}{r} \end{align}""",
    "GAUSS": r"""% loss: L
$x, \mu, s \in \mathbb{R}$
\begin{align} L &= \frac{(x-\mu)^2}{2 s^2} + \log s \end{align}""",
    "SVM": r"""% loss: L
$x, w \in \mathbb{R}^{d}$, $b, y, C \in \mathbb{R}$
\begin{align} m &= 1 - y (w^\top x + b) \\ L &= \frac12 w^\top w + C \max(0, m) \end{align}""",
    "RNN2": r"""% loss: L
% time: t = 1..T
% scalars: all
$x_t, y_t, w, u, h_0 \in \mathbb{R}$
\begin{align} h_t &= w h_{t-1} + u x_t \\ L &= \frac12 \sum_{t=1}^T (h_t - y_t)^2 \end{align}""",
    "EMB": r"""% loss: L
$E \in \mathbb{R}^{V \times d}$, $s \in \mathbb{R}^{V}$, $w, t \in \mathbb{R}^{d}$
\begin{align} e &= E^\top s \\ L &= \frac12 \|e - t\|^2 \end{align}""",
    "NN": r"""% loss: L
$x, t \in \mathbb{R}^{n}$, $W, V \in \mathbb{R}^{n \times n}$
\begin{align} z &= W x \\ h &= \tanh(z) \\ y &= V h \\ L &= \frac12 \|y - t\|^2 \end{align}""",
}
HOT = {"layout": "gradient", "columns": {"u": "U"}, "onehot": {"o": "y"}}
CBOW = (
    r"$$ \hat v = \frac{1}{2m} \sum_{-m \le j \le m, j \ne 0} v_{c+j} $$"
    r" $$ J_{CBOW} = -u_o^\top \hat v + \log \sum_w \exp(u_w^\top \hat v) $$ @@"
)

# (what it is about, the network, settings, the document with @@ for the line, the right line, the wrong line)
CASES = [
    # what words set to zero
    ("zero-opt", "LIN", None, r"We minimise the loss with the Adam optimizer. First the inputs:", r"\frac{\partial L}{\partial w} = (p-y) x", r"\frac{\partial L}{\partial b} = 0"),
    ("zero-opt2", "REG", None, r"To solve the problem by gradient descent we need the derivatives. Since the label does not depend on the weights", r"\frac{\partial L}{\partial \lambda} = \frac12 w^\top w", r"\frac{\partial L}{\partial \lambda} = 0"),
    ("zero-opt3", "MLP", None, r"The optimal softmax has columns that sum to one, hence", r"\sum_i y_i - 1 = 0", r"\sum_i z^{(2)}_i = 0"),
    ("zero-solv", "RNN", None, r"This solves the vanishing gradient problem, because", r"\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1-h_t^2) W", r"\frac{\partial h_t}{\partial h_{t-1}} = 0"),
    ("zero-set-later", "REG", None, r"Setting the gradient to zero gives the normal equations. Note that the gradient of the regulariser vanishes:", r"\frac{\partial L}{\partial y} = -r", r"\frac{\partial L}{\partial y} = 0"),
    ("normal", "REG", None, r"Setting the gradient to zero, $X^\top (X w - y) + \lambda w = 0$, gives", r"(X^\top X + \lambda I) w - X^\top y = 0", r"(X^\top X - \lambda I) w - X^\top y = 0"),
    ("normal-w", "REG", None, r"Setting the gradient to zero, $X^\top (X w - y) + \lambda w = 0$, gives", None, r"w = (X^\top X - \lambda I)^{-1} X^\top y"),
    ("normal-eq", "REG", None, r"Setting the gradient to zero gives", None, r"X^\top X w + \lambda w = - X^\top y"),
    # one-hot targets, and targets that needn't sum to one
    ("hot-first", "W2V", HOT, "", r"\frac{\partial J}{\partial \theta} = \hat y - y", r"y_1 = 0"),
    ("hot-first2", "W2V", HOT, "", r"\frac{\partial J}{\partial \theta_1} = \hat y_1 - y_1", r"\frac{\partial J}{\partial \theta_1} = \hat y_1"),
    ("hot-o1", "SOFTB", {"onehot": {"y_i": "Y"}}, "", r"\frac{\partial L}{\partial Z_{11}} = \frac1N (P_{11} - Y_{11})", r"\frac{\partial L}{\partial Z_{11}} = \frac1N P_{11}"),
    ("bce-sum", "BCE", None, "", r"\frac{\partial L}{\partial z} = y - t", r"\sum_i \frac{\partial L}{\partial z_i} = \sum_i y_i - 1"),
    ("bce-sum2", "BCE", None, "", r"\frac{\partial L}{\partial z_i} = y_i - t_i", r"\sum_i t_i = 1"),
    # numbers that are said before and after
    ("later-number", "LIN", None, r"@@ Then let $x = 1$, so things are easy.", r"\frac{\partial L}{\partial w} = (p-y) x", r"\frac{\partial L}{\partial w} = (p-y) x^2"),
    ("later-number2", "LIN", None, r"@@ and then for $$w = 1$$ we get more.", r"\frac{\partial L}{\partial x} = (p-y) w", r"\frac{\partial L}{\partial x} = p-y"),
    ("later-number3", "LIN", None, r"@@ Initialise with $$b = 0$$.", r"p = w x + b", r"p = w x"),
    ("earlier-number", "LIN", None, r"For example with $x=1$ the prediction is $p = w + b$. In general", r"\frac{\partial L}{\partial w} = (p-y) x", r"\frac{\partial L}{\partial w} = p-y"),
    # symmetric matrices
    ("sym-anti", "QUAD", None, r"Let $A$ be antisymmetric.", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("sym-skew", "QUAD", None, r"where $A$ is a skew-symmetric matrix.", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("sym-non", "QUAD", None, r"where $A$ is non-symmetric.", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("sym-asym", "QUAD", None, r"for an asymmetric matrix $A$ we have", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("sym-general", "QUAD", None, r"If $A$ were symmetric this would be simpler. For general $A$ we have", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("sym-unless", "QUAD", None, r"unless $A$ is symmetric the gradient is", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("sym-part", "QUAD", None, r"The symmetric part of $A$ matters only.", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("sym-neednot", "QUAD", None, r"$A$ need not be symmetric.", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("sym-fails", "QUAD", None, r"$A$ fails to be symmetric in general.", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("sym-yes", "QUAD", None, r"where $A$ is symmetric.", r"\frac{\partial L}{\partial w} = 2 A w + b", r"\frac{\partial L}{\partial w} = A w + b"),
    # brackets after sums
    ("norm of two entries", "NORM", None, "", r"\bar x = \frac1s (I - \frac1n (\mathbf 1 \mathbf 1^\top + z z^\top)) \bar z", r"\bar x = (I - \frac1n (\mathbf 1 \mathbf 1^\top + z z^\top)) \bar z"),
    ("a size for a number", None, {"declare": {"x": "n"}}, "", r"n \sum_i x_i = \sum_i n x_i", r"n \sum_i x_i = \sum_i 3 x_i"),
    ("own sums", None, {"declare": {"x": "n", "c": "scalar"}}, "", r"2 \sum_i x_i - \sum_{i=1}^n c = 2 \sum_i x_i - n c", r"2 \sum_i x_i - \sum_{i=1}^n c = 2 \sum_i (x_i - c)"),
    ("whole", None, {"declare": {"x": "n", "c": "scalar"}}, "", r"\sum_{i=1}^n (x_i - c) = \sum_{i=1}^n x_i - n c", r"\sum_{i=1}^n (x_i - c) = \sum_{i=1}^n x_i - c"),
    ("whole2", "LN", None, "", r"\sum_i (x_i - \mu) = \sum_i x_i - m\mu", r"\sum_i (x_i - \mu) = \sum_i x_i - \mu"),
    ("whole3", "SIG", None, "", r"E = \frac12 \sum_k (t_k - o_k)^2", r"E = \frac12 \sum_k t_k^2 - t_k o_k + \frac12 \sum_k o_k^2"),
    # inputs that are given a form
    ("as-b", "MLP", None, "", r"b^{(1)} = z^{(1)} - W^{(1)} x", r"b^{(1)} = z^{(1)} + W^{(1)} x"),
    ("as-W", "MLP", None, "", r"\frac{\partial L}{\partial W^{(2)}} = (y - t) a^{(1)\top}", r"W^{(2)} = (y - t) a^{(1)\top}"),
    ("as-x", "MLP", None, "", None, r"x = W^{(1)\top} z^{(1)}"),
    ("as-t", "MLP", None, "", None, r"t = y"),
    ("as-w0", "REG", None, r"Start from $w = 0$. At any later step the gradient is", r"\frac{\partial L}{\partial w} = X^\top (X w - y) + \lambda w", r"\frac{\partial L}{\partial w} = - X^\top y"),
    ("as-h0", "RNN", None, r"with $h_0 = 0$. Then", r"h_1 = \tanh(U x_1 + b)", r"h_2 = \tanh(U x_2 + b)"),
    # functions that are chosen
    ("fn-sig", "SIG", None, r"where $\sigma(z) = \tanh(z)$ is the logistic function", None, r"\frac{\partial h}{\partial z} = \mathrm{diag}(1 - h \odot h)"),
    ("fn-open", "OPEN", None, r"For $\phi(z) = \tanh(z)$:", r"\frac{\partial L}{\partial z} = (h-t) \odot (1 - h \odot h)", r"\frac{\partial L}{\partial z} = (h-t) \odot h \odot (1-h)"),
    ("fn-open2", "OPEN", None, r"For $\phi(z) = \tanh(z)$ this gives something else. For a general activation:", r"\frac{\partial L}{\partial z} = (h-t) \odot \phi^\prime(z)", r"\frac{\partial L}{\partial z} = (h-t) \odot (1 - h \odot h)"),
    # rounded and repeated numbers
    ("round-lr", None, None, "", r"0.9 - 0.001 \cdot 200 = 0.7", r"0.9 - 0.001 \cdot 200 = 0.75"),
    ("round-lr2", None, None, "", r"0.001 \cdot 1000 = 1", r"0.001 \cdot 1000 = 1.4"),
    ("round-3", "LIN", {"values": {"x": 2, "w": 1.5, "b": 0, "y": 1}}, "", r"w - 0.005 \cdot 100 \cdot \frac{\partial L}{\partial w} = -0.5", r"w - 0.005 \cdot 100 \cdot \frac{\partial L}{\partial w} = -0.6"),
    ("redef-num", None, None, r"$$h = 0.15 \cdot 0.05 + 0.2 \cdot 0.1 + 0.35$$", r"h = 0.3775", r"h = 0.4775"),
    ("redef-num2", None, None, r"$$q = 2 + 3$$", r"q = 5", r"q = 6"),
    ("redef-num3", None, None, r"$$q = 5$$", r"q^2 = 25", r"q = 2 + 4"),
    # conditions on indices
    ("cond-inline", "SOFT", None, r"For $i \ne j$: $$\frac{\partial p_i}{\partial z_j} = -p_i p_j$$ Now for all $i$ and $j$", r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)", r"\frac{\partial p_i}{\partial z_j} = -p_i p_j"),
    ("cond-eq", "SOFT", None, r"If $i = j$ then", r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_j)", r"\frac{\partial p_i}{\partial z_j} = -p_i p_j"),
    ("cond-ne", "SOFT", None, r"If $i \ne j$ then", r"\frac{\partial p_i}{\partial z_j} = -p_i p_j", r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_j)"),
    # multilayer perceptrons
    ("mlp1", "MLP", None, "", r"\frac{\partial L}{\partial W^{(1)}} = \left( W^{(2)\top} (y-t) \odot a^{(1)} \odot (1-a^{(1)}) \right) x^\top", r"\frac{\partial L}{\partial W^{(1)}} = \left( W^{(2)\top} (y-t) \odot z^{(1)} \odot (1-z^{(1)}) \right) x^\top"),
    ("mlp2", "MLP", None, "", r"\frac{\partial L}{\partial b^{(1)}} = \frac{\partial L}{\partial z^{(1)}}", r"\frac{\partial L}{\partial b^{(1)}} = \frac{\partial L}{\partial a^{(1)}}"),
    ("mlp3", "MLP", None, "", r"\frac{\partial L}{\partial x} = W^{(1)\top} \frac{\partial L}{\partial z^{(1)}}", r"\frac{\partial L}{\partial x} = W^{(1)} \frac{\partial L}{\partial z^{(1)}}"),
    ("mlp4", "MLP", None, "", r"\frac{\partial L}{\partial W^{(2)}} = (y-t) a^{(1)\top}", r"\frac{\partial L}{\partial W^{(2)}} = a^{(1)} (y-t)^\top"),
    ("mlp5", "MLP", None, "", r"\delta^{(2)} = y - t", r"\delta^{(2)} = y + t"),
    ("mlp5b", "MLP", None, r"$$\delta^{(2)} = y - t$$", r"\delta^{(1)} = (W^{(2)\top} \delta^{(2)}) \odot \sigma^\prime(z^{(1)})", r"\delta^{(1)} = (W^{(2)\top} \delta^{(2)}) \odot \sigma^\prime(a^{(1)})"),
    ("mlp5c", "MLP", None, "", r"\delta^{(1)} = (W^{(2)\top} \delta^{(2)}) \odot \sigma^\prime(z^{(1)})", r"\delta^{(1)} = (W^{(2)\top} \delta^{(2)})"),
    ("mlp6", "MLP", None, "", r"\delta^{l} = (W^{l+1})^\top \delta^{l+1} \odot \sigma^\prime(z^{l})", r"\delta^{l} = (W^{l})^\top \delta^{l+1} \odot \sigma^\prime(z^{l})"),
    ("mlp7", "MLP", None, "", r"\frac{\partial L}{\partial W^{l}} = \delta^{l} (a^{l-1})^\top", r"\frac{\partial L}{\partial W^{l}} = \delta^{l} (a^{l})^\top"),
    ("mlp8", "MLP", None, "", r"\frac{\partial L}{\partial z^{(2)}_i} = y_i \sum_k t_k - t_i", r"\frac{\partial L}{\partial z^{(2)}_i} = y_i - y_i t_i"),
    ("mlp9", "MLP", None, "", r"\frac{\partial y_i}{\partial z^{(2)}_j} = y_i(\delta_{ij} - y_j)", r"\frac{\partial y_i}{\partial z^{(2)}_j} = y_i(1 - y_j)"),
    ("mlp10", "MLP", None, "", r"\frac{\partial L}{\partial y_k} = -\frac{t_k}{y_k}", r"\frac{\partial L}{\partial y_k} = -\frac{1}{y_k}"),
    ("mlp11", "MLP", None, "", r"\sum_k y_k = 1", r"\sum_k a^{(1)}_k = 1"),
    ("mlp12", "MLP", None, "", r"\frac{\partial L}{\partial z^{(2)}} = \frac{\partial y}{\partial z^{(2)}} \frac{\partial L}{\partial y}", r"\frac{\partial L}{\partial z^{(2)}} = \frac{\partial y}{\partial z^{(2)}} \odot \frac{\partial L}{\partial y}"),
    ("mlp13", "MLP", None, "", r"\frac{\partial L}{\partial W^{(2)}_{ij}} = (y_i - t_i) a^{(1)}_j", r"\frac{\partial L}{\partial W^{(2)}_{ij}} = (y_j - t_j) a^{(1)}_i"),
    ("mlp14", "MLP", None, "", r"\frac{\partial a^{(1)}}{\partial z^{(1)}} = \mathrm{diag}(a^{(1)} \odot (1 - a^{(1)}))", r"\frac{\partial a^{(1)}}{\partial z^{(1)}} = \mathrm{diag}(1 - a^{(1)} \odot a^{(1)})"),
    ("mlp15", "MLP", None, "", r"\frac{\partial z^{(2)}}{\partial a^{(1)}} = W^{(2)}", r"\frac{\partial z^{(2)}}{\partial a^{(1)}} = W^{(1)}"),
    ("mlp16", "MLP", None, "", r"L = -t^\top z^{(2)} + (\sum_k t_k) \log \sum_j e^{z^{(2)}_j}", r"L = -t^\top z^{(2)} + \sum_j z^{(2)}_j"),
    ("mlp18", "MLP", None, "", r"dL = \mathrm{tr}\left( \frac{\partial L}{\partial W^{(2)}}^\top dW^{(2)} \right)", r"dL = \mathrm{tr}\left( \frac{\partial L}{\partial W^{(2)}} dW^{(2)} \right)"),
    # index form and error signals
    ("sig1", "SIG", None, "", r"\frac{\partial E}{\partial o_k} = o_k - t_k", r"\frac{\partial E}{\partial o_k} = t_k - o_k"),
    ("sig2", "SIG", None, "", r"\frac{\partial E}{\partial V_{kj}} = (o_k - t_k) o_k (1-o_k) h_j", r"\frac{\partial E}{\partial V_{kj}} = (o_k - t_k) o_k h_j"),
    ("sig4", "SIG", None, "", r"\frac{\partial E}{\partial h_j} = \sum_k (o_k-t_k) o_k(1-o_k) V_{kj}", r"\frac{\partial E}{\partial h_j} = \sum_k (o_k-t_k) o_k(1-o_k) V_{jk}"),
    ("sig8", "SIG", None, r"$$\delta_k = (t_k - o_k) o_k (1-o_k)$$", r"\frac{\partial E}{\partial V_{kj}} = -\delta_k h_j", r"\frac{\partial E}{\partial V_{kj}} = \delta_k h_j"),
    ("sig10", "SIG", None, "", r"\sigma^\prime(z) = \sigma(z) (1 - \sigma(z))", r"\sigma^\prime(z) = \sigma(z) (1 - z)"),
    ("sig11", "SIG", None, "", r"\sigma^\prime = \sigma (1 - \sigma)", r"\sigma^\prime = \sigma (1 + \sigma)"),
    ("sig12", "SIG", None, "", r"\frac{d}{dx} \sigma(x) = \frac{e^{-x}}{(1+e^{-x})^2}", r"\frac{d}{dx} \sigma(x) = \frac{e^{-x}}{1+e^{-x}}"),
    ("sig14", "SIG", None, "", r"\frac{\partial E}{\partial h} = V^\top \frac{\partial E}{\partial a}", r"\frac{\partial E}{\partial h} = V \frac{\partial E}{\partial a}"),
    ("sig15", "SIG", None, "", r"\frac{\partial o_k}{\partial a_j} = o_k(1-o_k) \delta_{kj}", r"\frac{\partial o_k}{\partial a_j} = o_k(1-o_k)"),
    ("sig16", "SIG", None, r"For $k \neq j$:", r"\frac{\partial o_k}{\partial a_j} = 0", r"\frac{\partial o_k}{\partial a_j} = o_k(1-o_k)"),
    # cross-entropies
    ("bce1", "BCE", None, "", r"\frac{\partial L}{\partial y_k} = \frac{y_k - t_k}{y_k (1-y_k)}", r"\frac{\partial L}{\partial y_k} = \frac{t_k - y_k}{y_k (1-y_k)}"),
    ("bce2", "BCE", None, "", r"\frac{\partial L}{\partial W} = (y-t) x^\top", r"\frac{\partial L}{\partial W} = x (y-t)^\top"),
    ("bce3", "BCE", None, "", r"\frac{\partial L}{\partial x} = W^\top (y - t)", r"\frac{\partial L}{\partial x} = W^\top (y - 1)"),
    ("bce4", "BCE", None, "", r"L = \sum_k \left( \log(1 + e^{z_k}) - t_k z_k \right)", r"L = \sum_k \left( \log(1 + e^{z_k}) \right) - t_k z_k"),
    ("soft1", "SOFT", None, "", r"\frac{\partial L}{\partial z} = p - t", r"\frac{\partial L}{\partial z} = t - p"),
    ("soft2", "SOFT", None, "", r"\frac{\partial L}{\partial z_i} = \sum_k \frac{\partial L}{\partial p_k} \frac{\partial p_k}{\partial z_i}", r"\frac{\partial L}{\partial z_i} = \frac{\partial L}{\partial p_i} \frac{\partial p_i}{\partial z_i}"),
    ("soft3", "SOFT", None, "", r"\log p_i = z_i - \log \sum_j e^{z_j}", r"\log p_i = z_i - \sum_j \log e^{z_j}"),
    ("soft4", "SOFT", None, "", r"\frac{\partial \log p_i}{\partial z_j} = \delta_{ij} - p_j", r"\frac{\partial \log p_i}{\partial z_j} = \delta_{ij} - p_i"),
    ("soft5", "SOFT", {"onehot": {"c": "t"}}, "", r"L = -\log p_c", r"L = -\sum_k \log p_k"),
    ("soft6", "SOFT", {"onehot": {"c": "t"}}, "", r"\frac{\partial L}{\partial z_c} = p_c - 1", r"\frac{\partial L}{\partial z_k} = p_k - 1"),
    ("soft7", "SOFT", {"onehot": {"c": "t"}}, "", r"\frac{\partial L}{\partial z_k} = p_k - 1(k = c)", r"\frac{\partial L}{\partial z_k} = p_k - 1(k \neq c)"),
    ("soft8", "SOFT", {"onehot": {"c": "t"}}, "", r"\frac{\partial L}{\partial W} = (p - t) x^\top", r"\frac{\partial L}{\partial W} = (p - t \odot p) x^\top"),
    ("soft9", "SOFT", None, "", r"\frac{\partial p}{\partial z} = \mathrm{diag}(p) - p p^\top", r"\frac{\partial p}{\partial z} = \mathrm{diag}(p) - p^\top p"),
    ("soft10", "SOFT", None, "", r"\frac{\partial^2 L}{\partial z \partial z^\top} = \mathrm{diag}(p) - p p^\top", r"\frac{\partial^2 L}{\partial z \partial z^\top} = \mathrm{diag}(t) - p p^\top"),
    ("softb1", "SOFTB", None, "", r"\frac{\partial L}{\partial W} = \frac1N X^\top (P-Y)", r"\frac{\partial L}{\partial W} = \frac1N (P-Y)^\top X"),
    ("softb2", "SOFTB", None, "", r"\frac{\partial L}{\partial Z} = \frac1N (P-Y)", r"\frac{\partial L}{\partial Z} = P-Y"),
    ("softb3", "SOFTB", {"onehot": {"y_i": "Y"}}, "", r"L = -\frac1N \sum_i \log P_{i y_i}", r"L = -\frac1N \log P_{i y_i}"),
    ("softb4", "SOFTB", {"onehot": {"y_i": "Y"}}, "", r"\sum_k Y_{ik} = 1", r"\sum_i Y_{ik} = 1"),
    ("softb5", "SOFTB", {"onehot": {"y_i": "Y"}}, "", r"Y_{ik}^2 = Y_{ik}", r"Y Y^\top = I"),
    ("softb6", "SOFTB", None, "", r"P = \mathrm{softmax}(X W)", r"P = \mathrm{softmax}(W X)"),
    # recurrent networks
    ("rnn1", "RNN", None, "", r"\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1-h_t^2) W", r"\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1-h_t^2) W^\top + I"),
    ("rnn2", "RNN", None, "", r"\frac{\partial L}{\partial W} = \sum_{t=1}^T \frac{\partial L}{\partial z_t} h_{t-1}^\top", r"\frac{\partial L}{\partial W} = \sum_{t=1}^T \frac{\partial L}{\partial z_t} h_{t}^\top"),
    ("rnn3", "RNN", None, "", r"\frac{\partial L}{\partial h_t} = V^\top (\hat y_t - y_t) + W^\top \left( (1-h_{t+1}^2) \odot \frac{\partial L}{\partial h_{t+1}} \right)", r"\frac{\partial L}{\partial h_t} = V^\top (\hat y_t - y_t)"),
    ("rnn4", "RNN", None, "", r"\frac{\partial L}{\partial h_T} = V^\top (\hat y_T - y_T)", r"\frac{\partial L}{\partial h_T} = W^\top (\hat y_T - y_T)"),
    ("rnn5", "RNN", None, "", r"\frac{\partial L}{\partial V} = \sum_t (\hat y_t - y_t) h_t^\top", r"\frac{\partial L}{\partial V} = (\hat y_t - y_t) h_t^\top"),
    ("rnn6", "RNN", None, "", r"\frac{\partial h_t}{\partial h_k} = \prod_{j=k+1}^{t} \mathrm{diag}(1-h_j^2) W", r"\frac{\partial h_t}{\partial h_k} = \prod_{j=k}^{t} \mathrm{diag}(1-h_j^2) W"),
    ("rnn7", "RNN", None, "", r"\frac{\partial L_t}{\partial W} = \sum_{k=1}^{t} \frac{\partial L_t}{\partial \hat y_t} \frac{\partial \hat y_t}{\partial h_t} \frac{\partial h_t}{\partial h_k} \frac{\partial h_k}{\partial W}", r"\frac{\partial L_t}{\partial W} = \sum_{k=1}^{t-1} \frac{\partial L_t}{\partial \hat y_t} \frac{\partial \hat y_t}{\partial h_t} \frac{\partial h_t}{\partial h_k} \frac{\partial h_k}{\partial W}"),
    ("rnn8", "RNN", None, "", r"\frac{\partial L}{\partial U} = \sum_t \frac{\partial L}{\partial z_t} x_t^\top", r"\frac{\partial L}{\partial U} = \sum_t x_t \frac{\partial L}{\partial z_t}^\top"),
    ("rnn9", "RNN", None, "", r"\frac{\partial L}{\partial b} = \sum_t (1-h_t^2) \odot \frac{\partial L}{\partial h_t}", r"\frac{\partial L}{\partial b} = \sum_t h_t (1-h_t) \odot \frac{\partial L}{\partial h_t}"),
    ("rnn10", "RNN", None, "", None, r"\frac{\partial L}{\partial W} = \sum_t (1-h_t^2) \odot V^\top (\hat y_t - y_t) h_{t-1}^\top"),
    ("rnn11", "RNN", None, "", r"\frac{\partial L}{\partial h_t} = \frac{\partial L_t}{\partial h_t} + \left(\frac{\partial h_{t+1}}{\partial h_t}\right)^\top \frac{\partial L}{\partial h_{t+1}}", r"\frac{\partial L}{\partial h_t} = \frac{\partial L_t}{\partial h_t}"),
    ("rnn12", "RNN", None, "", r"\frac{\partial L}{\partial o_t} = \hat y_t - y_t", r"\frac{\partial L}{\partial o_t} = \hat y_t - y_{t-1}"),
    ("rnn13", "RNN", None, "", None, r"\frac{\partial L}{\partial W} = \sum_{t=1}^T \frac{\partial L_t}{\partial h_t} \frac{\partial^+ h_t}{\partial W}"),
    ("rnn14", "RNN", None, "", r"h_2 = \tanh(U x_2 + W h_1 + b)", r"h_2 = \tanh(U x_1 + W h_1 + b)"),
    ("rnn15", "RNN", None, "", r"\frac{\partial h_3}{\partial h_1} = \frac{\partial h_3}{\partial h_2}\frac{\partial h_2}{\partial h_1}", r"\frac{\partial h_3}{\partial h_1} = \frac{\partial h_3}{\partial h_2} + \frac{\partial h_2}{\partial h_1}"),
    ("rnn16", "RNN", None, "", r"\frac{\partial L_3}{\partial W} = \sum_{k=1}^3 \frac{\partial L_3}{\partial h_3}\frac{\partial h_3}{\partial h_k}\frac{\partial^+ h_k}{\partial W}", r"\frac{\partial L_3}{\partial W} = \frac{\partial L_3}{\partial h_3}\frac{\partial^+ h_3}{\partial W}"),
    # stationary points
    ("z1", "REG", None, r"We compute $\frac{\partial L}{\partial w} = X^\top (X w - y) + \lambda w$. Setting the gradient to zero gives", r"X^\top X w + \lambda w = X^\top y", r"X^\top X w - \lambda w = X^\top y"),
    ("z2", "REG", None, r"Setting the gradient to zero gives", r"X^\top (X w - y) + \lambda w = 0", r"X^\top (X w - y) - \lambda w = 0"),
    ("z3", "REG", None, r"Setting the gradient to zero gives $X^\top (X w - y) + \lambda w = 0$, hence", r"w = (X^\top X + \lambda I)^{-1} X^\top y", r"w = (X^\top X - \lambda I)^{-1} X^\top y"),
    ("z4", "REG", None, r"Setting the gradient to zero gives $X^\top (X w - y) + \lambda w = 0$, hence", r"(X^\top X + \lambda I) w = X^\top y", r"(X^\top X + \lambda I) w = X y"),
    ("z5", "LR", None, r"Setting the gradient to zero gives", r"\frac1N \sum_i (w x_i + b - y_i) x_i = 0", r"\frac1N \sum_i (w x_i + b - y_i) = b"),
    ("z6", "LR", None, r"Setting $\frac{\partial L}{\partial b} = 0$ we get", r"b = \frac1N \sum_i (y_i - w x_i)", r"b = \sum_i (y_i - w x_i)"),
    ("z7", "LR", None, r"Setting $\frac{\partial L}{\partial b} = 0$ we get", r"\sum_i (y_i - w x_i - b) = 0", r"\sum_i (y_i - w x_i) = 0"),
    ("z8", "LR", None, r"Setting both derivatives, $\frac{\partial L}{\partial b}$ and $\frac{\partial L}{\partial w}$, to zero we get", r"w = \frac{N \sum_i x_i y_i - \sum_i x_i \sum_i y_i}{N \sum_i x_i^2 - (\sum_i x_i)^2}", r"w = \frac{N \sum_i x_i y_i + \sum_i x_i \sum_i y_i}{N \sum_i x_i^2 - (\sum_i x_i)^2}"),
    ("z9", "QUAD", None, r"At a stationary point", r"(A + A^\top) w + b = 0", r"2 A w + b = 0"),
    ("z10", "QUAD", None, r"Setting the derivative by $w$ to zero and solving:", r"w = -(A + A^\top)^{-1} b", r"w = (A + A^\top)^{-1} b"),
    ("z13", "REG", None, r"Setting the gradient to zero, $\frac{\partial L}{\partial w} = 0$, we have in terms of the residual", r"X^\top r = -\lambda w", r"X^\top r = \lambda w"),
    ("z14", "REG", None, r"Setting the gradient to zero, $\frac{\partial L}{\partial w} = 0$, we have", r"r = X w - y", r"r = 0"),
    # LSTM and GRU
    ("lstm1", "LSTM", None, "", r"\frac{\partial L}{\partial c_t} = \frac{\partial L}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t)) + \frac{\partial L}{\partial c_{t+1}} \odot f_{t+1}", r"\frac{\partial L}{\partial c_t} = \frac{\partial L}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t))"),
    ("lstm2", "LSTM", None, "", r"\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot c_{t-1}", r"\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot c_{t}"),
    ("lstm3", "LSTM", None, "", r"\frac{\partial L}{\partial o_t} = \frac{\partial L}{\partial h_t} \odot \tanh(c_t)", r"\frac{\partial L}{\partial o_t} = \frac{\partial L}{\partial h_t} \odot c_t"),
    ("lstm4", "LSTM", None, "", r"\frac{\partial L}{\partial U_f} = \sum_t \left(\frac{\partial L}{\partial f_t} \odot f_t \odot (1-f_t)\right) h_{t-1}^\top", r"\frac{\partial L}{\partial U_f} = \sum_t \left(\frac{\partial L}{\partial f_t} \odot f_t \odot (1-f_t)\right) h_{t}^\top"),
    ("lstm5", "LSTM", None, "", r"\frac{\partial L}{\partial W_g} = \sum_t \left(\frac{\partial L}{\partial g_t} \odot (1-g_t^2)\right) x_t^\top", r"\frac{\partial L}{\partial W_g} = \sum_t \left(\frac{\partial L}{\partial g_t} \odot g_t (1-g_t)\right) x_t^\top"),
    ("lstm6", "LSTM", None, "", r"\frac{\partial L}{\partial i_t} = \frac{\partial L}{\partial c_t} \odot g_t", r"\frac{\partial L}{\partial i_t} = \frac{\partial L}{\partial c_t} \odot i_t"),
    ("lstm7", "LSTM", None, "", r"\frac{\partial^+ c_t}{\partial c_{t-1}} = \mathrm{diag}(f_t)", r"\frac{\partial^+ c_t}{\partial c_{t-1}} = \mathrm{diag}(i_t)"),
    ("lstm8", "LSTM", None, r"With $h_0 = 0$ and $c_0 = 0$:", r"c_1 = i_1 \odot g_1", r"c_1 = i_1 \odot g_1 + f_1"),
    ("lstm9", "LSTM", None, r"With $c_0 = 0$:", r"c_1 = i_1 \odot g_1", r"c_2 = i_2 \odot g_2"),
    ("lstm10", "LSTM", None, "", r"\frac{\partial c_t}{\partial f_t} = \mathrm{diag}(c_{t-1})", r"\frac{\partial c_t}{\partial f_t} = \mathrm{diag}(f_t)"),
    ("lstm11", "LSTM", None, "", None, r"\frac{\partial L}{\partial h_t} = h_t - y_t"),
    ("lstm12", "LSTM", None, "", r"\frac{\partial L}{\partial h_T} = h_T - y_T", r"\frac{\partial L}{\partial h_T} = y_T - h_T"),
    ("lstm13", "LSTM", None, "", r"\frac{\partial h_t}{\partial c_t} = \mathrm{diag}(o_t \odot (1-\tanh^2(c_t)))", r"\frac{\partial h_t}{\partial c_t} = \mathrm{diag}(o_t \odot (1-c_t^2))"),
    ("gru1", "GRU", None, "", r"\frac{\partial L}{\partial z_t} = \frac{\partial L}{\partial h_t} \odot (\tilde h_t - h_{t-1})", r"\frac{\partial L}{\partial z_t} = \frac{\partial L}{\partial h_t} \odot (h_{t-1} - \tilde h_t)"),
    ("gru2", "GRU", None, "", r"\frac{\partial L}{\partial \tilde h_t} = \frac{\partial L}{\partial h_t} \odot z_t", r"\frac{\partial L}{\partial \tilde h_t} = \frac{\partial L}{\partial h_t} \odot (1-z_t)"),
    ("gru3", "GRU", None, "", r"\frac{\partial L}{\partial U_h} = \sum_t \left(\frac{\partial L}{\partial \tilde h_t} \odot (1-\tilde h_t^2)\right) (r_t \odot h_{t-1})^\top", r"\frac{\partial L}{\partial U_h} = \sum_t \left(\frac{\partial L}{\partial \tilde h_t} \odot (1-\tilde h_t^2)\right) h_{t-1}^\top"),
    ("gru4", "GRU", None, "", r"\frac{\partial L}{\partial r_t} = h_{t-1} \odot U_h^\top \left(\frac{\partial L}{\partial \tilde h_t} \odot (1-\tilde h_t^2)\right)", r"\frac{\partial L}{\partial r_t} = r_t \odot U_h^\top \left(\frac{\partial L}{\partial \tilde h_t} \odot (1-\tilde h_t^2)\right)"),
    ("gru5", "GRU", None, "", r"h_t = h_{t-1} + z_t \odot (\tilde h_t - h_{t-1})", r"h_t = \tilde h_t + z_t \odot (h_{t-1} - \tilde h_t)"),
    ("gru6", "GRU", None, r"If $z_t = 0$,", r"\frac{\partial L}{\partial \tilde h_t} = \frac{\partial L}{\partial h_t} \odot z_t", r"\frac{\partial L}{\partial \tilde h_t} = \frac{\partial L}{\partial h_t}"),
    # normalisation
    ("ln1", "LN", None, "", r"\frac{\partial L}{\partial \hat x_i} = \frac{\partial L}{\partial y_i} \gamma_i", r"\frac{\partial L}{\partial \hat x_i} = \frac{\partial L}{\partial y_i}"),
    ("ln2", "LN", None, "", r"\frac{\partial L}{\partial x_i} = \frac{1}{\sqrt{v+\epsilon}} \left( \frac{\partial L}{\partial \hat x_i} - \frac1m \sum_j \frac{\partial L}{\partial \hat x_j} - \frac{\hat x_i}{m} \sum_j \frac{\partial L}{\partial \hat x_j} \hat x_j \right)", r"\frac{\partial L}{\partial x_i} = \frac{1}{\sqrt{v+\epsilon}} \left( \frac{\partial L}{\partial \hat x_i} - \frac1m \sum_j \frac{\partial L}{\partial \hat x_j} - \frac{\hat x_i}{m} \sum_j \frac{\partial L}{\partial \hat x_j} \right)"),
    ("ln3", "LN", None, "", r"\frac{\partial v}{\partial x_i} = \frac{2}{m} (x_i - \mu)", r"\frac{\partial v}{\partial x_i} = \frac{2}{m} (x_i - \mu)(1-\frac1m)"),
    ("ln4", "LN", None, "", r"\sum_i \hat x_i = 0", r"\sum_i \hat x_i^2 = m"),
    ("ln5", "LN", None, r"With $\epsilon = 0$:", r"\sum_i \hat x_i^2 = m", r"\sum_i \hat x_i^2 = 1"),
    ("ln6", "LN", None, "", r"v = \frac1m \sum_i x_i^2 - \mu^2", r"v = \frac1m \sum_i x_i^2 - \mu"),
    ("ln7", "LN", None, "", r"\frac{\partial \mu}{\partial x_i} = \frac1m", r"\frac{\partial \mu}{\partial x_i} = 1"),
    ("bn2", "BN", None, "", r"\frac{\partial L}{\partial \beta} = \sum_i \frac{\partial L}{\partial y_i}", r"\frac{\partial L}{\partial \beta} = \frac1m \sum_i \frac{\partial L}{\partial y_i}"),
    ("bn3", "BN", None, "", r"\frac{\partial L}{\partial \sigma^2} = -\frac12 \sum_i \frac{\partial L}{\partial \hat x_i} (x_i - \mu) (\sigma^2+\epsilon)^{-3/2}", r"\frac{\partial L}{\partial \sigma^2} = -\frac12 \sum_i \frac{\partial L}{\partial \hat x_i} (x_i - \mu) (\sigma^2+\epsilon)^{-1/2}"),
    ("bn4", "BN", None, "", r"\frac{\partial L}{\partial \mu} = -\frac{1}{\sqrt{\sigma^2+\epsilon}} \sum_i \frac{\partial L}{\partial \hat x_i}", r"\frac{\partial L}{\partial \mu} = \frac{1}{\sqrt{\sigma^2+\epsilon}} \sum_i \frac{\partial L}{\partial \hat x_i}"),
    ("bn5", "BN", None, "", r"\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial \hat x_i} \frac{1}{\sqrt{\sigma^2+\epsilon}} + \frac{\partial L}{\partial \sigma^2} \frac{2(x_i-\mu)}{m} + \frac{\partial L}{\partial \mu} \frac1m", r"\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial \hat x_i} \frac{1}{\sqrt{\sigma^2+\epsilon}} + \frac{\partial L}{\partial \sigma^2} \frac{2(x_i-\mu)}{m}"),
    # attention, autoencoders
    ("att1", "ATT", None, "", r"\frac{\partial L}{\partial V} = A^\top \frac{\partial L}{\partial O}", r"\frac{\partial L}{\partial V} = A \frac{\partial L}{\partial O}"),
    ("att2", "ATT", None, "", r"\frac{\partial L}{\partial A} = \frac{\partial L}{\partial O} V^\top", r"\frac{\partial L}{\partial A} = V \frac{\partial L}{\partial O}^\top"),
    ("att3", "ATT", None, "", r"\frac{\partial L}{\partial Q} = \frac{1}{\sqrt d} \frac{\partial L}{\partial S} K", r"\frac{\partial L}{\partial Q} = \frac{1}{d} \frac{\partial L}{\partial S} K"),
    ("att4", "ATT", None, "", r"\frac{\partial L}{\partial K} = \frac{1}{\sqrt d} \frac{\partial L}{\partial S}^\top Q", r"\frac{\partial L}{\partial K} = \frac{1}{\sqrt d} Q^\top \frac{\partial L}{\partial S}"),
    ("att5", "ATT", None, "", r"\frac{\partial L}{\partial S_{ij}} = A_{ij} \left( \frac{\partial L}{\partial A_{ij}} - \sum_k A_{ik} \frac{\partial L}{\partial A_{ik}} \right)", r"\frac{\partial L}{\partial S_{ij}} = A_{ij} \left( \frac{\partial L}{\partial A_{ij}} - \sum_k A_{kj} \frac{\partial L}{\partial A_{kj}} \right)"),
    ("att6", "ATT", None, "", r"\sum_j A_{ij} = 1", r"\sum_i A_{ij} = 1"),
    ("att7", "ATT", None, "", r"O = \mathrm{softmax}\left(\frac{QK^\top}{\sqrt d}\right) V", r"O = \mathrm{softmax}\left(\frac{QK^\top}{d}\right) V"),
    ("ae1", "AE", None, "", r"\frac{\partial L}{\partial W} = h (\hat x - x)^\top + \frac{\partial L}{\partial z} x^\top", r"\frac{\partial L}{\partial W} = h (\hat x - x)^\top"),
    ("ae2", "AE", None, "", r"\frac{\partial L}{\partial x} = W^\top \frac{\partial L}{\partial z} - (\hat x - x)", r"\frac{\partial L}{\partial x} = W^\top \frac{\partial L}{\partial z}"),
    ("ae3", "AE", None, "", r"\frac{\partial L}{\partial h} = W (\hat x - x)", r"\frac{\partial L}{\partial h} = W^\top (\hat x - x)"),
    ("ae4", "AE", None, "", r"\frac{\partial L}{\partial c} = \hat x - x", r"\frac{\partial L}{\partial c} = x - \hat x"),
    # word2vec
    ("w1", "W2V", HOT, "", r"\frac{\partial J}{\partial v_c} = U (\hat y - y)", r"\frac{\partial J}{\partial v_c} = U^\top (\hat y - y)"),
    ("w3", "W2V", HOT, "", r"\frac{\partial J}{\partial u_w} = (\hat y_w - y_w) v_c", r"\frac{\partial J}{\partial u_w} = (\hat y_w - 1) v_c"),
    ("w4", "W2V", HOT, "", r"\frac{\partial J}{\partial u_o} = (\hat y_o - 1) v_c", r"\frac{\partial J}{\partial u_o} = \hat y_o v_c"),
    ("w5", "W2V", HOT, r"For $w \neq o$:", r"\frac{\partial J}{\partial u_w} = \hat y_w v_c", r"\frac{\partial J}{\partial u_w} = (\hat y_w - 1) v_c"),
    ("w6", "W2V", HOT, "", r"J = -u_o^\top v_c + \log \sum_w \exp(u_w^\top v_c)", r"J = -u_o^\top v_c + \sum_w u_w^\top v_c"),
    ("w7", "W2V", HOT, "", r"\frac{\partial J}{\partial U} = v_c (\hat y - y)^\top", r"\frac{\partial J}{\partial U} = (\hat y - y) v_c^\top"),
    ("w9", "W2V", HOT, "", r"J = -\log \hat y_o", r"J = \log \hat y_o"),
    ("w10", "W2V", HOT, r"$$P(O = o \mid C = c) = \frac{\exp(u_o^\top v_c)}{\exp(\sum_w u_w^\top v_c)}$$", None, r"J = -\log P(O = o \mid C = c)"),
    ("w11", "W2V", HOT, "", r"\sum_w y_w = 1", r"\sum_w y_w \hat y_w = 1"),
    # worked numbers
    ("n1", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"z_1 = 0.25", r"z_1 = 0.35"),
    ("n2", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"h = 0.5622", r"h = 0.5632"),
    ("n4", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"\frac{\partial E}{\partial w_2} = (o-t) o (1-o) h", r"\frac{\partial E}{\partial w_2} = (o-t) o (1-o) z_1"),
    ("n5", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"\frac{\partial E}{\partial w_1} = -0.548 \cdot 0.248 \cdot w_2 h (1-h) x", r"\frac{\partial E}{\partial w_1} = -0.548 \cdot 0.248 \cdot w_2 h (1-h)"),
    ("n6", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"o = \sigma(-0.1935) = 0.4518", r"o = \sigma(-0.1935) = 0.5482"),
    ("n7", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"z_2 = -0.7 \cdot 0.5622 + 0.2 = -0.1935", r"z_2 = -0.7 \cdot 0.5622 - 0.2 = -0.5935"),
    ("n8", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, r"$w_1^{+} = w_1 - 0.5 \cdot \frac{\partial E}{\partial w_1}$", None, r"E = 0.25"),
    ("n9", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"E = \frac12 (1 - 0.4518)^2 = 0.1503", r"E = \frac12 (1 - 0.4518)^2 = 0.3005"),
    ("n10", "SIG", {"values": {"x": [2], "W": [[3]], "V": [[0.5]], "t": [1]}}, "", r"\frac{\partial E}{\partial V} = (o-t) o (1-o) h", r"\frac{\partial E}{\partial V} = (o-t) o (1-o) x"),
    ("n11", "SIG", {"values": {"x": [2], "W": [[3]], "V": [[0.5]], "t": [1]}}, "", r"\frac{\partial E}{\partial W} = (o-t) o (1-o) V h (1-h) x", r"\frac{\partial E}{\partial W} = (o-t) o (1-o) V h (1-h)"),
    ("n12", "SIG", {"values": {"x": [2], "W": [[3]], "V": [[0.5]], "t": [1]}}, "", r"z = 6", r"z = 5"),
    # arrays of one entry, blocks
    ("el1", "RNN", {"values": {"T": 1}}, "", None, r"z_1 = x_1 U + W h_0 + b"),
    ("el2", None, {"declare": {"A": "n x n", "B": "n x n", "c": "1"}, "values": {"c": [2]}}, "", r"(A B)_{ij} = \sum_k A_{ik} B_{kj}", r"(A B)_{ij} = A_{ij} B_{ij}"),
    ("el3", None, {"declare": {"A": "n x n", "x": "n", "c": "1"}, "values": {"c": [2]}}, "", r"(A x)_{i} = \sum_k A_{ik} x_k", r"(A x)_{i} = A_{ii} x_i"),
    ("bl1", None, {"declare": {"A": "n x n", "B": "n x m", "x": "n", "y": "m"}}, "", r"\begin{pmatrix} A & B \end{pmatrix} \begin{pmatrix} x \\ y \end{pmatrix} = A x + B y", r"\begin{pmatrix} A & B \end{pmatrix} \begin{pmatrix} x \\ y \end{pmatrix} = A x - B y"),
    ("bl2", None, {"declare": {"A": "n x n", "B": "n x m", "x": "n", "y": "m"}}, "", r"\begin{pmatrix} A & B \end{pmatrix}^\top = \begin{pmatrix} A^\top \\ B^\top \end{pmatrix}", r"\begin{pmatrix} A & B \end{pmatrix}^\top = \begin{pmatrix} A \\ B^\top \end{pmatrix}"),
    ("bl3", None, {"declare": {"A": "n x n", "B": "n x m", "x": "n", "y": "m"}}, "", r"[A, B] [x; y] = A x + B y", r"[A, B] [x; y] = A x"),
    ("bl4", "RNN", None, "", r"z_t = [W, U] [h_{t-1}; x_t] + b", r"z_t = [U, W] [h_{t-1}; x_t] + b"),
    # what documents define
    ("called", "SIG", None, r"$$h = f(z)$$", None, r"o = f(z)"),
    ("cb1", "W2V", HOT, CBOW, r"\frac{\partial J_{CBOW}}{\partial v_{c+j}} = \frac{1}{2m} U (\hat y - y)", r"\frac{\partial J_{CBOW}}{\partial v_{c+j}} = U (\hat y - y)"),
    ("cb2", "W2V", HOT, CBOW, r"\frac{\partial J_{CBOW}}{\partial \hat v} = -u_o + \sum_w \hat y_w u_w", r"\frac{\partial J_{CBOW}}{\partial \hat v} = u_o - \sum_w \hat y_w u_w"),
    ("cb3", "W2V", HOT, CBOW, r"\frac{\partial J_{CBOW}}{\partial U} = \hat v (\hat y - y)^\top", r"\frac{\partial J_{CBOW}}{\partial U} = v_c (\hat y - y)^\top"),
    ("sg1", "W2V", HOT, r"$$ J_{SG} = \sum_{-m \le j \le m, j \ne 0} J(v_c, w_{t+j}, U) $$", r"\frac{\partial J_{SG}}{\partial v_c} = \sum_{-m \le j \le m, j \ne 0} \frac{\partial J(v_c, w_{t+j}, U)}{\partial v_c}", r"\frac{\partial J_{SG}}{\partial v_c} = \frac{\partial J(v_c, w_{t+j}, U)}{\partial v_c}"),
    ("sg2", "W2V", HOT, r"$$ J_{SG} = \sum_{-m \le j \le m, j \ne 0} J(v_c, w_{t+j}, U) $$", r"\frac{\partial J_{SG}}{\partial U} = \sum_{-m \le j \le m, j \ne 0} \frac{\partial J(v_c, w_{t+j}, U)}{\partial U}", r"\frac{\partial J_{SG}}{\partial U} = 2m \frac{\partial J(v_c, w_{t+1}, U)}{\partial U}"),
    ("ns1", "W2V", HOT, r"$$ J_{neg} = -\log \sigma(u_o^\top v_c) - \sum_{k=1}^K \log \sigma(-u_k^\top v_c) $$", r"\frac{\partial J_{neg}}{\partial v_c} = (\sigma(u_o^\top v_c) - 1) u_o + \sum_{k=1}^K (1 - \sigma(-u_k^\top v_c)) u_k", r"\frac{\partial J_{neg}}{\partial v_c} = (\sigma(u_o^\top v_c) - 1) u_o - \sum_{k=1}^K (1 - \sigma(-u_k^\top v_c)) u_k"),
    ("ns2", "W2V", HOT, r"$$ J_{neg} = -\log \sigma(u_o^\top v_c) - \sum_{k=1}^K \log \sigma(-u_k^\top v_c) $$", r"\frac{\partial J_{neg}}{\partial u_k} = (1 - \sigma(-u_k^\top v_c)) v_c", r"\frac{\partial J_{neg}}{\partial u_k} = (\sigma(-u_k^\top v_c) - 1) v_c"),
    ("ns3", "W2V", HOT, r"$$ J_{neg} = -\log \sigma(u_o^\top v_c) - \sum_{k=1}^K \log \sigma(-u_k^\top v_c) $$", r"\frac{\partial J_{neg}}{\partial u_o} = (\sigma(u_o^\top v_c) - 1) v_c", r"\frac{\partial J_{neg}}{\partial u_o} = \sigma(u_o^\top v_c) v_c"),
    ("ns4", "W2V", HOT, r"$$ J_{neg} = -\log \sigma(u_o^\top v_c) - \sum_{k=1}^K \log \sigma(-u_k^\top v_c) $$", r"\frac{\partial J_{neg}}{\partial u_k} = \sigma(u_k^\top v_c) v_c", r"\frac{\partial J_{neg}}{\partial u_k} = \sigma(u_k^\top v_c) u_o"),
    ("ev1", "W2V", HOT, r"$$p(o \mid c) = \frac{\exp(u_o^\top v_c)}{\sum_w \exp(u_w^\top v_c)}$$", r"\hat y_o = p(o \mid c)", r"\hat y_o = 1 - p(o \mid c)"),
    ("ev2", "W2V", HOT, r"$$p(o \mid c) = \frac{\exp(u_o^\top v_c)}{\sum_w \exp(u_w^\top v_c)}$$", r"J = -\log p(o \mid c)", r"J = \log p(o \mid c)"),
    ("ev3", "W2V", HOT, r"$$p(o \mid c) = \frac{\exp(u_o^\top v_c)}{\sum_w \exp(u_w^\top v_c)}$$", r"\frac{\partial \log p(o \mid c)}{\partial v_c} = u_o - \sum_x p(x \mid c) u_x", r"\frac{\partial \log p(o \mid c)}{\partial v_c} = u_o - \sum_x p(o \mid c) u_x"),
    ("ev4", "W2V", HOT, r"$$p(o \mid c) = \frac{\exp(u_o^\top v_c)}{\sum_w \exp(u_w^\top v_c)}$$", r"\sum_x p(x \mid c) = 1", r"\sum_x p(x \mid c) = 0"),
    ("def1", "MLP", None, r"Let $$g = y - t$$", r"\frac{\partial L}{\partial a^{(1)}} = W^{(2)\top} g", r"\frac{\partial L}{\partial a^{(1)}} = W^{(2)} g"),
    ("def4", "MLP", None, r"@@ with $$D = \mathrm{diag}(a^{(1)} \odot (1-a^{(1)}))$$", r"\frac{\partial L}{\partial z^{(1)}} = D W^{(2)\top} (y-t)", r"\frac{\partial L}{\partial z^{(1)}} = D W^{(2)\top} y"),
    ("def5", "MLP", None, r"Define $$e = y - t$$ $$e = t - y$$", None, r"\frac{\partial L}{\partial b^{(2)}} = -e"),
    ("def6", "SIG", None, r"Let $$\delta = (o - t) \odot o \odot (1-o)$$", r"\frac{\partial E}{\partial V} = \delta h^\top", r"\frac{\partial E}{\partial V} = h \delta^\top"),
    ("def7", "SIG", None, r"Let $$\delta = (o - t) \odot o$$", None, r"\frac{\partial E}{\partial V} = \delta h^\top"),
    ("def8", "SIG", None, r"Let $$u = o \odot (1-o)$$", r"\frac{\partial E}{\partial a} = (o-t) \odot u", r"\frac{\partial E}{\partial a} = (o-t) \odot u \odot u"),
    ("str3", None, None, "", r"(a+b)^2 = a^2 + 2ab + b^2", None),
    ("str4", None, None, r"Let $f(x) = x^2$.", r"f'(x) = 2x", r"f'(x) = x"),
    ("str5", None, None, r"$$f(x) = \frac{1}{1+e^{-x}}$$", r"f'(x) = f(x)(1-f(x))", r"f'(x) = f(x)(1+f(x))"),
    ("str6", None, None, r"$$f(x) = \tanh(x)$$", r"f'(x) = 1 - f(x)^2", r"f'(x) = 1 - f(x)"),
    ("str7", None, None, "", r"\frac{d}{dx} \log(1+e^x) = \frac{1}{1+e^{-x}}", r"\frac{d}{dx} \log(1+e^x) = \frac{1}{1+e^{x}}"),
    ("str8", None, None, "", r"\frac{d}{dx} \tanh(x) = 1 - \tanh^2(x)", r"\frac{d}{dx} \tanh(x) = 1 - \tanh(x)"),
    ("str9", None, None, "", r"1 - \sigma(x) = \sigma(-x)", r"1 - \sigma(x) = -\sigma(x)"),
    ("str10", None, None, "", r"\tanh(x) = 2\sigma(2x) - 1", r"\tanh(x) = 2\sigma(x) - 1"),
    # numbers in words
    ("wn1", "SC", None, r"With $x=0.5$, $w_1=0.3$, $b_1 = 0.1$, $w_2=-0.7$, $b_2=0.2$, $t=1$:", r"z_1 = 0.3 \cdot 0.5 + 0.1 = 0.25", r"z_1 = 0.3 \cdot 0.5 + 0.1 = 0.16"),
    ("wn2", "SC", None, r"With $x=0.5$, $w_1=0.3$, $b_1 = 0.1$, $w_2=-0.7$, $b_2=0.2$, $t=1$:", r"h = \sigma(0.25) = 0.562", r"h = \sigma(0.25) = 0.438"),
    ("wn3", "SC", None, r"With $x=0.5$, $w_1=0.3$, $b_1 = 0.1$, $w_2=-0.7$, $b_2=0.2$, $t=1$:", r"w_2 - 0.1 \cdot (-0.0763) = -0.69237", r"w_2 - 0.1 \cdot (-0.0763) = -0.70763"),
    ("wn4", "SC", None, r"With $x=1$:", r"z_1 = w_1 + b_1", r"z_1 = w_1 b_1"),
    # special cases of recurrences
    ("rs1", "RNN", None, r"For a linear recurrence, $\tanh(z) = z$,", None, r"\frac{\partial h_t}{\partial h_{t-1}} = W"),
    ("rs2", "RNN", None, r"Let $T = 2$.", r"L = L_1 + L_2", r"L = L_1 + 2 L_2"),
    ("rs3", "RNN", {"values": {"T": 2}}, "", r"L = L_1 + L_2", r"L = L_2"),
    ("rs4", "RNN", {"values": {"T": 1}}, "", r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial z_1} h_0^\top", r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial z_1} h_1^\top"),
    ("rs5", "RNN", None, r"If $W = 0$,", r"h_t = \tanh(U x_t + b)", r"h_t = \tanh(U x_{t-1} + b)"),
    ("rs6", "RNN", None, r"If $W = I$ and $b = 0$:", r"z_t = U x_t + h_{t-1}", r"z_t = U x_t + h_{t}"),
    ("rs8", "RNN", None, "", r"\frac{\partial h_T}{\partial h_1} = \prod_{t=2}^{T} \mathrm{diag}(1-h_t^2) W", r"\frac{\partial h_T}{\partial h_1} = W^{T-1}"),
    ("rs9", "RNN", None, "", r"\frac{\partial L}{\partial h_0} = W^\top \frac{\partial L}{\partial z_1}", r"\frac{\partial L}{\partial h_0} = W^\top \frac{\partial L}{\partial z_0}"),
    ("cv1", None, {"declare": {"A": "n x n"}}, r"For invertible $A$,", r"(A^{-1})^\top = (A^\top)^{-1}", r"(A^{-1})^\top = A"),
    # matrix calculus
    ("mc1", None, {"declare": {"A": "n x n", "B": "n x n"}}, "", r"\mathrm{tr}(A B) = \mathrm{tr}(B A)", r"\mathrm{tr}(A B) = \mathrm{tr}(A) \mathrm{tr}(B)"),
    ("mc2", None, {"declare": {"A": "n x n", "B": "n x n"}}, "", r"(A B)^\top = B^\top A^\top", r"(A B)^\top = A^\top B^\top"),
    ("mc3", None, {"declare": {"A": "n x n", "x": "n"}}, "", r"\frac{\partial x^\top A x}{\partial x} = (A + A^\top) x", r"\frac{\partial x^\top A x}{\partial x} = 2 A x"),
    ("mc4", None, {"declare": {"A": "n x n", "x": "n"}}, r"For symmetric $A$ we have", r"\frac{\partial x^\top A x}{\partial x} = 2 A x", r"\frac{\partial x^\top A x}{\partial x} = A x"),
    ("mc5", None, {"declare": {"A": "n x n", "x": "n", "B": "n x n"}}, r"For symmetric $B$ we have", r"\frac{\partial x^\top A x}{\partial x} = (A + A^\top) x", r"\frac{\partial x^\top A x}{\partial x} = 2 A x"),
    ("mc6", None, {"declare": {"X": "n x n"}}, "", r"\frac{\partial \log \det X}{\partial X} = X^{-\top}", r"\frac{\partial \log \det X}{\partial X} = X"),
    ("mc7", None, {"declare": {"a": "n", "b": "n"}}, "", r"a^\top b = b^\top a", r"a b^\top = b a^\top"),
    ("mc8", None, {"declare": {"A": "m x n", "x": "n", "b": "m"}}, "", r"\nabla_x \|A x - b\|^2 = 2 A^\top (A x - b)", r"\nabla_x \|A x - b\|^2 = 2 A (A x - b)"),
    ("mc9", None, {"declare": {"a": "n", "x": "n"}}, "", r"\frac{\partial a^\top x}{\partial x} = a", r"\frac{\partial a^\top x}{\partial x} = x"),
    ("in2", "LIN", None, r"For $b = 0$:", r"p = w x", r"p = w + x"),
    ("un1", "REG", None, r"We initialise $w = 0$. After one step of gradient descent we are elsewhere. In general:", r"L = \frac12 \|X w - y\|^2 + \frac\lambda2 \|w\|^2", r"L = \frac12 \|y\|^2"),
    # numbers beside formulas
    ("v1", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"\frac{\partial E}{\partial b_2} = (o-t) o (1-o) = -0.1358", r"\frac{\partial E}{\partial b_2} = (o-t) o (1-o) = -0.1538"),
    ("v2", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"\frac{\partial E}{\partial w_2} = \frac{\partial E}{\partial b_2} \cdot 0.562", r"\frac{\partial E}{\partial w_2} = \frac{\partial E}{\partial b_2} \cdot 0.572"),
    ("v3", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"\frac{\partial E}{\partial w_2} = -0.1358 \cdot h", r"\frac{\partial E}{\partial w_2} = -0.1358 \cdot o"),
    ("v4", "SC", {"values": {"x": 1}}, "", r"\frac{\partial E}{\partial w_1} = \frac{\partial E}{\partial z_1} x", r"\frac{\partial E}{\partial w_1} = \frac{\partial E}{\partial h} x"),
    ("v5", "SIG", {"values": {"x": [1, 0], "W": [[1, 0], [0, 1]], "V": [[1, 1]], "t": [0]}}, "", r"\frac{\partial E}{\partial W} = \left(V^\top ((o-t) \odot o \odot (1-o)) \odot h \odot (1-h)\right) x^\top", r"\frac{\partial E}{\partial W} = \left(V^\top ((o-t) \odot o) \odot h \odot (1-h)\right) x^\top"),
    ("v6", "SIG", {"values": {"x": [1, 0], "W": [[1, 0], [0, 1]], "V": [[1, 1]], "t": [0]}}, "", r"z = \begin{bmatrix} 1 \\ 0 \end{bmatrix}", r"z = \begin{bmatrix} 0 \\ 1 \end{bmatrix}"),
    ("v7", "SIG", {"values": {"x": [1, 0], "W": [[1, 0], [0, 1]], "V": [[1, 1]], "t": [0]}}, "", r"h = \begin{bmatrix} 0.731 \\ 0.5 \end{bmatrix}", r"h = \begin{bmatrix} 0.731 \\ 0.6 \end{bmatrix}"),
    ("v8", "SIG", {"values": {"x": [1, 0], "W": [[1, 0], [0, 1]], "V": [[1, 1]], "t": [0]}}, "", r"\frac{\partial E}{\partial x} = W^\top \frac{\partial E}{\partial z}", r"\frac{\partial E}{\partial x} = W^\top \frac{\partial E}{\partial h}"),
    # residual networks, concatenation, batches
    ("r1", "RES", None, "", r"\frac{\partial L}{\partial x} = (y-t) + W_1^\top (W_2^\top (y-t) \odot 1(W_1 x > 0))", r"\frac{\partial L}{\partial x} = W_1^\top (W_2^\top (y-t) \odot 1(W_1 x > 0))"),
    ("r2", "RES", None, "", r"\frac{\partial y}{\partial x} = I + W_2 \mathrm{diag}(\mathrm{relu}^\prime(W_1 x)) W_1", r"\frac{\partial y}{\partial x} = W_2 \mathrm{diag}(\mathrm{relu}^\prime(W_1 x)) W_1 + W_2"),
    ("r3", "RES", None, "", r"\frac{\partial L}{\partial W_2} = (y-t) h^\top", r"\frac{\partial L}{\partial W_2} = h (y-t)^\top"),
    ("r4", "RES", None, "", r"\frac{\partial L}{\partial h} = W_2^\top (y - t)", r"\frac{\partial L}{\partial h} = W_2 (y - t)"),
    ("r5", "RES", None, "", r"\frac{\partial L}{\partial h} = W_2^\top \frac{\partial L}{\partial y}", r"\frac{\partial L}{\partial h} = \frac{\partial L}{\partial y} W_2^\top"),
    ("r6", "RES", None, r"If $W_2 = 0$,", r"\frac{\partial L}{\partial x} = y - t", r"\frac{\partial L}{\partial x} = t - y"),
    ("r7", "RES", None, r"If $W_2 = 0$, the gradient is $y - t$. Otherwise, in general,", None, r"\frac{\partial L}{\partial x} = y - t"),
    ("c1", "CAT", None, "", r"\frac{\partial L}{\partial W} = \sum_t \left(\frac{\partial L}{\partial h_t} \odot (1-h_t^2)\right) [h_{t-1}; x_t]^\top", r"\frac{\partial L}{\partial W} = \sum_t \left(\frac{\partial L}{\partial h_t} \odot (1-h_t^2)\right) [h_{t}; x_t]^\top"),
    ("c2", "CAT", None, "", r"h_t = \tanh(W [h_{t-1}; x_t] + b)", r"h_t = \tanh(W [x_t; h_{t-1}] + b)"),
    ("b1", "BATCH", None, "", r"\frac{\partial L}{\partial W_2} = \frac1N H^\top (P - Y)", r"\frac{\partial L}{\partial W_2} = H^\top (P - Y)"),
    ("b2", "BATCH", None, "", r"\frac{\partial L}{\partial W_1} = \frac1N X^\top \left( (P-Y) W_2^\top \odot H \odot (1-H) \right)", r"\frac{\partial L}{\partial W_1} = \frac1N X^\top \left( (P-Y) W_2^\top \odot X W_1 \odot (1- X W_1) \right)"),
    ("b3", "BATCH", None, "", r"\frac{\partial L}{\partial H} = \frac1N (P - Y) W_2^\top", r"\frac{\partial L}{\partial H} = \frac1N (P - Y)^\top W_2"),
    ("b4", "BATCH", None, "", r"L = \frac{1}{2N} \sum_{i=1}^N \sum_{j} (P_{ij} - Y_{ij})^2", r"L = \frac{1}{2N} \sum_{i=1}^N (\sum_{j} (P_{ij} - Y_{ij}))^2"),
    ("b5", "BATCH", None, "", r"\frac{\partial L}{\partial P_{ij}} = \frac1N (P_{ij} - Y_{ij})", r"\frac{\partial L}{\partial P_{ij}} = \frac1N (P_{ji} - Y_{ji})"),
    # weights, Jacobians
    ("k1", "KL", None, "", r"\frac{\partial L}{\partial z_j} = p_j \sum_k c_k t_k - c_j t_j", r"\frac{\partial L}{\partial z_j} = p_j - c_j t_j"),
    ("k2", "KL", {"onehot": {"y": "t"}}, "", r"\frac{\partial L}{\partial z} = c_y (p - t)", r"\frac{\partial L}{\partial z} = p - t"),
    ("k3", "KL", {"onehot": {"y": "t"}}, "", r"L = -c_y \log p_y", r"L = -\log p_y"),
    ("j1", "LY", None, "", r"\frac{\partial y_i}{\partial x_j} = \sum_k y_i (\delta_{ik} - y_k) W_{kj}", r"\frac{\partial y_i}{\partial x_j} = \sum_k y_i (\delta_{ik} - y_i) W_{kj}"),
    ("j2", "LY", None, "", r"\frac{\partial y}{\partial x} = (\mathrm{diag}(y) - y y^\top) W", r"\frac{\partial y}{\partial x} = W (\mathrm{diag}(y) - y y^\top)"),
    ("j3", "LY", None, "", r"\frac{\partial y_i}{\partial z_i} = y_i (1 - y_i)", r"\frac{\partial y_i}{\partial z_i} = 1 - y_i"),
    ("j4", "LY", None, "", r"\sum_j \frac{\partial y_i}{\partial z_j} = 0", r"\sum_j \frac{\partial y_i}{\partial z_j} = 1"),
    ("j5", "LY", None, "", r"\frac{\partial y_1}{\partial z_2} = -y_1 y_2", r"\frac{\partial y_1}{\partial z_2} = y_1 (1 - y_2)"),
    ("j6", "LY", None, r"$$ \frac{\partial y_i}{\partial z_j} = \begin{cases} y_i(1-y_i) & i = j \\ -y_i y_j & i \neq j \end{cases} $$", r"\frac{\partial y_i}{\partial z_j} = \begin{cases} y_i(1-y_j) & i = j \\ -y_i y_j & i \neq j \end{cases}", r"\frac{\partial y_i}{\partial z_j} = \begin{cases} y_i(1-y_j) & i = j \\ y_i y_j & i \neq j \end{cases}"),
    ("j7", "LY", None, r"For $i = j$: $$\frac{\partial y_i}{\partial z_i} = y_i(1-y_i)$$ and for $i \neq j$:", r"\frac{\partial y_i}{\partial z_j} = -y_i y_j", r"\frac{\partial y_i}{\partial z_j} = y_i y_j"),
    ("j8", "LY", None, r"For $i = j$: $$\frac{\partial y_i}{\partial z_i} = y_i(1-y_i)$$", None, r"\frac{\partial y_i}{\partial z_j} = y_i (1 - y_i)"),
    # identities
    ("g1", None, {"declare": {"m": "n", "g": "n", "v": "n", "beta": "scalar"}}, "", r"\beta m + (1-\beta) g = m + (1-\beta)(g - m)", r"\beta m + (1-\beta) g = m + \beta(g - m)"),
    ("g3", None, {"declare": {"x": "n"}}, "", r"\frac{1}{n} \sum_{i=1}^n (x_i - \frac1n \sum_{j=1}^n x_j)^2 = \frac1n \sum_{i=1}^n x_i^2 - \left(\frac1n \sum_{j=1}^n x_j\right)^2", r"\frac{1}{n} \sum_{i=1}^n (x_i - \frac1n \sum_{j=1}^n x_j)^2 = \frac1n \sum_{i=1}^n x_i^2 - \frac1n \left(\sum_{j=1}^n x_j\right)^2"),
    ("g4", None, {"declare": {"x": "n", "y": "n"}}, "", r"\|x - y\|^2 = \|x\|^2 - 2 x^\top y + \|y\|^2", r"\|x - y\|^2 = \|x\|^2 - x^\top y + \|y\|^2"),
    ("g7", None, {"declare": {"A": "n x n", "B": "n x n"}}, "", r"(A+B)(A-B) = A^2 - AB + BA - B^2", r"(A+B)(A-B) = A^2 - B^2"),
    ("g8", None, {"declare": {"a": "n", "b": "n", "c": "n"}}, "", r"(a b^\top) c = (b^\top c) a", r"(a b^\top) c = (a^\top c) b"),
    ("g9", None, {"declare": {"A": "n x m", "B": "m x k"}}, "", r"\|A B\|_F^2 = \mathrm{tr}(B^\top A^\top A B)", r"\|A B\|_F^2 = \|A\|_F^2 \|B\|_F^2"),
    ("g10", None, {"declare": {"x": "n"}}, "", r"\mathrm{diag}(x) x = x \odot x", r"\mathrm{diag}(x) x = x^\top x"),
    # one-hot targets, once more
    ("h1", "SOFT", {"onehot": {"c": "t"}}, "", r"t_i t_j = t_i \delta_{ij}", r"t_i t_j = 0"),
    ("h2", "SOFT", {"onehot": {"c": "t"}}, "", r"\sum_k t_k p_k = p_c", r"\sum_k t_k p_k = 1"),
    ("h3", "SOFT", {"onehot": {"c": "t"}}, "", r"t^\top t = 1", r"t t^\top = I"),
    ("h4", "SOFT", {"onehot": {"c": "t"}}, "", r"\frac{\partial L}{\partial p_c} = -\frac{1}{p_c}", r"\frac{\partial L}{\partial p_k} = -\frac{1}{p_k}"),
    ("h5", "SOFT", {"onehot": {"c": "t"}}, "", r"\frac{\partial p_c}{\partial z_j} = p_c(1(j=c) - p_j)", r"\frac{\partial p_c}{\partial z_j} = p_c(1 - p_j)"),
    ("h6", "SOFT", {"onehot": {"c": "t"}}, r"For $j \neq c$:", r"\frac{\partial p_c}{\partial z_j} = -p_c p_j", r"\frac{\partial p_c}{\partial z_j} = p_c p_j"),
    ("h7", "SOFT", {"onehot": {"c": "t"}}, r"For $j = c$:", r"\frac{\partial L}{\partial z_j} = p_j - 1", r"\frac{\partial L}{\partial z_j} = p_j"),
    ("h8", "SOFT", {"onehot": {"c": "t"}}, "", r"L = -z_c + \log \sum_j e^{z_j}", r"L = z_c - \log \sum_j e^{z_j}"),
    ("h9", "SOFTB", {"onehot": {"y_i": "Y"}}, "", r"\frac{\partial L}{\partial Z_{ik}} = \frac1N (P_{ik} - 1(k=y_i))", r"\frac{\partial L}{\partial Z_{ik}} = \frac1N (P_{ik} - 1)"),
    ("h10", "SOFTB", {"onehot": {"y_i": "Y"}}, "", r"\frac{\partial L}{\partial Z_{i y_i}} = \frac1N (P_{i y_i} - 1)", r"\frac{\partial L}{\partial Z_{i y_i}} = \frac1N P_{i y_i}"),
    ("h11", "SOFTB", None, "", r"\sum_k \frac{\partial L}{\partial Z_{ik}} = 0", r"\sum_i \frac{\partial L}{\partial Z_{ik}} = 0"),
    ("h12", "SOFTB", None, "", r"\sum_k P_{ik} = 1", r"\sum_k P_{ki} = 1"),
    # least squares, logistic regression, relu
    ("m1", "MSE", None, "", r"\frac{\partial J}{\partial \theta_j} = \frac1m \sum_{i=1}^m (h_i - y_i) X_{ij}", r"\frac{\partial J}{\partial \theta_j} = \frac1m \sum_{i=1}^m (h_i - y_i) X_{ji}"),
    ("m2", "MSE", None, "", r"\nabla_\theta J = \frac1m X^\top (X\theta - y)", r"\nabla_\theta J = \frac{1}{2m} X^\top (X\theta - y)"),
    ("m3", "MSE", None, r"Setting $\nabla_\theta J = 0$ gives the normal equation", r"\theta = (X^\top X)^{-1} X^\top y", r"\theta = (X X^\top)^{-1} X y"),
    ("m4", "MSE", None, r"Setting $\nabla_\theta J = 0$ gives the normal equation", r"X^\top X \theta = X^\top y", r"X^\top X \theta = \frac1m X^\top y"),
    ("m5", "MSE", None, r"so we can solve for the optimal parameters in closed form:", r"\theta = (X^\top X)^{-1} X^\top y", r"\theta = X^{-1} X^\top y"),
    ("m6", "MSE", None, r"so we can solve for the optimal parameters in closed form:", None, r"\theta = X^\top y"),
    ("m7", "MSE", None, "", r"J = \frac{1}{2m} (X\theta - y)^\top (X\theta - y)", r"J = \frac{1}{2m} (X\theta - y) (X\theta - y)^\top"),
    ("m8", "MSE", None, "", r"\nabla^2_\theta J = \frac1m X^\top X", r"\nabla^2_\theta J = \frac1m X X^\top"),
    ("m9", "MSE", None, r"Gradient descent minimises $J$. The update uses", r"\frac{\partial J}{\partial h_i} = \frac1m (h_i - y_i)", r"\frac{\partial J}{\partial h_i} = 0"),
    ("l1", "LOGI", None, "", r"\nabla_\theta J = \frac1m X^\top (h - y)", r"\nabla_\theta J = \frac1m X^\top (y - h)"),
    ("l2", "LOGI", None, "", r"\frac{\partial J}{\partial \theta_j} = \frac1m \sum_i (h_i - y_i) X_{ij}", r"\frac{\partial J}{\partial \theta_j} = \frac1m \sum_i (h_i - y_i) h_i (1-h_i) X_{ij}"),
    ("l3", "LOGI", None, "", r"\nabla^2_\theta J = \frac1m X^\top \mathrm{diag}(h \odot (1-h)) X", r"\nabla^2_\theta J = \frac1m X^\top \mathrm{diag}(h) X"),
    ("l4", "LOGI", None, "", r"\frac{\partial h_i}{\partial \theta_j} = h_i (1-h_i) X_{ij}", r"\frac{\partial h_i}{\partial \theta_j} = h_i (1-h_i)"),
    # names that a document gives
    ("re1", "RELU", None, "", r"\frac{\partial L}{\partial W} = 2 (p-y) (v \odot 1(z > 0)) x^\top", r"\frac{\partial L}{\partial W} = 2 (p-y) (v \odot 1(z < 0)) x^\top"),
    ("re2", "RELU", None, "", r"\frac{\partial L}{\partial v} = 2 (p-y) a", r"\frac{\partial L}{\partial v} = 2 (p-y) z"),
    ("re3", "RELU", None, r"If $z > 0$:", None, r"\frac{\partial L}{\partial z} = 2(p-y) v \odot a"),
    ("re4", "RELU", None, "", r"\frac{\partial L}{\partial v} = 2 (p-y) a", r"\frac{\partial L}{\partial v} = (p-y) a"),
    # layers
    ("d1", "DEEP", None, "", r"\delta^{L} = (a^{L} - y) \odot \sigma^\prime(z^{L})", r"\delta^{L} = (a^{L} - y) \odot \sigma^\prime(a^{L})"),
    ("d2", "DEEP", None, "", r"\delta^{l} = ((w^{l+1})^\top \delta^{l+1}) \odot \sigma^\prime(z^{l})", r"\delta^{l} = (w^{l+1} \delta^{l+1}) \odot \sigma^\prime(z^{l})"),
    ("d3", "DEEP", None, "", r"\frac{\partial C}{\partial w^{l}_{jk}} = a^{l-1}_k \delta^{l}_j", r"\frac{\partial C}{\partial w^{l}_{jk}} = a^{l}_k \delta^{l}_j"),
    ("d4", "DEEP", None, "", r"\frac{\partial C}{\partial b^{l}_{j}} = \delta^{l}_j", r"\frac{\partial C}{\partial b^{l}_{j}} = \delta^{l+1}_j"),
    ("d5", "DEEP", None, "", r"\frac{\partial C}{\partial b^{l}} = \frac{\partial C}{\partial z^{l}}", r"\frac{\partial C}{\partial b^{l}} = \frac{\partial C}{\partial a^{l}}"),
    ("d6", "DEEP", None, r"For linear activations, $\sigma(z) = z$,", None, r"\frac{\partial a^{l}}{\partial a^{l-1}} = w^{l}"),
    ("d7", "DEEP", None, "", r"\frac{\partial z^{l+1}}{\partial z^{l}} = w^{l+1} \mathrm{diag}(\sigma^\prime(z^{l}))", r"\frac{\partial z^{l+1}}{\partial z^{l}} = \mathrm{diag}(\sigma^\prime(z^{l})) w^{l+1}"),
    ("w1+", "MLP", None, r"Suppose for a moment that $x = 0$. Then $z^{(1)} = b^{(1)}$. This is not interesting, so in general:", r"z^{(1)} = W^{(1)} x + b^{(1)}", r"z^{(1)} = b^{(1)}"),
    ("w2", "MLP", None, r"If $b^{(1)} = 0$ this is simple. If it is not,", None, r"z^{(1)} = W^{(1)} x + a^{(1)}"),
    ("w3+", "SIG", None, r"Let $V = W^\top$ (tied weights).", None, r"\frac{\partial E}{\partial h} = W^\top \frac{\partial E}{\partial a}"),
    ("w4+", "LIN", None, r"Suppose that $w = 2$ and $x = 3$. Then $$p = 6 + b$$", r"\frac{\partial L}{\partial w} = (p-y) x", r"\frac{\partial L}{\partial w} = (p-y)(w+1) x"),
    ("w5+", "LIN", None, r"Assume $y = p$, a perfect prediction.", None, r"\frac{\partial L}{\partial w} = x"),
    ("w6+", "LIN", None, r"When $y = p$ the loss vanishes. The gradient is", r"\frac{\partial L}{\partial w} = (p-y) x", r"\frac{\partial L}{\partial w} = 0"),
    ("w7+", "SOFT", None, r"If $p = t$, the gradient vanishes.", r"\frac{\partial L}{\partial z} = p - t", r"\frac{\partial L}{\partial z} = 0"),
    ("w8", "SIG", None, r"Setting $z = 0$ we have $h = \frac12$.", r"h = \sigma(z)", r"h = \frac12"),
    ("w9+", "SIG", None, r"At the minimum of the loss the network is perfect. But here", r"\frac{\partial E}{\partial o} = o - t", r"\frac{\partial E}{\partial o} = 0"),
    ("w10+", "SIG", None, r"We set the learning rate to $0.1$ and the bias to zero. Now", r"\frac{\partial E}{\partial x} = W^\top \frac{\partial E}{\partial z}", r"\frac{\partial E}{\partial x} = 0"),
    ("w11+", "QUAD", None, r"Let $A = A^\top$.", r"\frac{\partial L}{\partial w} = 2 A w + b", r"\frac{\partial L}{\partial w} = A w + b"),
    ("w12", "QUAD", None, r"Note that $A = A^\top$ does not hold in general.", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("w13", "QUAD", None, r"Unless $A = A^\top$,", r"\frac{\partial L}{\partial w} = (A + A^\top) w + b", r"\frac{\partial L}{\partial w} = 2 A w + b"),
    ("w14", "LIN", None, r"Note that $b = 0$ is not assumed.", r"p = w x + b", r"p = w x"),
    ("w15", "LIN", None, r"Here $b \neq 0$.", r"p = w x + b", r"p = w x"),
    # entries of transposes and inverses
    ("tr1", "SIG", None, "", r"\frac{\partial E}{\partial h_j} = \sum_k V^\top_{jk} \frac{\partial E}{\partial a_k}", r"\frac{\partial E}{\partial h_j} = \sum_k V^\top_{kj} \frac{\partial E}{\partial a_k}"),
    ("tr2", "SIG", None, "", r"\frac{\partial E}{\partial h_j} = \sum_k (V^\top)_{jk} \frac{\partial E}{\partial a_k}", r"\frac{\partial E}{\partial h_j} = \sum_k (V^\top)_{kj} \frac{\partial E}{\partial a_k}"),
    ("tr3", "SIG", None, "", r"\frac{\partial E}{\partial h_j} = \sum_k {V^\top}_{jk} \frac{\partial E}{\partial a_k}", r"\frac{\partial E}{\partial h_j} = \sum_k {V^\top}_{kj} \frac{\partial E}{\partial a_k}"),
    ("tr4", "SIG", None, "", r"V^T_{jk} = V_{kj}", r"V^T_{jk} = V_{jk} + 0"),
    ("tr5", None, {"declare": {"A": "n x n", "x": "n"}}, "", r"(A^\top x)_i = \sum_j A^\top_{ij} x_j", r"(A x)_i = \sum_j A^\top_{ij} x_j"),
    ("tr6", None, {"declare": {"A": "n x n"}}, "", r"A^\top_{ij} = A_{ji}", r"A^\top_{ij} = A_{ij}"),
    ("tr7", None, {"declare": {"A": "n x n"}}, "", r"(A A^\top)_{ij} = \sum_k A_{ik} A_{jk}", r"(A A^\top)_{ij} = \sum_k A_{ik} A_{kj}"),
    ("tr8", None, {"declare": {"A": "n x n"}}, "", r"(A A^\top)_{ij} = \sum_k A_{ik} A^\top_{kj}", r"(A A^\top)_{ij} = \sum_k A_{ik} A^\top_{jk}"),
    ("tr9", None, {"declare": {"A": "n x n"}}, "", r"(A^{-1} A)_{ij} = \delta_{ij}", r"A^{-1}_{ij} = \frac{1}{A_{ij}}"),
    ("tr10", None, {"declare": {"A": "n x n"}}, "", r"(A^2)_{ij} = \sum_k A_{ik} A_{kj}", r"(A^2)_{ij} = A_{ij} A_{ij}"),
    ("tr11", None, {"declare": {"A": "n x n"}}, "", r"\frac{\partial \log \det A}{\partial A_{ij}} = A^{-1}_{ji}", r"\frac{\partial \log \det A}{\partial A_{ij}} = A^{-1}_{ij}"),
    ("tr12", None, {"declare": {"A": "n x n"}}, "", r"A_{ij}^{-1} A_{ij} = 1", r"A_{ij}^{-1} A_{ij} = \delta_{ij}"),
    # other networks
    ("va1", "VAE", None, "", r"\frac{\partial L}{\partial \mu} = z + \mu", r"\frac{\partial L}{\partial \mu} = z"),
    ("va2", "VAE", None, "", r"\frac{\partial L}{\partial s} = z \odot e^s \odot \xi + e^{2s} - 1", r"\frac{\partial L}{\partial s} = z \odot \xi + e^{2s} - 1"),
    ("va3", "VAE", None, "", r"\frac{\partial L}{\partial W_m} = (z+\mu) x^\top", r"\frac{\partial L}{\partial W_m} = x (z+\mu)^\top"),
    ("va4", "VAE", None, "", r"\frac{\partial z}{\partial s} = \mathrm{diag}(e^s \odot \xi)", r"\frac{\partial z}{\partial s} = \mathrm{diag}(e^s)"),
    ("mh1", "MHA", None, "", r"\frac{\partial L}{\partial V} = A^\top (O-y)", r"\frac{\partial L}{\partial V} = A (O-y)"),
    ("mh2", "MHA", None, "", r"\frac{\partial L}{\partial A} = (O-y) V^\top", r"\frac{\partial L}{\partial A} = V^\top (O-y)"),
    ("mh3", "MHA", None, "", r"\frac{\partial L}{\partial W_v} = x^\top A^\top (O-y)", r"\frac{\partial L}{\partial W_v} = x^\top A (O-y)"),
    ("mh4", "MHA", None, r"With $S = QK^\top$:", r"\frac{\partial L}{\partial W_q} = x^\top \frac{\partial L}{\partial Q}", r"\frac{\partial L}{\partial W_q} = x^\top \frac{\partial L}{\partial K}"),
    ("mh5", "MHA", None, "", r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial Q} W_q^\top + \frac{\partial L}{\partial K} W_k^\top + \frac{\partial L}{\partial V} W_v^\top", r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial Q} W_q^\top + \frac{\partial L}{\partial V} W_v^\top"),
    ("rm1", "RMS", None, "", r"\frac{\partial r}{\partial x_i} = \frac{x_i}{n r}", r"\frac{\partial r}{\partial x_i} = \frac{x_i}{r}"),
    ("rm2", "RMS", None, "", r"\frac{\partial L}{\partial g_i} = \frac{\partial L}{\partial y_i} \frac{x_i}{r}", r"\frac{\partial L}{\partial g_i} = \frac{\partial L}{\partial y_i} x_i"),
    ("rm3", "RMS", None, "", r"\frac{\partial y_i}{\partial x_j} = g_i \left( \frac{\delta_{ij}}{r} - \frac{x_i x_j}{n r^3} \right)", r"\frac{\partial y_i}{\partial x_j} = g_i \left( \frac{\delta_{ij}}{r} - \frac{x_i x_j}{r^3} \right)"),
    ("rm4", "RMS", None, "", r"\frac{\partial L}{\partial x_i} = \frac1r \left( g_i \frac{\partial L}{\partial y_i} - \frac{x_i}{n r^2} \sum_j g_j \frac{\partial L}{\partial y_j} x_j \right)", r"\frac{\partial L}{\partial x_i} = \frac1r \left( g_i \frac{\partial L}{\partial y_i} - \frac{x_i}{n r^2} \sum_j \frac{\partial L}{\partial y_j} x_j \right)"),
    ("ga1", "GAUSS", None, "", r"\frac{\partial L}{\partial \mu} = -\frac{x-\mu}{s^2}", r"\frac{\partial L}{\partial \mu} = \frac{x-\mu}{s^2}"),
    ("ga2", "GAUSS", None, "", r"\frac{\partial L}{\partial s} = \frac1s - \frac{(x-\mu)^2}{s^3}", r"\frac{\partial L}{\partial s} = \frac1s - \frac{(x-\mu)^2}{2 s^3}"),
    ("ga3", "GAUSS", None, r"Setting the derivative by $\mu$ to zero gives", r"x - \mu = 0", r"x + \mu = 0"),
    ("ga4", "GAUSS", None, r"Setting $\frac{\partial L}{\partial s} = 0$ gives", r"s^2 = (x - \mu)^2", r"s = (x - \mu)^2"),
    ("sv1", "SVM", None, "", r"\frac{\partial L}{\partial w} = w - C y x 1(m > 0)", r"\frac{\partial L}{\partial w} = w - C x 1(m > 0)"),
    ("sv2", "SVM", None, "", r"\frac{\partial L}{\partial b} = -C y 1(m > 0)", r"\frac{\partial L}{\partial b} = C y 1(m > 0)"),
    ("rn1", "RNN2", None, "", r"\frac{\partial L}{\partial w} = \sum_{t=1}^T \frac{\partial L}{\partial h_t} h_{t-1}", r"\frac{\partial L}{\partial w} = \sum_{t=1}^T (h_t - y_t) h_{t-1}"),
    ("rn2", "RNN2", None, "", r"\frac{\partial L}{\partial h_t} = (h_t - y_t) + w \frac{\partial L}{\partial h_{t+1}}", r"\frac{\partial L}{\partial h_t} = (h_t - y_t) + \frac{\partial L}{\partial h_{t+1}}"),
    ("rn3", "RNN2", None, "", r"\frac{\partial h_t}{\partial h_k} = w^{t-k}", r"\frac{\partial h_t}{\partial h_k} = w^{t-k+1}"),
    ("rn4", "RNN2", None, "", r"h_t = w^t h_0 + \sum_{k=1}^{t} w^{t-k} u x_k", r"h_t = w^t h_0 + \sum_{k=1}^{t} w^{t-k-1} u x_k"),
    ("rn5", "RNN2", None, "", r"\frac{\partial L}{\partial h_0} = w \frac{\partial L}{\partial h_1}", r"\frac{\partial L}{\partial h_0} = \frac{\partial L}{\partial h_1}"),
    ("rn6", "RNN2", None, r"For $T=2$:", r"\frac{\partial L}{\partial w} = (h_1 - y_1) h_0 + (h_2 - y_2)(h_1 + w h_0)", r"\frac{\partial L}{\partial w} = (h_1 - y_1) h_0 + (h_2 - y_2) h_1"),
    ("rn7", "RNN2", None, r"For $T=2$ we found it. For every $T$:", r"\frac{\partial L}{\partial h_T} = h_T - y_T", r"\frac{\partial L}{\partial w} = (h_1 - y_1) h_0 + (h_2 - y_2)(h_1 + w h_0) + u"),
    ("rn8", "RNN2", None, r"With $h_0 = 0$:", r"h_1 = u x_1", r"h_1 = u x_1 + w"),
    ("rn9", "RNN2", None, r"With $h_0 = 0$:", r"h_2 = w u x_1 + u x_2", r"h_2 = w u x_1 + u x_1"),
    ("rn10", "RNN2", {"values": {"x": [1, 2], "y": [0, 1], "w": 0.5, "u": 2, "h_0": 0}}, "", r"h_2 = 5", r"h_2 = 4.5"),
    ("rn11", "RNN2", {"values": {"x": [1, 2], "y": [0, 1], "w": 0.5, "u": 2, "h_0": 0}}, "", r"\frac{\partial L}{\partial w} = 8", r"\frac{\partial L}{\partial w} = 16"),
    ("rn12", "RNN2", {"values": {"x": [1, 2], "y": [0, 1], "w": 0.5, "u": 2, "h_0": 0}}, "", r"\frac{\partial L}{\partial h_1} = (h_1 - y_1) + w (h_2 - y_2) = 4", r"\frac{\partial L}{\partial h_1} = (h_1 - y_1) + (h_2 - y_2) = 6"),
    ("em1", "EMB", None, "", r"\frac{\partial L}{\partial E} = s (e - t)^\top", r"\frac{\partial L}{\partial E} = (e - t) s^\top"),
    ("em2", "EMB", {"onehot": {"k": "s"}}, "", r"e_j = E_{kj}", r"e_j = E_{jk}"),
    ("em3", "EMB", {"onehot": {"k": "s"}}, "", r"\frac{\partial L}{\partial E_{kj}} = e_j - t_j", r"\frac{\partial L}{\partial E_{ij}} = e_j - t_j"),
    ("em4", "EMB", {"onehot": {"k": "s"}}, r"For $i \neq k$:", r"\frac{\partial L}{\partial E_{ij}} = 0", r"\frac{\partial L}{\partial E_{ij}} = e_j - t_j"),
    # arithmetic
    ("q1", None, None, "", r"1 - 0.562 = 0.438", r"1 - 0.562 = 0.439"),
    ("q2", None, None, "", r"0.731 \cdot 0.5 = 0.3655", r"0.731 \cdot 0.5 = 0.3755"),
    ("q3", None, None, "", r"0.4518 - 1 = -0.5482", r"0.4518 - 1 = 0.5482"),
    ("q4", None, None, "", r"0.562 \cdot (1 - 0.562) = 0.246", r"0.562 \cdot (1 - 0.562) = 0.256"),
    ("q5", None, None, "", r"\frac{1}{1+e^{-0.25}} = 0.5622", r"\frac{1}{1+e^{0.25}} = 0.5622"),
    ("q6", None, None, "", r"\tanh(0.5) = 0.4621", r"\tanh(0.5) = 0.4721"),
    ("q7", None, None, "", r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix} \begin{bmatrix} 1 \\ 1 \end{bmatrix} = \begin{bmatrix} 3 \\ 7 \end{bmatrix}", r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix} \begin{bmatrix} 1 \\ 1 \end{bmatrix} = \begin{bmatrix} 4 \\ 6 \end{bmatrix}"),
    ("q8", None, None, "", r"\begin{bmatrix} 1 & 2 \end{bmatrix} \begin{bmatrix} 3 \\ 4 \end{bmatrix} = 11", r"\begin{bmatrix} 1 & 2 \end{bmatrix} \begin{bmatrix} 3 \\ 4 \end{bmatrix} = \begin{bmatrix} 3 & 8 \end{bmatrix}"),
    ("q9", None, None, "", r"\begin{bmatrix} 1 \\ 2 \end{bmatrix} \begin{bmatrix} 3 & 4 \end{bmatrix} = \begin{bmatrix} 3 & 4 \\ 6 & 8 \end{bmatrix}", r"\begin{bmatrix} 1 \\ 2 \end{bmatrix} \begin{bmatrix} 3 & 4 \end{bmatrix} = \begin{bmatrix} 3 & 6 \\ 4 & 8 \end{bmatrix}"),
    ("q10", None, None, "", r"-\log(0.25) = 1.386", r"-\log(0.25) = 0.602"),
    ("q11", None, None, "", r"e^{0} + e^{1} = 3.718", r"e^{0} + e^{1} = 2.718"),
    ("q12", None, None, "", r"0.4 - 0.5 \cdot 0.0822 = 0.3589", r"0.4 - 0.5 \cdot 0.0822 = 0.3689"),
    ("q13", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"\frac{\partial E}{\partial w_1} = (o - t) o (1 - o) w_2 h (1-h) x = 0.0117", r"\frac{\partial E}{\partial w_1} = (o - t) o (1 - o) w_2 h (1-h) x = -0.0117"),
    ("q14", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"w_1 - 0.5 \cdot \frac{\partial E}{\partial w_1} = 0.2942", r"w_1 - 0.5 \cdot \frac{\partial E}{\partial w_1} = 0.3058"),
    ("q15", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"\frac{\partial E}{\partial w_1} = -0.548 \cdot 0.248 \cdot (-0.7) \cdot 0.246 \cdot 0.5", r"\frac{\partial E}{\partial w_1} = -0.548 \cdot 0.248 \cdot (-0.7) \cdot 0.346 \cdot 0.5"),
    ("q16", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"h (1 - h) = 0.2461", r"h (1 - h) = 0.2561"),
    ("q17", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"o - t = 0.4518 - 1", r"o - t = 1 - 0.4518"),
    ("q18", "SC", {"values": {"x": 0.5, "w_1": 0.3, "b_1": 0.1, "w_2": -0.7, "b_2": 0.2, "t": 1}}, "", r"\frac{\partial E}{\partial b_1} = \frac{\partial E}{\partial w_1} / x", r"\frac{\partial E}{\partial b_1} = \frac{\partial E}{\partial w_1} \cdot x"),
    ("q19", None, None, "", r"\mathrm{softmax}([1, 2, 3]) = [0.090, 0.245, 0.665]", r"\mathrm{softmax}([1, 2, 3]) = [0.665, 0.245, 0.090]"),
    ("q20", None, None, "", r"\frac{0.35 + 0.45}{2} = 0.4", r"\frac{0.35 + 0.45}{2} = 0.8"),
    # chains
    ("ch1", "MLP", None, "", r"\frac{\partial L}{\partial b^{(1)}} = \frac{\partial L}{\partial y} \frac{\partial y}{\partial z^{(2)}} \frac{\partial z^{(2)}}{\partial a^{(1)}} \frac{\partial a^{(1)}}{\partial z^{(1)}} \frac{\partial z^{(1)}}{\partial b^{(1)}}", r"\frac{\partial L}{\partial b^{(1)}} = \frac{\partial L}{\partial y} \frac{\partial y}{\partial z^{(2)}} \frac{\partial z^{(2)}}{\partial a^{(1)}} \frac{\partial z^{(1)}}{\partial b^{(1)}}"),
    ("ch3", "RNN", None, "", r"\frac{\partial L_t}{\partial h_{t-1}} = \frac{\partial L_t}{\partial h_t} \frac{\partial h_t}{\partial h_{t-1}}", r"\frac{\partial L_t}{\partial h_{t-1}} = \frac{\partial L_t}{\partial h_t} \frac{\partial h_{t-1}}{\partial h_{t}}"),
    ("ch4", "RNN", None, "", r"\frac{\partial L}{\partial V} = \sum_t \frac{\partial L_t}{\partial V}", r"\frac{\partial L}{\partial V} = \prod_t \frac{\partial L_t}{\partial V}"),
    ("ch5", "GRU", None, "", r"\frac{\partial h_t}{\partial \tilde h_t} = \mathrm{diag}(z_t)", r"\frac{\partial h_t}{\partial \tilde h_t} = \mathrm{diag}(1 - z_t)"),
    ("ch6", "GRU", None, "", None, r"\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - z_t) + I"),
    ("ch7", "LSTM", None, "", None, r"\frac{\partial c_t}{\partial c_{t-1}} = \mathrm{diag}(i_t)"),
    ("ch8", "LSTM", None, "", r"c_t = f_t \odot c_{t-1} + i_t \odot g_t", r"c_t = f_t \odot c_{t-1} + i_t \odot o_t"),
    ("ch9", "SIG", None, "", r"\frac{\partial E}{\partial x_i} = \sum_j \frac{\partial E}{\partial z_j} W_{ji}", r"\frac{\partial E}{\partial x_i} = \sum_j \frac{\partial E}{\partial h_j} W_{ji}"),
    ("ch10", "SIG", None, "", r"\frac{\partial o_k}{\partial x_i} = o_k (1-o_k) \sum_j V_{kj} h_j(1-h_j) W_{ji}", r"\frac{\partial o_k}{\partial x_i} = o_k (1-o_k) \sum_j V_{kj} h_j W_{ji}"),
    ("re1+", "SIG", None, r"Let $$g = o - t$$ Then $$\frac{\partial E}{\partial a} = g \odot o \odot (1-o)$$", r"\frac{\partial E}{\partial V} = (g \odot o \odot (1 - o)) h^\top", r"\frac{\partial E}{\partial V} = g h^\top"),
    ("re2+", "MLP", None, r"Denote $$\delta^{(2)} = y - t, \qquad \delta^{(1)} = W^{(2)\top} \delta^{(2)} \odot a^{(1)} \odot (1-a^{(1)})$$", r"\frac{\partial L}{\partial W^{(1)}} = \delta^{(1)} x^\top", r"\frac{\partial L}{\partial W^{(1)}} = \delta^{(2)} x^\top"),
    ("re3+", "MLP", None, r"Denote $$\delta_2 = y - t, \qquad \delta_1 = W^{(2)\top} \delta_2 \odot a^{(1)} \odot (1-a^{(1)})$$", r"\frac{\partial L}{\partial b^{(1)}} = \delta_1", r"\frac{\partial L}{\partial b^{(1)}} = \delta_2"),
    ("re4+", "MLP", None, r"Denote $$\delta_2 = t - y$$", r"\frac{\partial L}{\partial b^{(2)}} = -\delta_2", r"\frac{\partial L}{\partial b^{(2)}} = \delta_2"),
    ("re5", "MLP", None, r"Denote $$\delta^{(2)} = t - y$$", r"\frac{\partial L}{\partial b^{(2)}} = -\delta^{(2)}", r"\frac{\partial L}{\partial b^{(2)}} = \delta^{(2)}"),
    ("re6", "MLP", None, "", r"\delta^{(2)} = \frac{\partial L}{\partial z^{(2)}} = y - t", r"\delta^{(2)} = \frac{\partial L}{\partial z^{(2)}} = t - y"),
    ("re7", "MLP", None, r"$$\delta^{(2)} = \frac{\partial L}{\partial a^{(1)}}$$", None, r"\frac{\partial L}{\partial z^{(1)}} = \delta^{(2)}"),
    # square sizes, notes, cases
    ("e1", "NN", None, "", r"\frac{\partial L}{\partial z} = (V^\top (y - t)) (1 - h^2)", r"\frac{\partial L}{\partial z} = (V^\top (y - t)) (1 - h)"),
    ("e2", "NN", None, "", r"\frac{\partial L}{\partial W} = ((V^\top (y-t)) \odot (1-h^2)) x^\top", r"\frac{\partial L}{\partial W} = ((V^\top (y-t)) \odot (1-h^2)) x"),
    ("e3", "NN", None, "", r"\frac{\partial L}{\partial V} = (y-t) h^\top", r"\frac{\partial L}{\partial V} = (y-t) h"),
    ("e4", "NN", None, "", r"\frac{\partial L}{\partial h} = V^\top (y-t)", r"\frac{\partial L}{\partial h} = V \odot (y-t)"),
    ("e5", "NN", None, "", r"\frac{\partial L}{\partial h} = V^\top (y-t)", r"\frac{\partial L}{\partial h} = (y-t)^\top V^\top"),
    ("e6", "NN", None, "", r"\frac{\partial L}{\partial h} = (y-t)^\top V", r"\frac{\partial L}{\partial h} = V (y-t)"),
    ("e7", "NN", None, "", r"L = \frac12 (y-t)^\top (y-t)", r"L = \frac12 (y-t)(y-t)"),
    ("e8", "NN", None, "", r"y = V \tanh(W x)", r"y = V W \tanh(x)"),
    ("e9", "NN", None, "", r"\frac{\partial h}{\partial z} = \mathrm{diag}(1-h^2)", r"\frac{\partial h}{\partial z} = \mathrm{diag}(1-z^2)"),
    ("e10", "NN", None, "", r"\frac{\partial h}{\partial x} = \mathrm{diag}(1-h^2) W", r"\frac{\partial h}{\partial x} = W \mathrm{diag}(1-h^2)"),
    ("e11", "NN", None, "", r"\frac{\partial L}{\partial x} = W^\top (V^\top (y-t) \odot (1 - h \odot h))", r"\frac{\partial L}{\partial x} = W^\top V^\top (y-t) \odot (1 - h \odot h)"),
    ("e12", "NN", None, "", r"\frac{\partial L}{\partial W_{ij}} = \frac{\partial L}{\partial z_i} x_j", r"\frac{\partial L}{\partial W_{ij}} = \frac{\partial L}{\partial z_j} x_i"),
    ("e13", "NN", None, "", r"\frac{\partial y_k}{\partial W_{ij}} = V_{ki} (1-h_i^2) x_j", r"\frac{\partial y_k}{\partial W_{ij}} = V_{ik} (1-h_i^2) x_j"),
    ("e14", "NN", None, "", r"\frac{\partial z_k}{\partial W_{ij}} = \delta_{ki} x_j", r"\frac{\partial z_k}{\partial W_{ij}} = \delta_{kj} x_i"),
    ("e15", "NN", None, "", r"\frac{\partial L}{\partial W} = V^\top (y-t) \odot (1-h^2) x^\top", r"\frac{\partial L}{\partial W} = V (y-t) \odot (1-h^2) x^\top"),
    ("n1+", "NN", None, "", r"\frac{\partial L}{\partial z} = \frac{\partial L}{\partial h} \odot (1-h^2) \quad \text{(elementwise)}", r"\frac{\partial L}{\partial z} = \frac{\partial L}{\partial h} \odot (1+h^2) \quad \text{(elementwise)}"),
    ("n2+", "NN", None, "", r"V^\top (y-t) \odot (1-h^2) = \frac{\partial L}{\partial z}", r"V (y-t) \odot (1-h^2) = \frac{\partial L}{\partial z}"),
    ("n3", "NN", None, r"$$V^\top (y-t) = q$$", r"\frac{\partial L}{\partial z} = q \odot (1-h^2)", r"\frac{\partial L}{\partial z} = q \odot (1-h)"),
    ("n4+", "NN", None, r"$$V (y-t) = q$$", None, r"\frac{\partial L}{\partial z} = q \odot (1-h^2)"),
    ("n5+", "NN", None, r"$$L = f(y)$$", r"\frac{\partial L}{\partial y} = y - t", r"\frac{\partial L}{\partial y} = t - y"),
    ("n6+", "NN", None, r"$$L = \ell(y, t)$$", r"\frac{\partial L}{\partial y} = y - t", r"\frac{\partial L}{\partial y} = y"),
    ("s1", "LY", None, "", r"\frac{\partial y_i}{\partial z_j} = y_i ([i = j] - y_j)", r"\frac{\partial y_i}{\partial z_j} = y_i ([i \ne j] - y_j)"),
    ("s2", "LY", None, "", r"\frac{\partial y_i}{\partial z_j} = y_i (1_{i=j} - y_j)", r"\frac{\partial y_i}{\partial z_j} = y_j (1_{i=j} - y_j)"),
    ("s3", "LY", None, "", r"y_i = \mathrm{softmax}(z)_i", r"y_i = \frac{e^{z_i}}{1 + \sum_j e^{z_j}}"),
    ("s4", "LY", None, "", r"\frac{\partial y_i}{\partial z_j} = \frac{\delta_{ij} e^{z_i} \sum_k e^{z_k} - e^{z_i} e^{z_j}}{(\sum_k e^{z_k})^2}", r"\frac{\partial y_i}{\partial z_j} = \frac{\delta_{ij} e^{z_i} \sum_k e^{z_k} - e^{z_i}}{(\sum_k e^{z_k})^2}"),
    ("s5", "LY", None, "", r"\frac{\partial}{\partial z_j} \sum_k e^{z_k} = e^{z_j}", r"\frac{\partial}{\partial z_j} \sum_k e^{z_k} = \sum_k e^{z_k}"),
    ("s6", "LY", None, "", r"\frac{\partial \log y_i}{\partial z_i} = 1 - y_i", r"\frac{\partial \log y_i}{\partial z_i} = y_i (1 - y_i)"),
    ("s7", "LY", None, "", r"\frac{\partial y}{\partial z} \mathbf{1} = 0", r"\frac{\partial y}{\partial z} y = 0"),
    ("c1+", "LY", None, "", r"\frac{\partial y_i}{\partial z_j} = -y_i y_j \quad \text{if } i \neq j", r"\frac{\partial y_i}{\partial z_j} = -y_i y_j \quad \text{if } i = j"),
    ("c2+", "LY", None, "", r"\frac{\partial y_i}{\partial z_j} = y_i(1-y_j), \quad i = j", r"\frac{\partial y_i}{\partial z_j} = y_i(1-y_j), \quad i \neq j"),
    ("c3", "LY", None, "", r"\frac{\partial y_i}{\partial z_j} = y_i(1-y_i) \quad (i = j)", r"\frac{\partial y_i}{\partial z_j} = y_i(1-y_i) \quad (i \neq j)"),
    ("c4", "LY", None, "", r"\frac{\partial y_i}{\partial z_j} = \begin{cases} y_i (1-y_i) & \text{if } i = j \\ -y_i y_j & \text{otherwise} \end{cases}", r"\frac{\partial y_i}{\partial z_j} = \begin{cases} y_i (1-y_i) & \text{if } i = j \\ 0 & \text{otherwise} \end{cases}"),
    ("c5", "LY", None, r"When $i = j$, $\frac{\partial y_i}{\partial z_j} = y_i (1-y_i)$; when $i \neq j$,", r"\frac{\partial y_i}{\partial z_j} = -y_i y_j", r"\frac{\partial y_i}{\partial z_j} = y_i (1 - y_j)"),
]  # fmt: skip


LEFT_OPEN = [r"\theta = X^{-1} X^\top y"]  # two shapes, each fine by itself, and no form near it that fits: notation may be meant otherwise


@cache
def network(name):
    problem = read_problem(NETS[name])
    return Network(problem.system, problem.scope)


def verdict(name, settings, text, line):
    """The worst verdict on the relations of a line where it stands in a document."""
    document = (text if "@@" in text else text + " @@").replace("@@", f"\n$$ {line} $$\n")
    display = text.split("@@")[0].count("$$") // 2
    checker = Checker(parts(settings or {}, problem=network(name) if name else None), explain=False)
    found = [x.verdict for x in checker.text(document).lines if x.display == display]
    return min(found, key=WORST.index, default="none")


@pytest.mark.parametrize(
    ("name", "settings", "text", "right"), [c[1:5] for c in CASES if c[4]], ids=[c[0] for c in CASES if c[4]]
)
def test_right_lines_hold(name, settings, text, right):
    assert verdict(name, settings, text, right) in ("proved", "agrees")


@pytest.mark.parametrize(
    ("name", "settings", "text", "wrong"), [(*c[1:4], c[5]) for c in CASES if c[5]], ids=[c[0] for c in CASES if c[5]]
)
def test_wrong_lines_are_refuted(name, settings, text, wrong):
    assert verdict(name, settings, text, wrong) == ("undecided" if wrong in LEFT_OPEN else "refuted")
