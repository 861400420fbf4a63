(* The complete basis: bounds of the Gram matrix of one level, by sums of squares. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum Riesz Theorem33 IntervalGram IntervalLevels.
Open Scope R_scope.

(* ---------- bounds of a block, by sums of squares ---------- *)
Lemma toeplitz_sums m v : form (S (S m)) toeplitz v = / 4 * nsum (S (S m)) (fun i => v i ^ 2)
  + 5/54 * nsum (S m) (fun i => v i * v (S i)) - / 108 * nsum m (fun i => v i * v (S (S i))).
Proof.
  assert (SY : forall n, symmetric n toeplitz).
  { intros n i j _ _. unfold toeplitz. rewrite <- psi_entry_sym. f_equal; lia. }
  assert (T : forall k l, toeplitz k l = psi_entry (Z.of_nat l - Z.of_nat k)) by reflexivity.
  induction m as [|k IH].
  - rewrite form_S by apply SY. unfold form. cbn [nsum]. rewrite !T. unfold psi_entry. zdec. field.
  - rewrite form_S, IH by apply SY. cbn [nsum]. rewrite (nsum_zero k (fun i => v i * toeplitz i (S (S k)))).
    + rewrite !T. unfold psi_entry. zdec. field.
    + intros i Hi. rewrite T, psi_entry_far by lia. ring. Qed.

Section Block.
Variables (m : nat) (v : vector).
Let N := S (S m).
Let s0 := nsum N (fun i => v i ^ 2).
Let s1 := nsum (S m) (fun i => v i * v (S i)).
Let s2 := nsum m (fun i => v i * v (S (S i))).
Let a := v 0%nat.
Let a' := v 1%nat.
Let z := v (S m).
Let z' := v m.

Lemma toeplitz_form : form N toeplitz v = / 4 * s0 + 5/54 * s1 - / 108 * s2.
Proof. apply toeplitz_sums. Qed.

Lemma block_form : (3 <= N)%nat -> form N (block N) v = form N toeplitz v + (5/108 * a ^ 2 - / 108 * (a * a')) + (5/108 * z ^ 2 - / 108 * (z * z')).
Proof. intros HN. set (left := fun n k : nat => psi_entry (Z.of_nat n + Z.of_nat k + 1)).
  set (right := fun n k : nat => psi_entry (2 * Z.of_nat N - 1 - Z.of_nat n - Z.of_nat k)).
  assert (E : form N (block N) v = form N toeplitz v + form N left v + form N right v).
  { assert (X := form_lin3 N toeplitz left right (block N) 1 1 1 1 v). rewrite !Rmult_1_l in X. symmetry. apply X.
    intros i j _ _. unfold block, toeplitz, left, right. ring. }
  rewrite E. f_equal; [f_equal|].
  - unfold form, N. rewrite nsum_shift, (nsum_shift m). rewrite (nsum_zero m).
    + rewrite !nsum_shift, !(nsum_zero m).
      * unfold left, psi_entry. zdec. fold a a'. field.
      * intros i Hi. unfold left. rewrite psi_entry_far by lia. ring.
      * intros i Hi. unfold left. rewrite psi_entry_far by lia. ring.
    + intros i Hi. apply nsum_zero; intros j Hj. unfold left. rewrite psi_entry_far by lia. ring.
  - unfold form, N. cbn [nsum]. rewrite !(nsum_zero m).
    + unfold right, psi_entry, N. zdec. fold z z'. field.
    + intros i Hi. unfold right, N. rewrite psi_entry_far by lia. ring.
    + intros i Hi. unfold right, N. rewrite psi_entry_far by lia. ring.
    + intros i Hi. cbn [nsum]. rewrite nsum_zero.
      * unfold right, N. rewrite !psi_entry_far by lia. ring.
      * intros j Hj. unfold right, N. rewrite psi_entry_far by lia. ring. Qed.

(* sums of squares of first and second neighbours *)
Lemma neighbour_sum (e : R) : e ^ 2 = 1 -> nsum (S m) (fun i => (v i + e * v (S i)) ^ 2) = 2 * s0 - a ^ 2 - z ^ 2 + 2 * e * s1.
Proof. intros He. rewrite (nsum_ext (S m) _ (fun i => v i ^ 2 + (v (S i) ^ 2 + 2 * e * (v i * v (S i))))).
  - rewrite !nsum_plus, nsum_scal. fold s1. assert (X : s0 = a ^ 2 + nsum (S m) (fun i => v (S i) ^ 2)) by apply nsum_shift.
    assert (Y : s0 = nsum (S m) (fun i => v i ^ 2) + z ^ 2) by reflexivity. lra.
  - intros i _. replace ((v i + e * v (S i)) ^ 2) with (v i ^ 2 + (e ^ 2 * v (S i) ^ 2 + 2 * e * (v i * v (S i)))) by ring. rewrite He. ring. Qed.

Lemma second_sum : nsum m (fun i => (v i - v (S (S i))) ^ 2) = 2 * s0 - a ^ 2 - a' ^ 2 - z ^ 2 - z' ^ 2 - 2 * s2.
Proof. rewrite (nsum_ext m _ (fun i => v i ^ 2 + (v (S (S i)) ^ 2 + -2 * (v i * v (S (S i)))))) by (intros; ring).
  rewrite !nsum_plus, nsum_scal. fold s2.
  assert (X : s0 = a ^ 2 + (a' ^ 2 + nsum m (fun i => v (S (S i)) ^ 2))) by (unfold s0, N; rewrite nsum_shift, nsum_shift; reflexivity).
  assert (Y : s0 = nsum m (fun i => v i ^ 2) + z' ^ 2 + z ^ 2) by reflexivity. lra. Qed.

Lemma difference_sum : nsum m (fun i => (v i - 2 * v (S i) + v (S (S i))) ^ 2) =
  6 * s0 - 5 * a ^ 2 - a' ^ 2 - 5 * z ^ 2 - z' ^ 2 + 2 * s2 - 8 * s1 + 4 * (a * a') + 4 * (z * z').
Proof. rewrite (nsum_ext m _ (fun i => (v i ^ 2 + (4 * v (S i) ^ 2 + v (S (S i)) ^ 2)) + (-4 * (v i * v (S i)) + (2 * (v i * v (S (S i))) + -4 * (v (S i) * v (S (S i))))))) by (intros; ring).
  rewrite !nsum_plus, !nsum_scal. fold s2.
  assert (X : s0 = a ^ 2 + (a' ^ 2 + nsum m (fun i => v (S (S i)) ^ 2))) by (unfold s0, N; rewrite nsum_shift, nsum_shift; reflexivity).
  assert (Y : s0 = nsum m (fun i => v i ^ 2) + z' ^ 2 + z ^ 2) by reflexivity.
  assert (Y' : s0 = a ^ 2 + (nsum m (fun i => v (S i) ^ 2) + z ^ 2)) by (unfold s0, N; rewrite nsum_shift; reflexivity).
  assert (U : s1 = nsum m (fun i => v i * v (S i)) + z' * z) by reflexivity.
  assert (W : s1 = a * a' + nsum m (fun i => v (S i) * v (S (S i)))) by apply nsum_shift. lra. Qed.

Lemma block_lower : (3 <= N)%nat -> nonzero N v -> 4/27 * norm2 N v < form N (block N) v.
Proof. intros HN Nv. assert (F := block_form HN). rewrite toeplitz_form in F. change (norm2 N v) with s0.
  assert (P1 := neighbour_sum 1 ltac:(ring)). assert (P2 := second_sum).
  assert (Q1 : 0 <= nsum (S m) (fun i => (v i + 1 * v (S i)) ^ 2)) by (apply nsum_pos; intros; apply pow2_ge_0).
  assert (Q2 : 0 <= nsum m (fun i => (v i - v (S (S i))) ^ 2)) by (apply nsum_pos; intros; apply pow2_ge_0).
  assert (Q3 := pow2_ge_0 a). assert (Q4 := pow2_ge_0 z). assert (Q5 := pow2_ge_0 (a - a')). assert (Q6 := pow2_ge_0 (z - z')).
  assert (Id : 108 * form N (block N) v = 16 * s0 + 5 * nsum (S m) (fun i => (v i + 1 * v (S i)) ^ 2) + / 2 * nsum m (fun i => (v i - v (S (S i))) ^ 2)
     + 10 * a ^ 2 + 10 * z ^ 2 + / 2 * (a - a') ^ 2 + / 2 * (z - z') ^ 2) by (rewrite F, P1, P2; field).
  destruct (Req_dec (nsum (S m) (fun i => (v i + 1 * v (S i)) ^ 2) + a ^ 2) 0) as [E|E]; [|lra]. exfalso.
  assert (Sq : forall x, x ^ 2 <= 0 -> x = 0) by (intros x Hx; apply Rsqr_0_uniq; unfold Rsqr; assert (Y := pow2_ge_0 x); simpl in *; lra).
  assert (V : forall i, (i < N)%nat -> v i = 0).
  { induction i as [|i IH]; intros Hi; [apply Sq; fold a; lra|].
    assert (X := nsum_coord (S m) (fun i => (v i + 1 * v (S i)) ^ 2) i (fun i _ => pow2_ge_0 _) ltac:(unfold N in Hi; lia)). cbv beta in X.
    assert (Y : v i + 1 * v (S i) = 0) by (apply Sq; lra). rewrite IH in Y by lia. lra. }
  destruct Nv as [i [Hi Vi]]. apply Vi, V, Hi. Qed.

Lemma block_upper : (3 <= N)%nat -> form N (block N) v <= 1/3 * norm2 N v.
Proof. intros HN. assert (F := block_form HN). rewrite toeplitz_form in F. change (norm2 N v) with s0.
  assert (P1 := neighbour_sum (-1) ltac:(ring)). assert (P2 := difference_sum).
  assert (Q1 : 0 <= nsum (S m) (fun i => (v i + -1 * v (S i)) ^ 2)) by (apply nsum_pos; intros; apply pow2_ge_0).
  assert (Q2 : 0 <= nsum m (fun i => (v i - 2 * v (S i) + v (S (S i))) ^ 2)) by (apply nsum_pos; intros; apply pow2_ge_0).
  assert (Q5 := pow2_ge_0 (a - a')). assert (Q6 := pow2_ge_0 (z - z')).
  assert (Id : 36 * s0 - 108 * form N (block N) v = 3 * nsum (S m) (fun i => (v i + -1 * v (S i)) ^ 2)
     + / 2 * nsum m (fun i => (v i - 2 * v (S i) + v (S (S i))) ^ 2) + / 2 * (a - a') ^ 2 + / 2 * (z - z') ^ 2) by (rewrite F, P1, P2; field).
  lra. Qed.
End Block.
