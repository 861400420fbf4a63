(* Extreme eigenvalues of a symmetric matrix exist and are the extreme values of the Rayleigh quotient.
   No compactness: a positive semidefinite form either vanishes at some vector or is bounded below (Schur complements). *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals.
Open Scope R_scope.

(* ---------- norms and forms ---------- *)
Lemma norm2_pos n v : 0 <= norm2 n v.
Proof. apply nsum_pos; intros; apply pow2_ge_0. Qed.
Lemma norm2_coord n v i : (i < n)%nat -> v i ^ 2 <= norm2 n v.
Proof. intros Hi. apply (nsum_coord n (fun i => v i ^ 2)); [intros; apply pow2_ge_0 | assumption]. Qed.
Lemma norm2_nonzero n v : nonzero n v -> 0 < norm2 n v.
Proof. intros [i [Hi H]]. apply Rlt_le_trans with (v i ^ 2); [|apply norm2_coord; assumption].
  assert (P := pow2_ge_0 (v i)). destruct P as [P|P]; [assumption|]. exfalso. apply H.
  symmetry in P. apply Rsqr_0_uniq. unfold Rsqr. simpl in P. lra. Qed.
Lemma norm2_ext n u v : (forall i, (i < n)%nat -> u i = v i) -> norm2 n u = norm2 n v.
Proof. intros H. apply nsum_ext; intros i Hi. rewrite H by assumption. reflexivity. Qed.

Lemma form_ext n A B u v : (forall i j, (i < n)%nat -> (j < n)%nat -> A i j = B i j) ->
  (forall i, (i < n)%nat -> u i = v i) -> form n A u = form n B v.
Proof. intros HA H. apply nsum_ext; intros i Hi. apply nsum_ext; intros j Hj. rewrite HA, !H by assumption. reflexivity. Qed.
Lemma form_product n A v : form n A v = nsum n (fun i => v i * product n A v i).
Proof. apply nsum_ext; intros i Hi. unfold product. rewrite <- nsum_scal. apply nsum_ext; intros; ring. Qed.
Lemma form_opp n A v : form n (fun i j => - A i j) v = - form n A v.
Proof. replace (- form n A v) with (-1 * form n A v) by ring. unfold form. rewrite <- nsum_scal.
  apply nsum_ext; intros i Hi. rewrite <- nsum_scal. apply nsum_ext; intros; ring. Qed.
Lemma form_lin3 n A B C D x y z w v : (forall i j, (i < n)%nat -> (j < n)%nat -> x * A i j + y * B i j + z * C i j = w * D i j) ->
  x * form n A v + y * form n B v + z * form n C v = w * form n D v.
Proof. intros H. unfold form. rewrite <- !nsum_scal, <- !nsum_plus. apply nsum_ext; intros i Hi.
  rewrite <- !nsum_scal, <- !nsum_plus. apply nsum_ext; intros j Hj.
  replace (w * (v i * v j * D i j)) with (v i * v j * (w * D i j)) by ring. rewrite <- H by assumption. ring. Qed.
Lemma form_eigen n A v l : (forall i, (i < n)%nat -> product n A v i = l * v i) -> form n A v = l * norm2 n v.
Proof. intros H. rewrite form_product. unfold norm2. rewrite <- nsum_scal.
  apply nsum_ext; intros i Hi. rewrite H by assumption. ring. Qed.

Lemma form_S n A v : symmetric (S n) A ->
  form (S n) A v = form n A v + 2 * v n * nsum n (fun i => v i * A i n) + v n ^ 2 * A n n.
Proof. intros HS. unfold form. cbn [nsum]. rewrite (nsum_ext n _ (fun i => nsum n (fun j => v i * v j * A i j) + v n * (v i * A i n))).
  - rewrite nsum_plus, nsum_scal.
    rewrite (nsum_ext n (fun j => v n * v j * A n j) (fun j => v n * (v j * A j n))).
    + rewrite nsum_scal. ring.
    + intros j Hj. rewrite (HS n j) by lia. ring.
  - intros i Hi. ring. Qed.

Definition unit_vector (a : nat) : vector := fun i => if Nat.eq_dec i a then 1 else 0.
Lemma form_unit n A v a t : (a < n)%nat -> symmetric n A ->
  form n A (fun i => v i + t * unit_vector a i) = form n A v + 2 * t * product n A v a + t ^ 2 * A a a.
Proof. intros Ha HS.
  assert (Q : forall F, nsum n (fun i => F i * unit_vector a i) = F a).
  { intros F. rewrite <- (nsum_delta n a F Ha). apply nsum_ext; intros i _. unfold unit_vector. destruct (Nat.eq_dec i a); ring. }
  unfold form at 1.
  rewrite (nsum_ext n _ (fun i => (v i * product n A v i + (t * product n A v i) * unit_vector a i) + (t * (v i * A i a) + t * (t * A i a) * unit_vector a i))).
  - rewrite !nsum_plus, !Q, <- form_product, nsum_scal.
    replace (nsum n (fun i => v i * A i a)) with (product n A v a); [ring|].
    apply nsum_ext; intros i Hi. rewrite (HS a i) by assumption. ring.
  - intros i Hi. rewrite (nsum_ext n _ (fun j => (v i + t * unit_vector a i) * (A i j * v j) + (v i + t * unit_vector a i) * t * A i j * unit_vector a j)).
    + rewrite nsum_plus, nsum_scal, Q. fold (product n A v i). ring.
    + intros; ring. Qed.

(* a positive semidefinite form that vanishes at v has A v = 0 *)
Lemma psd_null n A v : symmetric n A -> (forall w, 0 <= form n A w) -> form n A v = 0 ->
  forall i, (i < n)%nat -> product n A v i = 0.
Proof. intros HS HP H0 i Hi. set (p := product n A v i).
  assert (Q : forall t, 0 <= 2 * t * p + t ^ 2 * A i i).
  { intros t. assert (X := HP (fun j => v j + t * unit_vector i j)). rewrite form_unit, H0 in X by assumption. fold p in X. lra. }
  set (d := 1 + Rabs (A i i)).
  assert (D : A i i <= d /\ 0 < d) by (assert (X := Rabs_pos (A i i)); assert (Z := Rle_abs (A i i)); unfold d; lra).
  assert (X := Q (- p / d)). assert (W := pow2_ge_0 (- p / d)).
  assert (V := Rmult_le_compat_l _ _ _ W (proj1 D)).
  assert (Y : 0 <= - (p ^ 2 / d)).
  { replace (- (p ^ 2 / d)) with (2 * (- p / d) * p + (- p / d) ^ 2 * d) by (field; lra). lra. }
  apply (Rmult_le_compat_r d) in Y; [|lra]. replace (- (p ^ 2 / d) * d) with (- p ^ 2) in Y by (field; lra).
  assert (U := pow2_ge_0 p).
  assert (E : p * p = 0) by (clear - Y U; simpl in *; lra). apply Rsqr_0_uniq. exact E. Qed.

Lemma zero_or_not n v : nonzero n v \/ forall i, (i < n)%nat -> v i = 0.
Proof. induction n as [|n IH]; [right; intros; lia|]. destruct IH as [[i [Hi H]]|IH].
  - left. exists i. split; [lia | assumption].
  - destruct (Req_dec (v n) 0) as [E|E].
    + right. intros i Hi. destruct (Nat.eq_dec i n) as [->|]; [assumption | apply IH; lia].
    + left. exists n. split; [lia | assumption]. Qed.

(* ---------- a form is bounded ---------- *)
Lemma linear_bound n c : exists L, 0 <= L /\ forall v, nsum n (fun i => v i * c i) ^ 2 <= L * norm2 n v.
Proof. induction n as [|n [L [HL H]]].
  - exists 0. split; [lra|]. intros v. unfold norm2. simpl. lra.
  - exists (2 * L + 2 * c n ^ 2). assert (C := pow2_ge_0 (c n)). split; [lra|]. intros v. specialize (H v).
    unfold norm2 in *. cbn [nsum]. set (s := nsum n (fun i => v i * c i)) in *. set (q := nsum n (fun i => v i ^ 2)) in *.
    assert (Q : 0 <= q) by (apply nsum_pos; intros; apply pow2_ge_0). assert (V := pow2_ge_0 (v n)).
    assert (X := pow2_ge_0 (s - v n * c n)).
    assert (Y : (s + v n * c n) ^ 2 <= 2 * s ^ 2 + 2 * (v n ^ 2 * c n ^ 2)) by lra.
    assert (Z1 := Rmult_le_pos _ _ HL V). assert (Z2 := Rmult_le_pos _ _ C Q). lra. Qed.

Lemma form_bound n A : exists M, 0 <= M /\ forall v, Rabs (form n A v) <= M * norm2 n v.
Proof.
  assert (B : forall m, exists M, 0 <= M /\ forall v, nsum m (fun i => product n A v i ^ 2) <= M * norm2 n v).
  { induction m as [|m [M [HM H]]].
    - exists 0. split; [lra|]. intros; simpl; lra.
    - destruct (linear_bound n (fun j => A m j)) as [L [HL H']]. exists (M + L). split; [lra|].
      intros v. cbn [nsum]. specialize (H v). specialize (H' v).
      rewrite (nsum_ext n _ (fun j => A m j * v j)) in H' by (intros; ring). fold (product n A v m) in H'. simpl in *; lra. }
  destruct (B n) as [M [HM H]]. exists ((1 + M) / 2). split; [lra|]. intros v. specialize (H v).
  rewrite form_product.
  assert (P : forall s, s ^ 2 = 1 -> s * nsum n (fun i => v i * product n A v i) <= (1 + M) / 2 * norm2 n v).
  { intros s Hs. apply Rle_trans with (/2 * (norm2 n v + nsum n (fun i => product n A v i ^ 2))); [|lra].
    unfold norm2. rewrite <- nsum_plus, <- !nsum_scal. apply nsum_le; intros i _.
    assert (X := pow2_ge_0 (s * v i - product n A v i)).
    replace ((s * v i - product n A v i) ^ 2) with (s ^ 2 * v i ^ 2 - 2 * s * v i * product n A v i + product n A v i ^ 2) in X by ring.
    rewrite Hs in X. lra. }
  apply Rabs_le_between. assert (P1 := P 1 ltac:(ring)). assert (P2 := P (-1) ltac:(ring)). lra. Qed.

(* ---------- the dichotomy ---------- *)
Lemma psd_dichotomy n : forall A, symmetric n A -> (forall v, 0 <= form n A v) ->
  (exists v, nonzero n v /\ form n A v = 0) \/ (exists c, 0 < c /\ forall v, c * norm2 n v <= form n A v).
Proof. induction n as [|n IH]; intros A HS HP.
  - right. exists 1. split; [lra|]. intros v. unfold norm2, form. simpl. lra.
  - assert (HE : forall w, (forall i, (i < n)%nat -> w i = 0) -> form (S n) A w = w n ^ 2 * A n n).
    { intros w Hw. rewrite form_S by assumption. rewrite (form_ext n A A w (fun _ => 0)) by auto.
      unfold form. rewrite (nsum_zero n (fun i => nsum n _)); [|intros; apply nsum_zero; intros; ring].
      rewrite (nsum_zero n); [ring|]. intros i Hi. rewrite Hw by assumption. ring. }
    set (a := A n n).
    assert (Ha : 0 <= a).
    { assert (X := HP (unit_vector n)). rewrite HE in X.
      - unfold unit_vector in X. destruct (Nat.eq_dec n n); [|lia]. fold a in X. lra.
      - intros i Hi. unfold unit_vector. destruct (Nat.eq_dec i n); [lia | reflexivity]. }
    destruct Ha as [Ha|Ha].
    2:{ left. exists (unit_vector n). split.
        - exists n. split; [lia|]. unfold unit_vector. destruct (Nat.eq_dec n n); [lra | lia].
        - rewrite HE; [fold a; rewrite <- Ha; ring|].
          intros i Hi. unfold unit_vector. destruct (Nat.eq_dec i n); [lia | reflexivity]. }
    set (l := fun v : vector => nsum n (fun i => v i * A i n)).
    set (B := fun i j => A i j - A i n * A j n / a).
    assert (HB : forall v, form n B v = form n A v - l v ^ 2 / a).
    { intros v. unfold form, B.
      replace (l v ^ 2 / a) with (nsum n (fun i => nsum n (fun j => v i * A i n * (v j * A j n) * / a))).
      - rewrite (nsum_ext n _ (fun i => nsum n (fun j => v i * v j * A i j) + -1 * nsum n (fun j => v i * A i n * (v j * A j n) * / a))).
        + rewrite nsum_plus, nsum_scal. ring.
        + intros i _. rewrite <- nsum_scal, <- nsum_plus. apply nsum_ext; intros j _. unfold Rdiv. ring.
      - unfold l. rewrite nsum_square. unfold Rdiv. rewrite nsum_scal_r. apply nsum_ext; intros i _.
        rewrite nsum_scal_r. reflexivity. }
    assert (HF : forall v, form (S n) A v = form n B v + a * (v n + l v / a) ^ 2).
    { intros v. rewrite form_S, HB by assumption. fold (l v). fold a. field. lra. }
    assert (SB : symmetric n B).
    { intros i j Hi Hj. unfold B. rewrite (HS i j) by lia. unfold Rdiv. ring. }
    assert (Hext : forall (v : vector) (y : R), exists w : vector, (forall i, (i < n)%nat -> w i = v i) /\ w n = y).
    { intros v y. exists (fun i => if Nat.eq_dec i n then y else v i). split.
      - intros i Hi. destruct (Nat.eq_dec i n); [lia | reflexivity].
      - destruct (Nat.eq_dec n n); [reflexivity | lia]. }
    assert (Hw : forall v : vector, exists w : vector, (forall i, (i < n)%nat -> w i = v i) /\ form (S n) A w = form n B v).
    { intros v. destruct (Hext v (- l v / a)) as [w [W1 W2]]. exists w. split; [assumption|].
      rewrite HF, W2. rewrite (form_ext n B B w v) by auto.
      replace (l w) with (l v); [field; lra|]. apply nsum_ext; intros i Hi. rewrite W1 by assumption. reflexivity. }
    destruct (IH B SB) as [[v [[i [Hi Nv]] V0]]|[c [Hc H]]].
    { intros v. destruct (Hw v) as [w [_ E]]. rewrite <- E. apply HP. }
    + left. destruct (Hw v) as [w [W1 E]]. exists w. split; [|rewrite E; assumption].
      exists i. split; [lia|]. rewrite W1 by assumption. assumption.
    + right. destruct (linear_bound n (fun i => A i n)) as [L [HL HLb]].
      set (q := 1 + 2 * L / a ^ 2).
      assert (Hq : 1 <= q).
      { unfold q. assert (X : 0 <= 2 * L / a ^ 2); [|lra]. apply Rmult_le_pos; [lra | left; apply Rinv_0_lt_compat, pow_lt; assumption]. }
      exists (Rmin (c / q) (a / 2)).
      assert (M1 := Rmin_l (c / q) (a / 2)). assert (M2 := Rmin_r (c / q) (a / 2)).
      set (m := Rmin (c / q) (a / 2)) in *.
      assert (Hm : 0 < m) by (apply Rmin_pos; [apply Rdiv_lt_0_compat; lra | lra]).
      split; [assumption|]. intros v. rewrite HF.
      assert (E : norm2 (S n) v = norm2 n v + v n ^ 2) by reflexivity. rewrite E. clear E.
      specialize (H v). assert (HLv : l v ^ 2 <= L * norm2 n v) by (apply HLb).
      assert (N := norm2_pos n v). set (z := v n + l v / a). set (s := norm2 n v) in *.
      assert (Hy : v n ^ 2 <= 2 * z ^ 2 + 2 * L / a ^ 2 * s).
      { replace (v n) with (z - l v / a) by (unfold z; ring).
        assert (X := pow2_ge_0 (z + l v / a)).
        assert (Y : (l v / a) ^ 2 <= L / a ^ 2 * s).
        { replace ((l v / a) ^ 2) with (/ a ^ 2 * l v ^ 2) by (field; lra).
          replace (L / a ^ 2 * s) with (/ a ^ 2 * (L * s)) by (field; lra).
          apply Rmult_le_compat_l; [left; apply Rinv_0_lt_compat, pow_lt; assumption | assumption]. }
        unfold Rdiv in *. simpl in *. lra. }
      assert (Z := pow2_ge_0 z).
      assert (Q1 : m * q <= c).
      { apply (Rmult_le_compat_r q) in M1; [|lra]. replace (c / q * q) with c in M1 by (field; lra). assumption. }
      apply Rle_trans with (m * (q * s + 2 * z ^ 2)).
      * apply Rmult_le_compat_l; [lra|]. unfold q. lra.
      * apply (Rmult_le_compat_r s) in Q1; [|assumption]. apply (Rmult_le_compat_r (z ^ 2)) in M2; [|assumption].
        replace (m * (q * s + 2 * z ^ 2)) with (m * q * s + 2 * (m * z ^ 2)) by ring. lra. Qed.

(* ---------- extreme eigenvalues ---------- *)
Lemma form_scaled_minus n A m v : form n (fun i j => m * unit_vector i j - A i j) v = m * norm2 n v - form n A v.
Proof. unfold form, norm2. rewrite <- nsum_scal.
  replace (nsum n (fun i => m * v i ^ 2) - nsum n (fun i => nsum n (fun j => v i * v j * A i j)))
    with (nsum n (fun i => m * v i ^ 2 + -1 * nsum n (fun j => v i * v j * A i j))) by (rewrite nsum_plus, !nsum_scal; ring).
  apply nsum_ext; intros i Hi. rewrite <- nsum_scal.
  replace (m * v i ^ 2) with (nsum n (fun j => if Nat.eq_dec j i then m * (v i * v j) else 0)).
  - rewrite <- nsum_plus. apply nsum_ext; intros j _. unfold unit_vector. destruct (Nat.eq_dec j i); ring.
  - rewrite (nsum_delta n i (fun j => m * (v i * v j))) by assumption. ring. Qed.

Lemma product_scaled_minus n A m v i : (i < n)%nat -> product n (fun i j => m * unit_vector i j - A i j) v i = m * v i - product n A v i.
Proof. intros Hi. unfold product.
  rewrite <- (nsum_delta n i (fun j => m * v j) Hi).
  replace (nsum n (fun i0 => if Nat.eq_dec i0 i then m * v i0 else 0) - nsum n (fun j => A i j * v j))
    with (nsum n (fun i0 => if Nat.eq_dec i0 i then m * v i0 else 0) + -1 * nsum n (fun j => A i j * v j)) by ring.
  rewrite <- nsum_scal, <- nsum_plus. apply nsum_ext; intros j _. unfold unit_vector. destruct (Nat.eq_dec j i); ring. Qed.

Theorem largest_exists n A : (0 < n)%nat -> symmetric n A ->
  exists l, largest_eigenvalue n A l /\ forall v, form n A v <= l * norm2 n v.
Proof. intros Hn HS. destruct (form_bound n A) as [M [HM HB]].
  set (E := fun r => exists v, nonzero n v /\ r = form n A v / norm2 n v).
  assert (Bd : bound E).
  { exists M. intros r [v [Nv ->]]. apply norm2_nonzero in Nv. apply (Rmult_le_reg_r (norm2 n v)); [assumption|].
    replace (form n A v / norm2 n v * norm2 n v) with (form n A v) by (field; lra).
    specialize (HB v). apply Rabs_le_between in HB. lra. }
  assert (Ne : exists r, E r).
  { eexists. exists (unit_vector 0). split; [|reflexivity]. exists 0%nat. split; [assumption | unfold unit_vector; simpl; lra]. }
  destruct (completeness E Bd Ne) as [m [Ub Lub]]. exists m.
  assert (HR : forall v, form n A v <= m * norm2 n v).
  { intros v. destruct (norm2_pos n v) as [P|P].
    - assert (Nz : nonzero n v).
      { destruct (zero_or_not n v) as [H|H]; [assumption|]. exfalso.
        assert (X : norm2 n v = 0) by (apply nsum_zero; intros i Hi; rewrite (H i Hi); ring). lra. }
      assert (X : form n A v / norm2 n v <= m) by (apply Ub; exists v; auto).
      apply (Rmult_le_compat_r (norm2 n v)) in X; [|lra].
      replace (form n A v / norm2 n v * norm2 n v) with (form n A v) in X by (field; lra). assumption.
    - specialize (HB v). rewrite <- P in *. apply Rabs_le_between in HB. lra. }
  split; [|assumption]. split.
  - set (B := fun i j => m * unit_vector i j - A i j).
    assert (SB : symmetric n B).
    { intros i j Hi Hj. unfold B, unit_vector. rewrite (HS i j) by assumption. destruct (Nat.eq_dec j i); destruct (Nat.eq_dec i j); try lia; reflexivity. }
    assert (PB : forall v, 0 <= form n B v) by (intros v; unfold B; rewrite form_scaled_minus; specialize (HR v); lra).
    destruct (psd_dichotomy n B SB PB) as [[v [Nv V0]]|[c [Hc H]]].
    + exists v. split; [assumption|]. intros i Hi. assert (X := psd_null n B v SB PB V0 i Hi).
      unfold B in X. rewrite product_scaled_minus in X by assumption. lra.
    + exfalso. assert (X : m <= m - c); [|lra]. apply Lub. intros r [v [Nv ->]]. apply norm2_nonzero in Nv.
      apply (Rmult_le_reg_r (norm2 n v)); [assumption|].
      replace (form n A v / norm2 n v * norm2 n v) with (form n A v) by (field; lra).
      specialize (H v). unfold B in H. rewrite form_scaled_minus in H. lra.
  - intros mu [v [Nv Hv]]. apply form_eigen in Hv. specialize (HR v). rewrite Hv in HR.
    apply norm2_nonzero in Nv. apply (Rmult_le_reg_r (norm2 n v)); assumption. Qed.

Lemma eigenvalue_opp n A l : eigenvalue n A l -> eigenvalue n (fun i j => - A i j) (- l).
Proof. intros [v [Nv H]]. exists v. split; [assumption|]. intros i Hi.
  replace (- l * v i) with (-1 * product n A v i) by (rewrite H by assumption; ring).
  unfold product. rewrite <- nsum_scal. apply nsum_ext; intros; ring. Qed.
Lemma eigenvalue_opp_inv n A l : eigenvalue n (fun i j => - A i j) l -> eigenvalue n A (- l).
Proof. intros H. apply eigenvalue_opp in H. destruct H as [v [Nv H]]. exists v. split; [assumption|].
  intros i Hi. rewrite <- H by assumption. apply nsum_ext; intros; ring. Qed.

Theorem smallest_exists n A : (0 < n)%nat -> symmetric n A ->
  exists l, smallest_eigenvalue n A l /\ forall v, l * norm2 n v <= form n A v.
Proof. intros Hn HS. destruct (largest_exists n (fun i j => - A i j) Hn) as [l [[HE HL] HR]].
  { intros i j Hi Hj. rewrite (HS i j) by assumption. reflexivity. }
  exists (- l). repeat split.
  - apply eigenvalue_opp_inv, HE.
  - intros m Hm. apply eigenvalue_opp, HL in Hm. lra.
  - intros v. specialize (HR v). rewrite form_opp in HR. lra. Qed.

Lemma largest_bounds n A l : (0 < n)%nat -> symmetric n A -> largest_eigenvalue n A l -> forall v, form n A v <= l * norm2 n v.
Proof. intros Hn HS [HE HL]. destruct (largest_exists n A Hn HS) as [m [[ME ML] HR]].
  replace l with m; [assumption|]. apply Rle_antisym; auto. Qed.
Lemma smallest_bounds n A l : (0 < n)%nat -> symmetric n A -> smallest_eigenvalue n A l -> forall v, l * norm2 n v <= form n A v.
Proof. intros Hn HS [HE HL]. destruct (smallest_exists n A Hn HS) as [m [[ME ML] HR]].
  replace l with m; [assumption|]. apply Rle_antisym; auto. Qed.

(* ---------- how the condition number is bounded ---------- *)
Lemma eigenvalue_attained n A l : eigenvalue n A l -> exists v, nonzero n v /\ form n A v = l * norm2 n v.
Proof. intros [v [Nv H]]. exists v. split; [assumption | apply form_eigen, H]. Qed.

Lemma condition_exists n A : (0 < n)%nat -> symmetric n A -> (forall v, nonzero n v -> 0 < form n A v) ->
  exists kappa, condition_number n A kappa.
Proof. intros Hn HS HP. destruct (largest_exists n A Hn HS) as [h [Hh _]]. destruct (smallest_exists n A Hn HS) as [l [Hl _]].
  exists (h / l), l, h. repeat split; try assumption; try apply Hh; try apply Hl.
  destruct (eigenvalue_attained n A l (proj1 Hl)) as [v [Nv E]]. specialize (HP v Nv). apply norm2_nonzero in Nv. rewrite E in HP. nra. Qed.

Lemma condition_le n A lo hi kappa : (0 < lo) -> (forall v, lo * norm2 n v <= form n A v <= hi * norm2 n v) ->
  condition_number n A kappa -> kappa <= hi / lo.
Proof. intros Hlo HB [l [h [[El _] [[Eh _] [Pl ->]]]]].
  destruct (eigenvalue_attained n A l El) as [u [Nu U]]. destruct (eigenvalue_attained n A h Eh) as [v [Nv V]].
  apply norm2_nonzero in Nu. apply norm2_nonzero in Nv. assert (B1 := HB u). assert (B2 := HB v). rewrite U in B1. rewrite V in B2.
  assert (L : lo <= l) by nra. assert (H : h <= hi) by nra. assert (H0 : 0 <= hi) by nra.
  apply (Rmult_le_reg_r l); [assumption|]. replace (h / l * l) with h by (field; lra).
  apply Rle_trans with (1 := H). apply (Rmult_le_reg_r lo); [assumption|]. replace (hi / lo * l * lo) with (hi * l) by (field; lra). nra. Qed.

(* with a strict lower bound the inequality is strict *)
Lemma condition_lt n A lo hi kappa : (0 < lo) -> (forall v, nonzero n v -> lo * norm2 n v < form n A v <= hi * norm2 n v) ->
  condition_number n A kappa -> kappa < hi / lo.
Proof. intros Hlo HB [l [h [[El _] [[Eh _] [Pl ->]]]]].
  destruct (eigenvalue_attained n A l El) as [u [Nu U]]. destruct (eigenvalue_attained n A h Eh) as [v [Nv V]].
  assert (B1 := HB u Nu). assert (B2 := HB v Nv). apply norm2_nonzero in Nu. apply norm2_nonzero in Nv. rewrite U in B1. rewrite V in B2.
  assert (L : lo < l) by nra. assert (H : h <= hi) by nra. assert (H0 : 0 < hi) by nra.
  apply (Rmult_lt_reg_r l); [assumption|]. replace (h / l * l) with h by (field; lra).
  apply Rle_lt_trans with (1 := H). apply (Rmult_lt_reg_r lo); [assumption|]. replace (hi / lo * l * lo) with (hi * l) by (field; lra). nra. Qed.

Lemma condition_ge n A u v a b kappa : (0 < n)%nat -> symmetric n A -> nonzero n u -> nonzero n v -> 0 <= a -> 0 < b ->
  a * norm2 n u <= form n A u -> form n A v <= b * norm2 n v -> condition_number n A kappa -> a / b <= kappa.
Proof. intros Hn HS Nu Nv Ha Hb HU HV [l [h [Hl [Hh [Pl ->]]]]].
  assert (B1 := largest_bounds n A h Hn HS Hh u). assert (B2 := smallest_bounds n A l Hn HS Hl v).
  apply norm2_nonzero in Nu. apply norm2_nonzero in Nv.
  assert (L : l <= b) by nra. assert (H : a <= h) by nra.
  apply (Rmult_le_reg_r l); [assumption|]. replace (h / l * l) with h by (field; lra).
  apply Rle_trans with (2 := H). apply (Rmult_le_reg_r b); [assumption|]. replace (a / b * l * b) with (a * l) by (field; lra). nra. Qed.

Lemma condition_unique n A k1 k2 : condition_number n A k1 -> condition_number n A k2 -> k1 = k2.
Proof. intros [l1 [h1 [[El1 L1] [[Eh1 H1] [P1 ->]]]]] [l2 [h2 [[El2 L2] [[Eh2 H2] [P2 ->]]]]].
  replace l2 with l1 by (apply Rle_antisym; auto). replace h2 with h1 by (apply Rle_antisym; auto). reflexivity. Qed.
