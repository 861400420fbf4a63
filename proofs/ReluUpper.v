(* Separated biases: lambda_min >= h^3/48, so that equal spacing has kappa <= 48 lambda_max(T_K) <= 4 K^2 (K+1)^2. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Spectrum ReluGram.
Open Scope R_scope.

Lemma kinks_norm s n : norm2 n (kinks s) <= 4 * norm2 n s.
Proof. enough (H : norm2 n (kinks s) + match n with O => 0 | S m => 2 * s m ^ 2 end <= 4 * norm2 n s).
  { destruct n as [|m]; [lra|]. assert (P := pow2_ge_0 (s m)). lra. }
  induction n as [|n IH]; [unfold norm2; simpl; lra|]. unfold norm2 in *. cbn [nsum].
  destruct n as [|m]; cbn [kinks].
  - cbn [nsum]. assert (P := pow2_ge_0 (s 0%nat)). lra.
  - assert (P := pow2_ge_0 (s (S m) + s m)). lra. Qed.

Section Gaps.
Variables (K : nat) (b : nat -> R) (h : R).
Hypothesis Hh : 0 < h.
Hypothesis Hlow : -1 <= b 0%nat.
Hypothesis Hgap : forall i, (S i < K)%nat -> h <= b (S i) - b i.
Hypothesis Hlast : forall i, S i = K -> h <= 1 - b i.

(* the biases, and 1 behind them *)
Let c (i : nat) : R := if lt_dec i K then b i else 1.

Lemma gaps_c k : (k < K)%nat -> h <= c (S k) - c k.
Proof. intros Hk. unfold c. destruct (lt_dec (S k) K); destruct (lt_dec k K); try lia; [apply Hgap; lia | apply Hlast; lia]. Qed.

Lemma gaps_form v : h ^ 3 / 48 * norm2 K v <= form K (G_sigma b) v.
Proof. destruct (Nat.eq_dec K 0) as [->|HK]; [unfold norm2, form; simpl; lra|].
  assert (A1 : -1 <= c 0%nat) by (unfold c; destruct (lt_dec 0 K); [assumption | lia]).
  assert (A2 : forall k, (k < K)%nat -> c k <= c (S k)) by (intros k Hk; assert (X := gaps_c k Hk); lra).
  assert (A3 : c K = 1) by (unfold c; destruct (lt_dec K K); [lia | reflexivity]).
  set (s := fun k => nsum (S k) v).
  assert (EF : form K (G_sigma b) v = form K (G_sigma c) (kinks s)).
  { apply form_ext.
    - intros i j Hi Hj. unfold G_sigma, gram, c. destruct (lt_dec i K); [|lia]. destruct (lt_dec j K); [reflexivity | lia].
    - intros i _. symmetry. apply kinks_of. }
  rewrite EF, (form_cells K c A1 A2 A3).
  rewrite (norm2_ext K v (kinks s)) by (intros i _; symmetry; apply kinks_of).
  apply Rle_trans with (h ^ 3 / 48 * (4 * norm2 K s)).
  { apply Rmult_le_compat_l; [|apply kinks_norm]. assert (P := pow_lt h 3 Hh). lra. }
  replace (h ^ 3 / 48 * (4 * norm2 K s)) with (h ^ 3 / 12 * norm2 K s) by field.
  unfold norm2. rewrite <- nsum_scal. apply nsum_le; intros k Hk.
  assert (G := gaps_c k Hk). set (g := c (S k) - c k) in *.
  assert (Q : (g * s k) ^ 2 <= 4 * cell (nodal c s k) (nodal c s (S k))).
  { cbn [nodal]. fold g. unfold cell. set (y := nodal c s k). set (z := g * s k).
    assert (P := pow2_ge_0 (2 * y + z)). lra. }
  assert (P3 : h ^ 3 <= g ^ 3) by (apply pow_incr; lra).
  assert (S2 := pow2_ge_0 (s k)). apply (Rmult_le_compat_r _ _ _ S2) in P3.
  apply (Rmult_le_compat_l g) in Q; [|lra]. replace (g * (g * s k) ^ 2) with (g ^ 3 * s k ^ 2) in Q by ring. lra. Qed.
End Gaps.

(* ---------- upper bounds of lambda_max: the trace ---------- *)
Lemma trace_bound n A v : symmetric n A -> (forall w, 0 <= form n A w) -> form n A v <= nsum n (fun i => A i i) * norm2 n v.
Proof. intros HS HP.
  (* 2 x 2 minors: 2 |v_i v_j A_ij| <= v_i^2 A_jj + v_j^2 A_ii *)
  assert (M : forall i j, (i < n)%nat -> (j < n)%nat -> 2 * (v i * v j * A i j) <= v i ^ 2 * A j j + v j ^ 2 * A i i).
  { intros i j Hi Hj.
    assert (Q : forall x y, 0 <= x ^ 2 * A i i + 2 * (x * y) * A i j + y ^ 2 * A j j).
    { intros x y. assert (X := HP (fun k => 0 + y * unit_vector j k)). assert (Z := HP (fun k => (0 + y * unit_vector j k) + x * unit_vector i k)).
      rewrite form_unit in X, Z by assumption. rewrite form_unit in Z by assumption.
      replace (product n A (fun _ => 0) j) with 0 in * by (symmetry; apply nsum_zero; intros; ring).
      replace (form n A (fun _ => 0)) with 0 in * by (symmetry; apply nsum_zero; intros; apply nsum_zero; intros; ring).
      replace (product n A (fun k => 0 + y * unit_vector j k) i) with (y * A i j) in Z; [lra|].
      unfold product. rewrite <- (nsum_delta n j (fun k => y * A i k)) by assumption. apply nsum_ext; intros k _.
      unfold unit_vector. destruct (Nat.eq_dec k j); ring. }
    assert (X := Q (v j) (- v i)). lra. }
  apply (Rmult_le_reg_l 2); [lra|]. unfold form. rewrite <- nsum_scal.
  apply Rle_trans with (nsum n (fun i => nsum n (fun j => v i ^ 2 * A j j + v j ^ 2 * A i i))).
  - apply nsum_le; intros i Hi. rewrite <- nsum_scal. apply nsum_le; intros j Hj. apply M; assumption.
  - right. rewrite (nsum_ext n _ (fun i => v i ^ 2 * nsum n (fun j => A j j) + A i i * norm2 n v)).
    + rewrite nsum_plus, <- nsum_scal_r, <- nsum_scal_r. unfold norm2. ring.
    + intros i _. rewrite nsum_plus, nsum_scal, <- nsum_scal_r. unfold norm2. ring. Qed.

Lemma G_sigma_trace K b : (forall i, (i < K)%nat -> -1 <= b i <= 1) -> forall v,
  form K (G_sigma b) v <= nsum K (fun i => (1 - b i) ^ 3 / 3) * norm2 K v.
Proof. intros Hb v. replace (nsum K (fun i => (1 - b i) ^ 3 / 3)) with (nsum K (fun i => G_sigma b i i)).
  - apply trace_bound; [apply G_sigma_symmetric | apply G_sigma_pos]; assumption.
  - apply nsum_ext; intros i Hi. rewrite (G_sigma_entry K), sigma_entry_le by (assumption || lra). field. Qed.

(* ---------- the matrix T ---------- *)
Lemma T_entry_scale r x y : 0 <= r -> T_entry (r * x) (r * y) = r ^ 3 * T_entry x y.
Proof. intros Hr. unfold T_entry. replace (Rmin (r * x) (r * y)) with (r * Rmin x y).
  - replace (r * x - r * y) with (r * (x - y)) by ring. rewrite Rabs_mult, (Rabs_pos_eq r) by assumption. field.
  - unfold Rmin. destruct (Rle_dec x y) as [H|H].
    + destruct (Rle_dec (r * x) (r * y)) as [H'|H']; [reflexivity|]. exfalso. apply H', Rmult_le_compat_l; assumption.
    + destruct (Rle_dec (r * x) (r * y)) as [H'|H']; [|reflexivity]. apply Rle_antisym; [apply Rmult_le_compat_l; lra | assumption]. Qed.

Lemma T_symmetric n : symmetric n T_matrix.
Proof. intros i j _ _. unfold T_matrix, T_entry. rewrite Rmin_comm, Rabs_minus_sym. reflexivity. Qed.

Lemma cubes_sum n : nsum n (fun i => INR (S i) ^ 3) = (INR n * (INR n + 1) / 2) ^ 2.
Proof. induction n as [|n IH]; [simpl; field|]. cbn [nsum]. rewrite IH, !S_INR. field. Qed.

(* ---------- equal spacing ---------- *)
Section Equal.
Variable K : nat.
Hypothesis HK : (0 < K)%nat.
Let PK : 0 < INR K. Proof. apply lt_0_INR; assumption. Qed.

Lemma equal_step i : equal_spacing K (S i) - equal_spacing K i = 2 / INR K.
Proof. unfold equal_spacing. rewrite S_INR. field. lra. Qed.

Lemma equal_distance i : 1 - equal_spacing K i = 2 * (INR K - INR i) / INR K.
Proof. unfold equal_spacing. field. lra. Qed.

Lemma equal_range i : (i < K)%nat -> -1 <= equal_spacing K i <= 1.
Proof. intros Hi. assert (A := equal_distance i). apply lt_INR in Hi. assert (P := pos_INR i).
  assert (0 <= 2 * (INR K - INR i) / INR K <= 2); [|lra].
  split; [apply Rmult_le_pos; [lra | left; apply Rinv_0_lt_compat; assumption]|].
  apply (Rmult_le_reg_r (INR K)); [assumption|]. replace (2 * (INR K - INR i) / INR K * INR K) with (2 * (INR K - INR i)) by (field; lra). lra. Qed.

Lemma equal_lower v : 1 / (6 * INR K ^ 3) * norm2 K v <= form K (G_sigma (equal_spacing K)) v.
Proof. replace (1 / (6 * INR K ^ 3)) with ((2 / INR K) ^ 3 / 48) by (field; lra). apply gaps_form.
  - apply Rdiv_lt_0_compat; lra.
  - apply equal_range; assumption.
  - intros i _. rewrite equal_step. lra.
  - intros i Hi. rewrite equal_distance, <- Hi, S_INR. right. field. rewrite <- S_INR, Hi. lra. Qed.

(* G_sigma is (2/K)^3 times T_K with the order of the neurons reversed *)
Lemma equal_T v : form K (G_sigma (equal_spacing K)) v = (2 / INR K) ^ 3 * form K T_matrix (fun i => v (K - 1 - i)%nat).
Proof. unfold form. rewrite nsum_reverse, <- nsum_scal. apply nsum_ext; intros i Hi. rewrite nsum_reverse, <- nsum_scal.
  apply nsum_ext; intros j Hj. rewrite (G_sigma_entry K) by (try (intros; apply equal_range; assumption); lia).
  rewrite sigma_entry_T, !equal_distance. unfold T_matrix.
  assert (E : forall k, (k < K)%nat -> 2 * (INR K - INR (K - 1 - k)) / INR K = 2 / INR K * INR (S k)).
  { intros k Hk. replace (K - 1 - k)%nat with (K - S k)%nat by lia. rewrite minus_INR by lia. field. lra. }
  rewrite !E, T_entry_scale; [field; lra | | assumption | assumption]. left; apply Rdiv_lt_0_compat; lra. Qed.

Lemma norm2_reverse v : norm2 K (fun i => v (K - 1 - i)%nat) = norm2 K v.
Proof. unfold norm2. symmetry. rewrite nsum_reverse. reflexivity. Qed.

Lemma equal_kappa_T mu kappa : largest_eigenvalue K T_matrix mu -> condition_number K (G_sigma (equal_spacing K)) kappa ->
  kappa <= 48 * mu.
Proof. intros Hmu Hk. replace (48 * mu) with ((2 / INR K) ^ 3 * mu / (1 / (6 * INR K ^ 3))) by (field; lra).
  apply (condition_le K (G_sigma (equal_spacing K))); [apply Rdiv_lt_0_compat; [lra | apply Rmult_lt_0_compat; [lra | apply pow_lt; assumption]] | | assumption].
  intros v. split; [apply equal_lower|]. rewrite equal_T, <- norm2_reverse, Rmult_assoc. apply Rmult_le_compat_l.
  - apply pow_le. left. apply Rdiv_lt_0_compat; lra.
  - apply largest_bounds; [assumption | apply T_symmetric | assumption]. Qed.

Lemma equal_kappa_upper kappa : condition_number K (G_sigma (equal_spacing K)) kappa -> kappa <= 4 * INR K ^ 2 * (INR K + 1) ^ 2.
Proof. intros Hk.
  replace (4 * INR K ^ 2 * (INR K + 1) ^ 2) with (2 * (INR K + 1) ^ 2 / (3 * INR K) / (1 / (6 * INR K ^ 3))) by (field; lra).
  apply (condition_le K (G_sigma (equal_spacing K))); [apply Rdiv_lt_0_compat; [lra | apply Rmult_lt_0_compat; [lra | apply pow_lt; assumption]] | | assumption].
  intros v. split; [apply equal_lower|]. apply Rle_trans with (1 := G_sigma_trace K _ equal_range v).
  right. f_equal. rewrite nsum_reverse.
  rewrite (nsum_ext K _ (fun i => 8 / (3 * INR K ^ 3) * INR (S i) ^ 3)).
  - rewrite nsum_scal, cubes_sum. field. lra.
  - intros i Hi. rewrite equal_distance. replace (K - 1 - i)%nat with (K - S i)%nat by lia. rewrite minus_INR by lia. field. lra. Qed.
End Equal.

(* ---------- placements within theta / K of equal spacing ---------- *)
Lemma near_equal_kappa K b theta kappa : (0 < K)%nat -> 0 <= theta < 1 ->
  (forall i, (i < K)%nat -> -1 <= b i <= 1 /\ Rabs (b i - equal_spacing K i) <= theta / INR K) ->
  condition_number K (G_sigma b) kappa -> kappa <= 16 / (1 - theta) ^ 3 * INR K ^ 4.
Proof. intros HK Ht Hb Hk. assert (PK : 0 < INR K) by (apply lt_0_INR; assumption).
  set (h := 2 * (1 - theta) / INR K). assert (Hh : 0 < h) by (apply Rdiv_lt_0_compat; lra).
  assert (P3 : 0 < (1 - theta) ^ 3) by (apply pow_lt; lra).
  replace (16 / (1 - theta) ^ 3 * INR K ^ 4) with (8/3 * INR K / (h ^ 3 / 48)) by (unfold h; field; lra).
  apply (condition_le K (G_sigma b)); [assert (X := pow_lt h 3 Hh); lra | | assumption].
  intros v. split.
  - apply gaps_form; [assumption | apply Hb; assumption | |].
    + intros i Hi. destruct (Hb i ltac:(lia)) as [_ B1]. destruct (Hb (S i) Hi) as [_ B2].
      apply Rabs_le_between in B1. apply Rabs_le_between in B2. assert (E := equal_step K HK i).
      unfold h. replace (2 * (1 - theta) / INR K) with (2 / INR K - theta / INR K - theta / INR K) by (field; lra). lra.
    + intros i Hi. destruct (Hb i ltac:(lia)) as [_ B1]. apply Rabs_le_between in B1. assert (E := equal_distance K HK i).
      rewrite <- Hi, S_INR in E. rewrite <- S_INR, Hi in E. replace (INR K - INR i) with 1 in E by (rewrite <- Hi, S_INR; ring).
      assert (X : 0 <= theta / INR K) by (apply Rmult_le_pos; [lra | left; apply Rinv_0_lt_compat; assumption]).
      unfold h. replace (2 * (1 - theta) / INR K) with (2 * 1 / INR K - theta / INR K - theta / INR K) by (field; lra). lra.
  - apply Rle_trans with (1 := G_sigma_trace K b (fun i Hi => proj1 (Hb i Hi)) v).
    apply Rmult_le_compat_r; [apply norm2_pos|]. replace (8/3 * INR K) with (nsum K (fun _ => 8/3)) by (rewrite nsum_const; ring).
    apply nsum_le; intros i Hi. destruct (Hb i Hi) as [B _]. assert (X : (1 - b i) ^ 3 <= 2 ^ 3) by (apply pow_incr; lra). lra. Qed.
