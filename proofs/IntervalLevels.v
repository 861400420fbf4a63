(* The complete basis: levels are orthogonal on [0, 3], and the Gram matrix of one level. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum Riesz Theorem33 IntervalGram.
Import ListNotations.
Open Scope R_scope.

(* a wavelet that is not at an end has its support in [0, 3] *)
Lemma interior_support j n t : (0 < n)%nat -> (n + 1 < 3 * 2 ^ j)%nat -> t < 0 \/ 3 < t -> psi (2 ^ j * t - IZR (Z.of_nat n - 1)) = 0.
Proof. intros H1 H2 Ht. apply psi_support. assert (P := pow2_pos j). rewrite minus_IZR, <- INR_IZR_INZ.
  assert (A : 1 <= INR n) by (change 1 with (INR 1); apply le_INR; lia).
  assert (B : INR n + 2 <= 3 * 2 ^ j).
  { replace (INR n + 2) with (INR (n + 2)) by (rewrite plus_INR; simpl; ring).
    replace (3 * 2 ^ j) with (INR (3 * 2 ^ j)) by (rewrite mult_INR, pow_INR; change (INR 2) with 2; f_equal; simpl; ring). apply le_INR. lia. }
  destruct Ht as [Ht|Ht]; [left | right]; apply (Rmult_lt_compat_l (2 ^ j)) in Ht; lra. Qed.

Lemma hat_orth_same i m n : (n < 3 * 2 ^ i)%nat -> is_RInt (fun t => hatc i m t * comb (wavelet_list i n) (S i) t) 0 3 0.
Proof. intros Hn.
  assert (E : (n = 0 \/ n = 3 * 2 ^ i - 1)%nat -> gram_D (cells (S i)) (hatL m) (wavelet_list i n) = 0 ->
     is_RInt (fun t => hatc i m t * comb (wavelet_list i n) (S i) t) 0 3 0).
  { intros _ G. apply (RInt_ext_le (fun t => comb (hatL m) (S i) t * comb (wavelet_list i n) (S i) t) _ 0 3 _ ltac:(lra)); [intros t _; rewrite <- hatc_comb; reflexivity|].
    replace 0 with (/ 2 ^ S i * gram_D (cells (S i)) (hatL m) (wavelet_list i n)) at 2 by (rewrite G; ring). apply comb_D. }
  assert (C := cells_ge i). revert E. unfold wavelet_list. rewrite cells_S.
  destruct (Nat.eq_dec n 0) as [Z|Z]; [|destruct (Nat.eq_dec n (3 * 2 ^ i - 1)) as [Z'|Z']]; intros E.
  - apply E; [auto | apply gram_hat_left; lia].
  - apply E; [auto | apply gram_hat_right; lia].
  - clear E. apply (IntR_iff_RInt (fun t => hatc i m t * comb (psiL (Z.of_nat n - 1)) (S i) t)); [lra | |].
    + intros t Ht. rewrite <- psi_comb, interior_support; [ring | lia | lia | assumption].
    + assert (X := hat_orth 0 i m (Z.of_nat n - 1)). rewrite Nat.add_0_r in X. revert X. apply IntR_ext. intros t. rewrite psi_comb. reflexivity. Qed.

Lemma hat_orth_D d : forall i m n, (n < 3 * 2 ^ (i + d))%nat ->
  is_RInt (fun t => hatc i m t * comb (wavelet_list (i + d) n) (S (i + d)) t) 0 3 0.
Proof. induction d as [|d IH]; intros i m n Hn.
  - rewrite Nat.add_0_r in *. apply hat_orth_same. assumption.
  - replace (i + S d)%nat with (S i + d)%nat in * by lia.
    apply (RInt_ext_le (fun t => lsum (hatL m) (fun p => fst p * (hatc (S i) (snd p) t * comb (wavelet_list (S i + d) n) (S (S i + d)) t))) _ 0 3 _ ltac:(lra)).
    + intros t _. rewrite (hatc_comb i m). unfold comb at 2. rewrite lsum_scal_r. apply lsum_ext; intros; ring.
    + replace 0 with (lsum (hatL m) (fun p => fst p * 0)) at 2 by (unfold hatL; simpl; ring).
      apply is_RInt_gen_at_point, (gen_lsum (hatL m) (fun p t => fst p * (hatc (S i) (snd p) t * comb (wavelet_list (S i + d) n) (S (S i + d)) t))).
      intros p _. apply gen_scal, is_RInt_gen_at_point, IH. assumption. Qed.

(* combinations of hats on level i are orthogonal to the wavelets on levels j >= i *)
Lemma comb_orth_D A i j n : (i <= j)%nat -> (n < 3 * 2 ^ j)%nat ->
  is_RInt (fun t => comb A i t * interval_wavelet j n t) 0 3 0.
Proof. intros Hij Hn. replace j with (i + (j - i))%nat in * by lia. set (d := (j - i)%nat) in *.
  apply (RInt_ext_le (fun t => sqrt (2 ^ (i + d)) * lsum A (fun p => fst p * (hatc i (snd p) t * comb (wavelet_list (i + d) n) (S (i + d)) t))) _ 0 3 _ ltac:(lra)).
  - intros t Ht. rewrite interval_wavelet_comb by lra.
    unfold comb at 2. rewrite !lsum_scal_r. rewrite <- lsum_scal. apply lsum_ext; intros; ring.
  - replace 0 with (sqrt (2 ^ (i + d)) * lsum A (fun p => fst p * 0)) at 2 by (rewrite <- lsum_scal_r; ring).
    apply is_RInt_gen_at_point, gen_scal, (gen_lsum A (fun p t => fst p * (hatc i (snd p) t * comb (wavelet_list (i + d) n) (S (i + d)) t))).
    intros p _. apply gen_scal, is_RInt_gen_at_point, hat_orth_D. assumption. Qed.

Lemma wavelets_orth_D j j' n n' : (j < j')%nat -> (n' < 3 * 2 ^ j')%nat ->
  is_RInt (fun t => interval_wavelet j n t * interval_wavelet j' n' t) 0 3 0.
Proof. intros Hj Hn'.
  apply (RInt_ext_le (fun t => sqrt (2 ^ j) * (comb (wavelet_list j n) (S j) t * interval_wavelet j' n' t)) _ 0 3 _ ltac:(lra)).
  - intros t Ht. rewrite (interval_wavelet_comb j n) by lra. ring.
  - replace 0 with (sqrt (2 ^ j) * 0) at 2 by ring.
    apply (is_RInt_scal (fun t => comb (wavelet_list j n) (S j) t * interval_wavelet j' n' t) 0 3 (sqrt (2 ^ j)) 0).
    apply comb_orth_D; [lia | assumption]. Qed.

(* ---------- the block of one level: folded at both ends ---------- *)
Definition block (N : nat) : matrix := fun n m =>
  psi_entry (Z.of_nat m - Z.of_nat n) + psi_entry (Z.of_nat n + Z.of_nat m + 1) + psi_entry (2 * Z.of_nat N - 1 - Z.of_nat n - Z.of_nat m).

Lemma psi_entry_far k : (3 <= Z.abs k)%Z -> psi_entry k = 0.
Proof. intros H. unfold psi_entry. zdec. reflexivity. Qed.

Lemma block_symmetric N n : symmetric n (block N).
Proof. intros i j _ _. unfold block. rewrite <- (psi_entry_sym (Z.of_nat j - Z.of_nat i)).
  f_equal; [f_equal|]; f_equal; lia. Qed.

Lemma wavelets_same_D j n m : let N := (3 * 2 ^ j)%nat in (n < N)%nat -> (m < N)%nat ->
  is_RInt (fun t => interval_wavelet j n t * interval_wavelet j m t) 0 3 (block N n m).
Proof. intros N Hn Hm. assert (HN : (3 <= N)%nat) by (assert (P : (2 ^ j <> 0)%nat) by (apply Nat.pow_nonzero; lia); unfold N; lia).
  assert (In : forall n m, (0 < n)%nat -> (n + 1 < N)%nat -> (m < N)%nat ->
    is_RInt (fun t => interval_wavelet j n t * interval_wavelet j m t) 0 3 (block N n m)).
  { clear n m Hn Hm. intros n m H1 H2 Hm.
    assert (E : forall t, interval_wavelet j n t = psi_jk j (Z.of_nat n - 1) t).
    { intros t. unfold interval_wavelet. fold N. destruct (Nat.eq_dec n 0); [lia|]. destruct (Nat.eq_dec n (N - 1)); [lia | reflexivity]. }
    apply (IntR_iff_RInt (fun t => interval_wavelet j n t * interval_wavelet j m t)); [lra | |].
    - intros t Ht. rewrite E. unfold psi_jk. rewrite interior_support; [ring | lia | fold N; lia | assumption].
    - unfold block. assert (T : forall a b l, psi_entry (b - a) = l -> IntR (fun t => psi_jk j a t * psi_jk j b t) l) by (intros a b l <-; apply psi_jk_same).
      unfold interval_wavelet at 2. fold N. destruct (Nat.eq_dec m 0) as [M|M]; [|destruct (Nat.eq_dec m (N - 1)) as [M'|M']].
      + apply (IntR_ext (fun t => psi_jk j (Z.of_nat n - 1) t * psi_jk j (-1) t + psi_jk j (Z.of_nat n - 1) t * psi_jk j (-2) t)).
        { intros t. rewrite E. ring. }
        rewrite (psi_entry_far (2 * _ - _ - _ - _)), Rplus_0_r by lia. subst m.
        apply IntR_plus; apply T; [f_equal; lia|]. rewrite <- psi_entry_sym. f_equal; lia.
      + apply (IntR_ext (fun t => psi_jk j (Z.of_nat n - 1) t * psi_jk j (Z.of_nat N - 2) t + psi_jk j (Z.of_nat n - 1) t * psi_jk j (Z.of_nat N - 1) t)).
        { intros t. rewrite E. ring. }
        rewrite (psi_entry_far (Z.of_nat n + _ + 1)), Rplus_0_r by lia. subst m.
        apply IntR_plus; apply T; f_equal; lia.
      + apply (IntR_ext (fun t => psi_jk j (Z.of_nat n - 1) t * psi_jk j (Z.of_nat m - 1) t)); [intros t; rewrite E; reflexivity|].
        rewrite (psi_entry_far (Z.of_nat n + _ + 1)), (psi_entry_far (2 * _ - _ - _ - _)), !Rplus_0_r by lia. apply T. f_equal; lia. }
  assert (D : ((0 < n /\ n + 1 < N) \/ (0 < m /\ m + 1 < N) \/ (n = 0 /\ m = 0) \/ (n = N - 1 /\ m = N - 1) \/ (n = 0 /\ m = N - 1) \/ (n = N - 1 /\ m = 0))%nat) by lia.
  destruct D as [D|[D|D]].
  - apply In; lia.
  - apply (RInt_ext_le (fun t => interval_wavelet j m t * interval_wavelet j n t) _ 0 3 _ ltac:(lra)); [intros; apply Rmult_comm|].
    rewrite (block_symmetric N N) by assumption. apply In; lia.
  - apply (RInt_ext_le (fun t => 2 ^ j * (comb (wavelet_list j n) (S j) t * comb (wavelet_list j m) (S j) t)) _ 0 3 _ ltac:(lra)).
    { intros t Ht. rewrite !interval_wavelet_comb by lra. rewrite <- (sqrt_pow2 j) at 1. simpl; ring. }
    assert (G : / 2 * gram_D (cells (S j)) (wavelet_list j n) (wavelet_list j m) = block N n m).
    { unfold wavelet_list. rewrite cells_S. fold N. assert (EN : cells j = Z.of_nat N) by (symmetry; apply cells_nat). rewrite EN.
      unfold block. destruct D as [D|[D|[D|D]]]; destruct D as [-> ->].
      - destruct (Nat.eq_dec 0 0); [|lia]. unfold gram_D, left_list. cbn [lsum fst snd]. gdec. unfold psi_entry. zdec. field.
      - destruct (Nat.eq_dec (N - 1) 0); [lia|]. destruct (Nat.eq_dec (N - 1) (N - 1)); [|lia].
        unfold gram_D, right_list. cbn [lsum fst snd]. gdec. unfold psi_entry. zdec. field.
      - destruct (Nat.eq_dec (N - 1) 0); [lia|]. destruct (Nat.eq_dec 0 0); [|lia]. destruct (Nat.eq_dec (N - 1) (N - 1)); [|lia].
        unfold gram_D, left_list, right_list. cbn [lsum fst snd]. destruct (Nat.eq_dec N 3) as [->|N3]; gdec; unfold psi_entry; zdec; field.
      - destruct (Nat.eq_dec (N - 1) 0); [lia|]. destruct (Nat.eq_dec 0 0); [|lia]. destruct (Nat.eq_dec (N - 1) (N - 1)); [|lia].
        unfold gram_D, left_list, right_list. cbn [lsum fst snd]. destruct (Nat.eq_dec N 3) as [->|N3]; gdec; unfold psi_entry; zdec; field. }
    rewrite <- G. replace (/ 2 * gram_D (cells (S j)) (wavelet_list j n) (wavelet_list j m))
      with (2 ^ j * (/ 2 ^ S j * gram_D (cells (S j)) (wavelet_list j n) (wavelet_list j m))) by (simpl; field; assert (P := pow2_pos j); lra).
    apply (is_RInt_scal (fun t => comb (wavelet_list j n) (S j) t * comb (wavelet_list j m) (S j) t) 0 3 (2 ^ j)), comb_D. Qed.
