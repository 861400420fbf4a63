"""The deliberate errors of tests/mutants.py: each changes one line or two of the library, and some test has to see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One error: ``old`` in the file, which occurs there once, becomes ``new``; ``tests`` are those that should fail."""

    file: str
    what: str
    old: str
    new: str
    tests: tuple[str, ...]


def _mutants(file: str, tests: str, *changes: tuple[str, str, str]) -> list[Mutant]:
    return [Mutant(file, what, old, new, tuple(tests.split())) for what, old, new in changes]


WAVELET = "tests/test_wavelet.py tests/test_gram_structures.py"
GRAM = "tests/test_gram.py tests/test_gram_structures.py tests/test_spectrum.py"
SPECTRUM = "tests/test_gram_structures.py tests/test_spectrum.py"
FAMILIES = "tests/test_gram.py tests/test_gram_structures.py tests/test_families.py"
VARIATION = "tests/test_variation.py verify/test_variation.py"

MUTANTS = [
    *_mutants(
        "bwtheory/two_scale.py",
        WAVELET,
        ("a power of two in the two-scale relation", "Fraction((-1) ** n, 2 ** (m - 1))", "Fraction((-1) ** n, 2**m)"),
        ("an exponent of the cardinal B-spline", "(k - i) ** (order - 1)", "(k - i) ** order"),
        ("a sign of the cardinal B-spline", "sum((-1) ** i * comb(order, i)", "sum(comb(order, i)"),
        ("one coefficient too few", "for n in range(3 * m - 1)", "for n in range(3 * m - 2)"),
        ("a factorial", "Fraction(2 ** (m - 1), factorial(m - 1))", "Fraction(2 ** (m - 1), factorial(m))"),
        ("a shifted argument", "n + 1 - ell", "n - ell"),
    ),
    *_mutants(
        "bwtheory/wavelet.py",
        WAVELET,
        ("a variation norm without the degree", "return factorial(self.degree) * sum((abs(a)", "return sum((abs(a)"),
        ("signs in the variation", "sum((abs(a) for a", "sum((a for a"),
        ("the sign of a moment", "return (-1) ** times * factorial(self.degree)", "return factorial(self.degree)"),
        ("the factorial of a moment", "factorial(power + times))", "factorial(power + times - 1))"),
        ("the half units of an inner product", "Rational(total, 2 * first * second)", "Rational(total, first * second)"),
        ("a shift that is ignored", "weighted[i - start]))", "weighted[i]))"),
        ("the last half unit of the support", "Rational(occupied[-1] + 1, 2)", "Rational(occupied[-1], 2)"),
        ("the right end of the support", "(x < float(right))", "(x <= float(right))"),
        ("a symbol that counts neighbours once", "terms += [2 * a * sympy", "terms += [a * sympy"),
        (
            "a condition number upside down",
            "values[sizes.index(max(sizes))] / values[sizes.index(min(sizes))]",
            "values[sizes.index(min(sizes))] / values[sizes.index(max(sizes))]",
        ),
    ),
    *_mutants(
        "bwtheory/gram/relu.py",
        GRAM,
        ("a third becomes a half", "length / 3 + (start_i", "length / 2 + (start_i"),
        ("a sixth becomes a third", "length / 6 + (start_i", "length / 3 + (start_i"),
        ("the left end of the domain", "np.maximum(np.maximum.outer(b, b), r1)", "np.maximum.outer(b, b)"),
        ("the right end of the domain", "np.minimum(left_knots, r2)", "np.minimum(left_knots, np.inf)"),
        ("a domain that is not mirrored", "_right_facing(biases[left], -r2, -r1)", "_right_facing(biases[left], r1, r2)"),
        ("the sign of a bias", "(biases[right], -biases[left], r1, r2)", "(biases[right], biases[left], r1, r2)"),
        ("an exact domain that is not mirrored", "(r1, r2) if signs[i] > 0 else (-r2, -r1)", "(r1, r2)"),
        ("the first element's mass", "/ (3 * gap * gap)", "/ (2 * gap * gap)"),
        ("the mass of the right neighbour", "diagonal[:-1] += g[1:] / 3", "diagonal[:-1] += g[1:] / 6"),
        ("the mass of the wrong neighbour, in balls", "diagonal[k] + thirds[k + 1]", "diagonal[k] + thirds[k]"),
        ("the mass off the diagonal, in balls", "[t / 2 for t in thirds[1:]]", "[t / 4 for t in thirds[1:]]"),
        ("no overhang", "max(self.domain[0] - float(self.biases[0]), 0.0)", "0.0"),
        (
            "Rayleigh's quotient as an upper bound",
            "return Bracket(numerator / denominator, above)",
            "return Bracket(numerator / denominator, numerator / denominator)",
        ),
        (
            "Collatz and Wielandt's bound as a lower one",
            "return Bracket(numerator / denominator, above)",
            "return Bracket(above, above)",
        ),
        (
            "a reciprocal that keeps the wrong end",
            "Bracket(1 / of_j.upper, 1 / of_j.lower)",
            "Bracket(1 / of_j.lower, 1 / of_j.lower)",
        ),
        ("no test of convergence", "if perron.gap > TOLERANCE:", "if perron.gap > math.inf:"),
        ("no test of float64's range", "if not (perron.root > 0 and", "if False and not (perron.root > 0 and"),
        (
            "a spacing rounded to float64",
            "gap = arb(structure.spacing.numerator) / structure.spacing.denominator",
            "gap = arb(float(structure.spacing))",
        ),
        ("the excess of a row", "excess = sixth[k] + off + share * excess", "excess = off + share * excess"),
        ("a running sum of the wrong block", "cumulative_sum(sums[:-1, -1], block)", "cumulative_sum(sums[1:, -1], block)"),
        ("a band of the shifted matrix", "bands[1, :-2] += inverse[1:-1] * middle[1:]", "bands[1, :-2] += inverse[1:-1] * 0"),
    ),
    *_mutants(
        "bwtheory/gram/toeplitz.py",
        SPECTRUM,
        ("no defect", "worst * (1 if s == 0 else 2)", "worst * 0"),
        ("half of the defect", "worst * (1 if s == 0 else 2)", "worst"),
        (
            "a defect with the wrong sign",
            "as_ball(Fraction(shift)) - _cholesky_defect(",
            "as_ball(Fraction(shift)) + _cholesky_defect(",
        ),
        ("a factor's column", "columns[s + r][k - r] * columns[r][k - r]", "columns[s][k - r] * columns[r][k - r]"),
        (
            "Rayleigh's quotient without the other triangle",
            "as_ball(Fraction(c)) * (2 if s else 1)",
            "as_ball(Fraction(c)) * 1",
        ),
        (
            "Rayleigh's quotient at both ends",
            "Bracket(outer, inner) if end == 0 else Bracket(inner, outer)",
            "Bracket(inner, inner)",
        ),
        ("the wrong side of the symbol's range", "limit - sign / float(largest)", "limit + sign / float(largest)"),
        ("a symbol of one frequency", "2 * float(c) * np.cos(s * theta)", "2 * float(c) * np.cos(theta)"),
        ("an eigenvalue that float64 loses", "if not extremes.smallest * DIGITS_LOST > extremes.largest:", "if False:"),
    ),
    *_mutants(
        "bwtheory/gram/dense.py",
        SPECTRUM,
        ("the second smallest eigenvalue", "negative >= 1 if end == 0", "negative >= 2 if end == 0"),
        ("a midpoint used as a pivot", "pivot = rows[k][k]\n", "pivot = rows[k][k].mid()\n"),
        ("the sign of the shift", "rows[i][i] - as_ball(bound)", "rows[i][i] + as_ball(bound)"),
        ("2 for its square root", "arb(2).sqrt() ** s", "arb(2) ** s"),
        (
            "the upper bound twice",
            "return Bracket(as_ball(lower), as_ball(upper))",
            "return Bracket(as_ball(upper), as_ball(upper))",
        ),
        ("one row too few", "for i in range(k + 1, n):", "for i in range(k + 2, n):"),
    ),
    *_mutants(
        "bwtheory/gram/blocks.py",
        SPECTRUM,
        ("the smallest section of a Toeplitz matrix", "key=lambda block: block.size", "key=lambda block: -block.size"),
        ("the smallest of the largest eigenvalues", "upper.upper.max(one.upper)", "upper.upper.min(one.upper)"),
        ("the largest of the smallest eigenvalues", "lower.lower.min(one.lower)", "lower.lower.max(one.lower)"),
    ),
    *_mutants(
        "bwtheory/gram/structure.py",
        SPECTRUM,
        ("precision ignored", "flint.ctx.prec = bits", "flint.ctx.prec = 64"),
        ("precision not given back", "flint.ctx.prec = before", "flint.ctx.prec = 53"),
        ("a rational rounded to float64", "return arb(value.numerator) / value.denominator", "return arb(float(value))"),
    ),
    *_mutants(
        "bwtheory/gram/spectrum.py",
        SPECTRUM,
        ("a midpoint as a lower bound", "_outward(bracket.lower.lower(), -1)", "float(bracket.lower.mid())"),
        ("the inner end of a ball", "_outward(bracket.upper.upper(), +1)", "_outward(bracket.upper.lower(), +1)"),
        ("rounding to nearest", "while value != outermost and not", "while False and not"),
        ("rounding inward", "(bound - value) * direction <= 0", "(bound - value) * direction >= 0"),
        ("a quotient of the wrong ends", "Bracket(least / high, most / low)", "Bracket(least / low, most / high)"),
        ("bounds that bound nothing", "bool(bounds.smallest.lower > 0) and bool", "True and bool"),
        ("singular families with a smallest eigenvalue", "0.0 if singular_reason and", "0.0 if False and"),
        ("discs by columns", "off.sum(axis=1)", "off.sum(axis=0)"),
        ("discs without absolute values", "off = np.abs(gram)", "off = gram.copy()"),
    ),
    *_mutants(
        "bwtheory/gram/wavelets.py",
        FAMILIES,
        ("the width of a cell", "Fraction(1, 2 ** (j + 1))  # of a cell", "Fraction(1, 2**j)  # of a cell"),
        ("a binomial coefficient", "c * math.comb(p, q) * offset", "c * offset"),
        ("the power of an antiderivative", "/ (p + q + 1) for p, a", "/ (p + q + 2) for p, a"),
        ("a cell beyond the interval", "min(cell + width, interval[1])", "cell + width"),
    ),
    *_mutants(
        "bwtheory/gram/quadrature.py",
        FAMILIES,
        ("Simpson's weights exchanged", "/ 3 + (cross + cross.T) / 6", "/ 6 + (cross + cross.T) / 3"),
        ("a node too few", "leggauss(degree + 1)", "leggauss(degree)"),
    ),
    *_mutants(
        "bwtheory/families.py",
        FAMILIES,
        ("4^-j for 2^-j", "1 if self.normalized else Fraction(1, 2**j)", "1 if self.normalized else Fraction(1, 4**j)"),
        ("2^j for 2^(j/2)", "return 2.0 ** (j / 2) if self.normalized", "return 2.0**j if self.normalized"),
        ("the Jacobian", "jacobian = Fraction(2, self._length)", "jacobian = Fraction(1, self._length)"),
        ("a support that touches the domain", "right <= low or left >= high", "right < low or left > high"),
        ("a support that ends with the domain", "low <= left and right <= high else", "low < left and right < high else"),
        ("a bias at the end of the domain", "at < r2, at > r1)", "at <= r2, at >= r1)"),
        (
            "a knot at the end of the domain",
            "inside = (r1 < at) & (at < r2)\n        alone",
            "inside = (r1 <= at) & (at <= r2)\n        alone",
        ),
        ("the first bias", "cls((2 * np.arange(K) - K) / K)", "cls((2 * np.arange(K) - K + 1) / K)"),
        ("the spacing", "family._spacing = Fraction(2, K)", "family._spacing = Fraction(2, K + 1)"),
        ("the change of variables", "Fraction(x + 0.0) * self._length / 2 +", "Fraction(x + 0.0) * self._length / 3 +"),
    ),
    *_mutants(
        "bwtheory/families.py",
        "tests/test_certificates.py",
        *[
            ("the sign of a null direction", "direction = {column: -Fraction", "direction = {column: Fraction"),
        ],
    ),
    *_mutants(
        "bwtheory/variation.py",
        VARIATION,
        ("knots at the ends of an open domain", "if low < knot < high", "if low <= knot <= high"),
        ("the sign of an input weight", "[j + x * abs(w_k)", "[j + x * w_k"),
        (
            "neurons that face left",
            "value = [c - x * b_k for c, x in zip(value, v_k)]",
            "value = [c + x * b_k for c, x in zip(value, v_k)]",
        ),
        (
            "c in the first layers only",
            "for matrix in matrices[:-1]] + [matrices[-1]]",
            "for matrix in matrices[:-2]] + matrices[-2:]",
        ),
        ("a layer counted twice", "for matrix in matrices[2:])]", "for matrix in matrices[1:])]"),
        ("rows for columns", "_row_lengths(matrices[1].T)", "_row_lengths(matrices[1])"),
        ("the sign of a mass", "[m + x * abs(largest)", "[m + x * largest"),
        ("a hyperplane at a corner", "return low < offset < high", "return low <= offset <= high"),
    ),
    *_mutants(
        "bwtheory/representation.py",
        "tests/test_representation.py",
        ("a gain upside down", "gain: Any = scale / coefficients[0]", "gain: Any = scale * coefficients[0]"),
        ("a power of two too many", "while power < bound:", "while power <= bound:"),
        ("the wrong order of neurons", "np.tile(coefficients, count)", "np.repeat(coefficients, count)"),
        ("the lower corner of the cube", "np.maximum(low * w, high * w)", "np.minimum(low * w, high * w)"),
    ),
    *_mutants(
        "bwtheory/certificates.py",
        "tests/test_certificates.py",
        ("rounding inward", "(Fraction(nearest) - value) * direction < 0", "(Fraction(nearest) - value) * direction > 0"),
        ("rounding to nearest", "while (Fraction(nearest) - value)", "while False and (Fraction(nearest) - value)"),
        ("a shift on the wrong side", "rayleigh * (1 - sign * MARGIN)", "rayleigh * (1 + sign * MARGIN)"),
        ("a defect rounded down", "math.ceil(exact_defect * 4**bits)", "math.floor(exact_defect * 4**bits)"),
        (
            "a condition number of the wrong ends",
            '_rounded(bounds["largest"][1] / bounds["smallest"][0], 1)',
            '_rounded(bounds["largest"][1] / bounds["smallest"][1], 1)',
        ),
    ),
    *_mutants(
        "verify/check.py",
        "tests/test_certificates.py",
        ("a defect that counts half", "any(rest > defect * w", "any(rest > 2 * defect * w"),
        ("a defect that is not subtracted", "shift - sign * defect", "shift"),
        ("a quotient that is not compared", "and quotient <= high if", "if"),
        ("a bound that is not compared", "else 0 < low <= quotient and outer <= high", "else 0 < low <= quotient"),
        ("truth values as integers", "if type(value) is not int or", "if not isinstance(value, int) or"),
        ("half of the off-diagonal form", "(1 + (i > j))", "1"),
        ("weights that are ignored", "[Fraction(1, 2**j) for j in levels]", "[Fraction(1) for j in levels]"),
        ("a condition number that is not compared", 'and bounds["largest"][1] <= most', "and 0 <= most"),
    ),
    *_mutants(
        "bwtheory/experiments/decision.py",
        "tests/test_decision.py",
        (
            "the other side of a one-sided test",
            "float(stats.t.sf(gap / error, _freedom(first, second)))\n\n\ndef p_different",
            "float(stats.t.cdf(gap / error, _freedom(first, second)))\n\n\ndef p_different",
        ),
        ("one side of a two-sided test", "return 2 * float(stats.t.sf", "return float(stats.t.sf"),
        ("a degree of freedom too many", "/ (m.trials - 1)", "/ m.trials"),
        ("no correction for several claims", "p < LEVEL / comparisons", "p < LEVEL"),
        (
            "standard errors that add",
            "gap, error = first.value - second.value, math.hypot(first.standard_error, second.standard_error)",
            "gap, error = first.value - second.value, first.standard_error + second.standard_error",
        ),
    ),
    *_mutants(
        "verify/printed.py",
        "verify/test_wavelet.py verify/test_wavelet_gram.py",
        ("a whole unit of the last digit", "Rational(1, 2 * 10 **", "Rational(1, 10 **"),
    ),
    *_mutants(
        "bwtheory/experiments/statistics.py",
        "tests/test_comparison.py",
        ("a variance over n", "np.var(found, ddof=1)", "np.var(found, ddof=0)"),
        (
            "a one-sided interval",
            "reach = float(student.ppf(1 - LEVEL / (2 * comparisons)",
            "reach = float(student.ppf(1 - LEVEL / comparisons",
        ),
        (
            "the second minus the first",
            "(float(np.mean(first[image])), float(np.mean(second[image])))",
            "(float(np.mean(second[image])), float(np.mean(first[image])))",
        ),
    ),
    *_mutants(
        "bwtheory/nn/functional.py",
        "tests/test_nn.py",
        ("the slope at a knot", "(v <= -t) | (v > t)", "(v < -t) | (v >= t)"),
        ("the sign of ψ's slope", ".mul_(-_FIRST)", ".mul_(_FIRST)"),
        (
            "the slope left of the centre",
            "leaky_relu_backward(slope, v, -1.0, False)",
            "leaky_relu_backward(slope, v, 1.0, False)",
        ),
        ("FINER's frequency", "(rate * u.detach().abs() + 1) * u", "(rate * u.detach().abs()) * u"),
        ("the slope of a bell", "mul_(u).mul_(-2.0)", "mul_(u).mul_(-1.0)"),
        (
            "the slope of a wavelet of Gabor",
            "first = torch.addcmul(across, a, along, value=-2 * rate)",
            "first = torch.addcmul(across, a, along, value=2 * rate)",
        ),
    ),
    *_mutants(
        "bwtheory/nn/norms.py",
        "tests/test_nn.py",
        ("rows for columns", "v.norm(dim=0)).sum() for w, v", "v.norm(dim=1)).sum() for w, v"),
        ("c for its square", "units[0], units[-1] = c * c, 1.0", "units[0], units[-1] = c, 1.0"),
    ),
    *_mutants(
        "bwtheory/nn/conversion.py",
        "tests/test_nn.py",
        ("the sign of the knots", "bias.unsqueeze(-1) - knots).flatten()", "bias.unsqueeze(-1) + knots).flatten()"),
        ("a bias that is not scaled", "network.output_scale * bias + network.output_shift", "bias + network.output_shift"),
        ("the sign of a torch bias", "like.new_tensor(-b)", "like.new_tensor(b)"),
    ),
    *_mutants(
        "bwtheory/nn/initialization.py",
        "tests/test_nn.py",
        ("a frequency in the first layer's weights", "bound = 1 / n if layer == 0", "bound = 1 / n / omega_0 if layer == 0"),
        ("6 for its square root", "math.sqrt(6 / n) / omega_0", "6 / n / omega_0"),
    ),
    *_mutants(
        "bwtheory/tasks/operators.py",
        "tests/test_operators.py",
        ("a mean for a transpose", "(measurements / f**2).reshape", "(measurements / f).reshape"),
        ("blocks across for blocks down", "blocks.expand(-1, f, -1, f, -1)", "blocks.expand(-1, f, -1, f, -1).transpose(0, 2)"),
        ("the sense of a rotation", "u = (cos * dx - sin * dy +", "u = (cos * dx + sin * dy +"),
        (
            "half a pixel",
            "(2 * (cos * x + sin * y + self._image_center[0]) + 1) / width",
            "(2 * (cos * x + sin * y + self._image_center[0])) / width",
        ),
        ("a bin too many", "(bins < self.bins)", "(bins <= self.bins - 2)"),
    ),
    *_mutants(
        "bwtheory/baselines/total_variation.py",
        "tests/test_baselines.py",
        ("the sign of a transpose", "image[:-1] -= field[0, :-1]", "image[:-1] += field[0, :-1]"),
        (
            "a projection that is twice as wide",
            "square().sum(dim=0).sqrt() / weight).clamp(min=1)",
            "square().sum(dim=0).sqrt() / (2 * weight)).clamp(min=1)",
        ),
    ),
    *_mutants(
        "bwtheory/interval.py",
        "tests/test_interval.py",
        ("a level's factor", "math.sqrt(2**j / self._norm_squared)", "math.sqrt(2 ** (j + 1) / self._norm_squared)"),
        ("a hat at an end without its factor", "root = np.sqrt([2.0, 1, 1, 2])", "root = np.sqrt([1.0, 1, 1, 2])"),
        (
            "a tent on the wrong side",
            "np.bincount(cell, tent * (2 - r), self.size)",
            "np.bincount(cell, tent * (1 + r), self.size)",
        ),
        ("neurons left of the domain without a slope", "at_knots[0] += v[b <= -1].sum()", "at_knots[0] += 0"),
        ("the sign of what is projected away", "values -= _solve_mass(load)", "values += _solve_mass(load)"),
        ("a mean without the number of samples", "np.sqrt(np.mean((targets", "np.sqrt(np.sum((targets"),
    ),
    *_mutants(
        "bwtheory/cascade.py",
        "tests/test_interval.py",
        ("an end that is not folded", "values[0] += details[0]\n", "\n"),
        ("a pivot that has not settled", "n, settled = len(rest), 32", "n, settled = len(rest), 3"),
        ("the last pivot of a long system", "pivots[-1] += beside\n", "pivots[-1] += 0\n"),
        ("a transpose that forgets an end", "details[-1] += COARSE * even[-1]", "details[-1] += 0 * even[-1]"),
        ("slopes for weights", "slopes[1:] -= slopes[:-1].copy()", "slopes[1:] -= 0"),
        ("an interpolation from the right", "left + self.right * (values", "left + (1 - self.right) * (values"),
    ),
    *_mutants(
        "bwtheory/gram/folded.py",
        "tests/test_interval.py tests/test_gram_structures.py",
        (
            "the angle of another size",
            "cosine = -math.cos(math.pi / self.rows)",
            "cosine = -math.cos(math.pi / (self.rows + 1))",
        ),
        ("a bound at the symbol's end", "cosine = -(arb.pi() / self.rows).cos()", "cosine = arb(-1)"),
        ("a corner off by one", "padded[sums + 1]", "padded[sums]"),
        ("a symbol that may decrease", "abs(4 * second) < first", "abs(second) < first"),
    ),
    *_mutants(
        "bwtheory/training/loop.py",
        "tests/test_training.py::test_training_descends_along_the_gradient_of_the_whole_objective "
        "tests/test_together.py::test_scales_and_learning_rates_may_differ "
        "tests/test_training.py::test_divergence_keeps_the_last_good_weights "
        "tests/test_minibatches.py::test_the_schedule_goes_on_within_a_pass",
        ("a learning rate of the next epoch", "config.learning_rate(epoch)", "config.learning_rate(epoch + 1)"),
        ("a penalty without its weight", "penalty = config.weight_decay * squares", "penalty = squares"),
        ("a variation norm that is subtracted", "penalty + config.norm_penalty", "penalty - config.norm_penalty"),
        ("a group's multiple that is ignored", ' * group["lr_multiple"]', ""),
        ("a loss that is not finite", "self.stopped = not math.isfinite(loss) or any(", "self.stopped = any("),
    ),
    *_mutants(
        "bwtheory/nn/chunked.py",
        "tests/test_chunked.py",
        ("features that a backward pass has overwritten", "self._kept = False  #", "pass  #"),
        ("a hook of a weight run twice", "views = [tensor.view_as(tensor) for tensor in tensors]", "views = tensors"),
        ("coordinates' gradients lost", "        not x.requires_grad\n", "        True\n"),
        ("hooks of all modules lost", "and not any(getattr(torch_modules, name, None) for name in HOOKS)", "and True"),
        ("autocast ignored", 'and not torch.is_autocast_enabled("cpu")', "and True"),
        ("a parameter of the activation lost", "and not any(True for _ in network.activation.parameters())", "and True"),
        (
            "a batch of gradients read as memory",
            "if torch.is_grad_enabled() or not in_memory(gradient):",
            "if torch.is_grad_enabled():",
        ),
        (
            "no derivatives of derivatives",
            "if torch.is_grad_enabled() or not in_memory(gradient):",
            "if not in_memory(gradient):",
        ),
    ),
    *_mutants(
        "bwtheory/nn/chunked.py",
        "tests/test_explicit.py",
        ("half of the gradient", "residual.mul_(2 / y.numel())", "residual.mul_(1 / y.numel())"),
        (
            "a mean over coordinates only",
            "return torch.stack(losses).sum(0) / y.numel(), values",
            "return torch.stack(losses).sum(0) / len(y), values",
        ),
    ),
    *_mutants(
        "bwtheory/nn/explicit.py",
        "tests/test_explicit.py",
        ("a bias's gradient of one row", "total += gradient.sum(1, keepdim=True)", "total += gradient[:, :1]"),
        ("the first layer's gradient for the next", "memory.gradient(z, number - 1)", "memory.gradient(z, number)"),
        ("a scale of the input that is ignored", "x if first.input_scale == 1 else first.input_scale * x", "x"),
        ("memory that two layers share", "key = number % 2, like.numel()", "key = 0, like.numel()"),
    ),
    *_mutants(
        "bwtheory/training/config.py",
        "tests/test_training.py::test_learning_rate",
        (
            "a schedule that goes on falling",
            "self.decay_epochs or self.epochs), 1.0)",
            "self.decay_epochs or self.epochs), 9.0)",
        ),
        ("a schedule of all epochs", "(self.decay_epochs or self.epochs)", "self.epochs"),
    ),
    *_mutants(
        "bwtheory/training/callbacks.py",
        "tests/test_training.py::test_stop_at_loss tests/test_together.py::test_stopping_at_a_loss_stops_one "
        "tests/test_training.py::test_stopping_rules_choose_from_the_log",
        ("a loss that has to be larger", "return measured.loss <= self.enough", "return measured.loss >= self.enough"),
        ("the worst weights are kept", 'row["held_out_loss"] < self.kept["loss"]', 'row["held_out_loss"] > self.kept["loss"]'),
    ),
    *_mutants(
        "bwtheory/training/sealed.py",
        "tests/test_sealed.py",
        ("a checkpoint's hash that is not compared", "if sealed and hashlib", "if False and hashlib"),
        ("weights' hash that is not compared", "if _hash_of(tensors, about) != sha256:", "if False:"),
        ("a hash without the shapes", "{name} {value.dtype} {tuple(value.shape)}", "{name}"),
    ),
    *_mutants(
        "bwtheory/gram/rounded.py",
        "tests/test_spectrum.py::test_rows_hold_only_beyond_their_roundings "
        "tests/test_spectrum.py::test_roundings_of_the_quotients_are_counted "
        "tests/test_spectrum.py::test_a_wrong_solution_proves_nothing "
        "tests/test_spectrum.py::test_bounds_in_float64_hold_for_any_vector",
        ("an error that is not counted", "return roundings * U * (1 + 2.0**-20)", "return 0.0"),
        ("Rayleigh's quotient rounded up", "below * (1 - _error(roundings", "below * (1 + _error(roundings"),
        ("Collatz and Wielandt's bound rounded down", "above * (1 + _error(roundings", "above * (1 - _error(roundings"),
        ("a bound of the inverse rounded down", "above * (1 + _error(20))", "above * (1 - _error(20))"),
        ("one row for all", "return bool(np.all(sign", "return bool(np.any(sign"),
        ("a side that is rounded the other way", "y * (1 - sign * LOCAL * U)", "y * (1 + sign * LOCAL * U)"),
        ("the other side rounded the other way", "others * (1 + sign * LOCAL * U)", "others * (1 - sign * LOCAL * U)"),
        ("a slack with the wrong sign", "solution + more, solution - more", "solution - more, solution + more"),
    ),
    *_mutants(
        "bwtheory/gram/spectrum.py",
        "tests/test_spectrum.py::test_few_bits_never_bound_a_condition_number_below_one",
        *[
            ("a condition number below 1", "max(enclosed.lower, 1.0)", "enclosed.lower"),
        ],
    ),
    *_mutants(
        "bwtheory/training/gauss_newton.py",
        "tests/test_gauss_newton.py::test_products_are_those_of_the_jacobian "
        "tests/test_gauss_newton.py::test_preconditioner_is_the_inverse_of_the_squared_columns "
        "tests/test_gauss_newton.py::test_conjugate_gradients_solve_the_linearized_problem "
        "tests/test_gauss_newton.py::test_a_step_that_raises_the_loss_is_no_step "
        "tests/test_gauss_newton.py::test_nothing_lowers_the_loss_of_a_perfect_fit "
        "tests/test_gauss_newton.py::test_units_in_the_last_place_are_not_fitted "
        "tests/test_gauss_newton.py::test_more_than_rounding_is_still_gained",
        ("a residual with the other sign", "self._residual = self.y - measured", "self._residual = measured - self.y"),
        ("directions that forget the last", "size / before, 0.0) * direction", "size / before, 0.0) * 0"),
        ("a preconditioner that is not inverted", "return norms.reciprocal()", "return norms"),
        ("squares of one factor", "pull, inputs = pull.square(), inputs.square()", "pull, inputs = pull.square(), inputs"),
        ("a step that raises the loss", "if self._loss - float(loss) > self._rounding:", "if True:"),
        ("a gain within the rounding", "if not float(gain) / self.y.numel() > self._rounding:", "if False:"),
        (
            "a skip connection without the scale of the input",
            "self._add_outer(total[-1], pull, self.network.input_scale * part.coordinates, squared)",
            "self._add_outer(total[-1], pull, part.coordinates, squared)",
        ),
        (
            "a scale of the output that is ignored",
            "pull = self.network.output_scale * pull if",
            "pull = pull if",
        ),
    ),
    *_mutants(
        "bwtheory/nn/products.py",
        "tests/test_products.py::test_products_are_right_but_for_rounding",
        (
            "a gradient that is not transposed with its total",
            "total, gradient, inputs = total.transpose(1, 2), inputs, gradient",
            "total, gradient, inputs = total.transpose(1, 2), gradient, inputs",
        ),
        ("OpenBLAS's gradient instead of the sum", "[multiply, partial(total.add_,", "[multiply, partial(total.copy_,"),
        ("oneDNN's gradient instead of the sum", "    total += value()", "    total.copy_(value())"),
        ("torch's product instead of the sum", "return partial(total.baddbmm_, gradient", "return partial(torch.bmm, gradient"),
    ),
    *_mutants(
        "bwtheory/experiments/statistics.py",
        "tests/test_comparison.py",
        ("a mean that is trimmed on one side", "np.sort(values)[cut : n - cut]", "np.sort(values)[cut:]"),
        ("a winsorized error that is not scaled", "deviation / ((1 - 2 * cut / n) * math.sqrt(n))", "deviation / math.sqrt(n)"),
        ("ranks from the worst", "rankdata(-means, axis=0)", "rankdata(means, axis=0)"),
        ("an image more than is needed", "return high if high <= MOST_IMAGES", "return high + 1 if high <= MOST_IMAGES"),
    ),
    *_mutants(
        "bwtheory/experiments/figure_two.py",
        "tests/test_experiments.py::test_readings_of_figure_two_compare_extremes_over_training",
        (
            "the least κ of training",
            "[2 * _ratios(run)[1].max() for run in found]",
            "[2 * _ratios(run)[1].min() for run in found]",
        ),
        ("the largest κ of ReLU", "[2 * _ratios(run)[1].min() for run in relu]", "[2 * _ratios(run)[1].max() for run in relu]"),
        ("a loss for κ", "[2 * _ratios(run)[1].max() for run in found]", "[1 * _ratios(run)[1].max() for run in found]"),
    ),
]
