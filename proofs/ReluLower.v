(* Theorem 3.1 for any placement of the biases: kappa >= 48 lambda_max(T_{K-2}) >= 3.88 (K-2)^4.
   Functions of the span that are 0, 1, -1, 1, ... at the rightmost biases and at 1 bound the distances of the biases
   from 1 below by lambda_min; the entries of the Gram matrix grow with these distances. *)
Require Import Reals Lra Lia ZArith List Psatz Permutation Sorted FinFun.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Spectrum ReluGram ReluUpper.
Import ListNotations.
Open Scope R_scope.

(* ---------- distances ---------- *)
(* the tangent of 1/w^2 at mu, and the harmonic mean of two gaps *)
Lemma gaps_tangent a b mu : 0 < a -> 0 < b -> 0 < mu -> 4 * (3 / mu ^ 2 - 2 * (a + b) / mu ^ 3) <= (1 / a + 1 / b) ^ 2 / 4.
Proof. intros Ha Hb Hm. set (w := a + b). assert (Hw : 0 < w) by (unfold w; lra).
  apply Rle_trans with (4 / w ^ 2).
  - assert (P : 0 <= (mu - w) ^ 2 * (mu + 2 * w)) by (apply Rmult_le_pos; [apply pow2_ge_0 | lra]).
    apply (Rmult_le_reg_r (w ^ 2 * mu ^ 3)); [apply Rmult_lt_0_compat; apply pow_lt; assumption|].
    replace (4 * (3 / mu ^ 2 - 2 * w / mu ^ 3) * (w ^ 2 * mu ^ 3)) with (4 * (3 * mu * w ^ 2 - 2 * w ^ 3)) by (field; lra).
    replace (4 / w ^ 2 * (w ^ 2 * mu ^ 3)) with (4 * mu ^ 3) by (field; lra). lra.
  - assert (Q : 0 <= (a - b) ^ 2 * (a ^ 2 + 6 * (a * b) + b ^ 2)).
    { apply Rmult_le_pos; [apply pow2_ge_0|]. assert (X := Rmult_lt_0_compat _ _ Ha Hb). assert (X1 := pow2_ge_0 a). assert (X2 := pow2_ge_0 b). lra. }
    apply (Rmult_le_reg_r (4 * (w ^ 2 * (a * b) ^ 2))).
    { apply Rmult_lt_0_compat; [lra|]. apply Rmult_lt_0_compat; apply pow_lt; [assumption | apply Rmult_lt_0_compat; assumption]. }
    replace (4 / w ^ 2 * (4 * (w ^ 2 * (a * b) ^ 2))) with (16 * (a * b) ^ 2) by (field; lra).
    replace ((1 / a + 1 / b) ^ 2 / 4 * (4 * (w ^ 2 * (a * b) ^ 2))) with (w ^ 2 * (a + b) ^ 2) by (field; lra).
    unfold w. replace ((a + b) ^ 2 * (a + b) ^ 2) with (16 * (a * b) ^ 2 + (a - b) ^ 2 * (a ^ 2 + 6 * (a * b) + b ^ 2)) by ring. lra. Qed.

(* the function of the span that is 0, 1, -1, 1, ... at the biases from number p on, and at 1 *)
Section Zigzag.
Variables (K : nat) (c : nat -> R).
Hypothesis Hlow : -1 <= c 0%nat.
Hypothesis Hsort : forall k, (k < K)%nat -> c k <= c (S k).
Hypothesis Hlast : c K = 1.

Lemma zigzag p m : (p + S m < K)%nat -> (0 < m)%nat -> (forall k, (p <= k)%nat -> (k < K)%nat -> c k < c (S k)) ->
  exists s, form K (G_sigma c) (kinks s) = (1 - c p) / 3 /\ 16 * INR m ^ 3 / (1 - c p) ^ 2 <= norm2 K (kinks s) /\
    forall k, (k <= K)%nat -> -1 <= nodal c s k <= 1.
Proof. intros Hp Hm Hgap.
  assert (Hp0 : c p < 1).
  { assert (A := Hgap p ltac:(lia) ltac:(lia)). assert (B := sorted_le K c Hsort (S p) K ltac:(lia) (le_n K)). lra. }
  set (d := 1 - c p). assert (Hd : 0 < d) by (unfold d; lra).
  assert (PM : 0 < INR m) by (apply lt_0_INR; lia).
  set (h := fun k => c (S k) - c k).
  assert (Hh : forall k, (p <= k)%nat -> (k < K)%nat -> 0 < h k) by (intros k Hpk Hk; unfold h; assert (X := Hgap k Hpk Hk); lra).
  set (s := fun k => if lt_dec k p then 0 else if Nat.eq_dec k p then 1 / h k else (-1) ^ (k - p) * (2 / h k)).
  assert (Sign : forall k, ((-1) ^ k) ^ 2 = 1) by (intros k; rewrite <- pow_mult, Nat.mul_comm, pow_mult; replace ((-1) ^ 2) with 1 by ring; apply pow1).
  assert (Y0 : forall k, (k <= p)%nat -> nodal c s k = 0).
  { induction k as [|k IH]; intros Hk; [reflexivity|]. cbn [nodal]. rewrite IH by lia. unfold s. destruct (lt_dec k p); [ring | lia]. }
  assert (Y1 : forall k, (p + k < K)%nat -> nodal c s (S (p + k)) = (-1) ^ k).
  { induction k as [|k IH]; intros Hk.
    - rewrite Nat.add_0_r. cbn [nodal]. rewrite Y0 by lia. unfold s. destruct (lt_dec p p); [lia|]. destruct (Nat.eq_dec p p); [|lia].
      fold (h p). simpl. field. assert (X := Hh p ltac:(lia) ltac:(lia)). lra.
    - rewrite Nat.add_succ_r. cbn [nodal]. change (nodal c s (p + k) + (c (S (p + k)) - c (p + k)%nat) * s (p + k)%nat) with (nodal c s (S (p + k))).
      rewrite IH by lia. unfold s. destruct (lt_dec (S (p + k)) p); [lia|]. destruct (Nat.eq_dec (S (p + k)) p); [lia|].
      fold (h (S (p + k))). replace (S (p + k) - p)%nat with (S k) by lia. simpl. field. assert (X := Hh (S (p + k)) ltac:(lia) ltac:(lia)). lra. }
  (* the energy is d / 3 *)
  assert (EF : form K (G_sigma c) (kinks s) = d / 3).
  { rewrite (form_cells K c Hlow Hsort Hlast). replace K with (p + (K - p))%nat at 1 by lia. rewrite nsum_split, nsum_zero, Rplus_0_l.
    - assert (T : forall q, (p + q <= K)%nat -> nsum q (fun i => (c (S (p + i)) - c (p + i)%nat) * cell (nodal c s (p + i)) (nodal c s (S (p + i))) / 3) = (c (p + q)%nat - c p) / 3).
      { induction q as [|q IH]; intros Hq; [simpl; rewrite Nat.add_0_r; field|]. cbn [nsum]. rewrite IH, Y1 by lia.
        assert (EC : cell (nodal c s (p + q)) ((-1) ^ q) = 1).
        { destruct q as [|q]; [rewrite Nat.add_0_r, Y0 by lia; unfold cell; simpl; ring|].
          rewrite Nat.add_succ_r, Y1 by lia. unfold cell. rewrite !Sign. simpl.
          replace ((-1) ^ q * (-1 * (-1) ^ q)) with (- ((-1) ^ q) ^ 2) by ring. rewrite Sign. ring. }
        rewrite EC, Nat.add_succ_r. field. }
      rewrite T by lia. replace (p + (K - p))%nat with K by lia. rewrite Hlast. reflexivity.
    - intros k Hk. rewrite !Y0 by lia. unfold cell. field. }
  (* the coefficients are large *)
  set (mu := 2 * d / INR m). assert (Hmu : 0 < mu) by (unfold mu; apply Rdiv_lt_0_compat; lra).
  assert (EN : 16 * INR m ^ 3 / d ^ 2 <= norm2 K (kinks s)).
  { replace K with (p + 2 + (m + (K - (p + 2 + m))))%nat by lia. unfold norm2. rewrite (nsum_split (p + 2)), (nsum_split m).
    set (f := fun i => kinks s (p + 2 + i)%nat ^ 2).
    assert (R1 : 0 <= nsum (p + 2) (fun i => kinks s i ^ 2)) by (apply nsum_pos; intros; apply pow2_ge_0).
    assert (R2 : 0 <= nsum (K - (p + 2 + m)) (fun i => kinks s (p + 2 + (m + i))%nat ^ 2)) by (apply nsum_pos; intros; apply pow2_ge_0).
    enough (R3 : 16 * INR m ^ 3 / d ^ 2 <= nsum m f) by lra.
    apply Rle_trans with (nsum m (fun i => 192 / mu ^ 2 + - (128 / mu ^ 3) * (h (p + 2 + i)%nat + h (p + 1 + i)%nat))).
    - rewrite nsum_plus, nsum_const, nsum_scal.
      assert (W : nsum m (fun i => h (p + 2 + i)%nat + h (p + 1 + i)%nat) <= 2 * d).
      { rewrite nsum_plus.
        assert (T : forall a q, (a + q <= K)%nat -> nsum q (fun i => h (a + i)%nat) = c (a + q)%nat - c a).
        { intros a. induction q as [|q IH]; intros Hq; [simpl; rewrite Nat.add_0_r; ring|]. cbn [nsum]. rewrite IH by lia.
          unfold h. rewrite Nat.add_succ_r. ring. }
        rewrite !T by lia.
        assert (A1 := sorted_le K c Hsort p (p + 1) ltac:(lia) ltac:(lia)). assert (A2 := sorted_le K c Hsort p (p + 2) ltac:(lia) ltac:(lia)).
        assert (A3 := sorted_le K c Hsort (p + 1 + m) K ltac:(lia) (le_n K)). assert (A4 := sorted_le K c Hsort (p + 2 + m) K ltac:(lia) (le_n K)).
        rewrite Hlast in A3, A4. unfold d. lra. }
      assert (P3 : 0 < 128 / mu ^ 3) by (apply Rdiv_lt_0_compat; [lra | apply pow_lt; assumption]).
      apply (Rmult_le_compat_l (128 / mu ^ 3)) in W; [|lra].
      apply Rle_trans with (INR m * (192 / mu ^ 2) - 128 / mu ^ 3 * (2 * d)); [|lra].
      right. unfold mu. field. lra.
    - apply nsum_le; intros i Hi. unfold f. replace (p + 2 + i)%nat with (S (p + 1 + i)) by lia. cbn [kinks]. unfold s.
      destruct (lt_dec (S (p + 1 + i)) p); [lia|]. destruct (Nat.eq_dec (S (p + 1 + i)) p); [lia|].
      destruct (lt_dec (p + 1 + i) p); [lia|]. destruct (Nat.eq_dec (p + 1 + i) p); [lia|].
      replace (S (p + 1 + i) - p)%nat with (S (S i)) by lia. replace (p + 1 + i - p)%nat with (S i) by lia.
      assert (H1 := Hh (S (p + 1 + i)) ltac:(lia) ltac:(lia)). assert (H2 := Hh (p + 1 + i)%nat ltac:(lia) ltac:(lia)).
      assert (G := gaps_tangent _ _ mu H1 H2 Hmu). set (x := h (S (p + 1 + i))) in *. set (y := h (p + 1 + i)%nat) in *.
      replace ((-1) ^ S (S i) * (2 / x) - (-1) ^ S i * (2 / y)) with ((-1) ^ S (S i) * (2 * (1 / x + 1 / y))) by (simpl; field; lra).
      rewrite Rpow_mult_distr, Sign.
      replace (1 * (2 * (1 / x + 1 / y)) ^ 2) with (16 * ((1 / x + 1 / y) ^ 2 / 4)) by (field; lra).
      replace (192 / mu ^ 2 + - (128 / mu ^ 3) * (x + y)) with (16 * (4 * (3 / mu ^ 2 - 2 * (x + y) / mu ^ 3))) by (field; lra). lra. }
  exists s. split; [exact EF|]. split; [exact EN|]. intros k Hk. destruct (le_lt_dec k p) as [L|L]; [rewrite Y0 by assumption; lra|].
  replace k with (S (p + (k - 1 - p))) by lia. rewrite Y1 by lia. assert (X := Sign (k - 1 - p)%nat).
  split; apply Rnot_lt_le; intros N; nra. Qed.
End Zigzag.

Section Sorted.
Variables (K : nat) (c : nat -> R) (lo : R).
Hypothesis Hlow : -1 <= c 0%nat.
Hypothesis Hsort : forall k, (k < K)%nat -> c k <= c (S k).
Hypothesis Hlast : c K = 1.
Hypothesis Hlo : 0 < lo.
Hypothesis Hform : forall v, lo * norm2 K v <= form K (G_sigma c) v.

Lemma gap_positive k : (k < K)%nat -> c k < c (S k).
Proof. intros Hk. destruct (Hsort k Hk) as [H|H]; [assumption|]. exfalso.
  set (s := fun j => if Nat.eq_dec j k then 1 else 0).
  assert (Y : forall j, nodal c s j = 0).
  { induction j as [|j IH]; [reflexivity|]. cbn [nodal]. rewrite IH. unfold s. destruct (Nat.eq_dec j k) as [->|]; [rewrite H; ring | ring]. }
  assert (F := Hform (kinks s)). rewrite (form_cells K c Hlow Hsort Hlast), nsum_zero in F.
  - assert (N : 0 < norm2 K (kinks s)); [|assert (X := Rmult_lt_0_compat _ _ Hlo N); lra].
    apply norm2_nonzero. exists k. split; [assumption|]. destruct k as [|k]; simpl; unfold s.
    + destruct (Nat.eq_dec 0 0); [lra | lia].
    + destruct (Nat.eq_dec (S k) (S k)); [|lia]. destruct (Nat.eq_dec k (S k)); [lia | lra].
  - intros j _. rewrite !Y. unfold cell. field. Qed.

(* lambda_min bounds the distances from below *)
Lemma distance_bound p m : (p + S m < K)%nat -> lo * (48 * INR m ^ 3) <= (1 - c p) ^ 3.
Proof. intros Hp.
  assert (Hp0 : c p < 1).
  { assert (A := gap_positive p ltac:(lia)). assert (B := sorted_le K c Hsort (S p) K ltac:(lia) (le_n K)). lra. }
  destruct (Nat.eq_dec m 0) as [->|Hm].
  { simpl INR. replace (lo * (48 * 0 ^ 3)) with 0 by ring. left. apply pow_lt; lra. }
  destruct (zigzag K c Hlow Hsort Hlast p m Hp ltac:(lia) (fun k _ Hk => gap_positive k Hk)) as [s [EF [EN _]]].
  set (d := 1 - c p) in *. assert (Hd : 0 < d) by (unfold d; lra).
  assert (F := Hform (kinks s)). rewrite EF in F. apply (Rmult_le_compat_l lo) in EN; [|lra].
  assert (L : lo * (16 * INR m ^ 3 / d ^ 2) <= d / 3) by lra.
  apply (Rmult_le_compat_r (3 * d ^ 2)) in L; [|assert (X := pow2_ge_0 d); lra].
  replace (lo * (16 * INR m ^ 3 / d ^ 2) * (3 * d ^ 2)) with (lo * (48 * INR m ^ 3)) in L by (field; lra).
  replace (d / 3 * (3 * d ^ 2)) with (d ^ 3) in L by field. exact L. Qed.

(* ---------- the entries grow with the distances ---------- *)
Lemma T_entry_mono x y x' y' : 0 <= x <= x' -> 0 <= y <= y' -> T_entry x y <= T_entry x' y'.
Proof. intros Hx Hy.
  assert (HH : forall a b, a <= b -> T_entry a b = a ^ 2 * (b / 2 - a / 6)).
  { intros a b Hab. unfold T_entry. rewrite Rmin_left, Rabs_left1 by lra. field. }
  assert (SY : forall a b, T_entry a b = T_entry b a).
  { intros a b. unfold T_entry. rewrite Rmin_comm, Rabs_minus_sym. reflexivity. }
  assert (M1 : forall a a' b, 0 <= a <= a' -> 0 <= b -> T_entry a b <= T_entry a' b).
  { assert (Q : forall a a' b, 0 <= a <= a' -> a' <= b -> T_entry a b <= T_entry a' b).
    { intros a a' b Ha Hb. rewrite !HH by lra.
      replace (a' ^ 2 * (b / 2 - a' / 6)) with (a ^ 2 * (b / 2 - a / 6) + (a' - a) * (3 * (b - a') * (a + a') + 2 * a' ^ 2 + 2 * a * a' - a ^ 2) / 6) by field.
      assert (0 <= (a' - a) * (3 * (b - a') * (a + a') + 2 * a' ^ 2 + 2 * a * a' - a ^ 2)); [|lra].
      apply Rmult_le_pos; [lra|]. assert (X : 0 <= (b - a') * (a + a')) by (apply Rmult_le_pos; lra).
      assert (Y : a ^ 2 <= a' ^ 2) by (apply pow_incr; lra). assert (Z : 0 <= a * a') by (apply Rmult_le_pos; lra).
      assert (W := pow2_ge_0 a). lra. }
    assert (Q' : forall a a' b, b <= a <= a' -> 0 <= b -> T_entry a b <= T_entry a' b).
    { intros a a' b Ha Hb. rewrite (SY a b), (SY a' b), !HH by lra. apply Rmult_le_compat_l; [apply pow2_ge_0 | lra]. }
    intros a a' b Ha Hb. destruct (Rle_dec a' b) as [L|L]; [apply Q; lra|]. destruct (Rle_dec b a) as [L'|L']; [apply Q'; lra|].
    apply Rle_trans with (T_entry b b); [apply Q; lra | apply Q'; lra]. }
  apply Rle_trans with (T_entry x' y); [apply M1; lra|]. rewrite (SY x' y), (SY x' y'). apply M1; lra. Qed.

Lemma cube_root a : 0 < a -> exists r, 0 < r /\ r ^ 3 = a.
Proof. intros Ha. exists (Rpower a (/3)). split; [apply exp_pos|].
  rewrite <- Rpower_pow by apply exp_pos. rewrite Rpower_mult. replace (/3 * INR 3) with 1 by (simpl; field). apply Rpower_1, Ha. Qed.

(* a test vector for T_{K-2} gives one for G_sigma *)
Lemma lower_core x : (2 < K)%nat -> exists u, norm2 K u = norm2 (K - 2) x /\
  48 * lo * form (K - 2) T_matrix x <= form K (G_sigma c) u.
Proof. intros HK. set (n := (K - 2)%nat). assert (En : K = (n + 2)%nat) by (unfold n; lia).
  assert (R0 : 0 < 48 * lo) by lra. destruct (cube_root _ R0) as [r [Pr Er]].
  set (y := fun k => Rabs (x k)).
  assert (HT : forall a b, 0 <= a -> 0 <= b -> 0 <= T_entry a b).
  { intros a b Ha Hb. unfold T_entry. assert (P : 0 <= Rmin a b) by (apply Rmin_glb; lra).
    assert (P3 := pow_le _ 3 P). assert (Q := Rmult_le_pos _ _ (Rabs_pos (a - b)) (pow2_ge_0 (Rmin a b))). lra. }
  set (u := fun j => if lt_dec j n then y (n - 1 - j)%nat else 0).
  exists u. split.
  - rewrite En. unfold norm2. rewrite nsum_split, (nsum_zero 2).
    2:{ intros i Hi. unfold u. destruct (lt_dec (n + i) n); [lia | ring]. }
    rewrite nsum_reverse, Rplus_0_r. apply nsum_ext; intros i Hi. unfold u. destruct (lt_dec (n - 1 - i) n); [|lia].
    replace (n - 1 - (n - 1 - i))%nat with i by lia. unfold y. rewrite <- Rsqr_pow2, <- Rsqr_abs, Rsqr_pow2. reflexivity.
  - apply Rle_trans with (48 * lo * form n T_matrix y).
    { apply Rmult_le_compat_l; [lra|]. unfold form. apply nsum_le; intros i Hi. apply nsum_le; intros j Hj. apply Rmult_le_compat_r.
      - apply HT; left; apply lt_0_INR; lia.
      - unfold y. rewrite <- Rabs_mult. apply Rle_abs. }
    assert (Dist : forall k, (k < n)%nat -> r * INR (S k) <= 1 - c (n - 1 - k)%nat).
    { intros k Hk. assert (B := distance_bound (n - 1 - k) (S k) ltac:(lia)). set (d := 1 - c (n - 1 - k)%nat) in *.
      assert (Hd : 0 <= d) by (unfold d; assert (X := sorted_range K c Hlow Hsort Hlast (n - 1 - k) ltac:(lia)); lra).
      apply Rnot_lt_le. intros L. assert (X : d ^ 3 < (r * INR (S k)) ^ 3).
      { assert (P : 0 < INR (S k)) by (apply lt_0_INR; lia). set (z := r * INR (S k)) in *.
        assert (d ^ 2 <= z ^ 2) by (apply pow_incr; lra). replace (d ^ 3) with (d * d ^ 2) by ring. replace (z ^ 3) with (z * z ^ 2) by ring.
        assert (0 < z ^ 2) by (apply pow_lt; lra). assert (d * d ^ 2 <= d * z ^ 2) by (apply Rmult_le_compat_l; lra).
        assert (d * z ^ 2 < z * z ^ 2) by (apply Rmult_lt_compat_r; lra). lra. }
      rewrite Rpow_mult_distr, Er in X. lra. }
    assert (Range : forall i, (i < K)%nat -> -1 <= c i <= 1) by (intros i Hi; apply (sorted_range K c Hlow Hsort Hlast); lia).
    rewrite <- Er. unfold form. rewrite <- nsum_scal.
    replace K with (n + 2)%nat at 1 by lia. rewrite nsum_split, (nsum_zero 2), Rplus_0_r.
    2:{ intros i Hi. apply nsum_zero; intros j Hj. unfold u at 1. destruct (lt_dec (n + i) n); [lia | ring]. }
    rewrite (nsum_reverse n (fun i => nsum K _)). apply nsum_le; intros i Hi.
    rewrite <- nsum_scal. replace K with (n + 2)%nat by lia. rewrite nsum_split, (nsum_zero 2), Rplus_0_r.
    2:{ intros j Hj. unfold u at 2. destruct (lt_dec (n + j) n); [lia | ring]. }
    rewrite (nsum_reverse n (fun j => u (n - 1 - i)%nat * u j * _)). apply nsum_le; intros j Hj.
    unfold u. destruct (lt_dec (n - 1 - i) n); [|lia]. destruct (lt_dec (n - 1 - j) n); [|lia].
    replace (n - 1 - (n - 1 - i))%nat with i by lia. replace (n - 1 - (n - 1 - j))%nat with j by lia.
    rewrite (G_sigma_entry K) by (try assumption; lia). rewrite sigma_entry_T.
    replace (r ^ 3 * (y i * y j * T_matrix i j)) with (y i * y j * (r ^ 3 * T_matrix i j)) by ring.
    apply Rmult_le_compat_l; [apply Rmult_le_pos; apply Rabs_pos|].
    unfold T_matrix. rewrite <- T_entry_scale by lra. apply T_entry_mono; (split; [|apply Dist; assumption]);
      (apply Rmult_le_pos; [lra | apply pos_INR]). Qed.
End Sorted.

(* ---------- sorting an arbitrary placement ---------- *)
Section Sort.
Variable b : nat -> R.
Notation le_b := (fun i j : nat => b i <= b j).

Lemma insert_sorted a L : StronglySorted le_b L -> exists L', Permutation (a :: L) L' /\ StronglySorted le_b L'.
Proof. induction L as [|c L IH]; intros HS.
  - exists [a]. split; [reflexivity | repeat constructor].
  - inversion HS as [|x l HS' HF]; subst. destruct (Rle_lt_dec (b a) (b c)) as [H|H].
    + exists (a :: c :: L). split; [reflexivity|]. constructor; [assumption|]. constructor; [assumption|].
      eapply Forall_impl; [|exact HF]. simpl; intros; lra.
    + destruct (IH HS') as [L' [HP HL]]. exists (c :: L'). split.
      * rewrite perm_swap. constructor. assumption.
      * constructor; [assumption|]. eapply Permutation_Forall; [exact HP|]. constructor; [simpl; lra | assumption]. Qed.

Lemma sort_exists L : exists L', Permutation L L' /\ StronglySorted le_b L'.
Proof. induction L as [|a L [L' [HP HS]]].
  - exists []. split; constructor.
  - destruct (insert_sorted a L' HS) as [L'' [HP' HS']]. exists L''. split; [|assumption].
    rewrite HP. assumption. Qed.

Lemma sorted_nth L : StronglySorted le_b L -> forall i j, (i <= j)%nat -> (j < length L)%nat ->
  b (nth i L 0%nat) <= b (nth j L 0%nat).
Proof. induction 1 as [|a L HS IH HF]; intros i j Hij Hj; simpl in Hj; [lia|].
  destruct i as [|i]; destruct j as [|j]; simpl; [lra | | lia | apply IH; lia].
  rewrite Forall_forall in HF. apply HF, nth_In. lia. Qed.
End Sort.

Lemma lsum_perm {A} (L M : list A) f : Permutation L M -> lsum L f = lsum M f.
Proof. induction 1; simpl; lra. Qed.

Lemma lsum_nth (L : list nat) f : lsum L f = nsum (length L) (fun i => f (nth i L 0%nat)).
Proof. induction L as [|a L IH]; [reflexivity|]. simpl length. rewrite nsum_shift. simpl. rewrite IH. reflexivity. Qed.

(* there is a sorted placement with the same quadratic form, up to the order of the neurons *)
Lemma sorted_placement K b : (forall i, (i < K)%nat -> -1 <= b i <= 1) -> (0 < K)%nat ->
  exists c, -1 <= c 0%nat /\ (forall k, (k < K)%nat -> c k <= c (S k)) /\ c K = 1 /\
    (forall k, (k < K)%nat -> exists i, (i < K)%nat /\ c k = b i) /\
    ((forall i j, (i < K)%nat -> (j < K)%nat -> b i = b j -> i = j) -> forall k, (S k < K)%nat -> c k <> c (S k)) /\
    (forall w, exists v, norm2 K v = norm2 K w /\ form K (G_sigma b) v = form K (G_sigma c) w) /\
    (forall v, exists w, norm2 K v = norm2 K w /\ form K (G_sigma b) v = form K (G_sigma c) w).
Proof. intros Hb HK. destruct (sort_exists b (seq 0 K)) as [L [HP HS]].
  assert (HL : length L = K) by (rewrite <- (Permutation_length HP); apply seq_length).
  set (sg := fun i => nth i L 0%nat).
  assert (Hsg : bFun K sg).
  { intros i Hi. assert (HI : In (nth i L 0%nat) L) by (apply nth_In; lia).
    apply (Permutation_in _ (Permutation_sym HP)) in HI. apply in_seq in HI. unfold sg. lia. }
  assert (Hinj : bInjective K sg).
  { intros i j Hi Hj E. assert (HN : NoDup L) by (apply (Permutation_NoDup HP), seq_NoDup).
    apply (proj1 (NoDup_nth L 0%nat) HN); lia || exact E. }
  destruct (bSurjective_bBijective Hsg (proj1 (bInjective_bSurjective Hsg) Hinj)) as [tau [Htau Hinv]].
  assert (Re : forall f, nsum K f = nsum K (fun i => f (sg i))).
  { intros f. rewrite nsum_lsum, (lsum_perm _ _ f HP), lsum_nth, HL. reflexivity. }
  exists (fun i => if lt_dec i K then b (sg i) else 1). repeat split.
  - destruct (lt_dec 0 K); [|lia]. apply Hb, Hsg; assumption.
  - intros k Hk. destruct (lt_dec k K); [|lia]. destruct (lt_dec (S k) K).
    + apply sorted_nth; [assumption | lia | lia].
    + apply Hb, Hsg; assumption.
  - destruct (lt_dec K K); [lia | reflexivity].
  - intros k Hk. exists (sg k). split; [apply Hsg; assumption|]. destruct (lt_dec k K); [reflexivity | lia].
  - intros Hd k Hk E. destruct (lt_dec k K); [|lia]. destruct (lt_dec (S k) K); [|lia].
    apply Hd in E; [|apply Hsg; lia | apply Hsg; lia]. apply Hinj in E; lia.
  - intros w. exists (fun i => w (tau i)). split.
    + unfold norm2. rewrite Re. apply nsum_ext; intros i Hi. rewrite (proj1 (Hinv i Hi)). reflexivity.
    + unfold form. rewrite Re. apply nsum_ext; intros i Hi. rewrite Re. apply nsum_ext; intros j Hj.
      rewrite (proj1 (Hinv i Hi)), (proj1 (Hinv j Hj)). unfold G_sigma, gram.
      destruct (lt_dec i K); [|lia]. destruct (lt_dec j K); [reflexivity | lia].
  - intros v. exists (fun i => v (sg i)). split; [unfold norm2; apply Re|].
    unfold form. rewrite Re. apply nsum_ext; intros i Hi. rewrite Re. apply nsum_ext; intros j Hj. unfold G_sigma, gram.
    destruct (lt_dec i K); [|lia]. destruct (lt_dec j K); [reflexivity | lia]. Qed.

(* ---------- Theorem 3.1, any placement ---------- *)
Lemma relu_lower_T K b lo hi mu : (3 <= K)%nat -> (forall i, (i < K)%nat -> -1 <= b i <= 1) ->
  (forall v, lo * norm2 K v <= form K (G_sigma b) v <= hi * norm2 K v) ->
  largest_eigenvalue (K - 2) T_matrix mu -> 48 * mu * lo <= hi.
Proof. intros HK Hb HB [Hmu _].
  destruct (eigenvalue_attained _ _ _ Hmu) as [x [Nx Ex]]. assert (Px := norm2_nonzero _ _ Nx).
  destruct (sorted_placement K b Hb ltac:(lia)) as [c [C0 [Cs [CK [_ [_ [Cw _]]]]]]].
  assert (HC : forall w, lo * norm2 K w <= form K (G_sigma c) w <= hi * norm2 K w).
  { intros w. destruct (Cw w) as [v [E1 E2]]. rewrite <- E1, <- E2. apply HB. }
  assert (Hpos : forall w, 0 <= form K (G_sigma c) w).
  { apply G_sigma_pos. intros i Hi. apply (sorted_range K c C0 Cs CK). lia. }
  assert (Pmu : 0 <= form (K - 2) T_matrix x).
  { rewrite <- (Rmult_1_l (form _ _ _)).
    assert (X := equal_T (K - 2) ltac:(lia) (fun i => x (K - 2 - 1 - i)%nat)).
    rewrite (form_ext (K - 2) T_matrix T_matrix _ x) in X; [| reflexivity | intros i Hi; simpl; f_equal; lia].
    assert (Y := G_sigma_pos (K - 2) (equal_spacing (K - 2)) (equal_range (K - 2) ltac:(lia)) (fun i => x (K - 2 - 1 - i)%nat)).
    rewrite X in Y. assert (P : 0 < (2 / INR (K - 2)) ^ 3) by (apply pow_lt, Rdiv_lt_0_compat; [lra | apply lt_0_INR; lia]).
    apply (Rmult_le_reg_l _ _ _ P). lra. }
  assert (M0 : 0 <= mu) by (rewrite Ex in Pmu; apply (Rmult_le_reg_r (norm2 (K - 2) x)); lra).
  destruct (Rle_lt_dec lo 0) as [L|L].
  - apply Rle_trans with 0.
    { rewrite <- (Rmult_0_r (48 * mu)). apply Rmult_le_compat_l; lra. }
    assert (N1 : 0 < norm2 K (unit_vector 0)).
    { apply norm2_nonzero. exists 0%nat. split; [lia|]. unfold unit_vector. simpl. lra. }
    assert (P := Hpos (unit_vector 0)). assert (Q := proj2 (HC (unit_vector 0))).
    apply (Rmult_le_reg_r (norm2 K (unit_vector 0))); [assumption | lra].
  - destruct (lower_core K c lo C0 Cs CK L (fun v => proj1 (HC v)) x ltac:(lia)) as [u [Nu Fu]].
    assert (Q := proj2 (HC u)). rewrite Ex in Fu. rewrite Nu in Q.
    apply (Rmult_le_reg_r (norm2 (K - 2) x)); [assumption | lra]. Qed.

Lemma relu_kappa_T K b mu kappa : (3 <= K)%nat -> (forall i, (i < K)%nat -> -1 <= b i <= 1) ->
  largest_eigenvalue (K - 2) T_matrix mu -> condition_number K (G_sigma b) kappa -> 48 * mu <= kappa.
Proof. intros HK Hb Hmu [lo [hi [Hl [Hh [Pl ->]]]]].
  assert (S := G_sigma_symmetric K b Hb).
  assert (B := relu_lower_T K b lo hi mu HK Hb (fun v => conj (smallest_bounds K _ lo ltac:(lia) S Hl v) (largest_bounds K _ hi ltac:(lia) S Hh v)) Hmu).
  apply (Rmult_le_reg_r lo); [assumption|]. replace (hi / lo * lo) with hi by (field; lra). lra. Qed.


(* distinct biases in [-1, 1) have a condition number *)
Lemma relu_kappa_exists K b : (0 < K)%nat -> (forall i, (i < K)%nat -> -1 <= b i < 1) ->
  (forall i j, (i < K)%nat -> (j < K)%nat -> b i = b j -> i = j) -> exists kappa, condition_number K (G_sigma b) kappa.
Proof. intros HK Hb Hd. assert (Hb' : forall i, (i < K)%nat -> -1 <= b i <= 1) by (intros i Hi; specialize (Hb i Hi); lra).
  destruct (sorted_placement K b Hb' HK) as [c [C0 [Cs [CK [Ci [Cd [_ Cw]]]]]]].
  assert (Hp : forall k, (k < K)%nat -> 0 < c (S k) - c k).
  { intros k Hk. assert (X := Cs k Hk). destruct (Nat.eq_dec (S k) K) as [E|E].
    - rewrite E, CK. destruct (Ci k Hk) as [i [Hi ->]]. specialize (Hb i Hi). lra.
    - specialize (Cd Hd k ltac:(lia)). lra. }
  assert (Hgap : forall m, (m <= K)%nat -> exists h, 0 < h /\ forall k, (k < m)%nat -> h <= c (S k) - c k).
  { induction m as [|m IH]; intros Hm; [exists 1; split; [lra | intros; lia]|].
    destruct (IH ltac:(lia)) as [h [Ph Hh]]. exists (Rmin h (c (S m) - c m)). split; [apply Rmin_pos; [assumption | apply Hp; lia]|].
    intros k Hk. destruct (Nat.eq_dec k m) as [->|]; [apply Rmin_r|]. apply Rle_trans with h; [apply Rmin_l | apply Hh; lia]. }
  destruct (Hgap K (le_n K)) as [h [Ph Hh]].
  apply condition_exists; [assumption | apply G_sigma_symmetric; assumption|].
  intros v Nv. destruct (Cw v) as [w [E1 E2]]. rewrite E2. apply norm2_nonzero in Nv. rewrite E1 in Nv.
  apply Rlt_le_trans with (h ^ 3 / 48 * norm2 K w).
  - apply Rmult_lt_0_compat; [|assumption]. assert (P := pow_lt h 3 Ph). lra.
  - apply gaps_form; [assumption | assumption | intros i Hi; apply Hh; lia |]. intros i Hi. rewrite <- CK, <- Hi. apply Hh. lia. Qed.
