(* Every definition that a reader has to trust.  Statements.v uses these and nothing else. *)
Require Import Reals ZArith List.
From Coquelicot Require Import Coquelicot.
Import ListNotations.
Open Scope R_scope.

(* --- Functions ---------------------------------------------------------------------------------------------------- *)

(* the ReLU, sigma of (1) *)
Definition relu (x : R) : R := Rmax 0 x.

(* the Chui-Wang wavelet of order 2, (2) and (31) *)
Definition psi (t : R) : R :=
  / 6 * (relu t - 8 * relu (t - 1/2) + 23 * relu (t - 1) - 32 * relu (t - 3/2)
         + 23 * relu (t - 2) - 8 * relu (t - 5/2) + relu (t - 3)).

(* psi_{j,k}(t) = 2^{j/2} psi(2^j t - k) *)
Definition psi_jk (j : nat) (k : Z) (t : R) : R := sqrt (2 ^ j) * psi (2 ^ j * t - IZR k).

(* the hat function on [0, 2], the cardinal B-spline N_2 *)
Definition hat (t : R) : R := relu t - 2 * relu (t - 1) + relu (t - 2).

(* the integral of f over the whole line exists and is l *)
Definition IntR (f : R -> R) (l : R) : Prop :=
  is_RInt_gen f (Rbar_locally m_infty) (Rbar_locally p_infty) l.

(* --- Finite sums, vectors, matrices; the entries with indices 0, ..., n - 1 count --------------------------------- *)

(* f 0 + ... + f (n - 1) *)
Fixpoint nsum (n : nat) (f : nat -> R) : R := match n with O => 0 | S m => nsum m f + f m end.

(* the sum of f over a list *)
Fixpoint lsum {A : Type} (L : list A) (f : A -> R) : R := match L with [] => 0 | a :: M => f a + lsum M f end.

Definition vector : Type := nat -> R.
Definition matrix : Type := nat -> nat -> R.

(* the squared Euclidean norm, the product A v, and the quadratic form v'A v *)
Definition norm2 (n : nat) (v : vector) : R := nsum n (fun i => v i ^ 2).
Definition product (n : nat) (A : matrix) (v : vector) : vector := fun i => nsum n (fun j => A i j * v j).
Definition form (n : nat) (A : matrix) (v : vector) : R := nsum n (fun i => nsum n (fun j => v i * v j * A i j)).

Definition nonzero (n : nat) (v : vector) : Prop := exists i, (i < n)%nat /\ v i <> 0.
Definition symmetric (n : nat) (A : matrix) : Prop := forall i j, (i < n)%nat -> (j < n)%nat -> A i j = A j i.
Definition singular (n : nat) (A : matrix) : Prop :=
  exists v, nonzero n v /\ forall i, (i < n)%nat -> product n A v i = 0.

Definition eigenvalue (n : nat) (A : matrix) (l : R) : Prop :=
  exists v, nonzero n v /\ forall i, (i < n)%nat -> product n A v i = l * v i.
Definition largest_eigenvalue (n : nat) (A : matrix) (l : R) : Prop :=
  eigenvalue n A l /\ forall m, eigenvalue n A m -> m <= l.
Definition smallest_eigenvalue (n : nat) (A : matrix) (l : R) : Prop :=
  eigenvalue n A l /\ forall m, eigenvalue n A m -> l <= m.

(* eigenvalues of complex matrices *)
Fixpoint csum (n : nat) (f : nat -> C) : C := match n with O => RtoC 0 | S m => Cplus (csum m f) (f m) end.
Definition complex_eigenvalue (n : nat) (A : nat -> nat -> C) (l : C) : Prop :=
  exists v : nat -> C, (exists i, (i < n)%nat /\ v i <> RtoC 0) /\
    forall i, (i < n)%nat -> csum n (fun j => Cmult (A i j) (v j)) = Cmult l (v i).

(* kappa(A) = lambda_max / lambda_min, for a positive definite A *)
Definition condition_number (n : nat) (A : matrix) (kappa : R) : Prop :=
  exists low high, smallest_eigenvalue n A low /\ largest_eigenvalue n A high /\ 0 < low /\ kappa = high / low.

(* --- Gram matrices ------------------------------------------------------------------------------------------------ *)

(* the integrals of phi_i phi_j over [a, b], as (12) and (18) *)
Definition gram (a b : R) (phi : nat -> R -> R) : matrix := fun i j => RInt (fun x => phi i x * phi j x) a b.

(* (12): the Gram matrix of the ReLUs with biases b on D = [-1, 1] *)
Definition G_sigma (b : nat -> R) : matrix := gram (-1) 1 (fun i x => relu (x - b i)).

(* its entries in closed form, for b, c in [-1, 1] *)
Definition sigma_entry (b c : R) : R :=
  (1 - Rmax b c) ^ 3 / 3 + (Rmax b c - Rmin b c) * (1 - Rmax b c) ^ 2 / 2.

(* equal spacing, the biases of Theorem 3.1 without o(1), counted from 0 *)
Definition equal_spacing (K : nat) (i : nat) : R := -1 + 2 * INR i / INR K.

(* the matrix T of equally spaced ReLUs with spacing 1: m^3/3 + |i - j| m^2/2, m = min(i, j), i, j = 1, 2, ... *)
Definition T_entry (x y : R) : R := Rmin x y ^ 3 / 3 + Rabs (x - y) * Rmin x y ^ 2 / 2.
Definition T_matrix : matrix := fun i j => T_entry (INR (S i)) (INR (S j)).

(* the inner products of psi with its integer shifts over the line *)
Definition psi_entry (k : Z) : R :=
  if (k =? 0)%Z then /4 else if (Z.abs k =? 1)%Z then 5/108
  else if (Z.abs k =? 2)%Z then -/216 else 0.

(* Theorem 3.3: neuron number i = 2^j - 1 + k, k < 2^j, is psi_{j,k} at t = (3/2)(x + 1) *)
Definition level (i : nat) : nat := Nat.log2 (S i).
Definition shift (i : nat) : nat := (S i - 2 ^ level i)%nat.
Definition neuron (i : nat) (x : R) : R := psi_jk (level i) (Z.of_nat (shift i)) (3/2 * (x + 1)).
Definition G_psi : matrix := gram (-1) 1 neuron.

(* (44), (45) *)
Definition C1 : R := 5/162.
Definition C2 : R := -1/324.

(* --- A complete basis on D ---------------------------------------------------------------------------------------- *)

(* with t = (3/2)(x + 1) in [0, 3]: on level j the 3 2^j - 2 wavelets that fit into [0, 3], and one wavelet at each end,
   the sum of the two that the end cuts *)
Definition interval_wavelet (j n : nat) (t : R) : R :=
  let N := (3 * 2 ^ j)%nat in
  if Nat.eq_dec n 0 then psi_jk j (-1) t + psi_jk j (-2) t
  else if Nat.eq_dec n (N - 1) then psi_jk j (Z.of_nat N - 2) t + psi_jk j (Z.of_nat N - 1) t
  else psi_jk j (Z.of_nat n - 1) t.

(* the hats at t = 0, 1, 2, 3; the two at the ends are halves *)
Definition coarse_hat (n : nat) (x : R) : R := hat (3/2 * (x + 1) - INR n + 1).

(* functions 0, ..., 3 are e 0, ..., e 3; then follow the levels, function 3 2^j + 1 + n being sqrt 6 times wavelet n of
   level j.  The first 3 2^J + 1 functions are the basis with J levels *)
Definition interval_level (i : nat) : nat := Nat.log2 ((i - 1) / 3).
Definition interval_place (i : nat) : nat := (i - 1 - 3 * 2 ^ interval_level i)%nat.
Definition interval_basis (e : nat -> R -> R) (i : nat) (x : R) : R :=
  if lt_dec i 4 then e i x
  else sqrt 6 * interval_wavelet (interval_level i) (interval_place i) (3/2 * (x + 1)).

(* the coarse hats with unit norm, and made orthonormal by Gram and Schmidt *)
Definition unit_hat (n : nat) (x : R) : R :=
  (if Nat.eq_dec n 0 then 3 / sqrt 2 else if Nat.eq_dec n 3 then 3 / sqrt 2 else 3/2) * coarse_hat n x.
Definition orthonormal_hat (n : nat) (x : R) : R :=
  match n with
  | O => 3 / sqrt 2 * coarse_hat 0 x
  | S O => 3 / sqrt (7/2) * (coarse_hat 1 x - 1/2 * coarse_hat 0 x)
  | S (S O) => 3 / sqrt (26/7) * (coarse_hat 2 x - 2/7 * coarse_hat 1 x + 1/7 * coarse_hat 0 x)
  | _ => 3 / sqrt (45/26) * (coarse_hat 3 x - 7/26 * coarse_hat 2 x + 1/13 * coarse_hat 1 x - 1/26 * coarse_hat 0 x)
  end.

(* f is a combination of phi 0, ..., phi (n - 1) on D *)
Definition in_span (n : nat) (phi : nat -> R -> R) (f : R -> R) : Prop :=
  exists v : vector, forall x, -1 <= x <= 1 -> f x = nsum n (fun i => v i * phi i x).

(* (6): the constant 1 and N equally spaced ReLUs, the first of which is x + 1 on D *)
Definition constant_and_relus (N i : nat) (x : R) : R :=
  match i with O => 1 | S k => relu (x - equal_spacing N k) end.

(* --- Least squares ------------------------------------------------------------------------------------------------ *)

(* a v'G v - b r'v, as (10) and (17) *)
Definition quadratic (n : nat) (a b : R) (G : matrix) (r v : vector) : R := a * form n G v - b * nsum n (fun i => r i * v i).
Definition minimiser (n : nat) (F : vector -> R) (v : vector) : Prop := forall w, F v <= F w.

(* the integrals of u^2, u phi_i and phi_i phi_j over [a, b] exist and are U, r_i and G_ij *)
Definition products (n : nat) (a b : R) (u : R -> R) (phi : nat -> R -> R) (U : R) (r : vector) (G : matrix) : Prop :=
  is_RInt (fun x => u x ^ 2) a b U /\ (forall i, (i < n)%nat -> is_RInt (fun x => u x * phi i x) a b (r i)) /\
  (forall i j, (i < n)%nat -> (j < n)%nat -> is_RInt (fun x => phi i x * phi j x) a b (G i j)).
(* half of the squared L2 distance on [a, b] from u to a combination of phi 0, ..., phi (n - 1), as (9) and (16) *)
Definition half_distance (n : nat) (a b : R) (u : R -> R) (phi : nat -> R -> R) (v : vector) : R :=
  RInt (fun x => / 2 * (u x - nsum n (fun i => v i * phi i x)) ^ 2) a b.

(* (18) as printed: over [0, 1] *)
Definition G_psi_half : matrix := gram 0 1 neuron.

(* --- (2) once more: the weights and places of the seven kinks of psi ---------------------------------------------- *)

Definition seven : list (R * R) := [(1/6, 0); (-8/6, 1/2); (23/6, 1); (-16/3, 3/2); (23/6, 2); (-8/6, 5/2); (1/6, 3)].
Definition seven_at (n : nat) : R * R := nth n seven (0, 0).

(* --- Variation norm of a univariate function: the total variation of its slope ------------------------------------ *)

Definition slope (f : R -> R) (x y : R) : R := (f y - f x) / (y - x).
(* the sum of |change of slope| along points x 0 < x 1 < ... < x (n + 1) *)
Definition slope_changes (f : R -> R) (n : nat) (x : nat -> R) : R :=
  nsum n (fun i => Rabs (slope f (x (S i)) (x (S (S i))) - slope f (x i) (x (S i)))).
Definition variation_norm (f : R -> R) (V : R) : Prop :=
  is_lub (fun s => exists n x, (forall i, x i < x (S i)) /\ s = slope_changes f n x) V.

(* --- Variation norm of a network with d inputs and m outputs: the least sum of |v_k| |w_k| --------------------------- *)

Definition dot (n : nat) (u v : vector) : R := nsum n (fun i => u i * v i).
Definition euclidean (n : nat) (v : vector) : R := sqrt (norm2 n v).

(* output o of K neurons at x: the sum over k of (v_k)_o f(w_k'x - b_k) *)
Definition network (d : nat) (f : R -> R) (K : nat) (v w : nat -> vector) (b : nat -> R) (x : vector) (o : nat) : R :=
  nsum K (fun k => v k o * f (dot d (w k) x - b k)).
Definition affine (d : nat) (f : vector -> R) : Prop := exists c a, forall x, f x = c + dot d a x.
(* F is this ReLU network up to an affine function *)
Definition represents (d m : nat) (F : vector -> nat -> R) (K : nat) (v w : nat -> vector) (b : nat -> R) : Prop :=
  forall o, (o < m)%nat -> affine d (fun x => F x o - network d relu K v w b x o).
(* the formula of (22): the sum of |v_k| |w_k| *)
Definition formula (d m K : nat) (v w : nat -> vector) : R := nsum K (fun k => euclidean m (v k) * euclidean d (w k)).
(* V is the least value of the formula among all ReLU networks that are F up to an affine function *)
Definition network_norm (d m : nat) (F : vector -> nat -> R) (V : R) : Prop :=
  (exists K v w b, represents d m F K v w b /\ formula d m K v w = V) /\
  (forall K v w b, represents d m F K v w b -> V <= formula d m K v w).

(* kink number i mod 7 of neuron i / 7, psi with scale c, is a ReLU with this output weight, input weight and bias *)
Definition kink_weight (v : nat -> vector) (i : nat) : vector := fun o => fst (seven_at (i mod 7)) * v (i / 7)%nat o.
Definition kink_direction (c : R) (w : nat -> vector) (i : nat) : vector := fun n => c * w (i / 7)%nat n.
Definition kink_bias (c : R) (b : nat -> R) (i : nat) : R := c * b (i / 7)%nat + snd (seven_at (i mod 7)).

(* w'x = b and w2'x = b2 are one hyperplane *)
Definition one_hyperplane (d : nat) (w : vector) (b : R) (w2 : vector) (b2 : R) : Prop :=
  exists c, c <> 0 /\ b2 = c * b /\ forall i, (i < d)%nat -> w2 i = c * w i.
(* u and v point in one direction, or one of them is 0 *)
Definition one_direction (m : nat) (u v : vector) : Prop := dot m u v = euclidean m u * euclidean m v.

(* --- Training, (26)-(28): any activation f, N samples, the loss l i of the outputs at sample i ------------------------- *)

Definition penalised (d m N K : nat) (x : nat -> vector) (l : nat -> (nat -> R) -> R) (lambda r : R)
  (g : vector -> nat -> R) (v w : nat -> vector) : R :=
  nsum N (fun i => l i (g (x i))) + lambda * nsum K (fun k => norm2 m (v k) + norm2 d (w k) / r).
Definition objective_27 (d m N K : nat) f x l lambda c (v w : nat -> vector) (b : nat -> R) : R :=
  penalised d m N K x l lambda 1 (network d (fun z => f (c * z)) K v w b) v w.
Definition objective_28 (d m N K : nat) f x l lambda c (v w : nat -> vector) (b : nat -> R) : R :=
  penalised d m N K x l lambda (c ^ 2) (network d f K v w b) v w.
(* half of the sum of squared weights *)
Definition decay (d m K : nat) (v w : nat -> vector) : R := nsum K (fun k => (norm2 m (v k) + norm2 d (w k)) / 2).
Definition parameters_minimise (F : (nat -> vector) -> (nat -> vector) -> (nat -> R) -> R) v w b : Prop :=
  forall v' w' b', F v w b <= F v' w' b'.

(* --- Finite samples ----------------------------------------------------------------------------------------------- *)

(* Phi Phi' of (8), for the samples x 0, ..., x (N - 1) *)
Definition sample_gram (N : nat) (x : nat -> R) (phi : nat -> R -> R) : matrix :=
  fun i j => nsum N (fun l => phi i (x l) * phi j (x l)).
