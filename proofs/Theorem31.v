(* Theorem 3.1: consequences of ReluLower.v and TMatrix.v, and what the printed o(1) does not give. *)
Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Spectrum ReluGram ReluUpper ReluLower TMatrix.
Open Scope R_scope.

Section Placement.
Variables (K : nat) (b : nat -> R) (kappa : R).
Hypothesis HK : (3 <= K)%nat.
Hypothesis Hb : forall i, (i < K)%nat -> -1 <= b i <= 1.
Hypothesis Hkappa : condition_number K (G_sigma b) kappa.

Lemma relu_kappa_sharp : 22962/5915 * (INR K - 2) ^ 4 <= kappa.
Proof. destruct (largest_exists (K - 2) T_matrix ltac:(lia) (T_symmetric _)) as [mu [Hmu _]].
  replace (INR K - 2) with (INR (K - 2)) by (rewrite minus_INR by lia; simpl; ring).
  apply Rle_trans with (48 * mu); [apply T_largest; [lia | assumption] | apply (relu_kappa_T K b); assumption]. Qed.

(* one constant for every K >= 3 *)
Lemma relu_kappa_quartic : 3/16 * INR K ^ 4 <= kappa.
Proof. destruct (Nat.eq_dec K 3) as [->|N].
  - destruct (largest_exists (3 - 2) T_matrix ltac:(lia) (T_symmetric _)) as [mu [Hmu B]].
    specialize (B (fun _ => 1)). unfold form, norm2, T_matrix, T_entry in B. simpl in B.
    rewrite Rmin_left, Rminus_eq_0, Rabs_R0 in B by lra.
    assert (X := relu_kappa_T 3 b mu kappa HK Hb Hmu Hkappa). simpl INR. lra.
  - assert (S := relu_kappa_sharp). assert (L : 4 <= INR K) by (replace 4 with (INR 4) by (simpl; ring); apply le_INR; lia).
    assert (P : (INR K / 2) ^ 4 <= (INR K - 2) ^ 4) by (apply pow_incr; lra).
    replace ((INR K / 2) ^ 4) with (INR K ^ 4 / 16) in P by field. assert (Q : 0 < INR K ^ 4) by (apply pow_lt; lra). lra. Qed.

Lemma relu_kappa_cubic : 9/16 * INR K ^ 3 <= kappa.
Proof. apply Rle_trans with (2 := relu_kappa_quartic).
  assert (L : 3 <= INR K) by (replace 3 with (INR 3) by (simpl; ring); apply le_INR; lia). assert (Q : 0 < INR K ^ 3) by (apply pow_lt; lra).
  replace (3/16 * INR K ^ 4) with (3/16 * INR K * INR K ^ 3) by ring. apply Rmult_le_compat_r; lra. Qed.
End Placement.

(* two coincident biases, each within 2/K of equal spacing *)
Definition coincident (K i : nat) : R := equal_spacing K (Nat.max 1 i).

Lemma coincident_near K i : (0 < K)%nat -> Rabs (coincident K i - equal_spacing K i) <= 2 / INR K.
Proof. intros HK. assert (P : 0 < 2 / INR K) by (apply Rdiv_lt_0_compat; [lra | apply lt_0_INR; assumption]).
  unfold coincident. destruct i as [|i].
  - simpl Nat.max. rewrite equal_step by assumption. rewrite Rabs_pos_eq; lra.
  - replace (Nat.max 1 (S i)) with (S i) by lia. rewrite Rminus_eq_0, Rabs_R0. lra. Qed.

Lemma coincident_singular K : (2 <= K)%nat -> singular K (G_sigma (coincident K)).
Proof. intros HK. exists (fun i => match i with O => 1 | S O => -1 | _ => 0 end). split.
  - exists 0%nat. split; [lia | lra].
  - intros i _. unfold product. replace K with (2 + (K - 2))%nat by lia. rewrite nsum_split, (nsum_zero (K - 2)) by (intros; simpl; ring).
    cbn [nsum]. replace (G_sigma (coincident (2 + (K - 2))) i 1%nat) with (G_sigma (coincident (2 + (K - 2))) i 0%nat); [ring | reflexivity]. Qed.
