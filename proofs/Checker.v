(* Programs that check certificates, and what follows if they answer true. *)
Require Import Reals Lra Lia ZArith QArith Qreals List Bool.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Spectrum ReluGram Bridge Certificate.
Import ListNotations.
Open Scope R_scope.

Definition Qlt_bool (x y : Q) : bool := negb (Qle_bool y x).
Lemma Qle_R x y : Qle_bool x y = true -> Q2R x <= Q2R y.
Proof. intros H. apply Qle_Rle, Qle_bool_iff, H. Qed.
Lemma Qlt_R x y : Qlt_bool x y = true -> Q2R x < Q2R y.
Proof. intros H. apply Qlt_Rlt, Qnot_le_lt. intros L. apply Qle_bool_iff in L. unfold Qlt_bool in H. rewrite L in H. discriminate. Qed.
Lemma Q2R_zero : Q2R 0 = 0. Proof. unfold Q2R; simpl; field. Qed.
Lemma Q2R_one : Q2R 1 = 1. Proof. unfold Q2R; simpl; field. Qed.

Fixpoint sumQ (n : nat) (f : nat -> Q) : Q := match n with O => 0%Q | S m => Qred (sumQ m f + f m) end.
Lemma sumQ_R n f : Q2R (sumQ n f) = nsum n (fun i => Q2R (f i)).
Proof. induction n as [|n IH]; [apply Q2R_zero|]. cbn [sumQ nsum]. rewrite (Qeq_eqR _ _ (Qred_correct _)), Q2R_plus, IH. reflexivity. Qed.

Lemma forallb_seq f a n i : forallb f (seq a n) = true -> (a <= i < a + n)%nat -> f i = true.
Proof. intros H Hi. rewrite forallb_forall in H. apply H, in_seq. lia. Qed.

Definition at_ (L : list Q) (i : nat) : Q := nth i L 0%Q.
Definition biases (L : list Q) (i : nat) : R := Q2R (at_ L i).

Definition entryQ (b c : Q) : Q :=
  let (low, high) := if Qle_bool b c then (b, c) else (c, b) in
  let d := (1 - high)%Q in Qred (d * d * (d * (1 # 3) + (high - low) * (1 # 2)))%Q.
Lemma entryQ_R b c : Q2R (entryQ b c) = sigma_entry (Q2R b) (Q2R c).
Proof. unfold entryQ. destruct (Qle_bool b c) eqn:E.
  - apply Qle_R in E. rewrite (Qeq_eqR _ _ (Qred_correct _)), !Q2R_mult, Q2R_plus, !Q2R_mult, !Q2R_minus, Q2R_one, !Q2R_make.
    rewrite sigma_entry_le by assumption. field.
  - assert (L : Q2R c < Q2R b) by (apply Qlt_R; unfold Qlt_bool; rewrite E; reflexivity).
    rewrite (Qeq_eqR _ _ (Qred_correct _)), !Q2R_mult, Q2R_plus, !Q2R_mult, !Q2R_minus, Q2R_one, !Q2R_make.
    rewrite sigma_entry_sym, sigma_entry_le by lra. field. Qed.

Section Check.
Variable b : list Q.
Let K := length b.

Definition check_biases : bool :=
  Nat.ltb 0 K && forallb (fun i => Qle_bool (-1 # 1) (at_ b i) && Qle_bool (at_ b i) 1) (seq 0 K).
Lemma biases_range : check_biases = true -> (0 < K)%nat /\ forall i, (i < K)%nat -> -1 <= biases b i <= 1.
Proof. unfold check_biases. rewrite andb_true_iff, Nat.ltb_lt. intros [HK H]. split; [assumption|]. intros i Hi.
  apply (forallb_seq _ _ _ i) in H; [|lia]. rewrite andb_true_iff in H. destruct H as [H1 H2]. apply Qle_R in H1. apply Qle_R in H2.
  rewrite Q2R_make in H1. rewrite Q2R_one in H2. unfold biases. lra. Qed.

(* lambda_max <= hi *)
Definition check_high (x : list Q) (hi : Q) : bool :=
  forallb (fun i => Qlt_bool 0 (at_ x i) && Qle_bool (sumQ K (fun j => entryQ (at_ b i) (at_ b j) * at_ x j)%Q) (hi * at_ x i)) (seq 0 K).
Lemma check_high_sound x hi : check_biases = true -> check_high x hi = true -> forall v, form K (G_sigma (biases b)) v <= Q2R hi * norm2 K v.
Proof. intros HB H v. destruct (biases_range HB) as [HK Hb].
  apply (collatz K (G_sigma (biases b)) (fun i => Q2R (at_ x i))).
  - apply G_sigma_symmetric. assumption.
  - intros i j Hi Hj. rewrite (G_sigma_entry K) by assumption. apply (is_RInt_le (fun _ => 0) (fun y => relu (y - biases b i) * relu (y - biases b j)) (-1) 1).
    + lra.
    + apply RInt_zero_on; [lra | reflexivity].
    + apply sigma_integral; apply Hb; assumption.
    + intros y _. apply Rmult_le_pos; unfold relu; apply Rmax_l.
  - intros i Hi. apply (forallb_seq _ _ _ i) in H; [|lia]. rewrite andb_true_iff in H. destruct H as [H1 H2]. apply Qlt_R in H1. apply Qle_R in H2.
    rewrite Q2R_zero in H1. split; [assumption|]. rewrite sumQ_R, Q2R_mult in H2. eapply Rle_trans; [right | exact H2].
    apply nsum_ext; intros j Hj. rewrite Q2R_mult, entryQ_R, (G_sigma_entry K) by assumption. reflexivity. Qed.

(* Rayleigh quotients: p |x|^2 <= x'G x <= q |x|^2 *)
Definition formQ (x : list Q) : Q := sumQ K (fun i => at_ x i * sumQ K (fun j => entryQ (at_ b i) (at_ b j) * at_ x j))%Q.
Definition normQ (x : list Q) : Q := sumQ K (fun i => at_ x i * at_ x i)%Q.
Definition check_rayleigh (x : list Q) (p q : Q) : bool :=
  Qlt_bool 0 (normQ x) && Qle_bool (p * normQ x) (formQ x) && Qle_bool (formQ x) (q * normQ x).
Lemma check_rayleigh_sound x p q : check_biases = true -> check_rayleigh x p q = true ->
  let v := fun i => Q2R (at_ x i) in nonzero K v /\ Q2R p * norm2 K v <= form K (G_sigma (biases b)) v <= Q2R q * norm2 K v.
Proof. intros HB H v. destruct (biases_range HB) as [HK Hb].
  unfold check_rayleigh in H. rewrite !andb_true_iff in H. destruct H as [[H1 H2] H3]. apply Qlt_R in H1. apply Qle_R in H2. apply Qle_R in H3.
  assert (EN : Q2R (normQ x) = norm2 K v) by (unfold normQ; rewrite sumQ_R; apply nsum_ext; intros i _; rewrite Q2R_mult; unfold v; ring).
  assert (EF : Q2R (formQ x) = form K (G_sigma (biases b)) v).
  { unfold formQ. rewrite sumQ_R, form_product. apply nsum_ext; intros i Hi. rewrite Q2R_mult, sumQ_R. unfold v at 1. f_equal.
    apply nsum_ext; intros j Hj. rewrite Q2R_mult, entryQ_R, (G_sigma_entry K) by assumption. reflexivity. }
  rewrite Q2R_mult in H2, H3. rewrite EN in *. rewrite EF in *. rewrite Q2R_zero in H1. split; [|lra].
  destruct (zero_or_not K v) as [N|Z]; [assumption|]. exfalso. assert (norm2 K v = 0) by (apply nsum_zero; intros i Hi; rewrite (Z i Hi); ring). lra. Qed.

(* lo <= lambda_min *)
Variables (lo : Q) (a1 a2 g1 g2 r : list Q).
Definition node (i : nat) : Q := if Nat.ltb i K then at_ b i else 1%Q.
Definition gap (k : nat) : Q := (node (S k) - node k)%Q.
Definition weightQ (k : nat) : Q := ((match k with O => 1 | S _ => 1 + at_ a1 k end) + 1 + at_ a2 (S k))%Q.
Definition leftQ (k : nat) : Q := (gap k * (1 # 3) * (1 - at_ g1 k * (1 # 2)) - lo * weightQ k * at_ r k * (1 + at_ g1 k))%Q.
Definition rightQ (k : nat) : Q := match k with
  | O => (gap k * (1 # 3) - lo * weightQ k * at_ r k)%Q
  | S _ => (gap k * (1 # 3) * (1 - at_ g2 k * (1 # 2)) - lo * weightQ k * at_ r k * (1 + at_ g2 k))%Q end.
Definition check_low : bool :=
  Qle_bool 0 lo && forallb (fun k => Qlt_bool (node k) (node (S k)) && Qlt_bool 0 (at_ a1 k) && Qle_bool 1 (at_ a1 k * at_ a2 k)
    && Qlt_bool 0 (at_ g1 k) && Qle_bool 1 (at_ g1 k * at_ g2 k) && Qle_bool 1 (at_ r k * (gap k * gap k))) (seq 0 K)
  && forallb (fun k => Qle_bool (-1 # 1) (at_ a2 k)) (seq 0 (S K))
  && forallb (fun k => Qle_bool 0 (Qred (rightQ (k - 1)) + Qred (leftQ k))) (seq 1 (K - 1)) && Qle_bool 0 (rightQ (K - 1)).

Lemma check_low_sound : check_biases = true -> check_low = true -> forall v, Q2R lo * norm2 K v <= form K (G_sigma (biases b)) v.
Proof. intros HB H v. destruct (biases_range HB) as [HK Hb]. unfold check_low in H. rewrite !andb_true_iff in H. destruct H as [[[[H1 H2] H3] H4] H5].
  set (c := fun i => Q2R (node i)).
  assert (Cb : forall i, (i < K)%nat -> c i = biases b i) by (intros i Hi; unfold c, node; rewrite (proj2 (Nat.ltb_lt i K) Hi); reflexivity).
  assert (All : forall k, (k < K)%nat -> c k < c (S k) /\ 0 < Q2R (at_ a1 k) /\ 1 <= Q2R (at_ a1 k) * Q2R (at_ a2 k) /\
     0 < Q2R (at_ g1 k) /\ 1 <= Q2R (at_ g1 k) * Q2R (at_ g2 k) /\ 1 <= Q2R (at_ r k) * (c (S k) - c k) ^ 2).
  { intros k Hk. apply (forallb_seq _ _ _ k) in H2; [|lia]. rewrite !andb_true_iff in H2. destruct H2 as [[[[[X1 X2] X3] X4] X5] X6].
    apply Qlt_R in X1. apply Qlt_R in X2. apply Qle_R in X3. apply Qlt_R in X4. apply Qle_R in X5. apply Qle_R in X6.
    rewrite Q2R_zero in X2, X4. rewrite Q2R_one in X3, X5, X6. rewrite Q2R_mult in X3, X5. unfold gap in X6. rewrite !Q2R_mult, !Q2R_minus in X6.
    fold (c k) in X1, X6. fold (c (S k)) in X1, X6. repeat split; try assumption. simpl. lra. }
  rewrite (form_ext K (G_sigma (biases b)) (G_sigma c) v v); [|intros i j Hi Hj; unfold G_sigma, gram; rewrite !Cb by assumption; reflexivity | reflexivity].
  assert (EW : forall k, Q2R (weightQ k) = slope_weight (fun k => Q2R (at_ a1 k)) (fun k => Q2R (at_ a2 k)) k).
  { intros [|k]; unfold weightQ, slope_weight; rewrite !Q2R_plus, ?Q2R_one; reflexivity. }
  assert (EL : forall k, Q2R (leftQ k) = left_rest c (Q2R lo) (fun k => Q2R (at_ a1 k)) (fun k => Q2R (at_ a2 k)) (fun k => Q2R (at_ g1 k)) (fun k => Q2R (at_ r k)) k).
  { intros k. unfold leftQ, left_rest, gap. rewrite <- EW. repeat rewrite ?Q2R_minus, ?Q2R_mult, ?Q2R_plus. rewrite !Q2R_make, ?Q2R_one. fold (c k) (c (S k)). field. }
  assert (ER : forall k, Q2R (rightQ k) = right_rest c (Q2R lo) (fun k => Q2R (at_ a1 k)) (fun k => Q2R (at_ a2 k)) (fun k => Q2R (at_ g2 k)) (fun k => Q2R (at_ r k)) k).
  { intros [|k]; unfold rightQ, right_rest, gap; rewrite <- EW; repeat rewrite ?Q2R_minus, ?Q2R_mult, ?Q2R_plus; rewrite !Q2R_make, ?Q2R_one.
    - fold (c 0%nat) (c 1%nat). field.
    - fold (c (S k)) (c (S (S k))). field. }
  apply (smallest_form K c (Q2R lo) (fun k => Q2R (at_ a1 k)) (fun k => Q2R (at_ a2 k)) (fun k => Q2R (at_ g1 k)) (fun k => Q2R (at_ g2 k)) (fun k => Q2R (at_ r k))).
  - assumption.
  - rewrite Cb by assumption. apply Hb; assumption.
  - intros k Hk. apply All, Hk.
  - unfold c, node. rewrite (proj2 (Nat.ltb_ge K K) (le_n K)). apply Q2R_one.
  - apply Qle_R in H1. rewrite Q2R_zero in H1. assumption.
  - intros k Hk. destruct (All k Hk) as [_ [A1 [A2 _]]]. auto.
  - intros k Hk. destruct (All k Hk) as [_ [_ [_ [A3 [A4 _]]]]]. auto.
  - intros k Hk. apply All, Hk.
  - intros k K1 K2. apply (forallb_seq _ _ _ k) in H4; [|lia]. apply Qle_R in H4.
    rewrite Q2R_zero, Q2R_plus, !(Qeq_eqR _ _ (Qred_correct _)), EL, ER in H4. assumption.
  - apply Qle_R in H5. rewrite Q2R_zero, ER in H5. assumption.
  - intros k Hk. apply (forallb_seq _ _ _ k) in H3; [|lia]. apply Qle_R in H3. rewrite Q2R_make in H3. lra. Qed.
End Check.

(* a certificate: bounds of the largest and of the smallest eigenvalue from both sides *)
Record certificate := { largest_vector : list Q; smallest_vector : list Q; low_p : Q; low_q : Q; high_p : Q; high_q : Q;
  slopes1 : list Q; slopes2 : list Q; values1 : list Q; values2 : list Q; gaps2 : list Q }.
Definition check (b : list Q) (w : certificate) : bool :=
  check_biases b && Qlt_bool 0 (low_p w) && Qlt_bool 0 (low_q w) && Qle_bool 0 (high_p w)
  && check_high b (largest_vector w) (high_q w) && check_rayleigh b (largest_vector w) (high_p w) (high_q w)
  && check_rayleigh b (smallest_vector w) (low_p w) (low_q w)
  && check_low b (low_p w) (slopes1 w) (slopes2 w) (values1 w) (values2 w) (gaps2 w).

Lemma check_sound b w kappa : check b w = true -> condition_number (length b) (G_sigma (biases b)) kappa ->
  Q2R (high_p w) / Q2R (low_q w) <= kappa <= Q2R (high_q w) / Q2R (low_p w).
Proof. unfold check. rewrite !andb_true_iff. intros [[[[[[[H1 H2] H3] H4] H5] H6] H7] H8] Hk.
  destruct (biases_range b H1) as [HK Hb]. apply Qlt_R in H2. apply Qlt_R in H3. apply Qle_R in H4. rewrite Q2R_zero in *.
  destruct (check_rayleigh_sound b _ _ _ H1 H6) as [Nu [Fu _]]. destruct (check_rayleigh_sound b _ _ _ H1 H7) as [Nv [_ Fv]]. split.
  - eapply condition_ge; [exact HK | apply G_sigma_symmetric; exact Hb | exact Nu | exact Nv | assumption | assumption | exact Fu | exact Fv | exact Hk].
  - apply (condition_le (length b) (G_sigma (biases b))); [assumption | | exact Hk]. intros v. split.
    + exact (check_low_sound b _ _ _ _ _ _ H1 H8 v).
    + exact (check_high_sound b _ _ H1 H5 v). Qed.

(* equal spacing as a list of rational numbers *)
Definition equal_list (K : nat) : list Q := map (fun i => Qmake (2 * Z.of_nat i - Z.of_nat K) (Pos.of_nat K)) (seq 0 K).

Lemma equal_list_R K i : (i < K)%nat -> biases (equal_list K) i = equal_spacing K i.
Proof. intros Hi. unfold biases, at_, equal_list.
  rewrite (nth_indep _ 0%Q (Qmake (2 * Z.of_nat 0 - Z.of_nat K) (Pos.of_nat K))) by (rewrite map_length, seq_length; assumption).
  rewrite (map_nth (fun i => Qmake (2 * Z.of_nat i - Z.of_nat K) (Pos.of_nat K))), seq_nth by assumption. simpl plus.
  rewrite Q2R_make, minus_IZR, mult_IZR, <- !INR_IZR_INZ. unfold equal_spacing.
  assert (E : IZR (Z.pos (Pos.of_nat K)) = INR K).
  { rewrite INR_IZR_INZ. f_equal. rewrite <- positive_nat_Z, Nat2Pos.id by lia. reflexivity. }
  rewrite E, Nat.add_0_l. assert (P : 0 < INR K) by (apply lt_0_INR; lia). field. lra. Qed.

Lemma check_equal K w kappa : check (equal_list K) w = true -> condition_number K (G_sigma (equal_spacing K)) kappa ->
  Q2R (high_p w) / Q2R (low_q w) <= kappa <= Q2R (high_q w) / Q2R (low_p w).
Proof. intros H Hk. assert (L : length (equal_list K) = K) by (unfold equal_list; rewrite map_length, seq_length; reflexivity).
  apply (check_sound (equal_list K) w kappa H). rewrite L.
  assert (E : forall l, eigenvalue K (G_sigma (equal_spacing K)) l <-> eigenvalue K (G_sigma (biases (equal_list K))) l).
  { intros l. split; intros [v [Nv Hv]]; exists v; (split; [assumption|]); intros i Hi; rewrite <- Hv by assumption; apply nsum_ext; intros j Hj;
      unfold G_sigma, gram; rewrite !equal_list_R by assumption; reflexivity. }
  destruct Hk as [lo [hi [[A1 A2] [[B1 B2] [P ->]]]]]. exists lo, hi. repeat split; try assumption.
  - apply E, A1.
  - intros m Hm. apply A2, E, Hm.
  - apply E, B1.
  - intros m Hm. apply B2, E, Hm. Qed.
