(* Equal spacing from above: an eigenvalue is at most the Frobenius norm, which is a polynomial for T.
   The sums were found with SymPy and are proved here by induction. *)
Require Import Reals Lra Lia Psatz.
From BW Require Import Definitions Integrals Spectrum Lengths ReluUpper.
Open Scope R_scope.

Definition frobenius2 (n : nat) (A : matrix) : R := nsum n (fun i => norm2 n (A i)).

Lemma eigenvalue_frobenius n A l : eigenvalue n A l -> l ^ 2 <= frobenius2 n A.
Proof. intros [v [N H]]. assert (P := norm2_nonzero n v N). apply (Rmult_le_reg_r (norm2 n v)); [exact P|].
  replace (l ^ 2 * norm2 n v) with (nsum n (fun i => product n A v i ^ 2)).
  - unfold frobenius2. rewrite nsum_scal_r. apply nsum_le; intros i _. exact (dot_square n (A i) v).
  - unfold norm2. rewrite <- nsum_scal. apply nsum_ext; intros i Hi. rewrite (H i Hi). ring. Qed.

(* column M of T, above the diagonal *)
Lemma column_square n M : nsum n (fun i => (INR (S i) ^ 2 * (3 * M - INR (S i)) / 6) ^ 2) =
  let K := INR n in
  (9 * M ^ 2 * (K * (K + 1) * (2 * K + 1) * (3 * K ^ 2 + 3 * K - 1) / 30) - 6 * M * (K ^ 2 * (K + 1) ^ 2 * (2 * K ^ 2 + 2 * K - 1) / 12)
    + K * (K + 1) * (2 * K + 1) * (3 * K ^ 4 + 6 * K ^ 3 - 3 * K + 1) / 42) / 36.
Proof. induction n as [|n IH]; [simpl; field|]. cbn [nsum]. rewrite IH. cbv zeta. rewrite S_INR. field. Qed.

Lemma T_above i j : (i <= j)%nat -> T_matrix i j = INR (S i) ^ 2 * (3 * INR (S j) - INR (S i)) / 6.
Proof. intros H. unfold T_matrix, T_entry. assert (L : INR (S i) <= INR (S j)) by (apply le_INR; lia).
  rewrite Rmin_left, Rabs_left1 by lra. field. Qed.

Lemma T_frobenius n : let K := INR n in frobenius2 n T_matrix =
  11 * K ^ 8 / 1680 + 11 * K ^ 7 / 420 + 43 * K ^ 6 / 1080 + K ^ 5 / 36 + K ^ 4 / 120 + K ^ 3 / 1080 + 13 * K ^ 2 / 15120 + K / 1512.
Proof. induction n as [|n IH]; [unfold frobenius2; simpl; field|]. cbv zeta in *.
  assert (E : frobenius2 (S n) T_matrix = frobenius2 n T_matrix + 2 * nsum n (fun i => T_matrix i n ^ 2) + T_matrix n n ^ 2).
  { unfold frobenius2, norm2. cbn [nsum]. rewrite nsum_plus. rewrite (nsum_ext n (fun i => T_matrix n i ^ 2) (fun i => T_matrix i n ^ 2)); [ring|].
    intros i Hi. rewrite (T_symmetric (S n) n i) by lia. reflexivity. }
  rewrite E, IH, (nsum_ext n _ (fun i => (INR (S i) ^ 2 * (3 * INR (S n) - INR (S i)) / 6) ^ 2)), column_square, (T_above n n) by (intros; try rewrite T_above by lia; reflexivity || lia).
  cbv zeta. rewrite S_INR. field. Qed.

Lemma T_largest n l : (0 < n)%nat -> largest_eigenvalue n T_matrix l -> l <= 0.08091875 * (INR n + / 2) ^ 4.
Proof. intros Hn [H _]. apply eigenvalue_frobenius in H. rewrite T_frobenius in H. cbv zeta in H.
  assert (K1 : 1 <= INR n) by (apply (le_INR 1); lia). set (K := INR n) in *.
  assert (P : 0 <= 0.08091875 * (K + / 2) ^ 4) by (apply Rmult_le_pos; [lra | apply pow_le; lra]).
  apply Rsqr_incr_0_var; [|exact P]. unfold Rsqr. replace (l * l) with (l ^ 2) by ring. eapply Rle_trans; [exact H|].
  assert (E : forall k, 0 <= K ^ k) by (intros; apply pow_le; lra).
  assert (E2 := E 2%nat). assert (E3 := E 3%nat). assert (E4 := E 4%nat). assert (E5 := E 5%nat). assert (E6 := E 6%nat). assert (E7 := E 7%nat). assert (E8 := E 8%nat).
  replace (0.08091875 * (K + / 2) ^ 4 * (0.08091875 * (K + / 2) ^ 4)) with (0.08091875 ^ 2 * (K ^ 8 + 4 * K ^ 7 + 7 * K ^ 6 + 7 * K ^ 5
    + 35/8 * K ^ 4 + 7/4 * K ^ 3 + 7/16 * K ^ 2 + / 16 * K + / 256)) by field.
  assert (Q : 33/5040 <= 0.08091875 ^ 2 <= 7/1000) by lra. set (q := 0.08091875 ^ 2) in *.
  assert (M : forall k, 33/5040 * K ^ k <= q * K ^ k) by (intros; apply Rmult_le_compat_r; [apply E | lra]).
  assert (M2 := M 2%nat). assert (M3 := M 3%nat). assert (M4 := M 4%nat). assert (M5 := M 5%nat). assert (M6 := M 6%nat). assert (M7 := M 7%nat). assert (M8 := M 8%nat).
  assert (M1 : 0 <= q * K) by (apply Rmult_le_pos; lra).
  assert (S2 : K <= K ^ 2) by nra. lra. Qed.

(* equal spacing *)
Lemma equal_kappa_sharp K kappa : (0 < K)%nat -> condition_number K (G_sigma (equal_spacing K)) kappa -> kappa <= 3.8841 * (INR K + / 2) ^ 4.
Proof. intros HK Hk. destruct (largest_exists K T_matrix HK (T_symmetric K)) as [mu [Hmu _]].
  assert (A := equal_kappa_T K HK mu kappa Hmu Hk). assert (B := T_largest K mu HK Hmu). lra. Qed.
