(* NumPy's float64 values of psi, written to FloatPoints.v by `python proofs/generate.py --points 10000`, are within
   3/2^53 of psi.  3/2^53: one rounding each of the two coefficients, of the product and of the sum. *)
Require Import Reals ZArith List.
From BW Require Import Definitions Bridge.
From BW Require FloatPoints.
Open Scope R_scope.

Theorem float_values n v : nth_error FloatPoints.values n = Some v ->
  Rabs (IZR v / 2 ^ 70 - psi (IZR (- FloatPoints.first + Z.of_nat n) / 2 ^ 11)) <= 3 / 2 ^ 53.
Proof. apply check_points_correct. vm_compute. reflexivity. Qed.

Print Assumptions float_values.
