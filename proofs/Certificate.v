(* Certificates for the extreme eigenvalues of G_sigma with rational biases, checked by computing with rational numbers.

   Largest eigenvalue: Collatz and Wielandt, for a positive vector.  Smallest: the form is a sum over cells, the squared norm
   of the kinks is a sum over slopes, and weights compare the two cell by cell. *)
Require Import Reals Lra Lia ZArith QArith Qreals List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Spectrum ReluGram.
Open Scope R_scope.

(* ---------- the largest eigenvalue ---------- *)
Lemma collatz n A x hi v : symmetric n A -> (forall i j, (i < n)%nat -> (j < n)%nat -> 0 <= A i j) ->
  (forall i, (i < n)%nat -> 0 < x i /\ product n A x i <= hi * x i) -> form n A v <= hi * norm2 n v.
Proof. intros HS HA Hx.
  apply Rle_trans with (nsum n (fun i => nsum n (fun j => / 2 * (v i ^ 2 * (A i j * x j) / x i) + / 2 * (v j ^ 2 * (A j i * x i) / x j)))).
  - apply nsum_le; intros i Hi. apply nsum_le; intros j Hj. destruct (Hx i Hi) as [Pi _]. destruct (Hx j Hj) as [Pj _].
    rewrite (HS j i) by assumption. assert (Q := HA i j Hi Hj). assert (W := pow2_ge_0 (v i * x j - v j * x i)).
    apply (Rmult_le_reg_r (2 * (x i * x j))); [apply Rmult_lt_0_compat; [lra | apply Rmult_lt_0_compat; assumption]|].
    replace ((/ 2 * (v i ^ 2 * (A i j * x j) / x i) + / 2 * (v j ^ 2 * (A i j * x i) / x j)) * (2 * (x i * x j)))
      with (A i j * (v i ^ 2 * x j ^ 2 + v j ^ 2 * x i ^ 2)) by (field; lra).
    replace (v i * v j * A i j * (2 * (x i * x j))) with (A i j * (2 * (v i * x j) * (v j * x i))) by ring.
    apply Rmult_le_compat_l; [assumption|]. lra.
  - rewrite (nsum_ext n _ (fun i => nsum n (fun j => / 2 * (v i ^ 2 * (A i j * x j) / x i)) + nsum n (fun j => / 2 * (v j ^ 2 * (A j i * x i) / x j))))
      by (intros; apply nsum_plus). rewrite nsum_plus, (nsum_swap n n (fun i j => / 2 * (v j ^ 2 * (A j i * x i) / x j))).
    assert (E : nsum n (fun i => nsum n (fun j => / 2 * (v i ^ 2 * (A i j * x j) / x i))) <= / 2 * (hi * norm2 n v)).
    { unfold norm2. rewrite <- !nsum_scal. apply nsum_le; intros i Hi. destruct (Hx i Hi) as [Pi Bi].
      rewrite (nsum_ext n _ (fun j => / 2 * v i ^ 2 / x i * (A i j * x j))) by (intros; field; lra). rewrite nsum_scal. fold (product n A x i).
      replace (/ 2 * (hi * v i ^ 2)) with (/ 2 * v i ^ 2 / x i * (hi * x i)) by (field; lra). apply Rmult_le_compat_l; [|assumption].
      assert (W := pow2_ge_0 (v i)). apply Rmult_le_pos; [lra | left; apply Rinv_0_lt_compat; assumption]. }
    lra. Qed.

(* ---------- the smallest eigenvalue ---------- *)
Section Smallest.
Variables (K : nat) (c : nat -> R) (lo : R) (a1 a2 g1 g2 r : nat -> R).
Hypothesis HK : (0 < K)%nat.
Hypothesis Hlow : -1 <= c 0%nat.
Hypothesis Hsort : forall k, (k < K)%nat -> c k < c (S k).
Hypothesis Hlast : c K = 1.
Hypothesis Hlo : 0 <= lo.
(* weights of neighbouring slopes, of neighbouring values, and bounds r of 1/h^2 *)
Hypothesis Ha : forall k, (k < K)%nat -> 0 < a1 k /\ 1 <= a1 k * a2 k.
Hypothesis Hg : forall k, (k < K)%nat -> 0 < g1 k /\ 1 <= g1 k * g2 k.
Hypothesis Hr : forall k, (k < K)%nat -> 1 <= r k * (c (S k) - c k) ^ 2.

Definition slope_weight (k : nat) : R := (match k with O => 1 | S _ => 1 + a1 k end) + 1 + a2 (S k).
(* what cell k leaves at its left and at its right end *)
Definition left_rest (k : nat) : R := (c (S k) - c k) / 3 * (1 - g1 k / 2) - lo * slope_weight k * r k * (1 + g1 k).
Definition right_rest (k : nat) : R := match k with
  | O => (c (S k) - c k) / 3 - lo * slope_weight k * r k
  | S _ => (c (S k) - c k) / 3 * (1 - g2 k / 2) - lo * slope_weight k * r k * (1 + g2 k) end.

(* weighted arithmetic and geometric means *)
Lemma weighted p q x y : 0 < p -> 1 <= p * q -> - (p * x ^ 2 + q * y ^ 2) <= 2 * (x * y) <= p * x ^ 2 + q * y ^ 2.
Proof. intros Hp Hq. assert (E : p * (p * x ^ 2 + q * y ^ 2) = (p * x) ^ 2 + (p * q) * y ^ 2) by ring.
  assert (Y := pow2_ge_0 y). assert (M : y ^ 2 <= p * q * y ^ 2) by (rewrite <- (Rmult_1_l (y ^ 2)) at 1; apply Rmult_le_compat_r; assumption).
  assert (P1 := pow2_ge_0 (p * x + y)). assert (P2 := pow2_ge_0 (p * x - y)).
  split; apply (Rmult_le_reg_l p); try assumption; nra. Qed.

Hypothesis Hinner : forall k, (0 < k)%nat -> (k < K)%nat -> 0 <= right_rest (k - 1) + left_rest k.
Hypothesis Hend : 0 <= right_rest (K - 1).
Hypothesis Ha2 : forall k, (k <= K)%nat -> -1 <= a2 k.

Lemma kinks_weighted s n : (n <= K)%nat -> norm2 n (kinks s) + match n with O => 0 | S m => (1 + a2 n) * s m ^ 2 end <= nsum n (fun k => slope_weight k * s k ^ 2).
Proof. induction n as [|n IH]; intros Hn; [unfold norm2; simpl; lra|]. specialize (IH ltac:(lia)). unfold norm2 in *. cbn [nsum].
  destruct n as [|m].
  - cbn [nsum kinks]. unfold slope_weight in *. lra.
  - cbn [kinks]. unfold slope_weight in *. destruct (Ha (S m) ltac:(lia)) as [A1 A2]. assert (W := weighted (a1 (S m)) (a2 (S m)) (s (S m)) (s m) A1 A2). lra. Qed.

Lemma smallest_form v : lo * norm2 K v <= form K (G_sigma c) v.
Proof. set (s := fun k => nsum (S k) v).
  rewrite (norm2_ext K v (kinks s)) by (intros i _; symmetry; apply kinks_of).
  rewrite (form_ext K (G_sigma c) (G_sigma c) v (kinks s)) by (try reflexivity; intros i _; symmetry; apply kinks_of).
  rewrite (form_cells K c Hlow (fun k Hk => Rlt_le _ _ (Hsort k Hk)) Hlast).
  set (y := nodal c s). set (h := fun k => c (S k) - c k).
  apply Rle_trans with (lo * nsum K (fun k => slope_weight k * s k ^ 2)).
  { apply Rmult_le_compat_l; [assumption|]. assert (X := kinks_weighted s K (le_n K)). destruct K as [|m]; [lia|].
    assert (Q := Ha2 (S m) (le_n _)). assert (Z := pow2_ge_0 (s m)). assert (0 <= (1 + a2 (S m)) * s m ^ 2) by (apply Rmult_le_pos; lra). lra. }
  rewrite <- nsum_scal.
  assert (SW : forall k, (k < K)%nat -> 0 <= slope_weight k).
  { intros k Hk. unfold slope_weight. assert (Q := Ha2 (S k) ltac:(lia)). destruct k as [|k]; [lra|]. destruct (Ha (S k) Hk). lra. }
  (* one cell *)
  assert (Cell : forall k, (k < K)%nat -> lo * (slope_weight k * s k ^ 2) + (match k with O => 0 | S _ => left_rest k * y k ^ 2 end + right_rest k * y (S k) ^ 2)
     <= h k * cell (y k) (y (S k)) / 3).
  { intros k Hk. assert (Ph : 0 < h k) by (unfold h; assert (X := Hsort k Hk); lra).
    assert (Es : (y (S k) - y k) ^ 2 = h k ^ 2 * s k ^ 2) by (unfold y; cbn [nodal]; fold (h k); ring).
    assert (Br : s k ^ 2 <= r k * (y (S k) - y k) ^ 2).
    { rewrite Es. assert (X := Hr k Hk). fold (h k) in X. replace (r k * (h k ^ 2 * s k ^ 2)) with (r k * h k ^ 2 * s k ^ 2) by ring.
      rewrite <- (Rmult_1_l (s k ^ 2)) at 1. apply Rmult_le_compat_r; [apply pow2_ge_0 | assumption]. }
    assert (Lw : 0 <= lo * slope_weight k) by (apply Rmult_le_pos; [assumption | apply SW, Hk]).
    assert (B2 := Rmult_le_compat_l _ _ _ Lw Br).
    assert (Rp : 0 <= r k). { assert (X := Hr k Hk). fold (h k) in X. apply Rnot_lt_le. intros N. assert (0 < h k ^ 2) by (apply pow_lt; assumption). nra. }
    assert (Lr : 0 <= lo * slope_weight k * r k) by (apply Rmult_le_pos; assumption).
    destruct k as [|k].
    - assert (Y0 : y 0%nat = 0) by reflexivity. rewrite Y0 in *. unfold right_rest, cell. fold (h 0%nat). simpl pow in *. lra.
    - destruct (Hg (S k) Hk) as [G1 G2]. assert (W := weighted (g1 (S k)) (g2 (S k)) (y (S k)) (y (S (S k))) G1 G2).
      unfold left_rest, right_rest, cell. fold (h (S k)).
      set (p := y (S k)) in *. set (q := y (S (S k))) in *. set (w := lo * slope_weight (S k) * r (S k)) in *.
      assert (B3 : w * (q - p) ^ 2 <= w * ((1 + g1 (S k)) * p ^ 2 + (1 + g2 (S k)) * q ^ 2)) by (apply Rmult_le_compat_l; [assumption | lra]).
      assert (B4 : h (S k) / 3 * (p ^ 2 + q ^ 2 - (g1 (S k) * p ^ 2 + g2 (S k) * q ^ 2) / 2) <= h (S k) / 3 * (p ^ 2 + p * q + q ^ 2)) by (apply Rmult_le_compat_l; lra).
      replace (lo * slope_weight (S k) * (r (S k) * (q - p) ^ 2)) with (w * (q - p) ^ 2) in B2 by (unfold w; ring).
      replace (lo * (slope_weight (S k) * s (S k) ^ 2)) with (lo * slope_weight (S k) * s (S k) ^ 2) by ring. lra. }
  (* all cells *)
  assert (All : forall n, (n < K)%nat -> nsum (S n) (fun k => lo * (slope_weight k * s k ^ 2)) + right_rest n * y (S n) ^ 2
     <= nsum (S n) (fun k => h k * cell (y k) (y (S k)) / 3)).
  { induction n as [|n IH]; intros Hn.
    - assert (X := Cell 0%nat Hn). cbn [nsum]. lra.
    - assert (X := Cell (S n) Hn). specialize (IH ltac:(lia)). assert (Z := Hinner (S n) ltac:(lia) Hn).
      replace (S n - 1)%nat with n in Z by lia. assert (Q := Rmult_le_compat_r _ _ _ (pow2_ge_0 (y (S n))) Z).
      change (nsum (S (S n)) ?F) with (nsum (S n) F + F (S n)). cbv beta. lra. }
  assert (X := All (K - 1)%nat ltac:(lia)). replace (S (K - 1)) with K in X by lia.
  assert (Q := Rmult_le_compat_r _ _ _ (pow2_ge_0 (y K)) Hend). unfold h in X. lra. Qed.
End Smallest.
