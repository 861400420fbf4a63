(* The Gram matrix of Theorem 3.3: its entries (35)-(45), Gershgorin's bound (46), (47), and the least upper bound 9/4. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum Riesz Gershgorin.
Import ListNotations.
Open Scope R_scope.

(* ---------- integrals over D ---------- *)
Lemma IntR_iff_RInt (f : R -> R) (A B l : R) : A <= B ->
  (forall x, x < A \/ B < x -> f x = 0) -> (IntR f l <-> is_RInt f A B l).
Proof. intros HAB H0. split; [|apply IntR_compact; assumption].
  intros Hl. apply IntR_RInt; try assumption.
  destruct (Hl (fun _ => True)) as [Q S [M1 HQ] [M2 HS] HQS]; [apply filter_true|].
  pose (a := Rmin A M1 - 1). pose (b := Rmax B M2 + 1).
  assert (a < M1 /\ a < A) as [a1 a2] by (unfold a; assert (P := Rmin_l A M1); assert (P' := Rmin_r A M1); lra).
  assert (M2 < b /\ B < b) as [b1 b2] by (unfold b; assert (P := Rmax_l B M2); assert (P' := Rmax_r B M2); lra).
  destruct (HQS a b (HQ a a1) (HS b b1)) as [y [Hy _]]. simpl in Hy.
  assert (E : ex_RInt f a b) by (exists y; exact Hy).
  apply (ex_RInt_Chasles_2 f a A B); [lra|]. apply (ex_RInt_Chasles_1 f a B b); [lra | exact E]. Qed.

(* t = (3/2)(x + 1) takes D to [0, 3] *)
Lemma RInt_D (f : R -> R) (l : R) : is_RInt f 0 3 l -> is_RInt (fun x => f (3/2 * (x + 1))) (-1) 1 (2/3 * l).
Proof. intros H.
  apply (is_RInt_ext (fun x => 2/3 * (3/2 * f (3/2 * x + 3/2)))).
  { intros x _. replace (3/2 * x + 3/2) with (3/2 * (x + 1)) by field. simpl. field. }
  apply (is_RInt_scal (fun x => 3/2 * f (3/2 * x + 3/2)) (-1) 1 (2/3) l).
  apply (is_RInt_comp_lin f (3/2) (3/2) (-1) 1).
  replace (3/2 * -1 + 3/2) with 0 by field. replace (3/2 * 1 + 3/2) with 3 by field. exact H. Qed.

Lemma psi_support t : t <= 0 \/ 3 <= t -> psi t = 0.
Proof. intros [H|H]; [apply psi_left | apply psi_right]; assumption. Qed.

Lemma psi_jk_support j k t : t <= IZR k / 2 ^ j \/ (IZR k + 3) / 2 ^ j <= t -> psi_jk j k t = 0.
Proof. assert (P := pow2_pos j). intros H. unfold psi_jk. rewrite psi_support; [ring|].
  destruct H as [H|H]; [left|right]; apply (Rmult_le_compat_l (2 ^ j)) in H; try lra;
    match type of H with context [?a / 2 ^ j] => replace (2 ^ j * (a / 2 ^ j)) with a in H by (field; lra) end; lra. Qed.

Lemma RInt_of_line (f g : R -> R) l : (forall t, t < 0 \/ 3 < t -> f t = 0) -> IntR (fun t => f t * g t) l ->
  is_RInt (fun x => f (3/2 * (x + 1)) * g (3/2 * (x + 1))) (-1) 1 (2/3 * l).
Proof. intros H0 H. apply (RInt_D (fun t => f t * g t)). apply IntR_iff_RInt; [lra | | assumption].
  intros x Hx. rewrite H0 by assumption. ring. Qed.

(* ---------- the indices ---------- *)
Definition ix (i : nat) : idx := (level i, Z.of_nat (shift i)).

Lemma level_shift i : (2 ^ level i + shift i = S i /\ shift i < 2 ^ level i)%nat.
Proof. unfold shift, level. destruct (Nat.log2_spec (S i)) as [L U]; [lia|]. simpl Nat.pow in U. lia. Qed.

Lemma ix_injective i j : ix i = ix j -> i = j.
Proof. unfold ix. intros E. injection E; intros E2 E1. apply Nat2Z.inj in E2.
  destruct (level_shift i) as [A _]. destruct (level_shift j) as [B _]. rewrite E1, E2 in A. lia. Qed.

Lemma level_lt J i : (i < 2 ^ J - 1)%nat -> (level i < J)%nat.
Proof. intros H. apply Nat.log2_lt_pow2; lia. Qed.

Lemma level_at j k : (k < 2 ^ j)%nat -> level (2 ^ j - 1 + k) = j /\ shift (2 ^ j - 1 + k) = k.
Proof. intros Hk. assert (P : (2 ^ j <> 0)%nat) by (apply Nat.pow_nonzero; lia).
  assert (E : level (2 ^ j - 1 + k) = j).
  { unfold level. apply Nat.log2_unique; [lia|]. simpl Nat.pow. lia. }
  split; [exact E|]. destruct (level_shift (2 ^ j - 1 + k)) as [A _]. rewrite E in A. lia. Qed.

Lemma neuron_support i t : t < 0 \/ 3 < t -> psi_jk (level i) (Z.of_nat (shift i)) t = 0.
Proof. intros H. apply psi_jk_support. assert (P := pow2_pos (level i)). assert (Q := pos_INR (shift i)). rewrite <- INR_IZR_INZ.
  destruct H as [H|H]; [left | right].
  - apply Rle_trans with 0; [lra|]. apply Rmult_le_pos; [assumption | left; apply Rinv_0_lt_compat; assumption].
  - apply Rle_trans with 3; [|lra]. apply (Rmult_le_reg_r (2 ^ level i)); [assumption|].
    replace ((INR (shift i) + 3) / 2 ^ level i * 2 ^ level i) with (INR (shift i) + 3) by (field; lra).
    destruct (level_shift i) as [_ L]. assert (X : INR (shift i) + 1 <= 2 ^ level i).
    { rewrite <- S_INR. change 2 with (INR 2). rewrite <- pow_INR. apply le_INR. lia. }
    assert (Y : 1 <= 2 ^ level i) by (apply pow_R1_Rle; lra). lra. Qed.

(* ---------- the entries ---------- *)
Lemma G_psi_integral i j : is_RInt (fun x => neuron i x * neuron j x) (-1) 1 (2/3 * psi_entry2 (ix i) (ix j)).
Proof. apply (RInt_of_line (psi_jk (level i) (Z.of_nat (shift i))) (psi_jk (level j) (Z.of_nat (shift j)))).
  - apply neuron_support.
  - apply (psi_gram (ix i) (ix j)). Qed.

Lemma G_psi_entry i j : G_psi i j = 2/3 * psi_entry2 (ix i) (ix j).
Proof. apply is_RInt_unique, G_psi_integral. Qed.

Lemma G_psi_levels i j : level i <> level j -> G_psi i j = 0.
Proof. intros H. rewrite G_psi_entry. unfold psi_entry2, ix; cbn [fst snd]. destruct (Nat.eq_dec _ _); [contradiction | ring]. Qed.

Lemma G_psi_same i j d : level i = level j -> Z.abs (Z.of_nat (shift i) - Z.of_nat (shift j)) = d ->
  G_psi i j = if (d =? 0)%Z then 1/6 else if (d =? 1)%Z then C1 else if (d =? 2)%Z then C2 else 0.
Proof. intros H D. rewrite G_psi_entry. unfold psi_entry2, ix; cbn [fst snd]. destruct (Nat.eq_dec _ _); [|contradiction].
  rewrite <- Z.abs_opp in D. replace (- (Z.of_nat (shift i) - Z.of_nat (shift j)))%Z with (Z.of_nat (shift j) - Z.of_nat (shift i))%Z in D by lia.
  unfold psi_entry. rewrite D. unfold C1, C2.
  destruct (Z.eqb_spec d 0) as [E|E]; destruct (Z.eqb_spec (Z.of_nat (shift j) - Z.of_nat (shift i)) 0); try lia; [field|].
  destruct (Z.eqb_spec d 1); [field|]. destruct (Z.eqb_spec d 2); [field | ring]. Qed.

Lemma psi_entry_sym k : psi_entry (- k) = psi_entry k.
Proof. unfold psi_entry. rewrite Z.abs_opp. destruct (Z.eqb_spec k 0); destruct (Z.eqb_spec (-k) 0); try lia; reflexivity. Qed.

Lemma G_psi_symmetric n : symmetric n G_psi.
Proof. intros i j _ _. rewrite !G_psi_entry. f_equal. unfold psi_entry2.
  destruct (Nat.eq_dec (fst (ix i)) (fst (ix j))); destruct (Nat.eq_dec (fst (ix j)) (fst (ix i))); try congruence.
  rewrite <- psi_entry_sym. f_equal; lia. Qed.

Lemma psi_translates (k : Z) : IntR (fun t => psi t * psi (t - IZR k)) (psi_entry k).
Proof. eapply IntR_eq; [|eapply IntR_ext; [|apply (psi_jk_same 0 0 k)]].
  - f_equal; lia.
  - intros t. unfold psi_jk. simpl. rewrite sqrt_1, !Rmult_1_l, Rminus_0_r. reflexivity. Qed.

(* ---------- Gershgorin, as in the paper's proof ---------- *)
Lemma indicator_le n c w : 0 <= w -> nsum n (fun j => if idx_dec (ix j) c then w else 0) <= w.
Proof. intros Hw. induction n as [|n IH]; simpl; [assumption|]. destruct (idx_dec (ix n) c) as [E|E]; [|lra].
  rewrite nsum_zero; [lra|]. intros j Hj. destruct (idx_dec (ix j) c) as [E'|]; [|reflexivity].
  exfalso. assert (X : j = n) by (apply ix_injective; congruence). lia. Qed.

Lemma G_psi_row n i : row_sum n G_psi i <= 2 * (Rabs C1 + Rabs C2).
Proof.
  assert (EC : 2 * (Rabs C1 + Rabs C2) = 11/162).
  { unfold C1, C2. rewrite (Rabs_pos_eq (5/162)), (Rabs_left (-1/324)) by lra. field. }
  assert (PP : forall (a b : idx) (w : R), a = b -> (if idx_dec a b then w else 0) = w).
  { intros a b w ->. destruct (idx_dec b b); [reflexivity | congruence]. }
  rewrite EC. destruct (ix i) as [lv k] eqn:Ei.
  apply Rle_trans with (nsum n (fun j => lsum [(5/162, 1%Z); (5/162, (-1)%Z); (/324, 2%Z); (/324, (-2)%Z)]
     (fun p => if idx_dec (ix j) (lv, (k + snd p)%Z) then fst p else 0))).
  - unfold row_sum. apply nsum_le; intros j _. cbn [lsum fst snd].
    assert (P : forall s w, 0 <= w -> 0 <= (if idx_dec (ix j) (lv, (k + s)%Z) then w else 0)) by (intros s w Hw; destruct (idx_dec _ _); lra).
    assert (P1 := P 1%Z (5/162) ltac:(lra)). assert (P2 := P (-1)%Z (5/162) ltac:(lra)).
    assert (P3 := P 2%Z (/324) ltac:(lra)). assert (P4 := P (-2)%Z (/324) ltac:(lra)).
    destruct (Nat.eq_dec j i) as [_|n0]; [lra|].
    rewrite G_psi_entry, Ei. unfold psi_entry2. destruct (ix j) as [lv' k'] eqn:Ej. cbn [fst snd].
    destruct (Nat.eq_dec lv lv') as [El|El]; [|rewrite Rmult_0_r, Rabs_R0; lra].
    unfold psi_entry. destruct (Z.eqb_spec (k' - k) 0) as [E|E].
    { exfalso; apply n0, ix_injective. rewrite Ei, Ej. f_equal; [congruence | lia]. }
    destruct (Z.eqb_spec (Z.abs (k' - k)) 1) as [F1|F1].
    { replace (2/3 * (5/108)) with (5/162) by field. rewrite Rabs_pos_eq by lra. assert (D : (k' = k + 1 \/ k' = k + -1)%Z) by lia. destruct D as [D|D].
      - rewrite (PP (lv', k') (lv, (k + 1)%Z) (5/162)) by congruence. lra.
      - rewrite (PP (lv', k') (lv, (k + -1)%Z) (5/162)) by congruence. lra. }
    destruct (Z.eqb_spec (Z.abs (k' - k)) 2) as [F2|F2]; [|rewrite Rmult_0_r, Rabs_R0; lra].
    replace (2/3 * - / 216) with (- / 324) by field. rewrite Rabs_Ropp, Rabs_pos_eq by lra. assert (D : (k' = k + 2 \/ k' = k + -2)%Z) by lia. destruct D as [D|D].
    + rewrite (PP (lv', k') (lv, (k + 2)%Z) (/324)) by congruence. lra.
    + rewrite (PP (lv', k') (lv, (k + -2)%Z) (/324)) by congruence. lra.
  - rewrite nsum_lsum_swap. cbn [lsum fst snd].
    assert (Q := fun s w Hw => indicator_le n (lv, (k + s)%Z) w Hw).
    assert (Q1 := Q 1%Z (5/162) ltac:(lra)). assert (Q2 := Q (-1)%Z (5/162) ltac:(lra)).
    assert (Q3 := Q 2%Z (/324) ltac:(lra)). assert (Q4 := Q (-2)%Z (/324) ltac:(lra)). lra. Qed.

Lemma G_psi_discs n l : eigenvalue n G_psi l -> Rabs (l - 1/6) <= 2 * (Rabs C1 + Rabs C2).
Proof. intros H. apply gershgorin in H. destruct H as [i [Hi H]].
  rewrite (G_psi_same i i 0) in H; [|reflexivity | rewrite Z.sub_diag; reflexivity]. simpl Z.eqb in H. cbv iota in H.
  eapply Rle_trans; [exact H | apply G_psi_row]. Qed.

Lemma discs_radius : 2 * (Rabs C1 + Rabs C2) = 11/162.
Proof. unfold C1, C2. rewrite (Rabs_pos_eq (5/162)), (Rabs_left (-1/324)) by lra. field. Qed.

Lemma gershgorin_kappa n kappa : condition_number n G_psi kappa -> kappa <= 19/8.
Proof. intros [l [h [[El _] [[Eh _] [Pl ->]]]]]. apply G_psi_discs in El. apply G_psi_discs in Eh. rewrite discs_radius in *.
  apply Rabs_le_between in El. apply Rabs_le_between in Eh. apply (Rmult_le_reg_r l); [assumption|].
  replace (h / l * l) with h by (field; lra). lra. Qed.

(* ---------- 9/4, from the symbol ---------- *)
Lemma G_psi_form n v : form n G_psi v = 2/3 * form n (entries ix) v.
Proof. rewrite <- (Rplus_0_r (2/3 * _)). replace (form n G_psi v) with (1 * form n G_psi v) by ring. symmetry.
  rewrite <- (form_lin3 n (entries ix) (entries ix) (entries ix) G_psi (2/3) 0 0 1); [ring|].
  intros i j _ _. rewrite G_psi_entry. unfold entries. ring. Qed.

Lemma G_psi_strict n v : nonzero n v -> 8/81 * norm2 n v < form n G_psi v < 2/9 * norm2 n v.
Proof. intros H. rewrite G_psi_form.
  assert (X := entries_strict n ix (fun i j _ _ => ix_injective i j) v H). lra. Qed.

Lemma G_psi_condition n : (0 < n)%nat -> exists kappa, condition_number n G_psi kappa.
Proof. intros Hn. apply condition_exists; [assumption | apply G_psi_symmetric|].
  intros v Nv. assert (X := G_psi_strict n v Nv). apply norm2_nonzero in Nv. lra. Qed.

Lemma G_psi_kappa n kappa : condition_number n G_psi kappa -> kappa < 9/4.
Proof. intros H. replace (9/4) with (2/9 / (8/81)) by field.
  apply (condition_lt n G_psi (8/81) (2/9)); [lra | | assumption].
  intros v Nv. destruct (G_psi_strict n v Nv). lra. Qed.

(* ---------- 9/4 is approached: constant and alternating vectors on the finest level ---------- *)
Lemma form_tail a m A v : (forall i, (i < a)%nat -> v i = 0) ->
  form (a + m) A v = form m (fun i j => A (a + i)%nat (a + j)%nat) (fun i => v (a + i)%nat).
Proof. intros H. unfold form. rewrite nsum_split, nsum_zero, Rplus_0_l.
  - apply nsum_ext; intros i _. rewrite nsum_split, nsum_zero, Rplus_0_l; [reflexivity|]. intros j Hj. rewrite (H j Hj). ring.
  - intros i Hi. apply nsum_zero; intros j _. rewrite (H i Hi). ring. Qed.

Definition toeplitz : matrix := fun k l => psi_entry (Z.of_nat l - Z.of_nat k).

Lemma toeplitz_value (s : R) (v : vector) m : (s = 1 \/ s = -1) -> (forall k, v k ^ 2 = 1) -> (forall k, v k * v (S k) = s) ->
  form (S (S m)) toeplitz v = (27 + 10 * s - 1) / 108 * INR (S (S m)) - (10 * s - 2) / 108.
Proof. intros Hs H2 H1. assert (Hs2 : s ^ 2 = 1) by (destruct Hs as [-> | -> ]; ring).
  assert (SY : forall n, symmetric n toeplitz).
  { intros n i j _ _. unfold toeplitz. rewrite <- psi_entry_sym. f_equal; lia. }
  assert (T0 : forall k, toeplitz k k = /4) by (intros k; unfold toeplitz; rewrite Z.sub_diag; reflexivity).
  assert (T1 : forall k, toeplitz k (S k) = 5/108).
  { intros k. unfold toeplitz. replace (Z.of_nat (S k) - Z.of_nat k)%Z with 1%Z by lia. reflexivity. }
  assert (T2 : forall k, toeplitz k (S (S k)) = -/216).
  { intros k. unfold toeplitz. replace (Z.of_nat (S (S k)) - Z.of_nat k)%Z with 2%Z by lia. reflexivity. }
  assert (H3 : forall k, v k * v (S (S k)) = 1).
  { intros k. replace (v k * v (S (S k))) with (v k * v (S k) * (v (S k) * v (S (S k))) / v (S k) ^ 2).
    - rewrite !H1, H2. replace (s * s) with (s ^ 2) by ring. rewrite Hs2. field.
    - field. intros E. specialize (H2 (S k)). rewrite E in H2. simpl in H2. lra. }
  induction m as [|m IH].
  - rewrite form_S by apply SY. unfold form. cbn [nsum]. rewrite !T0, T1.
    replace (2 * v 1%nat * (0 + v 0%nat * (5/108))) with (2 * (v 0%nat * v 1%nat) * (5/108)) by ring. rewrite H1, H2.
    replace (0 + (0 + v 0%nat * v 0%nat * / 4)) with (v 0%nat ^ 2 / 4) by field. rewrite H2. simpl INR. field.
  - rewrite form_S, IH by apply SY. rewrite T0, H2. cbn [nsum]. rewrite T1, T2, nsum_zero.
    + rewrite !S_INR.
      replace (2 * v (S (S m)) * (0 + v m * - / 216 + v (S m) * (5/108)))
        with (2 * (v (S m) * v (S (S m))) * (5/108) - 2 * (v m * v (S (S m))) / 216) by field.
      rewrite H1, H3. field.
    + intros i Hi. unfold toeplitz, psi_entry.
      destruct (Z.eqb_spec (Z.of_nat (S (S m)) - Z.of_nat i) 0); [lia|].
      destruct (Z.eqb_spec (Z.abs (Z.of_nat (S (S m)) - Z.of_nat i)) 1); [lia|].
      destruct (Z.eqb_spec (Z.abs (Z.of_nat (S (S m)) - Z.of_nat i)) 2); [lia | ring]. Qed.

Lemma G_psi_kappa_lower J kappa : condition_number (2 ^ S (S J) - 1) G_psi kappa ->
  9/4 - 35 / (16 * 2 ^ S J + 12) <= kappa.
Proof. intros HK. set (N := (2 ^ S J)%nat).
  assert (HN : exists m, N = S (S m)).
  { exists (N - 2)%nat. unfold N. simpl Nat.pow. assert (P : (2 ^ J <> 0)%nat) by (apply Nat.pow_nonzero; lia). lia. }
  destruct HN as [m Hm].
  assert (Hn : (2 ^ S (S J) - 1 = (N - 1) + N)%nat) by (unfold N; simpl Nat.pow; lia).
  rewrite Hn in HK.
  assert (EN : INR N = 2 ^ S J) by (unfold N; rewrite pow_INR; reflexivity). rewrite <- EN.
  assert (PN : 2 <= INR N) by (rewrite Hm, !S_INR; assert (X := pos_INR m); lra).
  (* a vector on the finest level *)
  assert (Q : forall (s : R) (w : vector), (s = 1 \/ s = -1) -> (forall k, w k ^ 2 = 1) -> (forall k, w k * w (S k) = s) ->
     exists v, nonzero (N - 1 + N) v /\ norm2 (N - 1 + N) v = INR N /\
       form (N - 1 + N) G_psi v = 2/3 * ((27 + 10 * s - 1) / 108 * INR N - (10 * s - 2) / 108)).
  { intros s w Hs W2 W1. set (v := fun i => if lt_dec i (N - 1) then 0 else w (i - (N - 1))%nat).
    assert (V0 : forall i, (i < N - 1)%nat -> v i = 0) by (intros i Hi; unfold v; destruct (lt_dec i (N - 1)); [reflexivity | lia]).
    assert (V1 : forall i, v (N - 1 + i)%nat = w i).
    { intros i. unfold v. destruct (lt_dec (N - 1 + i) (N - 1)); [lia|]. f_equal; lia. }
    exists v. repeat split.
    - exists (N - 1)%nat. split; [lia|]. replace (N - 1)%nat with (N - 1 + 0)%nat by lia. rewrite V1. intros E.
      specialize (W2 0%nat). rewrite E in W2. simpl in W2. lra.
    - unfold norm2. rewrite nsum_split, nsum_zero by (intros i Hi; rewrite V0 by assumption; ring).
      rewrite (nsum_ext N _ (fun _ => 1)) by (intros i _; rewrite V1; apply W2). rewrite nsum_const. ring.
    - rewrite G_psi_form, form_tail by assumption. f_equal. rewrite Hm at 1. rewrite <- Hm.
      rewrite (form_ext N _ toeplitz _ w).
      + rewrite Hm. apply toeplitz_value; assumption.
      + intros i j Hi Hj. unfold entries, psi_entry2, ix.
        destruct (level_at (S J) i Hi) as [L1 S1]. destruct (level_at (S J) j Hj) as [L2 S2].
        fold N in L1, S1, L2, S2. cbn [fst snd]. rewrite L1, S1, L2, S2. destruct (Nat.eq_dec (S J) (S J)); [reflexivity | congruence].
      + intros i _. apply V1. }
  destruct (Q 1 (fun _ => 1)) as [u [Nu [Eu Fu]]]; [auto | intros; ring | intros; ring |].
  destruct (Q (-1) (fun k => (-1) ^ k)) as [v [Nv [Ev Fv]]]; [auto | | |].
  { intros k. rewrite <- pow_mult, Nat.mul_comm, pow_mult. replace ((-1) ^ 2) with 1 by ring. apply pow1. }
  { intros k. simpl. replace ((-1) ^ k * (-1 * (-1) ^ k)) with (- ((-1) ^ k * (-1) ^ k)) by ring.
    rewrite <- pow_add. replace (k + k)%nat with (2 * k)%nat by lia. rewrite pow_mult. replace ((-1) ^ 2) with 1 by ring. rewrite pow1. ring. }
  replace (9/4 - 35 / (16 * INR N + 12)) with ((2/3 * (36 * INR N - 8) / (108 * INR N)) / (2/3 * (16 * INR N + 12) / (108 * INR N))) by (field; lra).
  apply (condition_ge (N - 1 + N) G_psi u v); try assumption.
  - lia.
  - apply G_psi_symmetric.
  - apply Rmult_le_pos; [lra | left; apply Rinv_0_lt_compat; lra].
  - apply Rdiv_lt_0_compat; lra.
  - rewrite Eu, Fu. right. field. lra.
  - rewrite Ev, Fv. right. field. lra. Qed.

Lemma G_psi_lub : is_lub (fun kappa => exists J, condition_number (2 ^ J - 1) G_psi kappa) (9/4).
Proof. split.
  - intros k [J HJ]. left. apply (G_psi_kappa _ _ HJ).
  - intros b Hb. apply Rnot_lt_le. intros H. set (e := 9/4 - b).
    assert (He : 0 < e) by (unfold e; lra).
    assert (HE : 0 <= 35 / e) by (left; apply Rdiv_lt_0_compat; lra).
    destruct (nfloor_ex (35 / e) HE) as [J0 [_ HJ]]. rewrite <- S_INR in HJ. revert HJ. generalize (S J0). intros J HJ.
    apply (Rmult_lt_compat_l e) in HJ; [|assumption]. replace (e * (35 / e)) with 35 in HJ by (field; lra).
    assert (P2 : INR J <= 2 ^ J).
    { clear. induction J as [|m IH]; [simpl; lra|]. rewrite S_INR. simpl. assert (1 <= 2 ^ m) by (apply pow_R1_Rle; lra). lra. }
    assert (P := pow2_pos J).
    destruct (G_psi_condition (2 ^ S (S J) - 1)) as [k Hk].
    { simpl Nat.pow. assert (X : (2 ^ J <> 0)%nat) by (apply Nat.pow_nonzero; lia). lia. }
    assert (L := G_psi_kappa_lower J k Hk). assert (U : k <= b) by (apply Hb; exists (S (S J)); exact Hk).
    assert (X : 35 / (16 * 2 ^ S J + 12) < e).
    { apply (Rmult_lt_reg_r (16 * 2 ^ S J + 12)); [simpl; lra|].
      replace (35 / (16 * 2 ^ S J + 12) * (16 * 2 ^ S J + 12)) with 35 by (field; simpl; lra).
      assert (Y : 35 < e * 2 ^ J).
      { apply (Rmult_le_compat_l e) in P2; [|lra]. lra. }
      simpl. nra. }
    unfold e in X. lra. Qed.
