Require Import Reals Lra Lia ZArith List.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats.
Import ListNotations.
Open Scope R_scope.

(* ---------- (a) support, pieces, symmetry ---------- *)
Lemma psi_left t : t <= 0 -> psi t = 0. Proof. intros; unfold psi; relus; lra. Qed.
Lemma psi_right t : 3 <= t -> psi t = 0. Proof. intros; unfold psi; relus; lra. Qed.
Lemma psi_p0 t : 0 <= t <= 1/2 -> psi t = t / 6. Proof. intros; unfold psi; relus; lra. Qed.
Lemma psi_p1 t : 1/2 <= t <= 1 -> psi t = (4 - 7 * t) / 6. Proof. intros; unfold psi; relus; lra. Qed.
Lemma psi_p2 t : 1 <= t <= 3/2 -> psi t = (16 * t - 19) / 6. Proof. intros; unfold psi; relus; lra. Qed.
Lemma psi_p3 t : 3/2 <= t <= 2 -> psi t = (29 - 16 * t) / 6. Proof. intros; unfold psi; relus; lra. Qed.
Lemma psi_p4 t : 2 <= t <= 5/2 -> psi t = (7 * t - 17) / 6. Proof. intros; unfold psi; relus; lra. Qed.
Lemma psi_p5 t : 5/2 <= t <= 3 -> psi t = (3 - t) / 6. Proof. intros; unfold psi; relus; lra. Qed.

Lemma psi_even t : psi (3 - t) = psi t.
Proof. unfold psi.
  replace (3 - t) with (- (t - 3)) by ring.
  replace (- (t - 3) - 1/2) with (- (t - 5/2)) by field.
  replace (- (t - 3) - 1) with (- (t - 2)) by field.
  replace (- (t - 3) - 3/2) with (- (t - 3/2)) by field.
  replace (- (t - 3) - 2) with (- (t - 1)) by field.
  replace (- (t - 3) - 5/2) with (- (t - 1/2)) by field.
  replace (- (t - 3) - 3) with (- t) by field.
  rewrite !relu_neg. field. Qed.

(* the two-scale relation *)
Lemma psi_hats t : psi t = / 12 * (hat (2 * t) - 6 * hat (2 * t - 1) + 10 * hat (2 * t - 2)
                             - 6 * hat (2 * t - 3) + hat (2 * t - 4)).
Proof. replace (hat (2 * t)) with (hat (2 * t - 0)) by (f_equal; ring).
  rewrite !hat2. unfold psi.
  replace (t - 0 / 2) with t by field. replace (t - (0 + 1) / 2) with (t - 1/2) by field.
  replace (t - (0 + 2) / 2) with (t - 1) by field. replace (t - (1 + 1) / 2) with (t - 1) by field.
  replace (t - (1 + 2) / 2) with (t - 3/2) by field. replace (t - 2 / 2) with (t - 1) by field.
  replace (t - (2 + 1) / 2) with (t - 3/2) by field. replace (t - (2 + 2) / 2) with (t - 2) by field.
  replace (t - (3 + 1) / 2) with (t - 2) by field. replace (t - (3 + 2) / 2) with (t - 5/2) by field.
  replace (t - 4 / 2) with (t - 2) by field. replace (t - (4 + 1) / 2) with (t - 5/2) by field.
  replace (t - (4 + 2) / 2) with (t - 3) by field. field. Qed.

Definition psiL (k : Z) : list (R * Z) :=
  [(/12, (2 * k)%Z); (-6/12, (2 * k + 1)%Z); (10/12, (2 * k + 2)%Z);
   (-6/12, (2 * k + 3)%Z); (/12, (2 * k + 4)%Z)].
Definition hatL (m : Z) : list (R * Z) := [(/2, (2 * m)%Z); (1, (2 * m + 1)%Z); (/2, (2 * m + 2)%Z)].

Lemma psi_comb j k t : psi (2 ^ j * t - IZR k) = comb (psiL k) (S j) t.
Proof. rewrite psi_hats. unfold comb, psiL, hatc; cbn [lsum fst snd].
  rewrite !plus_IZR, !mult_IZR.
  replace (2 ^ S j * t - 2 * IZR k) with (2 * (2 ^ j * t - IZR k)) by (simpl; ring).
  replace (2 ^ S j * t - (2 * IZR k + 1)) with (2 * (2 ^ j * t - IZR k) - 1) by (simpl; ring).
  replace (2 ^ S j * t - (2 * IZR k + 2)) with (2 * (2 ^ j * t - IZR k) - 2) by (simpl; ring).
  replace (2 ^ S j * t - (2 * IZR k + 3)) with (2 * (2 ^ j * t - IZR k) - 3) by (simpl; ring).
  replace (2 ^ S j * t - (2 * IZR k + 4)) with (2 * (2 ^ j * t - IZR k) - 4) by (simpl; ring).
  field. Qed.

Lemma hatc_comb j m t : hatc j m t = comb (hatL m) (S j) t.
Proof. unfold hatc at 1. rewrite hat_two_scale.
  unfold comb, hatL, hatc; cbn [lsum fst snd].
  rewrite !plus_IZR, !mult_IZR.
  replace (2 ^ S j * t - 2 * IZR m) with (2 * (2 ^ j * t - IZR m)) by (simpl; ring).
  replace (2 ^ S j * t - (2 * IZR m + 1)) with (2 * (2 ^ j * t - IZR m) - 1) by (simpl; ring).
  replace (2 ^ S j * t - (2 * IZR m + 2)) with (2 * (2 ^ j * t - IZR m) - 2) by (simpl; ring).
  field. Qed.

(* ---------- finite computations with g ---------- *)
Ltac zeqb := repeat match goal with |- context [Z.eqb ?a ?b] => first
   [ replace (Z.eqb a b) with true by (symmetry; apply Z.eqb_eq; lia)
   | replace (Z.eqb a b) with false by (symmetry; apply Z.eqb_neq; lia)] end; cbv iota.
Ltac gcomp := unfold hat_gram, psiL, hatL, g; cbn [lsum fst snd]; zeqb.

Lemma gram_hat_psi m k : hat_gram (hatL m) (psiL k) = 0.
Proof.
  assert (D : (k = m \/ k = m + 1 \/ k = m - 1 \/ k = m - 2 \/ k <= m - 3 \/ m + 2 <= k)%Z) by lia.
  destruct D as [D|[D|[D|[D|[D|D]]]]]; gcomp; field. Qed.


Lemma gram_psi_psi k k' : / 2 * hat_gram (psiL k) (psiL k') = psi_entry (k' - k).
Proof. unfold psi_entry.
  assert (D : (k' = k \/ k' = k + 1 \/ k' = k - 1 \/ k' = k + 2 \/ k' = k - 2 \/ k' <= k - 3 \/ k + 3 <= k')%Z) by lia.
  destruct D as [D|[D|[D|[D|[D|[D|D]]]]]]; gcomp; field. Qed.

(* ---------- inner products ---------- *)
Lemma sqrt_pow2 j : sqrt (2 ^ j) * sqrt (2 ^ j) = 2 ^ j.
Proof. apply sqrt_sqrt. left; apply pow2_pos. Qed.

(* same level *)
Theorem psi_jk_same j k k' : IntR (fun t => psi_jk j k t * psi_jk j k' t) (psi_entry (k' - k)).
Proof. unfold psi_jk.
  apply (IntR_ext (fun t => 2 ^ j * (comb (psiL k) (S j) t * comb (psiL k') (S j) t))).
  - intros t. rewrite <- !psi_comb, <- (sqrt_pow2 j) at 1. ring.
  - eapply IntR_eq; [|apply IntR_scal, comb_gram]. rewrite <- gram_psi_psi. simpl.
    assert (H := pow2_pos j). field. lra. Qed.

(* hats of V_i are orthogonal to the wavelets of every level i + d *)
Lemma hat_orth d : forall i m k, IntR (fun t => hatc i m t * psi (2 ^ (i + d) * t - IZR k)) 0.
Proof. induction d as [|d IH]; intros i m k.
  - rewrite Nat.add_0_r. apply (IntR_ext (fun t => comb (hatL m) (S i) t * comb (psiL k) (S i) t)).
    + intros t. rewrite <- psi_comb, <- hatc_comb. reflexivity.
    + eapply IntR_eq; [|apply comb_gram]. rewrite gram_hat_psi. ring.
  - apply (IntR_ext (fun t => lsum (hatL m) (fun p => fst p * (hatc (S i) (snd p) t * psi (2 ^ (S i + d) * t - IZR k))))).
    + intros t. rewrite hatc_comb. unfold comb. rewrite Nat.add_succ_r, Nat.add_succ_l.
      rewrite lsum_scal_r. apply lsum_ext; intros; ring.
    + eapply IntR_eq; [|apply (IntR_lsum (hatL m) (fun p t => fst p * (hatc (S i) (snd p) t * psi (2 ^ (S i + d) * t - IZR k)))
          (fun p => fst p * 0))].
      * unfold hatL; simpl; ring.
      * intros p _. apply IntR_scal, IH. Qed.

Lemma psi_orth_lt i d k k' : IntR (fun t => psi (2 ^ i * t - IZR k) * psi (2 ^ (S i + d) * t - IZR k')) 0.
Proof.
  apply (IntR_ext (fun t => lsum (psiL k) (fun p => fst p * (hatc (S i) (snd p) t * psi (2 ^ (S i + d) * t - IZR k'))))).
  - intros t. rewrite (psi_comb i k). unfold comb. rewrite lsum_scal_r. apply lsum_ext; intros; ring.
  - eapply IntR_eq; [|apply (IntR_lsum (psiL k) (fun p t => fst p * (hatc (S i) (snd p) t * psi (2 ^ (S i + d) * t - IZR k')))
          (fun p => fst p * 0))].
    + unfold psiL; simpl; ring.
    + intros p _. apply IntR_scal, hat_orth. Qed.

(* (b) *)
Lemma psi_jk_lt j j' k k' : (j < j')%nat -> IntR (fun t => psi_jk j k t * psi_jk j' k' t) 0.
Proof. intros H. unfold psi_jk. replace j' with (S j + (j' - S j))%nat by lia.
  set (d := (j' - S j)%nat).
  apply (IntR_ext (fun t => (sqrt (2 ^ j) * sqrt (2 ^ (S j + d))) *
     (psi (2 ^ j * t - IZR k) * psi (2 ^ (S j + d) * t - IZR k')))); [intros; ring|].
  eapply IntR_eq; [|apply IntR_scal, psi_orth_lt]. ring. Qed.

Theorem psi_jk_orth j j' k k' : j <> j' -> IntR (fun t => psi_jk j k t * psi_jk j' k' t) 0.
Proof. intros H. destruct (Nat.lt_total j j') as [L|[L|L]]; [|contradiction|].
  - apply psi_jk_lt; assumption.
  - apply (IntR_ext (fun t => psi_jk j' k' t * psi_jk j k t)); [intros; ring|].
    apply psi_jk_lt; assumption. Qed.

(* moments *)
Theorem psi_mean : IntR psi 0.
Proof.
  pose (L := [(/12, 0); (-6/12, 1); (10/12, 2); (-6/12, 3); (/12, 4)]).
  apply (IntR_ext (fun t => lsum L (fun p => fst p * hat (2 * t + - snd p)))).
  - intros t. rewrite psi_hats. unfold L; cbn [lsum fst snd].
    replace (2 * t + - 0) with (2 * t) by ring. unfold Rminus. field.
  - eapply IntR_eq; [|apply (IntR_lsum L (fun p t => fst p * hat (2 * t + - snd p)) (fun p => fst p * (/2 * 1)))].
    + unfold L; simpl; field.
    + intros p _. apply IntR_scal, IntR_affine; [lra | apply hat_int]. Qed.

Theorem psi_moment : IntR (fun t => t * psi t) 0.
Proof.
  pose (L := [(/12, 0); (-6/12, 1); (10/12, 2); (-6/12, 3); (/12, 4)]).
  apply (IntR_ext (fun t => lsum L (fun p => fst p * (fun s => (s + snd p) / 2 * hat s) (2 * t + - snd p)))).
  - intros t. rewrite psi_hats. unfold L; cbn [lsum fst snd].
    replace (2 * t + - 0) with (2 * t) by ring. unfold Rminus. field.
  - eapply IntR_eq; [|apply (IntR_lsum L (fun p t => fst p * (fun s => (s + snd p) / 2 * hat s) (2 * t + - snd p))
        (fun p => fst p * (/2 * (/2 * 1 + snd p / 2 * 1))))].
    + unfold L; simpl; field.
    + intros p _. apply IntR_scal, (IntR_affine (fun s => (s + snd p) / 2 * hat s)); [lra|].
      apply (IntR_ext (fun s => /2 * (s * hat s) + snd p / 2 * hat s)); [intros; field|].
      apply IntR_plus; apply IntR_scal; [apply hat_mom | apply hat_int]. Qed.
