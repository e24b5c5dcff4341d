"""exp, log and cos from additions, multiplications and divisions alone: the same bits on every machine.

A C library holds several versions of each and picks one by the processor, and so does numpy; their last digits differ.
These are good to about one unit in the last place. Kernels call the functions of one number; the three at the end are
for arrays of float64, which they replace in place.
"""

import math

import numpy as np

from lpbench.arithmetic.jit import inner, kernel

_LOG2_E, _TWO_OVER_PI = 1.4426950408889634, 0.6366197723675814
# ln 2 and pi/2 in parts of 33 bits and a rest: an integer below 2**20 times such a part has no rounding error.
_LN2, _LN2_REST = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
_PI2, _PI2_NEXT = float.fromhex("0x1.921fb544p+0"), float.fromhex("0x1.0b4611a6p-34")
_PI2_REST = float.fromhex("0x1.3198a2e037073p-69")
_FARTHEST = 2.0**20  # radians
_SHIFT = 1.5 * 2.0**52  # a sum with it has no fraction
# Coefficients of the series, from the highest power to the lowest that is not taken apart.
_EXP = tuple(1.0 / math.factorial(k) for k in range(15, 1, -1))
_LOG = tuple(2.0 / k for k in range(23, 1, -2))
_SIN = tuple((-1.0) ** (k // 2) / math.factorial(k) for k in range(17, 1, -2))
_COS = tuple((-1.0) ** (k // 2) / math.factorial(k) for k in range(18, 2, -2))


@inner
def _polynomial(x, coefficients):
    """The last coefficient + the one before it times x + ..., by Horner's rule: the loop is unrolled when compiled."""
    p = coefficients[0]
    for coefficient in coefficients[1:]:
        p = p * x + coefficient
    return p


@inner
def _power_of_two(k):
    """2**k for -1022 <= k <= 1023."""
    return np.int64((k + 1023) << 52).view(np.float64)


@inner
def _beyond_linear(r):
    """exp(r) - 1 - r for |r| <= 0.36: the series, all of whose terms count. No loop, which others around it bear."""
    a = _EXP
    p = _horner(_horner(a[0] * r + a[1], r, a[2], a[3], a[4], a[5]), r, a[6], a[7], a[8], a[9])
    return _horner(p, r, a[10], a[11], a[12], a[13]) * r * r


@inner
def _horner(p, x, a, b, c, d):
    """Four more steps of a polynomial."""
    return (((p * x + a) * x + b) * x + c) * x + d


@inner
def exp(x):
    """e**x, float64; 0 and inf where that is out of range, NaN for NaN."""
    if not x <= 709.782712893384:
        return x + math.inf
    if x < -746.0:
        return 0.0
    k = math.floor(x * _LOG2_E + 0.5)
    r = (x - k * _LN2) - k * _LN2_REST
    half = np.int64(k) >> 1  # in two factors, of which none is out of range where the result is not
    return (1.0 + (r + _beyond_linear(r))) * _power_of_two(half) * _power_of_two(np.int64(k) - half)


@inner
def decay(x):
    """e**x for x <= 0, float64: 0 below -708, NaN for NaN. Without a branch: compiled loops take many at once."""
    c = x if x > -708.0 else -708.0
    shifted = c * _LOG2_E + _SHIFT  # its last bits are the nearest integer
    k = shifted - _SHIFT
    r = (c - k * _LN2) - k * _LN2_REST
    two = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)
    y = (1.0 + (r + _beyond_linear(r))) * two
    return y if x >= -708.0 else x * 0.0 if x != x else 0.0


@inner
def excess(x):
    """exp(x) - 1 - x, to full relative accuracy."""
    if not abs(x) <= 1.0:
        return (exp(x) - 1.0) - x
    r = 0.25 * x
    beyond = _beyond_linear(r)
    for _ in range(2):  # exp(2 r) = (1 + r + beyond)**2, whose terms beyond 1 + 2 r are all positive
        beyond, r = 2.0 * beyond + (r + beyond) * (r + beyond), 2.0 * r
    return beyond


@inner
def log(x):
    """Natural logarithm, float64; -inf at 0, NaN below."""
    if not (x > 0.0 and x < math.inf):
        return x if x > 0.0 else -math.inf if x == 0.0 else math.nan
    m, k = math.frexp(x)
    if m < 0.7071067811865476:
        m, k = 2.0 * m, k - 1
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = _polynomial(z, _LOG)
    # log(1 + f) = 2 artanh(s) = f - s (f - z p): f is exact, and what is taken from it is small
    return k * _LN2 + (f - (s * (f - z * p) - k * _LN2_REST))


@inner
def log1p(x):
    """log(1 + x), to full relative accuracy; float64."""
    u = 1.0 + x
    if u == 1.0 or x == math.inf:
        return x
    return log(u) * (x / (u - 1.0))


@inner
def cos(x):
    """Cosine of |x| <= 2**20 radians, float64, with an error of about 1e-16; NaN beyond."""
    if not abs(x) <= _FARTHEST:
        return math.nan
    k = math.floor(x * _TWO_OVER_PI + 0.5)
    r = ((x - k * _PI2) - k * _PI2_NEXT) - k * _PI2_REST
    quadrant, z = np.int64(k) & 3, r * r
    if quadrant & 1:
        p = r + r * z * _polynomial(z, _SIN)
        return -p if quadrant == 1 else p
    p = 1.0 - (0.5 * z - z * z * _polynomial(z, _COS))
    return -p if quadrant == 2 else p


@kernel
def to_exp(x):
    """x = e**x; x one-dimensional."""
    for j in range(x.size):
        x[j] = exp(x[j])


@kernel
def to_log1p(x):
    """x = log(1 + x); x one-dimensional."""
    for j in range(x.size):
        x[j] = log1p(x[j])


@kernel
def to_cos(x):
    """x = cos(x); x one-dimensional."""
    for j in range(x.size):
        x[j] = cos(x[j])
