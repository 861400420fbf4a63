(* The complete basis: its Gram matrix is a block for each level and one for the coarse functions; condition numbers. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum Riesz Theorem33 IntervalGram IntervalLevels IntervalBlock.
Import ListNotations.
Open Scope R_scope.

(* ---------- block matrices ---------- *)
Lemma form_blocks a m A v : symmetric (a + m) A ->
  (forall i j, (i < a)%nat -> (j < m)%nat -> A i (a + j)%nat = 0) ->
  form (a + m) A v = form a A v + form m (fun i j => A (a + i)%nat (a + j)%nat) (fun i => v (a + i)%nat).
Proof. intros HS H0. unfold form. rewrite nsum_split. f_equal.
  - apply nsum_ext; intros i Hi. rewrite nsum_split, (nsum_zero m); [ring|]. intros j Hj. rewrite H0 by assumption. ring.
  - apply nsum_ext; intros i Hi. rewrite nsum_split, (nsum_zero a); [ring|]. intros j Hj.
    rewrite (HS (a + i)%nat j), H0 by lia. ring. Qed.

Lemma norm2_split a m v : norm2 (a + m) v = norm2 a v + norm2 m (fun i => v (a + i)%nat).
Proof. apply nsum_split. Qed.

Lemma gram_symmetric n a b phi : symmetric n (gram a b phi).
Proof. intros i j _ _. unfold gram. apply RInt_ext. intros; apply Rmult_comm. Qed.

(* ---------- the indices ---------- *)
Definition size (J : nat) : nat := (3 * 2 ^ J + 1)%nat.
Lemma size_S J : size (S J) = (size J + 3 * 2 ^ J)%nat.
Proof. unfold size. simpl Nat.pow. lia. Qed.
Lemma size_ge J : (4 <= size J)%nat.
Proof. unfold size. assert (P : (2 ^ J <> 0)%nat) by (apply Nat.pow_nonzero; lia). lia. Qed.

Lemma index_at J n : (n < 3 * 2 ^ J)%nat -> interval_level (size J + n) = J /\ interval_place (size J + n) = n.
Proof. intros Hn. assert (P : (2 ^ J <> 0)%nat) by (apply Nat.pow_nonzero; lia).
  assert (E : interval_level (size J + n) = J).
  { unfold interval_level, size. replace (3 * 2 ^ J + 1 + n - 1)%nat with (n + 2 ^ J * 3)%nat by lia.
    rewrite Nat.div_add by lia. apply Nat.log2_unique; [lia|]. simpl Nat.pow.
    assert (Q : (n / 3 < 2 ^ J)%nat) by (apply Nat.div_lt_upper_bound; lia). lia. }
  split; [exact E|]. unfold interval_place. rewrite E. unfold size. lia. Qed.

(* every function of the basis with J levels is e i or a wavelet on a level below J *)
Lemma index_below J i : (i < size J)%nat -> (i < 4)%nat \/
  exists j n, (j < J)%nat /\ (n < 3 * 2 ^ j)%nat /\ i = (size j + n)%nat.
Proof. induction J as [|J IH]; intros Hi; [left; exact Hi|]. destruct (lt_dec i (size J)) as [L|L].
  - destruct (IH L) as [H|[j [n [H1 [H2 H3]]]]]; [left; exact H | right; exists j, n; repeat split; [lia | assumption | assumption]].
  - right. exists J, (i - size J)%nat. rewrite size_S in Hi. repeat split; lia. Qed.

Lemma basis_at e j n x : (n < 3 * 2 ^ j)%nat -> interval_basis e (size j + n) x = sqrt 6 * interval_wavelet j n (3/2 * (x + 1)).
Proof. intros Hn. unfold interval_basis. destruct (index_at j n Hn) as [-> ->]. assert (S := size_ge j).
  destruct (lt_dec (size j + n) 4); [lia | reflexivity]. Qed.

Lemma basis_coarse e i x : (i < 4)%nat -> interval_basis e i x = e i x.
Proof. intros Hi. unfold interval_basis. destruct (lt_dec i 4); [reflexivity | lia]. Qed.

Section Basis.
Variable e : nat -> R -> R.
Variable c : nat -> nat -> R.
(* the coarse functions are combinations of the coarse hats *)
Hypothesis He : forall i x, (i < 4)%nat -> e i x = nsum 4 (fun m => c i m * coarse_hat m x).

Let G : matrix := gram (-1) 1 (interval_basis e).

Lemma coarse_hatc m x : coarse_hat m x = hatc 0 (Z.of_nat m - 1) (3/2 * (x + 1)).
Proof. unfold coarse_hat, hatc. rewrite minus_IZR, <- INR_IZR_INZ. f_equal. simpl. ring. Qed.

Definition coarse_list (i : nat) : list (R * Z) := map (fun m => (c i m, (Z.of_nat m - 1)%Z)) [0; 1; 2; 3]%nat.
Lemma coarse_comb i x : (i < 4)%nat -> e i x = comb (coarse_list i) 0 (3/2 * (x + 1)).
Proof. intros Hi. rewrite He by assumption. unfold comb, coarse_list. cbn [nsum map lsum fst snd]. rewrite !coarse_hatc. ring. Qed.

(* integrals over D of products of basis functions *)
Lemma basis_levels j j' n n' : (j < j')%nat -> (n < 3 * 2 ^ j)%nat -> (n' < 3 * 2 ^ j')%nat ->
  is_RInt (fun x => interval_basis e (size j + n) x * interval_basis e (size j' + n') x) (-1) 1 0.
Proof. intros Hj Hn Hn'. replace 0 with (6 * (2/3 * 0)) by ring.
  apply (RInt_ext_le (fun x => 6 * ((fun t => interval_wavelet j n t * interval_wavelet j' n' t) (3/2 * (x + 1)))) _ (-1) 1 _ ltac:(lra)).
  - intros x _. rewrite !basis_at by assumption. assert (S := sqrt_sqrt 6 ltac:(lra)). rewrite <- S at 1. ring.
  - apply (is_RInt_scal (fun x => (fun t => interval_wavelet j n t * interval_wavelet j' n' t) (3/2 * (x + 1))) (-1) 1 6).
    apply (RInt_D (fun t => interval_wavelet j n t * interval_wavelet j' n' t)), wavelets_orth_D; assumption. Qed.

Lemma basis_same j n m : (n < 3 * 2 ^ j)%nat -> (m < 3 * 2 ^ j)%nat ->
  is_RInt (fun x => interval_basis e (size j + n) x * interval_basis e (size j + m) x) (-1) 1 (4 * block (3 * 2 ^ j) n m).
Proof. intros Hn Hm. replace (4 * block (3 * 2 ^ j) n m) with (6 * (2/3 * block (3 * 2 ^ j) n m)) by field.
  apply (RInt_ext_le (fun x => 6 * ((fun t => interval_wavelet j n t * interval_wavelet j m t) (3/2 * (x + 1)))) _ (-1) 1 _ ltac:(lra)).
  - intros x _. rewrite !basis_at by assumption. assert (S := sqrt_sqrt 6 ltac:(lra)). rewrite <- S at 1. ring.
  - apply (is_RInt_scal (fun x => (fun t => interval_wavelet j n t * interval_wavelet j m t) (3/2 * (x + 1))) (-1) 1 6).
    apply (RInt_D (fun t => interval_wavelet j n t * interval_wavelet j m t)), wavelets_same_D; assumption. Qed.

Lemma basis_mixed i j n : (i < 4)%nat -> (n < 3 * 2 ^ j)%nat ->
  is_RInt (fun x => interval_basis e i x * interval_basis e (size j + n) x) (-1) 1 0.
Proof. intros Hi Hn. replace 0 with (sqrt 6 * (2/3 * 0)) by ring.
  apply (RInt_ext_le (fun x => sqrt 6 * ((fun t => comb (coarse_list i) 0 t * interval_wavelet j n t) (3/2 * (x + 1)))) _ (-1) 1 _ ltac:(lra)).
  - intros x _. rewrite basis_at, basis_coarse, coarse_comb by assumption. ring.
  - apply (is_RInt_scal (fun x => (fun t => comb (coarse_list i) 0 t * interval_wavelet j n t) (3/2 * (x + 1))) (-1) 1 (sqrt 6)).
    apply (RInt_D (fun t => comb (coarse_list i) 0 t * interval_wavelet j n t)), comb_orth_D; [lia | assumption]. Qed.

Lemma basis_coarse_int i k : (i < 4)%nat -> (k < 4)%nat ->
  is_RInt (fun x => interval_basis e i x * interval_basis e k x) (-1) 1 (2/3 * gram_D 3 (coarse_list i) (coarse_list k)).
Proof. intros Hi Hk.
  apply (RInt_ext_le (fun x => (fun t => comb (coarse_list i) 0 t * comb (coarse_list k) 0 t) (3/2 * (x + 1))) _ (-1) 1 _ ltac:(lra)).
  - intros x _. rewrite !basis_coarse, !coarse_comb by assumption. reflexivity.
  - apply (RInt_D (fun t => comb (coarse_list i) 0 t * comb (coarse_list k) 0 t)).
    assert (X := comb_D (coarse_list i) (coarse_list k) 0). simpl in X. rewrite Rinv_1, Rmult_1_l in X. exact X. Qed.

(* the integral of every product exists *)
Lemma basis_integrable J i k : (i < size J)%nat -> (k < size J)%nat ->
  is_RInt (fun x => interval_basis e i x * interval_basis e k x) (-1) 1 (G i k).
Proof. intros Hi Hk. assert (Comm : forall i k l, is_RInt (fun x => interval_basis e k x * interval_basis e i x) (-1) 1 l ->
     is_RInt (fun x => interval_basis e i x * interval_basis e k x) (-1) 1 l).
  { intros i0 k0 l. apply is_RInt_ext. intros; apply Rmult_comm. }
  assert (E : exists l : R, is_RInt (fun x => interval_basis e i x * interval_basis e k x) (-1) 1 l).
  { destruct (index_below J i Hi) as [Ei|[j [n [_ [Hn ->]]]]]; destruct (index_below J k Hk) as [Ek|[j' [n' [_ [Hn' ->]]]]].
    - eexists. apply basis_coarse_int; assumption.
    - exists 0. apply basis_mixed; assumption.
    - exists 0. apply Comm, basis_mixed; assumption.
    - destruct (Nat.lt_total j j') as [L|[L|L]].
      + exists 0. apply basis_levels; assumption.
      + subst j'. eexists. apply basis_same; assumption.
      + exists 0. apply Comm, basis_levels; assumption. }
  destruct E as [l E]. unfold G, gram. rewrite (is_RInt_unique _ _ _ _ E). exact E. Qed.

Lemma basis_norm J v : is_RInt (fun x => nsum (size J) (fun i => v i * interval_basis e i x) ^ 2) (-1) 1 (form (size J) G v).
Proof. apply (RInt_ext_le (fun x => nsum (size J) (fun i => v i * interval_basis e i x) * nsum (size J) (fun i => v i * interval_basis e i x)) _ (-1) 1 _ ltac:(lra)).
  { intros; ring. }
  apply is_RInt_gen_at_point, (gen_nsum_bilin _ _ v v (interval_basis e) (interval_basis e) G).
  intros i j Hi Hj. apply is_RInt_gen_at_point, (basis_integrable J); assumption. Qed.

Lemma basis_step J v : form (size (S J)) G v =
  form (size J) G v + 4 * form (3 * 2 ^ J) (block (3 * 2 ^ J)) (fun i => v (size J + i)%nat).
Proof. rewrite size_S, form_blocks.
  - f_equal. assert (X := form_lin3 (3 * 2 ^ J) (block (3 * 2 ^ J)) (block (3 * 2 ^ J)) (block (3 * 2 ^ J))
      (fun i j => G (size J + i)%nat (size J + j)%nat) 4 0 0 1 (fun i => v (size J + i)%nat)).
    rewrite !Rmult_0_l, !Rplus_0_r, Rmult_1_l in X. symmetry. apply X.
    intros i j Hi Hj. unfold G, gram. rewrite (is_RInt_unique _ _ _ _ (basis_same J i j Hi Hj)). ring.
  - apply gram_symmetric.
  - intros i j Hi Hj. apply is_RInt_unique. destruct (index_below J i Hi) as [Ei|[j' [n' [L [Hn' ->]]]]].
    + apply basis_mixed; assumption.
    + apply basis_levels; assumption. Qed.

Lemma block_bounds j w : nonzero (3 * 2 ^ j) w ->
  4/27 * norm2 (3 * 2 ^ j) w < form (3 * 2 ^ j) (block (3 * 2 ^ j)) w <= 1/3 * norm2 (3 * 2 ^ j) w.
Proof. assert (P : (2 ^ j <> 0)%nat) by (apply Nat.pow_nonzero; lia).
  destruct (3 * 2 ^ j)%nat as [|[|m]] eqn:E; try lia. intros Nw. split; [apply block_lower; [lia | assumption] | apply block_upper; lia]. Qed.

Lemma norm2_zero n v : (forall i, (i < n)%nat -> v i = 0) -> norm2 n v = 0.
Proof. intros H. apply nsum_zero. intros i Hi. rewrite (H i Hi). ring. Qed.
Lemma form_zero n A v : (forall i, (i < n)%nat -> v i = 0) -> form n A v = 0.
Proof. intros H. apply nsum_zero. intros i Hi. apply nsum_zero. intros j Hj. rewrite (H i Hi). ring. Qed.

(* bounds of the coarse block that contain [16/27, 4/3] are bounds of the whole matrix *)
Lemma basis_bounds lo hi : lo <= 16/27 -> 4/3 <= hi ->
  (forall v, lo * norm2 4 v <= form 4 G v <= hi * norm2 4 v) ->
  forall J v, lo * norm2 (size J) v <= form (size J) G v <= hi * norm2 (size J) v.
Proof. intros Hlo Hhi H J v. induction J as [|J IH]; [apply H|].
  rewrite basis_step, size_S, norm2_split. set (w := fun i => v (size J + i)%nat). assert (N := norm2_pos (3 * 2 ^ J) w).
  destruct (zero_or_not (3 * 2 ^ J) w) as [Nw|Zw].
  - assert (B := block_bounds J w Nw). nra.
  - rewrite (form_zero _ _ _ Zw). rewrite (norm2_zero _ _ Zw). lra. Qed.

Lemma basis_strict : (forall v, nonzero 4 v -> 16/27 * norm2 4 v < form 4 G v <= 4/3 * norm2 4 v) ->
  forall J v, nonzero (size J) v -> 16/27 * norm2 (size J) v < form (size J) G v <= 4/3 * norm2 (size J) v.
Proof. intros H J v. induction J as [|J IH]; intros Nv; [apply H, Nv|].
  rewrite basis_step, size_S, norm2_split. set (w := fun i => v (size J + i)%nat).
  destruct (zero_or_not (size J) v) as [Na|Za]; destruct (zero_or_not (3 * 2 ^ J) w) as [Nw|Zw].
  - assert (A := IH Na). assert (B := block_bounds J w Nw). lra.
  - assert (A := IH Na). rewrite (form_zero _ _ _ Zw), (norm2_zero _ _ Zw). lra.
  - assert (B := block_bounds J w Nw). rewrite (form_zero _ _ _ Za), (norm2_zero _ _ Za). lra.
  - exfalso. destruct Nv as [i [Hi Vi]]. rewrite size_S in Hi. destruct (lt_dec i (size J)) as [L|L]; [apply Vi, Za, L|].
    apply Vi. replace i with (size J + (i - size J))%nat by lia. apply Zw. lia. Qed.

(* the coarse block in terms of the values y at t = 0, 1, 2, 3 *)
Lemma coarse_gram i k : gram_D 3 (coarse_list i) (coarse_list k) =
  1/3 * (c i 0%nat * c k 0%nat + 2 * (c i 1%nat * c k 1%nat) + 2 * (c i 2%nat * c k 2%nat) + c i 3%nat * c k 3%nat)
  + 1/6 * (c i 0%nat * c k 1%nat + c i 1%nat * c k 0%nat + c i 1%nat * c k 2%nat + c i 2%nat * c k 1%nat + c i 2%nat * c k 3%nat + c i 3%nat * c k 2%nat).
Proof. unfold gram_D, coarse_list. cbn [map lsum fst snd]. simpl Z.of_nat. gdec. field. Qed.

Lemma coarse_form v : let y m := nsum 4 (fun i => v i * c i m) in
  form 4 G v = 2/9 * (y 0%nat ^ 2 + y 0%nat * y 1%nat + 2 * y 1%nat ^ 2 + y 1%nat * y 2%nat + 2 * y 2%nat ^ 2 + y 2%nat * y 3%nat + y 3%nat ^ 2).
Proof. assert (X : forall i k, (i < 4)%nat -> (k < 4)%nat -> G i k = 2/3 * gram_D 3 (coarse_list i) (coarse_list k)).
  { intros i k Hi Hk. apply is_RInt_unique, basis_coarse_int; assumption. }
  unfold form. cbn [nsum]. rewrite !X by lia. rewrite !coarse_gram. field. Qed.

Lemma form_head J v : (forall i, (4 <= i)%nat -> v i = 0) -> form (size J) G v = form 4 G v /\ norm2 (size J) v = norm2 4 v.
Proof. intros H. assert (S := size_ge J). replace (size J) with (4 + (size J - 4))%nat by lia. split.
  - unfold form. rewrite nsum_split, (nsum_zero (size J - 4)), Rplus_0_r.
    + apply nsum_ext; intros i Hi. rewrite nsum_split, (nsum_zero (size J - 4)); [ring|]. intros j Hj. rewrite (H (4 + j)%nat) by lia. ring.
    + intros i Hi. apply nsum_zero; intros j Hj. rewrite (H (4 + i)%nat) by lia. ring.
  - rewrite norm2_split, (norm2_zero (size J - 4)); [ring|]. intros i Hi. apply H. lia. Qed.
End Basis.

(* ---------- the two coarse levels ---------- *)
Definition unit_coef (i m : nat) : R :=
  if Nat.eq_dec m i then (if Nat.eq_dec i 0 then 3 / sqrt 2 else if Nat.eq_dec i 3 then 3 / sqrt 2 else 3/2) else 0.
Lemma unit_hat_comb i x : (i < 4)%nat -> unit_hat i x = nsum 4 (fun m => unit_coef i m * coarse_hat m x).
Proof. intros Hi. unfold unit_hat, unit_coef. rewrite (nsum_ext 4 _ (fun m => if Nat.eq_dec m i then
    (if Nat.eq_dec i 0 then 3 / sqrt 2 else if Nat.eq_dec i 3 then 3 / sqrt 2 else 3/2) * coarse_hat m x else 0)).
  - rewrite (nsum_delta 4 i (fun m => (if Nat.eq_dec i 0 then 3 / sqrt 2 else if Nat.eq_dec i 3 then 3 / sqrt 2 else 3/2) * coarse_hat m x)) by assumption. reflexivity.
  - intros m _. destruct (Nat.eq_dec m i); ring. Qed.

Lemma inv_sqrt2 : 3 / sqrt 2 * (3 / sqrt 2) = 9/2.
Proof. assert (S := sqrt_sqrt 2 ltac:(lra)). assert (P := sqrt_lt_R0 2 ltac:(lra)).
  replace (3 / sqrt 2 * (3 / sqrt 2)) with (9 / (sqrt 2 * sqrt 2)) by (field; lra). rewrite S. reflexivity. Qed.

Lemma unit_form v : form 4 (gram (-1) 1 (interval_basis unit_hat)) v =
  norm2 4 v + sqrt 2 / 2 * (v 0%nat * v 1%nat + v 2%nat * v 3%nat) + 1/2 * (v 1%nat * v 2%nat).
Proof. rewrite (coarse_form unit_hat unit_coef unit_hat_comb).
  unfold unit_coef, norm2. cbn [nsum Nat.eq_dec nat_rec nat_rect sumbool_rec sumbool_rect]. simpl Nat.eq_dec. cbv iota.
  assert (S := inv_sqrt2). set (r := 3 / sqrt 2) in *.
  assert (E : sqrt 2 / 2 = r / 3).
  { unfold r. assert (P := sqrt_lt_R0 2 ltac:(lra)). assert (Q := sqrt_sqrt 2 ltac:(lra)). apply (Rmult_eq_reg_r (sqrt 2)); [|lra].
    replace (sqrt 2 / 2 * sqrt 2) with (sqrt 2 * sqrt 2 / 2) by field. rewrite Q. field. lra. }
  rewrite E. clear E.
  match goal with |- ?l = ?h => transitivity (2/9 * (r * r) * (v 0%nat ^ 2 + v 3%nat ^ 2) + v 1%nat ^ 2 + v 2%nat ^ 2 + r / 3 * (v 0%nat * v 1%nat + v 2%nat * v 3%nat) + 1/2 * (v 1%nat * v 2%nat)) end.
  - field.
  - rewrite S. field. Qed.

(* sqrt 2 / 2 squared is 1/2 *)
Lemma unit_bounds v : 1/2 * norm2 4 v <= form 4 (gram (-1) 1 (interval_basis unit_hat)) v <= 3/2 * norm2 4 v.
Proof. rewrite unit_form. unfold norm2. cbn [nsum]. set (a := v 0%nat). set (b := v 1%nat). set (d := v 2%nat). set (f := v 3%nat).
  assert (S := sqrt_sqrt 2 ltac:(lra)). set (r := sqrt 2) in *. split.
  - (* eigenvector (1, -r, r, -1) *)
    assert (P1 := pow2_ge_0 (r * a + b)). assert (P2 := pow2_ge_0 (r * f + d)). assert (P3 := pow2_ge_0 (b + d)).
    replace ((r * a + b) ^ 2) with (r * r * a ^ 2 + 2 * r * (a * b) + b ^ 2) in P1 by ring.
    replace ((r * f + d) ^ 2) with (r * r * f ^ 2 + 2 * r * (d * f) + d ^ 2) in P2 by ring. rewrite S in P1, P2. lra.
  - assert (P1 := pow2_ge_0 (r * a - b)). assert (P2 := pow2_ge_0 (r * f - d)). assert (P3 := pow2_ge_0 (b - d)).
    replace ((r * a - b) ^ 2) with (r * r * a ^ 2 - 2 * r * (a * b) + b ^ 2) in P1 by ring.
    replace ((r * f - d) ^ 2) with (r * r * f ^ 2 - 2 * r * (d * f) + d ^ 2) in P2 by ring. rewrite S in P1, P2. lra. Qed.

Lemma basis_kappa_exists e J : (forall v, nonzero (size J) v -> 0 < form (size J) (gram (-1) 1 (interval_basis e)) v) ->
  exists kappa, condition_number (size J) (gram (-1) 1 (interval_basis e)) kappa.
Proof. apply condition_exists; [assert (S := size_ge J); lia | apply gram_symmetric]. Qed.

Lemma unit_kappa J : condition_number (size J) (gram (-1) 1 (interval_basis unit_hat)) 3.
Proof. assert (B := basis_bounds unit_hat unit_coef unit_hat_comb (1/2) (3/2) ltac:(lra) ltac:(lra) unit_bounds J).
  destruct (basis_kappa_exists unit_hat J) as [kappa Hk].
  { intros v Nv. apply norm2_nonzero in Nv. specialize (B v). lra. }
  replace 3 with kappa; [assumption|]. apply Rle_antisym.
  - replace 3 with (3/2 / (1/2)) by field. apply (condition_le (size J) (gram (-1) 1 (interval_basis unit_hat))); [lra | exact B | exact Hk].
  - replace 3 with (3/2 / (1/2)) by field. assert (S := sqrt_sqrt 2 ltac:(lra)).
    set (u := fun i => match i with O => 1 | S O => sqrt 2 | S (S O) => sqrt 2 | S (S (S O)) => 1 | _ => 0 end).
    set (w := fun i => match i with O => 1 | S O => - sqrt 2 | S (S O) => sqrt 2 | S (S (S O)) => - 1 | _ => 0 end).
    assert (Hu : forall i, (4 <= i)%nat -> u i = 0) by (intros [|[|[|[|i]]]] Hi; try lia; reflexivity).
    assert (Hw : forall i, (4 <= i)%nat -> w i = 0) by (intros [|[|[|[|i]]]] Hi; try lia; reflexivity).
    destruct (form_head unit_hat J u Hu) as [U1 U2]. destruct (form_head unit_hat J w Hw) as [W1 W2].
    assert (Z := size_ge J).
    apply (condition_ge (size J) (gram (-1) 1 (interval_basis unit_hat)) u w); try lra; try assumption.
    + lia.
    + apply gram_symmetric.
    + exists 0%nat. split; [lia | simpl; lra].
    + exists 0%nat. split; [lia | simpl; lra].
    + rewrite U1, U2, unit_form. unfold norm2, u. cbn [nsum]. simpl. nra.
    + rewrite W1, W2, unit_form. unfold norm2, w. cbn [nsum]. simpl. nra. Qed.

Definition orthonormal_coef (i m : nat) : R :=
  match i, m with
  | O, O => 3 / sqrt 2
  | S O, O => - (3 / sqrt (7/2)) / 2 | S O, S O => 3 / sqrt (7/2)
  | S (S O), O => 3 / sqrt (26/7) / 7 | S (S O), S O => - (3 / sqrt (26/7)) * 2/7 | S (S O), S (S O) => 3 / sqrt (26/7)
  | S (S (S O)), O => - (3 / sqrt (45/26)) / 26 | S (S (S O)), S O => 3 / sqrt (45/26) / 13
  | S (S (S O)), S (S O) => - (3 / sqrt (45/26)) * 7/26 | S (S (S O)), S (S (S O)) => 3 / sqrt (45/26)
  | _, _ => 0
  end.

Lemma orthonormal_comb i x : (i < 4)%nat -> orthonormal_hat i x = nsum 4 (fun m => orthonormal_coef i m * coarse_hat m x).
Proof. intros Hi. assert (D : (i = 0 \/ i = 1 \/ i = 2 \/ i = 3)%nat) by lia.
  destruct D as [-> | [-> | [-> | -> ]]]; cbn [nsum orthonormal_hat orthonormal_coef]; unfold Rdiv; ring. Qed.

Lemma orthonormal_form v : form 4 (gram (-1) 1 (interval_basis orthonormal_hat)) v = norm2 4 v.
Proof. rewrite (coarse_form orthonormal_hat orthonormal_coef orthonormal_comb).
  assert (Q : forall x, 0 < x -> 3 / sqrt x * (3 / sqrt x) = 9 / x).
  { intros x Hx. assert (S := sqrt_sqrt x ltac:(lra)). assert (P := sqrt_lt_R0 x Hx).
    replace (3 / sqrt x * (3 / sqrt x)) with (9 / (sqrt x * sqrt x)) by (field; lra). rewrite S. reflexivity. }
  assert (Q0 := Q 2 ltac:(lra)). assert (Q1 := Q (7/2) ltac:(lra)). assert (Q2 := Q (26/7) ltac:(lra)). assert (Q3 := Q (45/26) ltac:(lra)).
  unfold norm2. cbn [nsum orthonormal_coef].
  set (r0 := 3 / sqrt 2) in *. set (r1 := 3 / sqrt (7/2)) in *. set (r2 := 3 / sqrt (26/7)) in *. set (r3 := 3 / sqrt (45/26)) in *.
  transitivity (/9 * (2 * (r0 * r0) * v 0%nat ^ 2 + 7/2 * (r1 * r1) * v 1%nat ^ 2 + 26/7 * (r2 * r2) * v 2%nat ^ 2 + 45/26 * (r3 * r3) * v 3%nat ^ 2)).
  - field.
  - rewrite Q0, Q1, Q2, Q3. field. Qed.

Lemma orthonormal_kappa J : exists kappa, condition_number (size J) (gram (-1) 1 (interval_basis orthonormal_hat)) kappa /\ kappa < 9/4.
Proof. assert (B := basis_strict orthonormal_hat orthonormal_coef orthonormal_comb).
  assert (H : forall v, nonzero 4 v -> 16/27 * norm2 4 v < form 4 (gram (-1) 1 (interval_basis orthonormal_hat)) v <= 4/3 * norm2 4 v).
  { intros v Nv. rewrite orthonormal_form. apply norm2_nonzero in Nv. lra. }
  specialize (B H J). destruct (basis_kappa_exists orthonormal_hat J) as [kappa Hk].
  { intros v Nv. specialize (B v Nv). apply norm2_nonzero in Nv. lra. }
  exists kappa. split; [assumption|]. replace (9/4) with (4/3 / (16/27)) by field.
  apply (condition_lt (size J) (gram (-1) 1 (interval_basis orthonormal_hat))); [lra | exact B | exact Hk]. Qed.
