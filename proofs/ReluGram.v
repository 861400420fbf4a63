(* The Gram matrix (12) of ReLUs on D in closed form, and as a sum over the cells between neighbouring biases. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Spectrum.
Import ListNotations.
Open Scope R_scope.

(* ---------- closed form ---------- *)
Lemma sigma_entry_sym b c : sigma_entry b c = sigma_entry c b.
Proof. unfold sigma_entry. rewrite (Rmax_comm b c), (Rmin_comm b c). reflexivity. Qed.

Lemma sigma_entry_le b c : b <= c -> sigma_entry b c = (1 - c) ^ 3 / 3 + (c - b) * (1 - c) ^ 2 / 2.
Proof. intros. unfold sigma_entry. rewrite Rmax_right, Rmin_left by assumption. reflexivity. Qed.

Lemma sigma_integral_le b c : -1 <= b <= c -> c <= 1 ->
  is_RInt (fun x => relu (x - b) * relu (x - c)) (-1) 1 (sigma_entry b c).
Proof. intros H Hc. rewrite sigma_entry_le by lra.
  eapply (RInt_chasles _ (-1) c 1); [apply RInt_zero_on; [lra|] | | ].
  - intros x Hx. replace (relu (x - c)) with 0 by (relus; reflexivity). ring.
  - apply (RInt_quad _ (b * c) (- (b + c)) 1); [lra | | reflexivity].
    intros x Hx. relus. ring.
  - field. Qed.

Lemma sigma_integral b c : -1 <= b <= 1 -> -1 <= c <= 1 ->
  is_RInt (fun x => relu (x - b) * relu (x - c)) (-1) 1 (sigma_entry b c).
Proof. intros Hb Hc. destruct (Rle_dec b c).
  - apply sigma_integral_le; lra.
  - rewrite sigma_entry_sym. apply (is_RInt_ext (fun x => relu (x - c) * relu (x - b))); [intros; apply Rmult_comm|].
    apply sigma_integral_le; lra. Qed.

Lemma sigma_entry_T b c : sigma_entry b c = T_entry (1 - b) (1 - c).
Proof. unfold sigma_entry, T_entry. destruct (Rle_dec b c).
  - rewrite (Rmax_right b c), (Rmin_left b c), (Rmin_right (1 - b) (1 - c)), Rabs_pos_eq by lra. field.
  - rewrite (Rmax_left b c), (Rmin_right b c), (Rmin_left (1 - b) (1 - c)), Rabs_left by lra. field. Qed.

Section Placement.
Variables (K : nat) (b : nat -> R).
Hypothesis Hb : forall i, (i < K)%nat -> -1 <= b i <= 1.

Lemma G_sigma_entry i j : (i < K)%nat -> (j < K)%nat -> G_sigma b i j = sigma_entry (b i) (b j).
Proof. intros Hi Hj. apply is_RInt_unique, sigma_integral; apply Hb; assumption. Qed.

Lemma G_sigma_symmetric : symmetric K (G_sigma b).
Proof. intros i j Hi Hj. rewrite !G_sigma_entry by assumption. apply sigma_entry_sym. Qed.

Lemma G_sigma_form v : is_RInt (fun x => nsum K (fun i => v i * relu (x - b i)) ^ 2) (-1) 1 (form K (G_sigma b) v).
Proof. apply (is_RInt_ext (fun x => nsum K (fun i => v i * relu (x - b i)) * nsum K (fun i => v i * relu (x - b i)))).
  { intros; simpl; ring. }
  apply is_RInt_gen_at_point.
  apply (gen_nsum_bilin K K v v (fun i x => relu (x - b i)) (fun i x => relu (x - b i)) (G_sigma b)).
  intros i j Hi Hj. apply is_RInt_gen_at_point. rewrite G_sigma_entry by assumption. apply sigma_integral; apply Hb; assumption. Qed.

Lemma G_sigma_pos v : 0 <= form K (G_sigma b) v.
Proof. apply (is_RInt_le (fun _ => 0) (fun x => nsum K (fun i => v i * relu (x - b i)) ^ 2) (-1) 1).
  - lra.
  - apply RInt_zero_on; [lra | reflexivity].
  - apply G_sigma_form.
  - intros; apply pow2_ge_0. Qed.
End Placement.

(* ---------- sorted biases c_0 <= ... <= c_{K-1} <= c_K = 1 ---------- *)
(* the network with slope s_k on the cell [c_k, c_{k+1}] *)
Definition kinks (s : nat -> R) : vector := fun j => match j with O => s O | S i => s (S i) - s i end.
Fixpoint nodal (c s : nat -> R) (k : nat) : R := match k with O => 0 | S m => nodal c s m + (c (S m) - c m) * s m end.
(* three times the integral over a unit cell of the square of the line from y to z *)
Definition cell (y z : R) : R := y ^ 2 + y * z + z ^ 2.

Lemma kinks_sum s k : nsum (S k) (kinks s) = s k.
Proof. induction k as [|k IH]; [simpl; ring|]. change (nsum (S (S k)) (kinks s)) with (nsum (S k) (kinks s) + kinks s (S k)).
  rewrite IH. simpl. ring. Qed.

Lemma kinks_of v j : kinks (fun k => nsum (S k) v) j = v j.
Proof. destruct j as [|j]; simpl; ring. Qed.

Lemma nodal_sum c s k : nodal c s k = nsum k (fun j => kinks s j * (c k - c j)).
Proof. induction k as [|k IH]; [reflexivity|]. cbn [nodal]. rewrite IH, <- (kinks_sum s k).
  cbn [nsum]. rewrite Rmult_plus_distr_l, <- nsum_scal.
  replace (nsum k (fun j => kinks s j * (c (S k) - c j)))
    with (nsum k (fun j => kinks s j * (c k - c j) + (c (S k) - c k) * kinks s j)); [rewrite nsum_plus; ring|].
  apply nsum_ext; intros; ring. Qed.

Section Sorted.
Variables (K : nat) (c : nat -> R).
Hypothesis Hlow : -1 <= c 0%nat.
Hypothesis Hsort : forall k, (k < K)%nat -> c k <= c (S k).
Hypothesis Hlast : c K = 1.

Lemma sorted_le i j : (i <= j)%nat -> (j <= K)%nat -> c i <= c j.
Proof. intros H. induction H as [|j H IH]; intros Hj; [lra|]. apply Rle_trans with (c j); [apply IH; lia | apply Hsort; lia]. Qed.

Lemma sorted_range i : (i <= K)%nat -> -1 <= c i <= 1.
Proof. intros Hi. assert (A := sorted_le 0 i ltac:(lia) Hi). assert (B := sorted_le i K Hi ltac:(lia)). lra. Qed.

Lemma on_cell s k x : (k < K)%nat -> c k <= x <= c (S k) ->
  nsum K (fun i => kinks s i * relu (x - c i)) = nodal c s k + (x - c k) * s k.
Proof. intros Hk Hx. replace K with (S k + (K - S k))%nat by lia. rewrite nsum_split.
  rewrite (nsum_zero (K - S k)).
  - rewrite Rplus_0_r, (nsum_ext (S k) _ (fun j => kinks s j * (c k - c j) + (x - c k) * kinks s j)).
    + rewrite nsum_plus, nsum_scal, kinks_sum. cbn [nsum]. rewrite <- nodal_sum. ring.
    + intros j Hj. assert (A := sorted_le j k ltac:(lia) ltac:(lia)). unfold relu. rewrite Rmax_right by lra. ring.
  - intros i Hi. assert (A := sorted_le (S k) (S k + i) ltac:(lia) ltac:(lia)). unfold relu. rewrite Rmax_left by lra. ring. Qed.

Lemma integral_to s m : (m <= K)%nat -> is_RInt (fun x => nsum K (fun i => kinks s i * relu (x - c i)) ^ 2) (-1) (c m)
  (nsum m (fun k => (c (S k) - c k) * cell (nodal c s k) (nodal c s (S k)) / 3)).
Proof. induction m as [|m IH]; intros Hm.
  - apply RInt_zero_on; [assumption|]. intros x Hx. rewrite nsum_zero; [ring|]. intros i Hi.
    assert (A := sorted_le 0 i ltac:(lia) ltac:(lia)). unfold relu. rewrite Rmax_left by lra. ring.
  - eapply RInt_chasles; [apply IH; lia | | reflexivity].
    set (y := nodal c s m). set (d := s m).
    apply (RInt_quad _ ((y - c m * d) ^ 2) (2 * (y - c m * d) * d) (d ^ 2)).
    + apply Hsort; lia.
    + intros x Hx. rewrite (on_cell s m) by (try lia; lra). fold y d. ring.
    + cbn [nodal]. fold y d. unfold cell. field. Qed.

Lemma form_cells s : form K (G_sigma c) (kinks s) =
  nsum K (fun k => (c (S k) - c k) * cell (nodal c s k) (nodal c s (S k)) / 3).
Proof. assert (H1 := G_sigma_form K c (fun i Hi => sorted_range i (Nat.lt_le_incl _ _ Hi)) (kinks s)).
  assert (H2 := integral_to s K (le_n K)). rewrite Hlast in H2.
  rewrite <- (is_RInt_unique _ _ _ _ H1). apply is_RInt_unique, H2. Qed.
End Sorted.
