(* Finite samples: (8) for ReLUs whose first bias is -1 and any data, and for Theorem 3.3's neurons on a grid. *)
Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Spectrum ReluGram ReluLower.
Open Scope R_scope.

Lemma sample_symmetric n N x phi : symmetric n (sample_gram N x phi).
Proof. intros i j _ _. apply nsum_ext; intros; ring. Qed.

Lemma sample_form n N x phi v : form n (sample_gram N x phi) v = nsum N (fun l => nsum n (fun i => v i * phi i (x l)) ^ 2).
Proof. unfold form, sample_gram.
  rewrite (nsum_ext N _ (fun l => nsum n (fun i => nsum n (fun j => v i * v j * (phi i (x l) * phi j (x l)))))).
  - symmetry. rewrite nsum_swap. apply nsum_ext; intros i _. rewrite nsum_swap. apply nsum_ext; intros j _. rewrite nsum_scal. reflexivity.
  - intros l _. rewrite nsum_square. apply nsum_ext; intros i _. apply nsum_ext; intros j _. ring. Qed.

Lemma in_a_cell K (c : nat -> R) y : (0 < K)%nat -> c 0%nat <= y <= c K -> exists k, (k < K)%nat /\ c k <= y <= c (S k).
Proof. induction K as [|K IH]; intros HK Hy; [lia|]. destruct (Rle_lt_dec (c K) y) as [L|L].
  - exists K. split; [lia | lra].
  - destruct K as [|K]; [lra|]. destruct IH as [k [Hk C]]; [lia | lra|]. exists k. split; [lia | assumption]. Qed.

Lemma relu_samples K b N x kappa : (3 <= K)%nat -> b 0%nat = -1 -> (forall i, (S i < K)%nat -> b i < b (S i)) -> b (K - 1)%nat < 1 ->
  (0 < N)%nat -> (forall l, (l < N)%nat -> -1 <= x l <= 1) ->
  condition_number K (sample_gram N x (fun i y => relu (y - b i))) kappa ->
  4 * (nsum N (fun l => (x l + 1) ^ 2) / INR N) * (INR K - 2) ^ 3 <= kappa.
Proof. intros HK B0 Bs Bl HN Hx Hk.
  set (c := fun i => if lt_dec i K then b i else 1).
  assert (Cb : forall i, (i < K)%nat -> c i = b i) by (intros i Hi; unfold c; destruct (lt_dec i K); [reflexivity | lia]).
  assert (CK : c K = 1) by (unfold c; destruct (lt_dec K K); [lia | reflexivity]).
  assert (Cs : forall k, (k < K)%nat -> c k < c (S k)).
  { intros k Hkk. rewrite (Cb k Hkk). destruct (Nat.eq_dec (S k) K) as [E|E].
    - rewrite E, CK. replace k with (K - 1)%nat by lia. assumption.
    - rewrite Cb by lia. apply Bs. lia. }
  assert (C0 : c 0%nat = -1) by (rewrite Cb by lia; assumption).
  assert (Cm : forall k, (k < K)%nat -> c k <= c (S k)) by (intros k Hkk; left; apply Cs, Hkk).
  destruct (zigzag K c ltac:(lra) Cm CK 0 (K - 2) ltac:(lia) ltac:(lia) (fun k _ Hkk => Cs k Hkk)) as [s [_ [EN Hn]]].
  rewrite C0 in EN. replace (1 - -1) with 2 in EN by ring.
  assert (EK : INR (K - 2) = INR K - 2) by (rewrite minus_INR by lia; simpl; ring). rewrite EK in EN.
  assert (PK : 1 <= INR K - 2) by (rewrite <- EK; change 1 with (INR 1); apply le_INR; lia).
  assert (P3 : 0 < (INR K - 2) ^ 3) by (apply pow_lt; lra). assert (PN : 0 < INR N) by (apply lt_0_INR; assumption).
  set (G := sample_gram N x (fun i y => relu (y - b i))) in *. set (q := nsum N (fun l => (x l + 1) ^ 2)).
  (* the zigzag function is at most 1 at every sample *)
  assert (F1 : form K G (kinks s) <= INR N).
  { unfold G. rewrite sample_form. rewrite <- (Rmult_1_r (INR N)), <- nsum_const. apply nsum_le; intros l Hl.
    assert (Hy : c 0%nat <= x l <= c K) by (rewrite C0, CK; apply Hx, Hl).
    destruct (in_a_cell K c (x l) ltac:(lia) Hy) as [k [Hkk Ck]].
    rewrite (nsum_ext K _ (fun i => kinks s i * relu (x l - c i))) by (intros i Hi; rewrite Cb by assumption; reflexivity).
    rewrite (on_cell K c Cm s k (x l) Hkk Ck).
    assert (Y := Hn k ltac:(lia)). assert (Y' := Hn (S k) ltac:(lia)). cbn [nodal] in Y'.
    set (y := nodal c s k) in *. set (h := c (S k) - c k) in *. set (e := x l - c k). set (sl := s k) in *.
    assert (He : 0 <= e <= h) by (unfold e, h; lra). assert (R : -1 <= y + e * sl <= 1).
    { destruct (Rle_lt_dec 0 sl); split; nra. }
    nra. }
  assert (F0 : form K G (unit_vector 0) = q).
  { unfold G, q. rewrite sample_form. apply nsum_ext; intros l Hl. f_equal.
    rewrite (nsum_ext K _ (fun i => if Nat.eq_dec i 0 then relu (x l - b i) else 0)).
    - rewrite (nsum_delta K 0 (fun i => relu (x l - b i))) by lia. rewrite B0. assert (X := Hx l Hl). unfold relu. rewrite Rmax_right by lra. ring.
    - intros i _. unfold unit_vector. destruct (Nat.eq_dec i 0); ring. }
  assert (N0 : norm2 K (unit_vector 0) = 1).
  { unfold norm2. rewrite (nsum_ext K _ (fun i => if Nat.eq_dec i 0 then 1 else 0)); [apply (nsum_delta K 0 (fun _ => 1)); lia|].
    intros i _. unfold unit_vector. destruct (Nat.eq_dec i 0); ring. }
  replace (4 * (q / INR N) * (INR K - 2) ^ 3) with (q / (INR N / (4 * (INR K - 2) ^ 3))) by (field; lra).
  apply (condition_ge K G (unit_vector 0) (kinks s)); try assumption.
  - lia.
  - apply sample_symmetric.
  - exists 0%nat. split; [lia | unfold unit_vector; simpl; lra].
  - destruct (zero_or_not K (kinks s)) as [H|H]; [assumption|]. exfalso.
    assert (Z : norm2 K (kinks s) = 0) by (apply nsum_zero; intros i Hi; rewrite (H i Hi); ring). rewrite Z in EN. lra.
  - apply nsum_pos. intros; apply pow2_ge_0.
  - apply Rdiv_lt_0_compat; lra.
  - rewrite F0, N0. lra.
  - apply Rle_trans with (1 := F1). apply Rle_trans with (INR N / (4 * (INR K - 2) ^ 3) * (4 * (INR K - 2) ^ 3)).
    + right. field. lra.
    + apply Rmult_le_compat_l; [left; apply Rdiv_lt_0_compat; lra | lra]. Qed.
