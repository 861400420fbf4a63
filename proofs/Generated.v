(* Written by generate.py from bwtheory/wavelet.py: do not edit. *)
Require Import ZArith QArith List.
Import ListNotations.
Open Scope Q_scope.

(* psi(x) = sum of coefficients times relu(x - knot) *)
Definition knots : list Q := [0 # 1; 1 # 2; 1 # 1; 3 # 2; 2 # 1; 5 # 2; 3 # 1].
Definition coefficients : list Q := [1 # 6; (-4) # 3; 23 # 6; (-16) # 3; 23 # 6; (-4) # 3; 1 # 6].

(* on the cell [i/2, (i+1)/2]: value at the left end, and increase over the cell *)
Definition pieces : list (Q * Q) :=
  [(0 # 1, 1 # 12); (1 # 12, (-7) # 12); ((-1) # 2, 4 # 3); (5 # 6, (-4) # 3); ((-1) # 2, 7 # 12); (1 # 12, (-1) # 12)].

(* psi(x) = sum of q_n hat(2x - n), and the squared norm over the line *)
Definition two_scale : list Q := [1 # 12; (-1) # 2; 5 # 6; (-1) # 2; 1 # 12].
Definition norm_squared : Q := 1 # 4.
