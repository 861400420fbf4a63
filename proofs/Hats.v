Require Import Reals Lra Lia ZArith List.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals.
Import ListNotations.
Open Scope R_scope.

(* decide every relu by linear arithmetic from the context; never destruct *)
Ltac relus := unfold relu;
  repeat match goal with |- context [Rmax 0 ?x] =>
    first [rewrite (Rmax_left 0 x) by lra | rewrite (Rmax_right 0 x) by lra] end.

Lemma relu_hom u x : 0 <= u -> relu (u * x) = u * relu x.
Proof. intros Hu. unfold relu. rewrite <- RmaxRmult by assumption. f_equal; ring. Qed.
Lemma relu_neg x : relu (- x) = relu x - x.
Proof. unfold relu. destruct (Rle_dec 0 x);
  [rewrite Rmax_left, Rmax_right by lra | rewrite Rmax_right, Rmax_left by lra]; ring. Qed.

(* ---------- hat ---------- *)
Lemma hat_l t : t <= 0 -> hat t = 0. Proof. intros; unfold hat; relus; lra. Qed.
Lemma hat_up t : 0 <= t <= 1 -> hat t = t. Proof. intros; unfold hat; relus; lra. Qed.
Lemma hat_dn t : 1 <= t <= 2 -> hat t = 2 - t. Proof. intros; unfold hat; relus; lra. Qed.
Lemma hat_r t : 2 <= t -> hat t = 0. Proof. intros; unfold hat; relus; lra. Qed.

Lemma hat2 (n t : R) : hat (2 * t - n) =
  2 * (relu (t - n / 2) - 2 * relu (t - (n + 1) / 2) + relu (t - (n + 2) / 2)).
Proof. unfold hat.
  replace (2 * t - n) with (2 * (t - n / 2)) by field.
  replace (2 * (t - n / 2) - 1) with (2 * (t - (n + 1) / 2)) by field.
  replace (2 * (t - n / 2) - 2) with (2 * (t - (n + 2) / 2)) by field.
  rewrite !relu_hom by lra. ring. Qed.

Lemma hat_two_scale t : hat t = / 2 * hat (2 * t) + hat (2 * t - 1) + / 2 * hat (2 * t - 2).
Proof. replace (hat (2 * t)) with (hat (2 * t - 0)) by (f_equal; ring).
  rewrite !hat2. unfold hat.
  replace (0 / 2) with 0 by field. rewrite Rminus_0_r.
  replace ((0 + 1) / 2) with (/2) by field. replace ((1 + 1) / 2) with 1 by field.
  replace ((0 + 2) / 2) with 1 by field. replace ((2 + 1) / 2) with (3/2) by field.
  replace ((1 + 2) / 2) with (3/2) by field. replace ((2 + 2) / 2) with 2 by field.
  replace (2 / 2) with 1 by field. replace (1 / 2) with (/2) by field. field. Qed.

(* ---------- Gram matrix of integer translates of the hat ---------- *)
Definition g (n : Z) : R :=
  if (n =? 0)%Z then 2/3 else if (Z.abs n =? 1)%Z then /6 else 0.

Lemma hat_int : IntR hat 1.
Proof. apply (IntR_compact _ 0 2); [lra | intros x [?|?]; [apply hat_l | apply hat_r]; lra |].
  apply (RInt_chasles _ 0 1 2 (/2) (/2)); [| |lra].
  - apply (RInt_quad _ 0 1 0); [lra | intros; rewrite hat_up by lra; ring | field].
  - apply (RInt_quad _ 2 (-1) 0); [lra | intros; rewrite hat_dn by lra; ring | field]. Qed.

Lemma hat_mom : IntR (fun t => t * hat t) 1.
Proof. apply (IntR_compact _ 0 2); [lra | intros x [?|?]; [rewrite hat_l | rewrite hat_r]; lra |].
  apply (RInt_chasles _ 0 1 2 (/3) (2/3)); [| |lra].
  - apply (RInt_quad _ 0 0 1); [lra | intros; rewrite hat_up by lra; ring | field].
  - apply (RInt_quad _ 0 2 (-1)); [lra | intros; rewrite hat_dn by lra; ring | field]. Qed.

Lemma hat_hat0 : IntR (fun t => hat t * hat t) (2/3).
Proof. apply (IntR_compact _ 0 2); [lra | intros x [?|?]; [rewrite hat_l | rewrite hat_r]; lra |].
  apply (RInt_chasles _ 0 1 2 (/3) (/3)); [| |lra].
  - apply (RInt_quad _ 0 0 1); [lra | intros; rewrite hat_up by lra; ring | field].
  - apply (RInt_quad _ 4 (-4) 1); [lra | intros; rewrite hat_dn by lra; ring | field]. Qed.

Lemma hat_hat1 : IntR (fun t => hat t * hat (t - 1)) (/6).
Proof. apply (IntR_compact _ 1 2); [lra | intros x [?|?]; [rewrite (hat_l (x - 1)) | rewrite hat_r]; lra |].
  apply (RInt_quad _ (-2) 3 (-1)); [lra | | field].
  intros; rewrite (hat_dn x), (hat_up (x - 1)) by lra; ring. Qed.

Lemma IntR_zero (f : R -> R) : (forall x, f x = 0) -> IntR f 0.
Proof. intros H. apply (IntR_ext (fun _ => 0)); [intros; symmetry; auto | exact gen_zero]. Qed.

Lemma IntR_shift f l v : IntR f l -> IntR (fun t => f (t + v)) l.
Proof. intros H. apply (IntR_eq _ (/1 * l)); [field|].
  apply (IntR_ext (fun t => f (1 * t + v))); [intros; f_equal; ring|].
  apply IntR_affine; [lra | assumption]. Qed.

Lemma hat_hat (n : Z) : IntR (fun t => hat t * hat (t - IZR n)) (g n).
Proof. destruct (Z_le_gt_dec 2 n) as [H|H]; [|destruct (Z_le_gt_dec n (-2)) as [H'|H']].
  - apply (IntR_eq _ 0).
    { unfold g. rewrite (proj2 (Z.eqb_neq n 0)), (proj2 (Z.eqb_neq (Z.abs n) 1)) by lia. reflexivity. }
    apply IntR_zero. intros x. apply IZR_le in H.
    destruct (Rle_dec 2 x); [rewrite (hat_r x) by lra | rewrite (hat_l (x - IZR n)) by lra]; ring.
  - apply (IntR_eq _ 0).
    { unfold g. rewrite (proj2 (Z.eqb_neq n 0)), (proj2 (Z.eqb_neq (Z.abs n) 1)) by lia. reflexivity. }
    apply IntR_zero. intros x. apply IZR_le in H'.
    destruct (Rle_dec x 0); [rewrite (hat_l x) by lra | rewrite (hat_r (x - IZR n)) by lra]; ring.
  - assert (D : n = 0%Z \/ n = 1%Z \/ n = (-1)%Z) by lia. destruct D as [-> | [-> | -> ]]; unfold g; simpl.
    + apply (IntR_ext (fun t => hat t * hat t)); [|exact hat_hat0].
      intros; f_equal; f_equal; ring.
    + exact hat_hat1.
    + apply (IntR_ext (fun t => (fun s => hat s * hat (s - 1)) (t + 1)));
        [|apply (IntR_shift (fun s => hat s * hat (s - 1))); exact hat_hat1].
      intros x; simpl. rewrite Rmult_comm. f_equal; f_equal; ring. Qed.

(* hats at level j *)
Definition hatc (j : nat) (n : Z) (t : R) := hat (2 ^ j * t - IZR n).

Lemma pow2_pos j : 0 < 2 ^ j. Proof. apply pow_lt; lra. Qed.

Lemma hatc_gram j m n : IntR (fun t => hatc j m t * hatc j n t) (/ 2 ^ j * g (n - m)).
Proof. unfold hatc.
  apply (IntR_ext (fun t => (fun s => hat s * hat (s - IZR (n - m))) (2 ^ j * t + - IZR m))).
  - intros t; simpl. rewrite minus_IZR. f_equal; f_equal; ring.
  - apply (IntR_affine (fun s => hat s * hat (s - IZR (n - m)))); [apply pow2_pos | apply hat_hat]. Qed.

(* finite combinations of hats as coefficient lists *)
Definition comb (L : list (R * Z)) (j : nat) (t : R) := lsum L (fun p => fst p * hatc j (snd p) t).
Definition hat_gram (L M : list (R * Z)) :=
  lsum L (fun p => lsum M (fun q => fst p * fst q * g (snd q - snd p))).

Lemma comb_gram L M j : IntR (fun t => comb L j t * comb M j t) (/ 2 ^ j * hat_gram L M).
Proof. eapply IntR_eq; [|apply (IntR_bilin L M fst fst (fun p => hatc j (snd p)) (fun p => hatc j (snd p))
    (fun p q => / 2 ^ j * g (snd q - snd p)))].
  - unfold hat_gram. rewrite <- lsum_scal. apply lsum_ext; intros p _.
    rewrite <- lsum_scal. apply lsum_ext; intros q _. ring.
  - intros p q _ _. apply hatc_gram. Qed.
