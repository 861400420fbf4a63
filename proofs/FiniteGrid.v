(* Finite samples: Theorem 3.3's neurons on a grid with m intervals for each cell of length 2^-J. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum Riesz Theorem33 ReluGram FiniteSamples.
Import ListNotations.
Open Scope R_scope.

Section Grid.
Variable J : nat.
Let P : 0 < 2 ^ J := pow2_pos J.

(* f is linear on each cell [k/2^J, (k+1)/2^J] *)
Definition linear_on_cells (f : R -> R) : Prop := forall k t, INR k <= 2 ^ J * t <= INR (S k) ->
  f t = f (INR k / 2 ^ J) + (2 ^ J * t - INR k) * (f (INR (S k) / 2 ^ J) - f (INR k / 2 ^ J)).

Lemma linear_ext f h : (forall t, f t = h t) -> linear_on_cells f -> linear_on_cells h.
Proof. intros E H k t Ht. rewrite <- !E. apply H, Ht. Qed.
Lemma linear_plus f h a : linear_on_cells f -> linear_on_cells h -> linear_on_cells (fun t => f t + a * h t).
Proof. intros Hf Hh k t Ht. rewrite (Hf k t Ht), (Hh k t Ht). ring. Qed.
Lemma linear_zero : linear_on_cells (fun _ => 0).
Proof. intros k t _. ring. Qed.
Lemma linear_lsum {A} (L : list A) (c : A -> R) (f : A -> R -> R) : (forall a, In a L -> linear_on_cells (f a)) ->
  linear_on_cells (fun t => lsum L (fun a => c a * f a t)).
Proof. induction L as [|a L IH]; intros H; [apply linear_zero|].
  apply (linear_ext (fun t => lsum L (fun a => c a * f a t) + c a * f a t)); [intros; simpl; ring|].
  apply linear_plus; [apply IH; intros; apply H; right; assumption | apply H; left; reflexivity]. Qed.
Lemma linear_nsum n (c : nat -> R) (f : nat -> R -> R) : (forall i, (i < n)%nat -> linear_on_cells (f i)) ->
  linear_on_cells (fun t => nsum n (fun i => c i * f i t)).
Proof. induction n as [|n IH]; intros H; [apply linear_zero|]. cbn [nsum].
  apply linear_plus; [apply IH; intros; apply H; lia | apply H; lia]. Qed.

Lemma linear_relu m : linear_on_cells (fun t => relu (2 ^ J * t - IZR m)).
Proof. intros k t Ht. rewrite S_INR in *.
  replace (2 ^ J * (INR k / 2 ^ J)) with (INR k) by (field; lra). replace (2 ^ J * ((INR k + 1) / 2 ^ J)) with (INR k + 1) by (field; lra).
  rewrite INR_IZR_INZ in *. unfold relu. destruct (Z_le_gt_dec m (Z.of_nat k)) as [L|L].
  - apply IZR_le in L. rewrite !Rmax_right by lra. ring.
  - assert (L' : (Z.of_nat k + 1 <= m)%Z) by lia. apply IZR_le in L'. rewrite plus_IZR in L'. rewrite !Rmax_left by lra. ring. Qed.

Lemma linear_hat d : forall i m, (i + d = J)%nat -> linear_on_cells (hatc i m).
Proof. induction d as [|d IH]; intros i m E.
  - rewrite Nat.add_0_r in E. subst i. apply (linear_ext (fun t => (relu (2 ^ J * t - IZR m) + -2 * relu (2 ^ J * t - IZR (m + 1))) + 1 * relu (2 ^ J * t - IZR (m + 2)))).
    + intros t. unfold hatc, hat. rewrite !plus_IZR.
      replace (2 ^ J * t - (IZR m + 1)) with (2 ^ J * t - IZR m - 1) by ring. replace (2 ^ J * t - (IZR m + 2)) with (2 ^ J * t - IZR m - 2) by ring. ring.
    + apply linear_plus; [apply linear_plus|]; apply linear_relu.
  - apply (linear_ext (comb (hatL m) (S i))); [intros t; symmetry; apply hatc_comb|].
    apply (linear_lsum (hatL m) fst (fun p => hatc (S i) (snd p))). intros p _. apply IH. lia. Qed.

Lemma linear_psi j k : (j < J)%nat -> linear_on_cells (psi_jk j k).
Proof. intros Hj. apply (linear_ext (fun t => 0 + sqrt (2 ^ j) * comb (psiL k) (S j) t)).
  - intros t. unfold psi_jk. rewrite psi_comb. ring.
  - apply linear_plus; [apply linear_zero|]. apply (linear_lsum (psiL k) fst (fun p => hatc (S j) (snd p))).
    intros p _. apply (linear_hat (J - S j)). lia. Qed.

(* ---------- integral and samples of a function that is linear on cells ---------- *)
Section Function.
Variable f : R -> R.
Hypothesis Hf : linear_on_cells f.
Let y (k : nat) : R := f (INR k / 2 ^ J).

Lemma grid_integral n : is_RInt (fun t => f t ^ 2) 0 (INR n / 2 ^ J) (nsum n (fun k => / 2 ^ J * cell (y k) (y (S k)) / 3)).
Proof. induction n as [|n IH].
  - simpl INR. replace (0 / 2 ^ J) with 0 by (field; lra). apply RInt_zero_on; [lra | intros; lra].
  - cbn [nsum]. eapply RInt_chasles; [exact IH | | reflexivity]. set (z := y (S n) - y n). set (a := y n - INR n * z).
    apply (RInt_quad _ (a ^ 2) (2 * a * (2 ^ J * z)) ((2 ^ J * z) ^ 2)).
    + unfold Rdiv. apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; assumption | rewrite S_INR; lra].
    + intros t [H1 H2]. rewrite (Hf n t); [fold (y n) (y (S n)) z; unfold a; ring|].
      apply (Rmult_lt_compat_l (2 ^ J)) in H1; [|assumption]. apply (Rmult_lt_compat_l (2 ^ J)) in H2; [|assumption].
      replace (2 ^ J * (INR n / 2 ^ J)) with (INR n) in H1 by (field; lra). replace (2 ^ J * (INR (S n) / 2 ^ J)) with (INR (S n)) in H2 by (field; lra). lra.
    + rewrite S_INR. unfold cell, a. replace (y (S n)) with (y n + z) by (unfold z; ring). field. lra. Qed.

Variable m : nat.
Hypothesis Hm : (0 < m)%nat.
Let PM : 0 < INR m. Proof. apply lt_0_INR; assumption. Qed.

(* the m samples in one cell, its right end left out *)
Lemma cell_samples a z : nsum m (fun r => (a + INR r / INR m * z) ^ 2) =
  INR m * cell a (a + z) / 3 + z ^ 2 / (6 * INR m) + (a ^ 2 - (a + z) ^ 2) / 2.
Proof. assert (G : forall q, nsum q (fun r => (a + INR r / INR m * z) ^ 2) =
    INR q * a ^ 2 + a * z * INR q * (INR q - 1) / INR m + z ^ 2 * INR q * (INR q - 1) * (2 * INR q - 1) / (6 * INR m ^ 2)).
  { induction q as [|q IH]; [simpl; field; lra|]. cbn [nsum]. rewrite IH, S_INR. field. lra. }
  rewrite G. unfold cell. field. lra. Qed.

Lemma grid_samples n : nsum (n * m) (fun l => f (INR l / (INR m * 2 ^ J)) ^ 2) =
  nsum n (fun k => INR m * cell (y k) (y (S k)) / 3 + (y (S k) - y k) ^ 2 / (6 * INR m)) + (y 0%nat ^ 2 - y n ^ 2) / 2.
Proof. induction n as [|n IH]; [simpl; field|]. replace (S n * m)%nat with (n * m + m)%nat by lia. rewrite nsum_split, IH. cbn [nsum].
  rewrite (nsum_ext m _ (fun r => (y n + INR r / INR m * (y (S n) - y n)) ^ 2)).
  - rewrite cell_samples. replace (y n + (y (S n) - y n)) with (y (S n)) by ring. field. lra.
  - intros r Hr. f_equal. rewrite plus_INR, mult_INR. assert (R0 := pos_INR r). apply lt_INR in Hr.
    rewrite (Hf n ((INR n * INR m + INR r) / (INR m * 2 ^ J))).
    + fold (y n) (y (S n)). field. lra.
    + replace (2 ^ J * ((INR n * INR m + INR r) / (INR m * 2 ^ J))) with (INR n + INR r / INR m) by (field; lra). rewrite S_INR.
      assert (0 <= INR r / INR m <= 1); [|lra]. split; [apply Rmult_le_pos; [assumption | left; apply Rinv_0_lt_compat; assumption]|].
      apply (Rmult_le_reg_r (INR m)); [assumption|]. replace (INR r / INR m * INR m) with (INR r) by (field; lra). lra. Qed.
End Function.
End Grid.

(* ---------- Theorem 3.3 on the grid ---------- *)
Lemma wavelet_samples J m kappa : (1 <= J)%nat -> (0 < m)%nat ->
  condition_number (2 ^ J - 1) (sample_gram (3 * 2 ^ J * m + 1) (fun l => -1 + 2 * INR l / INR (3 * 2 ^ J * m)) neuron) kappa ->
  kappa < 9/4 * (1 + 2 / INR m ^ 2).
Proof. intros HJ Hm Hk. assert (P := pow2_pos J). assert (PM : 0 < INR m) by (apply lt_0_INR; assumption).
  set (n := (2 ^ J - 1)%nat) in *. set (N := (3 * 2 ^ J)%nat) in *.
  assert (EN : INR N = 3 * 2 ^ J) by (unfold N; rewrite mult_INR, pow_INR; change (INR 2) with 2; f_equal; simpl; ring).
  assert (E3 : INR N / 2 ^ J = 3) by (rewrite EN; field; lra).
  assert (M2 : 0 < INR m ^ 2) by (apply pow_lt; assumption).
  set (C := 3/2 * (INR m * 2 ^ J)). assert (PC : 0 < C) by (unfold C; apply Rmult_lt_0_compat; [lra | apply Rmult_lt_0_compat; assumption]).
  replace (9/4 * (1 + 2 / INR m ^ 2)) with (2/9 * C * (1 + 2 / INR m ^ 2) / (8/81 * C)) by (field; lra).
  apply (condition_lt n (sample_gram (N * m + 1) (fun l => -1 + 2 * INR l / INR (N * m)) neuron)); [lra | | assumption].
  intros v Nv. set (f := fun t => nsum n (fun i => v i * psi_jk (level i) (Z.of_nat (shift i)) t)).
  assert (Lf : linear_on_cells J f).
  { apply (linear_nsum J n v (fun i => psi_jk (level i) (Z.of_nat (shift i)))). intros i Hi. apply linear_psi, level_lt. exact Hi. }
  set (y := fun k => f (INR k / 2 ^ J)). set (S := nsum N (fun k => cell (y k) (y (Datatypes.S k)) / 3)).
  (* f vanishes at both ends *)
  assert (End : forall t, t <= 0 \/ 3 <= t -> f t = 0).
  { intros t Ht. apply nsum_zero. intros i Hi. unfold psi_jk. assert (Q := level_shift i). set (j := level i) in *. assert (Pj := pow2_pos j).
    rewrite psi_support; [ring|]. rewrite <- INR_IZR_INZ.
    assert (X : INR (shift i) + 1 <= 2 ^ j). { rewrite <- S_INR. change 2 with (INR 2). rewrite <- pow_INR. apply le_INR. lia. }
    assert (Y := pos_INR (shift i)). assert (Z : 1 <= 2 ^ j) by (apply pow_R1_Rle; lra). destruct Ht as [Ht|Ht]; [left | right]; nra. }
  assert (Y0 : y 0%nat = 0) by (apply End; left; simpl; right; field; lra).
  assert (YN : y N = 0) by (apply End; right; rewrite E3; lra).
  (* the form of G_psi is 2/3 of the integral *)
  assert (EG : form n G_psi v = 2/3 * (/ 2 ^ J * S)).
  { assert (I1 := grid_integral J f Lf N). rewrite E3 in I1. apply RInt_D in I1.
    assert (I2 : is_RInt (fun x => f (3/2 * (x + 1)) ^ 2) (-1) 1 (form n G_psi v)).
    { apply (RInt_ext_le (fun x => nsum n (fun i => v i * neuron i x) * nsum n (fun i => v i * neuron i x)) _ (-1) 1 _ ltac:(lra)).
      { intros x _. unfold f, neuron. ring. }
      apply is_RInt_gen_at_point, (gen_nsum_bilin n n v v neuron neuron G_psi). intros i j _ _. apply is_RInt_gen_at_point.
      rewrite G_psi_entry. apply G_psi_integral. }
    rewrite <- (is_RInt_unique _ _ _ _ I2). rewrite (is_RInt_unique _ _ _ _ I1). f_equal. unfold S. rewrite <- nsum_scal. apply nsum_ext; intros k _. unfold y. field. lra. }
  (* the samples *)
  assert (ES : form n (sample_gram (N * m + 1) (fun l => -1 + 2 * INR l / INR (N * m)) neuron) v =
    INR m * S + nsum N (fun k => (y (Datatypes.S k) - y k) ^ 2 / (6 * INR m))).
  { rewrite sample_form. rewrite (nsum_ext _ _ (fun l => f (INR l / (INR m * 2 ^ J)) ^ 2)).
    - rewrite nsum_split, (grid_samples J f Lf m Hm N). fold (y 0%nat) (y N). rewrite Y0, YN. cbn [nsum]. rewrite Nat.add_0_r.
      replace (INR (N * m) / (INR m * 2 ^ J)) with 3 by (rewrite mult_INR, EN; field; lra). rewrite (End 3) by lra.
      rewrite (nsum_plus N (fun k => INR m * cell (y k) (y (Datatypes.S k)) / 3)). unfold S. rewrite <- nsum_scal.
      rewrite (nsum_ext N (fun k => INR m * cell (y k) (y (Datatypes.S k)) / 3) (fun k => INR m * (cell (y k) (y (Datatypes.S k)) / 3))) by (intros; field). unfold y. field.
    - intros l _. unfold f. f_equal. apply nsum_ext; intros i _. unfold neuron. do 2 f_equal. rewrite mult_INR, EN. field. lra. }
  assert (Low : INR m * S <= form n (sample_gram (N * m + 1) (fun l => -1 + 2 * INR l / INR (N * m)) neuron) v <= INR m * S * (1 + 2 / INR m ^ 2)).
  { rewrite ES. split.
    - assert (X : 0 <= nsum N (fun k => (y (Datatypes.S k) - y k) ^ 2 / (6 * INR m))); [|lra].
      apply nsum_pos. intros k _. apply Rmult_le_pos; [apply pow2_ge_0 | left; apply Rinv_0_lt_compat; lra].
    - replace (INR m * S * (1 + 2 / INR m ^ 2)) with (INR m * S + 2 / INR m * S) by (field; lra). apply Rplus_le_compat_l.
      unfold S. rewrite <- nsum_scal. apply nsum_le; intros k _.
      replace (2 / INR m * (cell (y k) (y (Datatypes.S k)) / 3)) with (4 * cell (y k) (y (Datatypes.S k)) / (6 * INR m)) by (field; lra).
      apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|]. unfold cell. assert (X := pow2_ge_0 (y k + y (Datatypes.S k))). lra. }
  assert (B := G_psi_strict n v Nv). rewrite EG in B.
  assert (EC : INR m * S = C * (2/3 * (/ 2 ^ J * S))) by (unfold C; field; lra). rewrite EC in Low.
  set (q := 2/3 * (/ 2 ^ J * S)) in *. assert (PQ : 0 < 1 + 2 / INR m ^ 2) by (assert (X : 0 < 2 / INR m ^ 2) by (apply Rdiv_lt_0_compat; lra); lra).
  split.
  - apply Rlt_le_trans with (C * q); [|lra]. replace (8/81 * C * norm2 n v) with (C * (8/81 * norm2 n v)) by ring. apply Rmult_lt_compat_l; lra.
  - apply Rle_trans with (1 := proj2 Low). replace (2/9 * C * (1 + 2 / INR m ^ 2) * norm2 n v) with (C * (2/9 * norm2 n v) * (1 + 2 / INR m ^ 2)) by ring.
    apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat_l; lra. Qed.
