(* Rounding errors of psi in binary64, Flocq's format FLT with 53 bits and gradual underflow, to nearest with ties to even. *)
Require Import Reals Lra Lia ZArith QArith Qreals List.
From Flocq Require Import Core Relative Mult_error.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Bridge Floats.
From BW Require Generated.
Open Scope R_scope.

Definition e53 : R := bpow radix2 (-53).

Lemma e53_value : e53 = / 2 ^ 53.
Proof. unfold e53. simpl. lra. Qed.
Lemma e53_small : 0 < e53 <= / 10 ^ 9.
Proof. rewrite e53_value. lra. Qed.

(* a is within alpha rounding units of x *)
Definition close (alpha a x : R) : Prop := Rabs (a - x) <= alpha * e53.

Lemma rnd_error x : Rabs (rnd x - x) <= e53 * Rabs x + e53 / 10 ^ 9.
Proof. destruct (error_N_FLT radix2 (-1074) 53 ltac:(lia) (fun n => negb (Z.even n)) x) as [eps [eta [He [Ht [_ E]]]]].
  change (Znearest (fun n => negb (Z.even n))) with ZnearestE in E. unfold rnd. rewrite E.
  replace (x * (1 + eps) + eta - x) with (eps * x + eta) by ring. eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
  assert (H1 : / 2 * bpow radix2 (-53 + 1) = e53) by (unfold e53; change (-53 + 1)%Z with (-52)%Z; simpl; lra).
  assert (H2 : / 2 * bpow radix2 (-1074) <= e53 / 10 ^ 9).
  { apply Rle_trans with (/ 2 * bpow radix2 (-83)); [apply Rmult_le_compat_l; [lra | apply bpow_le; lia]|]. unfold e53. simpl. lra. }
  assert (He2 : Rabs eps <= e53) by (rewrite <- H1; exact He). apply Rplus_le_compat; [apply Rmult_le_compat_r; [apply Rabs_pos | assumption] | lra]. Qed.

Lemma close_exact x : close 0 x x.
Proof. unfold close. rewrite Rminus_diag_eq by reflexivity. rewrite Rabs_R0. lra. Qed.

Lemma close_rnd alpha B a x : 0 <= alpha <= 20 -> Rabs x <= B -> close alpha a x -> close (alpha + B + /1000) (rnd a) x.
Proof. unfold close. intros Ha Hx Hc. assert (E := rnd_error a). assert (S := e53_small).
  assert (A : Rabs a <= B + alpha * e53) by (replace a with ((a - x) + x) by ring; eapply Rle_trans; [apply Rabs_triang | lra]).
  replace (rnd a - x) with ((rnd a - a) + (a - x)) by ring. eapply Rle_trans; [apply Rabs_triang|].
  assert (M : e53 * Rabs a <= e53 * (B + / 2000)) by (apply Rmult_le_compat_l; [lra|]; assert (alpha * e53 <= 20 * / 10 ^ 9) by (apply Rmult_le_compat; lra); lra).
  assert (e53 / 10 ^ 9 <= e53 * / 2000) by (unfold Rdiv; apply Rmult_le_compat_l; lra). lra. Qed.

Lemma close_plus alpha beta a b x y : close alpha a x -> close beta b y -> close (alpha + beta) (a + b) (x + y).
Proof. unfold close. intros Ha Hb. replace (a + b - (x + y)) with ((a - x) + (b - y)) by ring. eapply Rle_trans; [apply Rabs_triang | lra]. Qed.

Lemma close_mult alpha beta X Y a b x y : 0 <= alpha <= 20 -> 0 <= beta <= 20 -> Rabs x <= X -> Rabs y <= Y ->
  close alpha a x -> close beta b y -> close (alpha * Y + beta * X + /1000) (a * b) (x * y).
Proof. unfold close. intros Pa Pb Hx Hy Ha Hb. assert (S := e53_small).
  replace (a * b - x * y) with ((a - x) * y + x * (b - y) + (a - x) * (b - y)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. eapply Rle_trans; [apply Rplus_le_compat_r, Rabs_triang|]. rewrite !Rabs_mult.
  assert (T1 : Rabs (a - x) * Rabs y <= alpha * e53 * Y) by (apply Rmult_le_compat; try apply Rabs_pos; assumption).
  assert (T2 : Rabs x * Rabs (b - y) <= X * (beta * e53)) by (apply Rmult_le_compat; try apply Rabs_pos; assumption).
  assert (T3 : Rabs (a - x) * Rabs (b - y) <= alpha * e53 * (beta * e53)) by (apply Rmult_le_compat; try apply Rabs_pos; assumption).
  assert (T4 : alpha * e53 * (beta * e53) <= e53 * / 1000).
  { replace (alpha * e53 * (beta * e53)) with (e53 * (alpha * (beta * e53))) by ring. apply Rmult_le_compat_l; [lra|].
    apply Rle_trans with (20 * (20 * / 10 ^ 9)); [|lra]. apply Rmult_le_compat; [lra | apply Rmult_le_pos; lra | lra | apply Rmult_le_compat; lra]. }
  lra. Qed.

Lemma close_mono alpha beta a x : alpha <= beta -> close alpha a x -> close beta a x.
Proof. unfold close. intros H Hc. assert (S := e53_small). assert (alpha * e53 <= beta * e53) by (apply Rmult_le_compat_r; lra). lra. Qed.

(* ---------- NumPy: pieces in local coordinates ---------- *)
Lemma doubled_exact x : binary64 x -> rnd (2 * x) = 2 * x.
Proof. intros H. apply round_generic; [apply valid_rnd_N|]. replace (2 * x) with (x * bpow radix2 1) by (change (bpow radix2 1) with 2; ring).
  apply mult_bpow_pos_exact_FLT; [assumption | lia]. Qed.

Lemma piece_error n t u : (n < 6)%nat -> u = 2 * t - INR n -> 0 <= u <= 1 -> let p := nth n Generated.pieces (0%Q, 0%Q) in
  close 8 (rnd (rnd (rnd (Q2R (snd p)) * rnd u) + rnd (Q2R (fst p)))) (psi t).
Proof. intros Hn -> Hu p. rewrite (generated_pieces n t Hn) by (rewrite S_INR; lra). fold p.
  assert (Bs : Rabs (Q2R (snd p)) <= 4/3) by (unfold p; do 6 (destruct n as [|n]; [apply Rabs_le; unfold Q2R; simpl; lra|]); lia).
  assert (Bl : Rabs (Q2R (fst p)) <= 5/6) by (unfold p; do 6 (destruct n as [|n]; [apply Rabs_le; unfold Q2R; simpl; lra|]); lia).
  set (s := Q2R (snd p)) in *. set (l := Q2R (fst p)) in *. set (u := 2 * t - INR n) in *.
  assert (Bu : Rabs u <= 1) by (apply Rabs_le; lra).
  assert (Bp : Rabs (s * u) <= 4/3) by (rewrite Rabs_mult; apply Rle_trans with (4/3 * 1); [apply Rmult_le_compat; try apply Rabs_pos; assumption | lra]).
  assert (Bt : Rabs (s * u + l) <= 13/6) by (eapply Rle_trans; [apply Rabs_triang | lra]).
  assert (Cs := close_rnd 0 (4/3) s s ltac:(lra) Bs (close_exact s)). assert (Cl := close_rnd 0 (5/6) l l ltac:(lra) Bl (close_exact l)).
  assert (Cu := close_rnd 0 1 u u ltac:(lra) Bu (close_exact u)).
  assert (Cm := close_mult (0 + 4/3 + / 1000) (0 + 1 + / 1000) _ _ _ _ _ _ ltac:(lra) ltac:(lra) Bs Bu Cs Cu).
  apply (close_rnd _ (4/3)) in Cm; [|lra | exact Bp]. assert (Ct := close_plus _ _ _ _ _ _ Cm Cl). apply (close_rnd _ (13/6)) in Ct; [|lra | exact Bt].
  rewrite (Rplus_comm l). revert Ct. apply close_mono. lra. Qed.

Lemma numpy_error x : binary64 x -> Rabs (numpy_psi x - psi x) <= / 2 ^ 50.
Proof. intros F. replace (/ 2 ^ 50) with (8 * e53) by (rewrite e53_value; lra). change (close 8 (numpy_psi x) (psi x)).
  unfold numpy_psi. destruct (Rle_dec 0 x) as [L|L]; [destruct (Rlt_dec x 3) as [R|R]|].
  - rewrite (doubled_exact x F). set (n := Zfloor (2 * x)). assert (Zl := Zfloor_lb (2 * x)). assert (Zu := Zfloor_ub (2 * x)). fold n in Zl, Zu.
    assert (N0 : (0 <= n)%Z) by (apply Zfloor_lub; simpl; lra).
    assert (N6 : (n < 6)%Z) by (apply lt_IZR; simpl; lra).
    assert (EI : INR (Z.to_nat n) = IZR n) by (rewrite INR_IZR_INZ, Z2Nat.id by assumption; reflexivity).
    apply (piece_error (Z.to_nat n) x (2 * x - IZR n)); [lia | rewrite EI; reflexivity | lra].
  - rewrite psi_right by lra. apply (close_mono 0); [lra | apply close_exact].
  - rewrite psi_left by lra. apply (close_mono 0); [lra | apply close_exact]. Qed.

(* ---------- training: three ReLUs of the distance from the centre ---------- *)
Lemma psi_three v : psi (v + 3/2) = 1/6 * relu (3/2 - Rabs v) + -4/3 * relu (1 - Rabs v) + 23/6 * relu (1/2 - Rabs v).
Proof. assert (E : psi (v + 3/2) = psi (Rabs v + 3/2)).
  { destruct (Rle_dec 0 v); [rewrite Rabs_pos_eq by assumption; reflexivity|]. rewrite Rabs_left, <- psi_even by lra. f_equal. lra. }
  rewrite E. assert (P := Rabs_pos v). set (d := Rabs v) in *. destruct (Rle_dec d (1/2)); [|destruct (Rle_dec d 1); [|destruct (Rle_dec d (3/2))]].
  - rewrite psi_p3 by lra. relus. lra.
  - rewrite psi_p4 by lra. relus. lra.
  - rewrite psi_p5 by lra. relus. lra.
  - rewrite psi_right by lra. relus. lra. Qed.

Lemma relu_close t v : 0 <= t <= 2 -> close (t + /1000) (relu (rnd (t - Rabs v))) (relu (t - Rabs v)).
Proof. intros Ht. assert (P := Rabs_pos v). assert (S := e53_small). destruct (Rle_dec 0 (t - Rabs v)) as [L|L].
  - assert (M : 0 <= rnd (t - Rabs v)) by (rewrite <- (round_0 radix2 (FLT_exp (-1074) 53) ZnearestE); apply round_le; try apply valid_rnd_N; [apply FLT_exp_valid; unfold Prec_gt_0; lia | assumption]).
    unfold relu. rewrite !Rmax_right by assumption. replace (t + / 1000) with (0 + t + / 1000) by ring.
    apply close_rnd; [lra | apply Rabs_le; lra | apply close_exact].
  - assert (M : rnd (t - Rabs v) <= 0) by (rewrite <- (round_0 radix2 (FLT_exp (-1074) 53) ZnearestE); apply round_le; try apply valid_rnd_N; [apply FLT_exp_valid; unfold Prec_gt_0; lia | lra]).
    unfold relu. rewrite !Rmax_left by lra. apply (close_mono 0); [lra | apply close_exact]. Qed.

Lemma term_close a A t v : Rabs a <= A -> A <= 4 -> 0 <= t <= 2 ->
  close (3 * (A * t) + (A + t + 3) / 1000) (rnd (rnd a * relu (rnd (t - Rabs v)))) (a * relu (t - Rabs v)) /\ Rabs (a * relu (t - Rabs v)) <= A * t.
Proof. intros Ba HA Ht. assert (P := Rabs_pos v). assert (Pa := Rabs_pos a).
  assert (Br : Rabs (relu (t - Rabs v)) <= t) by (apply Rabs_le; unfold relu; assert (X := Rmax_l 0 (t - Rabs v)); assert (Rmax 0 (t - Rabs v) <= t) by (apply Rmax_lub; lra); lra).
  assert (Bp : Rabs (a * relu (t - Rabs v)) <= A * t) by (rewrite Rabs_mult; apply Rmult_le_compat; try apply Rabs_pos; assumption).
  split; [|exact Bp]. assert (Ca := close_rnd 0 A a a ltac:(lra) Ba (close_exact a)). assert (Cr := relu_close t v Ht).
  assert (At : 0 <= A * t <= 4 * 2) by (split; [apply Rmult_le_pos; lra | apply Rmult_le_compat; lra]).
  assert (Cm := close_mult (0 + A + / 1000) (t + / 1000) A t _ _ _ _ ltac:(lra) ltac:(lra) Ba Br Ca Cr).
  apply (close_rnd _ (A * t)) in Cm; [|lra | exact Bp]. revert Cm. apply close_mono. lra. Qed.

Lemma kernel_error v : Rabs (kernel_psi v - psi (v + 3/2)) <= / 2 ^ 49.
Proof. replace (/ 2 ^ 49) with (16 * e53) by (rewrite e53_value; lra). change (close 16 (kernel_psi v) (psi (v + 3/2))). rewrite psi_three.
  destruct (term_close (1/6) (1/6) (3/2) v) as [C0 B0]; [apply Rabs_le; lra | lra | lra|].
  destruct (term_close (-4/3) (4/3) 1 v) as [C1 B1]; [apply Rabs_le; lra | lra | lra|].
  destruct (term_close (23/6) (23/6) (1/2) v) as [C2 B2]; [apply Rabs_le; lra | lra | lra|].
  unfold kernel_psi.
  assert (Bs : Rabs (1/6 * relu (3/2 - Rabs v) + -4/3 * relu (1 - Rabs v)) <= 19/12) by (eapply Rle_trans; [apply Rabs_triang | lra]).
  assert (Cs := close_plus _ _ _ _ _ _ C0 C1). apply (close_rnd _ (19/12)) in Cs; [|lra | exact Bs].
  assert (Bt : Rabs (1/6 * relu (3/2 - Rabs v) + -4/3 * relu (1 - Rabs v) + 23/6 * relu (1/2 - Rabs v)) <= 7/2) by (eapply Rle_trans; [apply Rabs_triang | lra]).
  assert (Ct := close_plus _ _ _ _ _ _ Cs C2). apply (close_rnd _ (7/2)) in Ct; [|lra | exact Bt]. revert Ct. apply close_mono. lra. Qed.
