(* Two ridges psi(w'x - b) on the plane with directions that are not parallel are orthogonal: only the mean of psi is used. *)
Require Import Reals Lra Lia ZArith List.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Theorem33.
Open Scope R_scope.

Lemma relu_lipschitz s t : Rabs (relu s - relu t) <= Rabs (s - t).
Proof. unfold relu, Rmax. destruct (Rle_dec 0 s), (Rle_dec 0 t); unfold Rabs; repeat destruct (Rcase_abs _); lra. Qed.

Lemma psi_lipschitz s t : Rabs (psi s - psi t) <= 16 * Rabs (s - t).
Proof. assert (L : forall k, - Rabs (s - t) <= relu (s - k) - relu (t - k) <= Rabs (s - t)).
  { intros k. apply Rabs_le_between. eapply Rle_trans; [apply relu_lipschitz|]. right. f_equal. ring. }
  assert (L0 := L 0). rewrite !Rminus_0_r in L0. assert (L1 := L (1/2)). assert (L2 := L 1). assert (L3 := L (3/2)).
  assert (L4 := L 2). assert (L5 := L (5/2)). assert (L6 := L 3). apply Rabs_le. unfold psi. lra. Qed.

Lemma lipschitz_continuous f c x : (forall s t, Rabs (f s - f t) <= c * Rabs (s - t)) -> continuous f x.
Proof. intros H. apply continuity_pt_filterlim. intros eps He. exists (eps / (Rabs c + 1)). assert (P := Rabs_pos c).
  split; [apply Rdiv_lt_0_compat; lra|]. intros y [_ Hy]. simpl in *. unfold R_dist in *.
  apply Rle_lt_trans with ((Rabs c + 1) * Rabs (y - x)).
  - eapply Rle_trans; [apply H|]. apply Rmult_le_compat_r; [apply Rabs_pos|]. assert (X := Rle_abs c). lra.
  - apply (Rmult_lt_compat_l (Rabs c + 1)) in Hy; [|lra]. replace ((Rabs c + 1) * (eps / (Rabs c + 1))) with eps in Hy by (field; lra). exact Hy. Qed.

Lemma psi_continuous x : continuous psi x.
Proof. apply (lipschitz_continuous psi 16), psi_lipschitz. Qed.

(* the antiderivative of psi vanishes where psi does *)
Definition Psi (t : R) : R := RInt psi 0 t.

Lemma psi_integrable a b : ex_RInt psi a b.
Proof. apply (ex_RInt_continuous (V := R_CompleteNormedModule)). intros; apply psi_continuous. Qed.
Lemma Psi_derive t : is_derive Psi t (psi t).
Proof. apply (is_derive_RInt psi Psi 0 t); [|apply psi_continuous]. exists (mkposreal 1 Rlt_0_1). intros x _.
  apply (RInt_correct (V := R_CompleteNormedModule)), psi_integrable. Qed.
Lemma Psi_outside t : t <= 0 \/ 3 <= t -> Psi t = 0.
Proof. intros [H|H]; apply is_RInt_unique.
  - replace 0 with (- 0) at 2 by ring. apply (is_RInt_swap (V := R_NormedModule)). apply RInt_zero_on; [exact H|]. intros x Hx. apply psi_left. lra.
  - apply (RInt_extend psi 0 3 0 t 0); try lra.
    + intros x [Hx|Hx]; [apply psi_left | apply psi_right]; lra.
    + apply (IntR_iff_RInt psi 0 3); [lra | intros x [Hx|Hx]; [apply psi_left | apply psi_right]; lra | exact psi_mean]. Qed.

Section Sheared.
Context (a b c d e M : R) (Hd : d <> 0) (HM : 0 <= M).
Let g (x y : R) : R := psi (a * y - b) * psi (d * x + (c * y - e)).
Let G (x y : R) : R := psi (a * y - b) * (/ d * Psi (d * x + (c * y - e))).

Lemma G_derive x y : is_derive (fun u => G u y) x (g x y).
Proof. unfold G, g. replace (psi (a * y - b) * psi (d * x + (c * y - e))) with (psi (a * y - b) * (/ d * (d * psi (d * x + (c * y - e))))) by (field; assumption).
  apply (is_derive_scal (fun u => / d * Psi (d * u + (c * y - e)))). apply (is_derive_scal (fun u => Psi (d * u + (c * y - e)))).
  apply (is_derive_comp Psi (fun u => d * u + (c * y - e))); [apply Psi_derive | auto_derive; [trivial | ring]]. Qed.

Lemma g_continuous x y : continuity_2d_pt g x y.
Proof. apply continuity_2d_pt_mult.
  - apply (continuity_1d_2d_pt_comp psi (fun _ v => a * v - b)); [apply continuity_pt_filterlim, psi_continuous|].
    apply continuity_2d_pt_minus; [apply continuity_2d_pt_mult; [apply continuity_2d_pt_const | apply continuity_2d_pt_id2] | apply continuity_2d_pt_const].
  - apply (continuity_1d_2d_pt_comp psi (fun u v => d * u + (c * v - e))); [apply continuity_pt_filterlim, psi_continuous|].
    apply continuity_2d_pt_plus; [apply continuity_2d_pt_mult; [apply continuity_2d_pt_const | apply continuity_2d_pt_id1]|].
    apply continuity_2d_pt_minus; [apply continuity_2d_pt_mult; [apply continuity_2d_pt_const | apply continuity_2d_pt_id2] | apply continuity_2d_pt_const]. Qed.

Lemma g_integrable x : ex_RInt (g x) (- M) M.
Proof. apply (ex_RInt_continuous (V := R_CompleteNormedModule)). intros y _.
  apply (continuous_mult (fun y => psi (a * y - b)) (fun y => psi (d * x + (c * y - e)))).
  - apply (continuous_comp (fun y => a * y - b) psi); [|apply psi_continuous]. apply (ex_derive_continuous (fun y : R => a * y - b)). auto_derive. trivial.
  - apply (continuous_comp (fun y => d * x + (c * y - e)) psi); [|apply psi_continuous]. apply (ex_derive_continuous (fun y : R => d * x + (c * y - e))). auto_derive. trivial. Qed.

Lemma G_integrable x : ex_RInt (G x) (- M) M.
Proof. apply (ex_RInt_continuous (V := R_CompleteNormedModule)). intros y _.
  apply (continuous_mult (fun y => psi (a * y - b)) (fun y => / d * Psi (d * x + (c * y - e)))).
  - apply (continuous_comp (fun y => a * y - b) psi); [|apply psi_continuous]. apply (ex_derive_continuous (fun y : R => a * y - b)). auto_derive. trivial.
  - apply (continuous_scal_r (/ d) (fun y => Psi (d * x + (c * y - e)))). apply (continuous_comp (fun y => d * x + (c * y - e)) Psi).
    + apply (ex_derive_continuous (fun y : R => d * x + (c * y - e))). auto_derive. trivial.
    + apply (ex_derive_continuous Psi). eexists. apply Psi_derive. Qed.

Let K (x : R) : R := RInt (g x) (- M) M.
Let F (x : R) : R := RInt (G x) (- M) M.

Lemma F_derive x : is_derive F x (K x).
Proof. assert (E : forall u v, Derive (fun z => G z v) u = g u v) by (intros; apply is_derive_unique, G_derive).
  replace (K x) with (RInt (fun t => Derive (fun u => G u t) x) (- M) M) by (apply RInt_ext; intros; apply E).
  apply (is_derive_RInt_param G (- M) M x).
  - exists (mkposreal 1 Rlt_0_1). intros y _ t _. eexists. apply G_derive.
  - intros t _. apply (continuity_2d_pt_ext g); [intros; symmetry; apply E | apply g_continuous].
  - exists (mkposreal 1 Rlt_0_1). intros y _. apply G_integrable. Qed.

Lemma psi_bound t : Rabs (psi t) <= 48.
Proof. destruct (Rle_dec t 0); [rewrite psi_left, Rabs_R0 by assumption; lra|]. destruct (Rle_dec 3 t); [rewrite psi_right, Rabs_R0 by assumption; lra|].
  assert (L := psi_lipschitz t 0). rewrite (psi_left 0), Rminus_0_r, Rminus_0_r, (Rabs_pos_eq t) in L by lra. lra. Qed.

Lemma K_continuous x : continuous K x.
Proof. apply (lipschitz_continuous K ((M - - M) * (48 * (16 * Rabs d)))). intros s t. unfold K.
  rewrite <- (RInt_minus (g s) (g t)) by apply g_integrable.
  replace ((M - - M) * (48 * (16 * Rabs d)) * Rabs (s - t)) with ((M - - M) * (48 * (16 * Rabs d) * Rabs (s - t))) by ring.
  apply abs_RInt_le_const; [lra | apply (ex_RInt_minus (g s) (g t)); apply g_integrable|].
  intros y _. unfold minus, plus, opp. simpl. unfold g.
  replace (psi (a * y - b) * psi (d * s + (c * y - e)) + - (psi (a * y - b) * psi (d * t + (c * y - e))))
    with (psi (a * y - b) * (psi (d * s + (c * y - e)) - psi (d * t + (c * y - e)))) by ring.
  rewrite Rabs_mult, !Rmult_assoc. apply Rmult_le_compat; [apply Rabs_pos | apply Rabs_pos | apply psi_bound|].
  eapply Rle_trans; [apply psi_lipschitz|]. apply Rmult_le_compat_l; [lra|]. rewrite <- Rabs_mult. right. f_equal. ring. Qed.

(* outside of [-X, X] the strips of Psi and of [-M, M] do not meet *)
Lemma sheared_integral X : Rabs d * X >= Rabs c * M + Rabs e + 3 -> 0 <= X -> is_RInt K (- X) X 0.
Proof. intros HX PX. assert (Z : forall x, x = X \/ x = - X -> F x = 0).
  { intros x Hx. apply is_RInt_unique. apply RInt_zero_on; [lra|]. intros y Hy. unfold G. rewrite Psi_outside; [ring|].
    assert (B : Rabs (c * y - e) <= Rabs c * M + Rabs e).
    { eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp, Rabs_mult. apply Rplus_le_compat_r, Rmult_le_compat_l; [apply Rabs_pos | apply Rabs_le; lra]. }
    assert (A : Rabs (d * x) = Rabs d * X) by (rewrite Rabs_mult; f_equal; destruct Hx as [-> | -> ]; [|rewrite Rabs_Ropp]; apply Rabs_pos_eq, PX).
    apply Rabs_le_between in B. unfold Rabs in A at 1. destruct (Rcase_abs (d * x)); [left | right]; lra. }
  assert (E : minus (F X) (F (- X)) = 0) by (rewrite (Z X), (Z (- X)) by auto; unfold minus, plus, opp; simpl; ring). rewrite <- E.
  apply (is_RInt_derive F K); [intros; apply F_derive | intros; apply K_continuous]. Qed.
End Sheared.

(* the part of the plane where neither ridge vanishes lies in the square *)
Definition meet_inside (a1 a2 b c1 c2 e : R) : Prop :=
  forall x y, 0 < a1 * x + a2 * y - b < 3 -> 0 < c1 * x + c2 * y - e < 3 -> -1 <= x <= 1 /\ -1 <= y <= 1.

Lemma ridges_sheared a1 a2 b c1 c2 e : a2 <> 0 -> a1 * c2 - a2 * c1 <> 0 -> meet_inside a1 a2 b c1 c2 e ->
  is_RInt (fun x => RInt (fun y => psi (a1 * x + a2 * y - b) * psi (c1 * x + c2 * y - e)) (-1) 1) (-1) 1 0.
Proof. intros Ha Hdet HS. set (s := a1 / a2). set (d := c1 - c2 * s). set (h := fun x y => psi (a1 * x + a2 * y - b) * psi (c1 * x + c2 * y - e)).
  assert (Hd : d <> 0).
  { intros E. apply Hdet. replace (a1 * c2 - a2 * c1) with (- a2 * d) by (unfold d, s; field; assumption). rewrite E. ring. }
  assert (Z : forall x y, x < -1 \/ 1 < x \/ y < -1 \/ 1 < y -> h x y = 0).
  { intros x y Hxy. unfold h. set (p := a1 * x + a2 * y - b). set (q := c1 * x + c2 * y - e).
    destruct (Rle_dec p 0); [rewrite (psi_left p) by assumption; ring|]. destruct (Rle_dec 3 p); [rewrite (psi_right p) by assumption; ring|].
    destruct (Rle_dec q 0); [rewrite (psi_left q) by assumption; ring|]. destruct (Rle_dec 3 q); [rewrite (psi_right q) by assumption; ring|].
    exfalso. assert (X := HS x y). fold p q in X. lra. }
  set (M := (Rabs b + 3) / Rabs a2). assert (Pa := Rabs_pos_lt a2 Ha). assert (Pb := Rabs_pos b).
  assert (HM : 0 <= M) by (apply Rmult_le_pos; [lra | left; apply Rinv_0_lt_compat, Pa]).
  set (g := fun x y => psi (a2 * y - b) * psi (d * x + (c2 * y - e))).
  assert (EK : forall x, RInt (h x) (-1) 1 = RInt (g x) (- M) M).
  { intros x. assert (Sg : forall y, y < - M \/ M < y -> g x y = 0).
    { intros y Hy. unfold g. assert (B : Rabs b + 3 <= Rabs (a2 * y)).
      { rewrite Rabs_mult. replace (Rabs b + 3) with (Rabs a2 * M) by (unfold M; field; lra). apply Rmult_le_compat_l; [lra|].
        unfold Rabs. destruct (Rcase_abs y); lra. }
      assert (Q := Rle_abs b). assert (Q' := Rle_abs (- b)). rewrite Rabs_Ropp in Q'.
      unfold Rabs in B at 2. destruct (Rcase_abs (a2 * y)); [rewrite psi_left by lra | rewrite psi_right by lra]; ring. }
    assert (I : IntR (g x) (RInt (g x) (- M) M)).
    { apply (IntR_compact (g x) (- M) M); [lra | exact Sg|]. apply (RInt_correct (V := R_CompleteNormedModule)), g_integrable. }
    apply is_RInt_unique, (IntR_iff_RInt (h x) (-1) 1); [lra | intros y Hy; apply Z; lra|].
    apply (IntR_ext (fun y => g x (y + s * x))); [|apply IntR_shift, I].
    intros y. unfold g, h, d, s. f_equal; f_equal; field; assumption. }
  apply (is_RInt_ext (fun x => RInt (g x) (- M) M)); [intros x _; symmetry; apply EK|].
  set (X := Rmax 1 ((Rabs c2 * M + Rabs e + 3) / Rabs d)). assert (X1 := Rmax_l 1 ((Rabs c2 * M + Rabs e + 3) / Rabs d)).
  assert (X2 := Rmax_r 1 ((Rabs c2 * M + Rabs e + 3) / Rabs d)). fold X in X1, X2. assert (Pd := Rabs_pos_lt d Hd).
  assert (I : is_RInt (fun x => RInt (g x) (- M) M) (- X) X 0).
  { apply sheared_integral; [assumption | assumption | | lra]. apply (Rmult_le_compat_l (Rabs d)) in X2; [|lra].
    replace (Rabs d * ((Rabs c2 * M + Rabs e + 3) / Rabs d)) with (Rabs c2 * M + Rabs e + 3) in X2 by (field; lra). lra. }
  assert (S : forall x, x < -1 \/ 1 < x -> RInt (g x) (- M) M = 0).
  { intros x Hx. rewrite <- EK. apply is_RInt_unique. apply RInt_zero_on; [lra|]. intros y _. apply Z. lra. }
  assert (L := IntR_compact _ (- X) X 0 ltac:(lra) (fun x Hx => S x ltac:(lra)) I).
  apply (IntR_iff_RInt _ (-1) 1 0 ltac:(lra) S). exact L. Qed.

Lemma ridges a1 a2 b c1 c2 e : a1 * c2 - a2 * c1 <> 0 -> meet_inside a1 a2 b c1 c2 e ->
  is_RInt (fun x => RInt (fun y => psi (a1 * x + a2 * y - b) * psi (c1 * x + c2 * y - e)) (-1) 1) (-1) 1 0.
Proof. intros Hdet HS. destruct (Req_dec a2 0) as [E|N]; [|apply ridges_sheared; assumption].
  assert (Nc : c2 <> 0) by (intros E'; apply Hdet; rewrite E, E'; ring).
  apply (is_RInt_ext (fun x => RInt (fun y => psi (c1 * x + c2 * y - e) * psi (a1 * x + a2 * y - b)) (-1) 1)).
  - intros x _. apply RInt_ext. intros; apply Rmult_comm.
  - apply ridges_sheared; [assumption | lra | intros x y Hc Ha; apply HS; assumption]. Qed.
