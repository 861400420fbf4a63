(* What runs is what the theorems are about: the numbers of wavelet.py, a rational evaluator, NumPy's float64 values. *)
Require Import Reals Lra Lia ZArith QArith Qreals Qround List.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet.
From BW Require Generated.
Import ListNotations.
Open Scope R_scope.

(* ---------- from Q to R ---------- *)
Definition reluQ (x : Q) : Q := if Qle_bool 0 x then x else 0%Q.
(* the sum of relus, with the generated knots and coefficients *)
Definition psiQ (x : Q) : Q :=
  fold_right (fun p s => Qred (snd p * reluQ (x - fst p) + s)%Q) 0%Q (combine Generated.knots Generated.coefficients).

Lemma reluQ_correct x : Q2R (reluQ x) = relu (Q2R x).
Proof. unfold reluQ, relu. destruct (Qle_bool 0 x) eqn:E.
  - apply Qle_bool_iff, Qle_Rle in E. rewrite Rmax_right; [reflexivity|]. unfold Q2R in *. simpl in *. lra.
  - rewrite Rmax_left; [unfold Q2R; simpl; field|].
    assert (L : ~ (0 <= x)%Q) by (intros H; apply Qle_bool_iff in H; congruence).
    apply Qnot_le_lt, Qlt_Rlt in L. unfold Q2R in *. simpl in *. lra. Qed.

Lemma Q2R_make a b : Q2R (a # b) = IZR a / IZR (Zpos b).
Proof. reflexivity. Qed.

Lemma psiQ_correct x : Q2R (psiQ x) = psi (Q2R x).
Proof. unfold psiQ, Generated.knots, Generated.coefficients. cbn [combine fold_right fst snd].
  repeat (rewrite (Qeq_eqR _ _ (Qred_correct _)), Q2R_plus, Q2R_mult, reluQ_correct, Q2R_minus).
  rewrite !Q2R_make. set (t := Q2R x). unfold psi.
  replace (t - 0 / 1) with t by field. replace (t - 1 / 1) with (t - 1) by field.
  replace (t - 2 / 1) with (t - 2) by field. replace (t - 3 / 1) with (t - 3) by field. field. Qed.

(* the generated knots and coefficients, whatever their order, make the theorem's function *)
Lemma generated_psi t : psi t = lsum (combine Generated.knots Generated.coefficients) (fun p => Q2R (snd p) * relu (t - Q2R (fst p))).
Proof. unfold Generated.knots, Generated.coefficients. cbn [combine lsum fst snd]. rewrite !Q2R_make. unfold psi.
  replace (t - 0 / 1) with t by field. replace (t - 1 / 1) with (t - 1) by field.
  replace (t - 2 / 1) with (t - 2) by field. replace (t - 3 / 1) with (t - 3) by field. field. Qed.

(* the generated pieces, which NumPy and torch evaluate, are psi on their cells *)
Lemma generated_pieces n t : (n < 6)%nat -> INR n / 2 <= t <= INR (S n) / 2 ->
  let p := nth n Generated.pieces (0%Q, 0%Q) in psi t = Q2R (fst p) + Q2R (snd p) * (2 * t - INR n).
Proof. intros Hn Ht. assert (D : (n = 0 \/ n = 1 \/ n = 2 \/ n = 3 \/ n = 4 \/ n = 5)%nat) by lia.
  destruct D as [D|[D|[D|[D|[D|D]]]]]; subst n; unfold Generated.pieces; cbn [nth fst snd]; rewrite !Q2R_make; simpl INR in *.
  - rewrite psi_p0 by lra. field.
  - rewrite psi_p1 by lra. field.
  - rewrite psi_p2 by lra. field.
  - rewrite psi_p3 by lra. field.
  - rewrite psi_p4 by lra. field.
  - rewrite psi_p5 by lra. field. Qed.

Lemma generated_two_scale t : psi t = nsum 5 (fun n => Q2R (nth n Generated.two_scale 0%Q) * hat (2 * t - INR n)).
Proof. rewrite psi_hats. unfold Generated.two_scale. cbn [nsum nth]. rewrite !Q2R_make. simpl INR.
  replace (2 * t - 0) with (2 * t) by ring. replace (1 + 1) with 2 by ring. replace (2 + 1) with 3 by ring. replace (3 + 1) with 4 by ring. field. Qed.

(* ---------- float64 values at dyadic points (i - first) / 2^11, given as integers over 2^70 ---------- *)
Fixpoint check_points (i : Z) (values : list Z) : bool :=
  match values with
  | [] => true
  | v :: rest => Qle_bool (Qabs.Qabs (Qmake v (2 ^ 70) - psiQ (Qmake i (2 ^ 11)))) (Qmake 3 (2 ^ 53)) && check_points (i + 1) rest
  end.

Lemma check_points_correct values : forall i n v, check_points i values = true -> nth_error values n = Some v ->
  Rabs (IZR v / 2 ^ 70 - psi (IZR (i + Z.of_nat n) / 2 ^ 11)) <= 3 / 2 ^ 53.
Proof. induction values as [|w rest IH]; intros i n v H E; [destruct n; discriminate|].
  cbn [check_points] in H. apply andb_prop in H. destruct H as [H1 H2]. destruct n as [|n].
  - injection E as ->. rewrite Z.add_0_r. apply Qle_bool_iff, Qle_Rle in H1. clear IH H2.
    assert (A : forall q, Q2R (Qabs.Qabs q) = Rabs (Q2R q)).
    { intros q. destruct (Qlt_le_dec q 0) as [L|L].
      - rewrite (Qeq_eqR _ _ (Qabs.Qabs_neg q (Qlt_le_weak _ _ L))), Q2R_opp. apply Qlt_Rlt in L. unfold Q2R at 2 in L. simpl in L. rewrite Rabs_left by lra. reflexivity.
      - rewrite (Qeq_eqR _ _ (Qabs.Qabs_pos q L)). apply Qle_Rle in L. unfold Q2R at 1 in L. simpl in L. rewrite Rabs_pos_eq by lra. reflexivity. }
    rewrite A, Q2R_minus, psiQ_correct, !Q2R_make in H1.
    assert (P : forall k, IZR (Zpos (2 ^ k)) = 2 ^ Pos.to_nat k).
    { intros k. rewrite Pos2Z.inj_pow. rewrite <- (positive_nat_Z k), <- pow_IZR. reflexivity. }
    rewrite !P in H1. exact H1.
  - replace (i + Z.of_nat (S n))%Z with (i + 1 + Z.of_nat n)%Z by lia. apply IH; assumption. Qed.
