(* The complete basis on D: inner products over [0, 3] of hats and of the wavelets with their two at the ends. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum Riesz Theorem33.
Import ListNotations.
Open Scope R_scope.

(* ---------- hats cut by the ends of [0, L] ---------- *)
Definition gD (L m n : Z) : R :=
  if (m <=? -2)%Z then 0 else if (L <=? m)%Z then 0 else if (n <=? -2)%Z then 0 else if (L <=? n)%Z then 0
  else if (m =? n)%Z then (if (m =? -1)%Z then 1/3 else if (m =? L - 1)%Z then 1/3 else 2/3)
  else if (Z.abs (n - m) =? 1)%Z then 1/6 else 0.

Ltac zdec := repeat match goal with
  | |- context [Z.eqb ?a ?b] => first
   [ replace (Z.eqb a b) with true by (symmetry; apply Z.eqb_eq; lia)
   | replace (Z.eqb a b) with false by (symmetry; apply Z.eqb_neq; lia)]
  | |- context [Z.leb ?a ?b] => first
   [ replace (Z.leb a b) with true by (symmetry; apply Z.leb_le; lia)
   | replace (Z.leb a b) with false by (symmetry; apply Z.leb_gt; lia)] end; cbv iota.

Lemma hat_support x : x <= 0 \/ 2 <= x -> hat x = 0.
Proof. intros [H|H]; [apply hat_l | apply hat_r]; assumption. Qed.

Lemma hat_hat_shift m n : IntR (fun s => hat (s - IZR m) * hat (s - IZR n)) (g (n - m)).
Proof. apply (IntR_ext (fun s => (fun t => hat t * hat (t - IZR (n - m))) (s + - IZR m))).
  - intros s. simpl. rewrite minus_IZR. f_equal; f_equal; ring.
  - apply (IntR_shift (fun t => hat t * hat (t - IZR (n - m)))), hat_hat. Qed.

Lemma hat_hat_D L m n : (3 <= L)%Z -> is_RInt (fun s => hat (s - IZR m) * hat (s - IZR n)) 0 (IZR L) (gD L m n).
Proof. intros HL. assert (PL : 3 <= IZR L) by (apply (IZR_le 3); assumption).
  assert (Z0 : forall a f, (a <= -2 \/ L <= a)%Z -> is_RInt (fun s => hat (s - IZR a) * f s) 0 (IZR L) 0).
  { intros a f Ha. apply RInt_zero_on; [lra|]. intros x Hx. rewrite hat_support; [ring|].
    destruct Ha as [Ha|Ha]; apply IZR_le in Ha; lra. }
  assert (In : forall a c, (0 <= a)%Z -> (a <= L - 2)%Z -> is_RInt (fun s => hat (s - IZR a) * hat (s - IZR c)) 0 (IZR L) (g (c - a))).
  { intros a c H1 H2. apply (IntR_iff_RInt (fun s => hat (s - IZR a) * hat (s - IZR c))); [lra | | apply hat_hat_shift].
    intros x Hx. apply IZR_le in H1. apply IZR_le in H2. rewrite minus_IZR in H2. rewrite (hat_support (x - IZR a)); [ring|]. lra. }
  assert (Comm : forall l, is_RInt (fun s => hat (s - IZR n) * hat (s - IZR m)) 0 (IZR L) l ->
     is_RInt (fun s => hat (s - IZR m) * hat (s - IZR n)) 0 (IZR L) l).
  { intros l. apply is_RInt_ext. intros; apply Rmult_comm. }
  assert (D : (m <= -2 \/ L <= m \/ n <= -2 \/ L <= n \/ (0 <= m <= L - 2 /\ -1 <= n <= L - 1) \/ (0 <= n <= L - 2 /\ -1 <= m <= L - 1)
     \/ (m = -1 /\ n = -1) \/ (m = L - 1 /\ n = L - 1) \/ (m = -1 /\ n = L - 1) \/ (m = L - 1 /\ n = -1))%Z) by lia.
  destruct D as [D|[D|[D|[D|[D|[D|[D|[D|[D|D]]]]]]]]].
  - replace (gD L m n) with 0; [apply Z0; auto|]. unfold gD. zdec. reflexivity.
  - replace (gD L m n) with 0; [apply Z0; auto|]. unfold gD. zdec. destruct (m <=? -2)%Z; reflexivity.
  - replace (gD L m n) with 0; [apply Comm, Z0; auto|]. unfold gD. zdec. destruct (m <=? -2)%Z; [|destruct (L <=? m)%Z]; reflexivity.
  - replace (gD L m n) with 0; [apply Comm, Z0; auto|]. unfold gD. zdec. destruct (m <=? -2)%Z; [|destruct (L <=? m)%Z; [|destruct (n <=? -2)%Z]]; reflexivity.
  - replace (gD L m n) with (g (n - m)); [apply In; lia|]. unfold gD, g. zdec.
    destruct (Z.eqb_spec (n - m) 0); destruct (Z.eqb_spec m n); try lia; [zdec; reflexivity|]. destruct (Z.abs (n - m) =? 1)%Z; lra.
  - apply Comm. replace (gD L m n) with (g (m - n)); [apply In; lia|]. unfold gD, g. zdec.
    destruct (Z.eqb_spec (m - n) 0); destruct (Z.eqb_spec m n); try lia; [subst; zdec; reflexivity|].
    replace (Z.abs (n - m)) with (Z.abs (m - n)) by lia. destruct (Z.abs (m - n) =? 1)%Z; lra.
  - destruct D as [-> ->]. unfold gD. zdec. eapply (RInt_chasles _ 0 1 (IZR L) (1/3) 0); [| apply RInt_zero_on; [lra|] | ring].
    + apply (RInt_quad _ 1 (-2) 1); [lra | | field]. intros x Hx. rewrite hat_dn by lra. ring.
    + intros x Hx. rewrite hat_support by lra. ring.
  - destruct D as [-> ->]. unfold gD. zdec. rewrite minus_IZR.
    eapply (RInt_chasles _ 0 (IZR L - 1) (IZR L) 0 (1/3)); [apply RInt_zero_on; [lra|] | | ring].
    + intros x Hx. rewrite hat_support by lra. ring.
    + set (q := IZR L - 1). apply (RInt_quad _ (q ^ 2) (- 2 * q) 1); [unfold q; lra | |].
      * intros x Hx. rewrite hat_up by (unfold q in *; lra). unfold q. ring.
      * replace (IZR L) with (q + 1) by (unfold q; ring). field.
  - destruct D as [-> ->]. replace (gD L (-1) (L - 1)) with 0 by (unfold gD; zdec; reflexivity). apply RInt_zero_on; [lra|].
    intros x Hx. rewrite minus_IZR. destruct (Rle_dec x 1); [rewrite (hat_support (x - (IZR L - 1))) by lra | rewrite (hat_support (x - -1)) by lra]; ring.
  - destruct D as [-> ->]. replace (gD L (L - 1) (-1)) with 0 by (unfold gD; zdec; reflexivity). apply RInt_zero_on; [lra|].
    intros x Hx. rewrite minus_IZR. destruct (Rle_dec x 1); [rewrite (hat_support (x - (IZR L - 1))) by lra | rewrite (hat_support (x - -1)) by lra]; ring. Qed.

(* the same on level i *)
Definition cells (i : nat) : Z := (3 * 2 ^ Z.of_nat i)%Z.
Lemma cells_IZR i : IZR (cells i) = 3 * 2 ^ i.
Proof. unfold cells. rewrite mult_IZR, <- pow_IZR. reflexivity. Qed.
Lemma cells_S i : cells (S i) = (2 * cells i)%Z.
Proof. unfold cells. rewrite Nat2Z.inj_succ, Z.pow_succ_r by lia. lia. Qed.
Lemma cells_ge i : (3 <= cells i)%Z.
Proof. induction i as [|i IH]; [reflexivity|]. rewrite cells_S. lia. Qed.

Lemma hatc_D i m n : is_RInt (fun t => hatc i m t * hatc i n t) 0 3 (/ 2 ^ i * gD (cells i) m n).
Proof. assert (P := pow2_pos i). unfold hatc.
  apply (is_RInt_ext (fun t => / 2 ^ i * (2 ^ i * (hat (2 ^ i * t + 0 - IZR m) * hat (2 ^ i * t + 0 - IZR n))))).
  { intros t _. rewrite Rplus_0_r. simpl. field. lra. }
  apply (is_RInt_scal (fun t => 2 ^ i * (hat (2 ^ i * t + 0 - IZR m) * hat (2 ^ i * t + 0 - IZR n))) 0 3 (/ 2 ^ i)).
  apply (is_RInt_comp_lin (fun s => hat (s - IZR m) * hat (s - IZR n)) (2 ^ i) 0 0 3).
  replace (2 ^ i * 0 + 0) with 0 by ring. replace (2 ^ i * 3 + 0) with (IZR (cells i)) by (rewrite cells_IZR; ring).
  apply hat_hat_D, cells_ge. Qed.

(* combinations of hats, as in Hats.v *)
Definition gram_D (L : Z) (A B : list (R * Z)) := lsum A (fun p => lsum B (fun q => fst p * fst q * gD L (snd p) (snd q))).

Lemma comb_D A B i : is_RInt (fun t => comb A i t * comb B i t) 0 3 (/ 2 ^ i * gram_D (cells i) A B).
Proof. apply is_RInt_gen_at_point. eapply gen_eq; [|apply (gen_bilin A B fst fst (fun p => hatc i (snd p)) (fun p => hatc i (snd p))
    (fun p q => / 2 ^ i * gD (cells i) (snd p) (snd q)))].
  - unfold gram_D. rewrite <- lsum_scal. apply lsum_ext; intros p _.
    rewrite <- lsum_scal. apply lsum_ext; intros q _. ring.
  - intros p q _ _. apply is_RInt_gen_at_point, hatc_D. Qed.

(* ---------- the wavelets of the basis as combinations of hats, without the factor sqrt (2^j) ---------- *)
Definition left_list : list (R * Z) := [(-1, (-1)%Z); (11/12, 0%Z); (-6/12, 1%Z); (/12, 2%Z)].
Definition right_list (L : Z) : list (R * Z) := [(-1, (L - 1)%Z); (11/12, (L - 2)%Z); (-6/12, (L - 3)%Z); (/12, (L - 4)%Z)].
Definition wavelet_list (j n : nat) : list (R * Z) :=
  if Nat.eq_dec n 0 then left_list else if Nat.eq_dec n (3 * 2 ^ j - 1) then right_list (cells (S j)) else psiL (Z.of_nat n - 1).

Lemma cells_nat j : Z.of_nat (3 * 2 ^ j) = cells j.
Proof. unfold cells. rewrite Nat2Z.inj_mul, Nat2Z.inj_pow. reflexivity. Qed.

Lemma hatc_left i n t : (n <= -2)%Z -> 0 <= t -> hatc i n t = 0.
Proof. intros Hn Ht. apply hat_support. right. apply IZR_le in Hn. assert (P := Rmult_le_pos _ _ (Rlt_le _ _ (pow2_pos i)) Ht). lra. Qed.
Lemma hatc_right i n t : (cells i <= n)%Z -> t <= 3 -> hatc i n t = 0.
Proof. intros Hn Ht. apply hat_support. left. apply IZR_le in Hn. rewrite cells_IZR in Hn.
  apply (Rmult_le_compat_l (2 ^ i)) in Ht; [lra | left; apply pow2_pos]. Qed.

Lemma interval_wavelet_comb j n t : 0 <= t <= 3 -> interval_wavelet j n t = sqrt (2 ^ j) * comb (wavelet_list j n) (S j) t.
Proof. intros Ht. unfold interval_wavelet, wavelet_list, psi_jk. destruct (Nat.eq_dec n 0) as [E|E]; [|destruct (Nat.eq_dec n (3 * 2 ^ j - 1)) as [F|F]].
  - rewrite <- Rmult_plus_distr_l. f_equal. rewrite !psi_comb. unfold comb, psiL, left_list. cbn [lsum fst snd].
    change (2 * -1 + 1)%Z with (-1)%Z. change (2 * -1 + 2)%Z with 0%Z. change (2 * -1 + 3)%Z with 1%Z. change (2 * -1 + 4)%Z with 2%Z.
    change (2 * -2 + 1)%Z with (-3)%Z. change (2 * -2 + 2)%Z with (-2)%Z. change (2 * -2 + 3)%Z with (-1)%Z. change (2 * -2 + 4)%Z with 0%Z.
    change (2 * -1)%Z with (-2)%Z. change (2 * -2)%Z with (-4)%Z.
    rewrite (hatc_left (S j) (-2)), (hatc_left (S j) (-4)), (hatc_left (S j) (-3)) by (lia || lra). field.
  - rewrite <- Rmult_plus_distr_l. f_equal. rewrite cells_nat, !psi_comb, cells_S.
    unfold comb, psiL, right_list. cbn [lsum fst snd].
    set (L := cells j). assert (R0 : forall s, (0 <= s)%Z -> hatc (S j) (2 * L + s) t = 0).
    { intros s Hs. apply hatc_right; [rewrite cells_S; fold L; lia | lra]. }
    replace (2 * (L - 2))%Z with (2 * L - 4)%Z by lia. replace (2 * (L - 1))%Z with (2 * L - 2)%Z by lia.
    replace (2 * L - 4 + 1)%Z with (2 * L - 3)%Z by lia. replace (2 * L - 4 + 2)%Z with (2 * L - 2)%Z by lia.
    replace (2 * L - 4 + 3)%Z with (2 * L - 1)%Z by lia. replace (2 * L - 4 + 4)%Z with (2 * L + 0)%Z by lia.
    replace (2 * L - 2 + 1)%Z with (2 * L - 1)%Z by lia. replace (2 * L - 2 + 2)%Z with (2 * L + 0)%Z by lia.
    replace (2 * L - 2 + 3)%Z with (2 * L + 1)%Z by lia. replace (2 * L - 2 + 4)%Z with (2 * L + 2)%Z by lia.
    rewrite !R0 by lia. field.
  - f_equal. apply psi_comb. Qed.

(* ---------- levels are orthogonal ---------- *)
Lemma gD_far L m n : (2 <= Z.abs (n - m))%Z -> gD L m n = 0.
Proof. intros H. unfold gD. destruct (m <=? -2)%Z; [reflexivity|]. destruct (L <=? m)%Z; [reflexivity|].
  destruct (n <=? -2)%Z; [reflexivity|]. destruct (L <=? n)%Z; [reflexivity|]. zdec. reflexivity. Qed.
Lemma gD_left L m n : (m <= -2)%Z -> gD L m n = 0.
Proof. intros H. unfold gD. zdec. reflexivity. Qed.
Lemma gD_right L m n : (L <= m)%Z -> gD L m n = 0.
Proof. intros H. unfold gD. zdec. destruct (m <=? -2)%Z; reflexivity. Qed.
Ltac gdec := repeat match goal with |- context [gD ?L ?a ?b] =>
   first [rewrite (gD_far L a b) by lia | rewrite (gD_left L a b) by lia | rewrite (gD_right L a b) by lia | unfold gD at 1; zdec] end.

Lemma gram_hat_left L m : (6 <= L)%Z -> gram_D L (hatL m) left_list = 0.
Proof. intros HL. assert (D : (m <= -2 \/ m = -1 \/ m = 0 \/ m = 1 \/ 2 <= m)%Z) by lia.
  unfold gram_D, hatL, left_list. cbn [lsum fst snd].
  destruct D as [D|[D|[D|[D|D]]]]; try subst m; gdec; field. Qed.

Lemma gram_hat_right L m : (3 <= L)%Z -> gram_D (2 * L) (hatL m) (right_list (2 * L)) = 0.
Proof. intros HL. assert (D : (m <= L - 4 \/ m = L - 3 \/ m = L - 2 \/ m = L - 1 \/ L <= m)%Z) by lia.
  unfold gram_D, hatL, right_list. cbn [lsum fst snd].
  destruct D as [D|[D|[D|[D|D]]]]; try subst m; gdec; field. Qed.
